"""deploy/settings.md: every setting with its default (from core/settings.py) and its meaning (from here)."""

from dataclasses import fields

from core.settings import Settings

_HEAD = """\
# Settings

Made from the code by `make reference`; don't edit. From the environment only; `crosswalk settings` shows them masked,
with where each came from. A wrong or missing one stops the start with every problem listed, exit status 2; so does a
mistyped `CROSSWALK_…` name. A duration is `500ms`, `30s`, `15m`, `6h` or `30d`; a rate is `110/10s`. A *secret* is
never shown; several are written `new,old` while one is changed. "Needed" means that nothing, or the process that is
named, starts without it.
"""

# Section → variable → meaning, in the order of the page. A test holds it against the settings that there are.
MEANINGS: dict[str, dict[str, str]] = {
    "Where things are kept": {
        "DATABASE_URL": "SQLAlchemy URL: SQLite for one machine, PostgreSQL for many",
        "BROKER_URL": "`amqp://…` or `amqps://…`: RabbitMQ ≥ 3.10; a cluster's nodes are separated by `;`."
        " Unset: the embedded queue, kept in the database",
        "REDIS_URL": "`redis://…`, `rediss://…`. Unset: leases and rate budgets are kept in the database",
        "SECRET_KEY": "needed. Encrypts stored tokens; `new,old` while it is changed"
        " (`crosswalk secrets rotate`)",
    },
    "Addresses": {
        "PUBLIC_URL": "needed by the receiver. The origin that the platforms call, e.g."
        " `https://sync.example.edu`; signatures are computed from it, never from the request's Host",
        "CONSOLE_URL": "the console's origin, for OAuth redirects and links. Unset: the public URL",
        "CONSOLE_PROXIES": "how many proxies stand before the console: from so many on its side"
        " `X-Forwarded-For` is believed",
    },
    "HubSpot": {
        "HUBSPOT_CLIENT_SECRET": "needed by the receiver. The app's client secret: signs its webhooks, gets OAuth"
        " tokens; `new,old` while it is changed",
        "HUBSPOT_CLIENT_ID": "the app's client id; for OAuth",
        "HUBSPOT_APP_ID": "the app's id: events of our own writes are known by it",
        "HUBSPOT_API_URL": "where the API is",
        "HUBSPOT_API_VERSION": "the date-based path version, or `v3`, until HubSpot ends it",
        "HUBSPOT_APP_URL": "where people work: OAuth's page, links to records",
        "HUBSPOT_RATE": "calls per portal, over all processes; search has its own 5/s. `100/10s` for a static"
        " token of a Free or Starter portal",
        "HUBSPOT_SEARCH_LAG": "how long an unanswered create is looked up before it may be repeated",
        "HUBSPOT_LEGACY_SIGNATURES": "`on` also takes signatures v2 and v1, which can be replayed",
    },
    "Mainstay": {
        "MAINSTAY_API_URL": "where the API is",
        "MAINSTAY_AUTH_SCHEME": "the word before the token",
        "MAINSTAY_RATE": "calls per organisation, over all processes",
        "MAINSTAY_WEBHOOK_SECRET": "`whsec_` and base64; signs change events. An account may have its own, which"
        " then alone speaks for it; `new,old` while it is changed",
        "MAINSTAY_CONTACT_URL": "link to a contact, with `{id}`, where the API gives none",
    },
    "The sync": {
        "PHONE_REGION": "of phone numbers without a country code",
        "RETRY_LADDER": "the waits between the tries of a failing contact; after the last it is a dead letter",
        "SWEEP_EVERY": "how often the sweep looks for changes that no event told of",
        "SMTP_URL": "the mail server for alerts: `smtp://user:password@mail.example.edu:587` (STARTTLS), or"
        " `smtps://…:465`",
        "ALERTS_FROM": "who alerts come from, e.g. `crosswalk@example.edu`",
        "ALERTS_NETWORKS": "networks of one's own that alerts' webhooks may go to, e.g. `10.20.0.0/16`; else only"
        " public https addresses",
        "RELEASE": "what runs, e.g. a commit: Health marks it when it changes. Unset: the package's version",
        "TRACES_URL": "where OpenTelemetry traces go, OTLP over HTTP, e.g. `http://collector:4318/v1/traces`",
    },
    "How long records are kept": {
        "KEEP_OUTCOMES": "what was decided for each contact: its timeline",
        "KEEP_LOG": "Sync Log entries",
        "KEEP_DEAD_LETTERS": "dead letters after they were replayed or discarded; open ones stay",
        "KEEP_JOBS": "sweeps, backfills and replays after their end",
        "KEEP_AUDIT": "the audit log; at least `30d`",
    },
    "Single sign-on to the console": {
        "OIDC_ISSUER": "the identity provider's issuer URL. Unset: passwords only",
        "OIDC_CLIENT_ID": "the client id there",
        "OIDC_CLIENT_SECRET": "the client secret there",
    },
}


def page() -> str:
    """The page, Markdown."""
    known = {one.metadata["variable"]: one.metadata for one in fields(Settings)}
    lines = [_HEAD]
    for title, variables in MEANINGS.items():
        lines += [f"## {title}", "", "| variable | default | meaning |", "|---|---|---|"]
        for variable, meaning in variables.items():
            default = known[variable]["default"]
            told = f"`{default}`" if default else "none"
            secret = "secret; " if known[variable]["secret"] else ""
            lines.append(f"| `CROSSWALK_{variable}` | {told} | {secret}{meaning} |")
        lines.append("")
    return "\n".join(lines)
