"""The table of routes in deploy/routes.md: every route that is served, who may use it, and what proves it.

``make routes`` writes it from the applications' own URL maps; ``tests/wiring/test_routes.py`` compares the
two, so that a route which nobody looked at fails.
"""

import sys
from collections.abc import Iterator

from flask import Flask

from console.access import Right, Role
from console.api.register import register_api
from console.web.app import create_app
from core.settings import Settings
from core.wiring import connect
from tests.unit.webhooks import kit

HEAD = """# Routes

Every address that Crosswalk serves, from its own URL maps (`make routes`), with who may use it and the tests
that prove it (under `tests/`). A test fails for a route that is missing here. Static files are for everybody.

| where | method | route | who | proven by |
|---|---|---|---|---|
"""
_PAGES = "integration/console/test_every_page.py, security/test_web_attacks.py"
_OPEN = "integration/console/test_signing_in.py, security/test_web_attacks.py"
_API = "security/test_api_roles.py, security/test_api_schema.py"
_RECEIVER = {
    "/webhooks/hubspot": (
        "HubSpot, signed",
        "unit/webhooks/test_receiver.py, security/test_receiver_fuzz.py",
    ),
    "/webhooks/mainstay": ("Mainstay, signed", "unit/webhooks/test_receiver.py, security/test_tenancy.py"),
    "/healthz": ("everybody", "unit/webhooks/test_receiver.py"),
    "/readyz": ("everybody; names of parts only", "unit/webhooks/test_receiver.py"),
    "/metrics": ("everybody; keep it inside", "security/test_canaries.py"),
}


def console() -> Flask:
    """The console with everything that settings can switch on. Nothing is connected."""
    environment = {
        "CROSSWALK_SECRET_KEY": "k" * 40,
        "CROSSWALK_DATABASE_URL": "sqlite:////tmp/never-opened.db",
        "CROSSWALK_OIDC_ISSUER": "https://id.example.edu",
        "CROSSWALK_OIDC_CLIENT_ID": "console",
    }
    return create_app(connect(Settings.from_env(environment)), register_api)


def table() -> str:
    """The whole page."""
    return HEAD + "".join(f"| {' | '.join(line)} |\n" for line in sorted(_lines()))


def _lines() -> Iterator[tuple[str, ...]]:
    receiver, app = kit.site().client.application, console()
    for rule in receiver.url_map.iter_rules():
        who, proof = _RECEIVER[rule.rule]
        yield "receiver", _methods(rule.methods), f"`{rule.rule}`", who, proof
    pages = {(page.path, page.endpoint): page for page in app.extensions["pages"]}
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        if rule.rule.startswith("/api/"):
            right = getattr(app.view_functions[rule.endpoint], "right", None)
            assert right is not None or rule.rule == "/api/v1/openapi.json", rule.rule
            yield "API", _methods(rule.methods), f"`{rule.rule}`", _who(right), _API
            continue
        page = pages[rule.rule, rule.endpoint]
        proof = _PAGES if page.right is not None else _OPEN
        yield "console", _methods(rule.methods), f"`{rule.rule}`", _who(page.right), proof


def _methods(methods: set[str] | None) -> str:
    return ", ".join(sorted((methods or set()) - {"HEAD", "OPTIONS"}))


def _who(right: Right | None) -> str:
    if right is None:
        return "everybody"
    roles = [role for role in Role if role.may(right)]
    return "every role" if len(roles) == len(Role) else ", ".join(role.title for role in roles)


if __name__ == "__main__":
    sys.stdout.write(table())
