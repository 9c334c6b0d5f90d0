"""Every setting, read from the environment once. The only place that knows the names (contract.md §2).

``Settings.from_env`` collects every problem before it gives up, so that an operator mends all at once.
Secrets are masked in ``repr`` and in ``described()``.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

import phonenumbers

from core.coordination.port import Rate

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_S = 36_525 * 86_400  # a hundred years: beyond, clocks and timers overflow


class SettingsError(Exception):
    """One or more settings are missing or wrong. ``problems`` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def duration_s(text: str) -> float:
    """``30s``, ``2m``, ``500ms`` in seconds; ValueError otherwise. A bare number counts as seconds."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)?\s*", text)
    if not match:
        raise ValueError("write it like 30s, 2m or 1h")
    seconds = float(match[1]) * _UNITS_S[match[2] or "s"]
    if seconds > _LONGEST_S:
        raise ValueError("it must not be longer than a hundred years")
    return seconds


def _a_month_or_more(text: str) -> float:
    if duration_s(text) < 30 * 86_400:
        raise ValueError("write 30d or more: the database refuses to remove younger entries")
    return duration_s(text)


def _proxies(text: str) -> int:
    if not re.fullmatch(r"\d", text):
        raise ValueError("write how many there are, 0 to 9")
    return int(text)


def rate(text: str) -> Rate:
    """``110/10s`` as a Rate; ValueError otherwise."""
    limit, _, window = text.partition("/")
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*", limit) or int(limit) < 1 or not window:
        raise ValueError("write it like 110/10s")
    seconds = duration_s(window if window.strip()[:1].isdigit() else f"1{window.strip()}")
    if seconds <= 0:
        raise ValueError("the window must be longer than nothing")
    return Rate(int(limit), seconds)


def _interval_s(text: str) -> float:
    seconds = duration_s(text)
    if seconds <= 0:
        raise ValueError("it must be longer than nothing")
    return seconds


def _ladder(text: str) -> tuple[float, ...]:
    rungs = tuple(duration_s(part) for part in text.split(",") if part.strip())
    if not rungs:
        raise ValueError("write it like 5s,30s,2m")
    return rungs


def _check_port(url: str) -> None:
    """ValueError where a URL's port is none. What stands before the @ may hold any letter."""
    host = url.partition("?")[0].partition("://")[2].rpartition("@")[2].partition("/")[0]
    match = re.fullmatch(r"(?:\[[^\]]*\]|[^:]*)(?::([0-9]{0,5}))?", host)
    if not match or not 0 < int(match[1] or 1) < 65536:
        raise ValueError("its port can't be read; a port is a number from 1 to 65535")


def _url(text: str) -> str:
    _check_port(text)
    parts = urlsplit(text)
    known = parts.scheme in ("http", "https") and parts.hostname
    if not known or parts.query or parts.fragment or re.search(r"\s", text):
        raise ValueError("write it like https://host.example.edu")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a user or password has no place in it")
    return text.rstrip("/")


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def webhook_secret(text: str) -> bytes:
    """The key of a ``whsec_<base64>`` secret; ValueError otherwise.

    Source: Standard Webhooks specification (standardwebhooks.com), read 2026-11-23.
    """
    if not text.startswith("whsec_"):
        raise ValueError("it starts with whsec_ followed by base64")
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("what follows whsec_ is not base64") from None
    if not key:
        raise ValueError("what follows whsec_ is empty")
    return key


def _secrets(text: str) -> tuple[str, ...]:
    """Newest first; none where nothing is set."""
    if text and not _list(text):
        raise ValueError("it holds nothing but commas")
    return _list(text)


def _word(text: str) -> str:
    if not re.fullmatch(r"[!#-'*+.^_`|~0-9A-Za-z-]+", text):  # a token of RFC 9110: it stands in a header
        raise ValueError("write one word like APIToken")
    return text


def _webhook_secrets(text: str) -> tuple[str, ...]:
    for secret in _secrets(text):
        webhook_secret(secret)
    return _secrets(text)


def _switch(text: str) -> bool:
    if text.lower() in ("on", "true", "yes", "1"):
        return True
    if text.lower() in ("off", "false", "no", "0"):
        return False
    raise ValueError("write on or off")


def _version(text: str) -> str:
    if re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])|v3", text):
        return text
    raise ValueError("write a date-based version like 2026-09, or v3")


def _region(text: str) -> str:
    if text.upper() in phonenumbers.SUPPORTED_REGIONS:
        return text.upper()
    raise ValueError("write a two-letter country code like US")


def _smtp(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("write it like smtp://user:password@mail.example.edu:587")
    if parts.port == 0:
        raise ValueError("its port can't be 0")
    return text


def _email(text: str) -> str:
    if re.fullmatch(r"[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,190}", text):
        return text
    raise ValueError("write it like crosswalk@example.edu")


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part) for part in _list(text))
    except ValueError:
        raise ValueError("write networks like 10.20.0.0/16,fd00::/8") from None


def _release(text: str) -> str:
    if len(text) <= 60 and text.isprintable():
        return text
    raise ValueError("at most 60 printable characters")


def _contact_url(text: str) -> str:
    if "{id}" not in text:
        raise ValueError("it must contain {id}")
    if urlsplit(text).scheme not in ("http", "https"):
        raise ValueError("write it like https://host.example.edu/contacts/{id}")
    return text


def _database(text: str) -> str:
    if text.startswith("sqlite:///:memory:"):
        raise ValueError("a database in memory is no other process's; write sqlite:///path")
    if not text.startswith("sqlite:"):
        _check_port(text)
    if re.match(r"sqlite:///[^/?]|sqlite:////|postgres(ql)?(\+psycopg)?://", text):
        return re.sub(r"^postgres(ql)?:", "postgresql+psycopg:", text)
    raise ValueError("write sqlite:///path or postgresql://user@host/name")


def _scheme(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.split("://")[0] not in schemes or "://" not in text:
            raise ValueError(f"write it like {schemes[0]}://host")
        for one in re.split(r";(?=\w+://)", text):  # RabbitMQ's may be several
            if not one.startswith("unix:"):
                _check_port(one)
        return text

    return parse


def _setting(
    variable: str, parse: Callable[[str], Any] = str, default: str | None = None, secret: bool = False
) -> Any:
    metadata = {"variable": variable, "parse": parse, "default": default, "secret": secret}
    return field(metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says. Durations are seconds; several secrets mean newest first (rotation)."""

    database_url: str = _setting("DATABASE_URL", _database, "sqlite:///var/crosswalk.db", secret=True)
    broker_url: str | None = _setting("BROKER_URL", _scheme("amqp", "amqps"), secret=True)
    redis_url: str | None = _setting("REDIS_URL", _scheme("redis", "rediss", "unix"), secret=True)
    secret_keys: tuple[str, ...] = _setting("SECRET_KEY", _secrets, secret=True)
    public_url: str | None = _setting("PUBLIC_URL", _url)
    hubspot_client_id: str | None = _setting("HUBSPOT_CLIENT_ID")
    hubspot_client_secrets: tuple[str, ...] = _setting("HUBSPOT_CLIENT_SECRET", _secrets, "", secret=True)
    hubspot_app_id: str | None = _setting("HUBSPOT_APP_ID")
    hubspot_api_url: str = _setting("HUBSPOT_API_URL", _url, "https://api.hubapi.com")
    hubspot_api_version: str = _setting("HUBSPOT_API_VERSION", _version, "2026-09")
    hubspot_app_url: str = _setting("HUBSPOT_APP_URL", _url, "https://app.hubspot.com")
    hubspot_rate: Rate = _setting("HUBSPOT_RATE", rate, "110/10s")
    hubspot_search_lag_s: float = _setting("HUBSPOT_SEARCH_LAG", duration_s, "30s")
    hubspot_legacy_signatures: bool = _setting("HUBSPOT_LEGACY_SIGNATURES", _switch, "off")
    mainstay_api_url: str = _setting("MAINSTAY_API_URL", _url, "https://api.admithub.com")
    mainstay_auth_scheme: str = _setting("MAINSTAY_AUTH_SCHEME", _word, "APIToken")
    mainstay_rate: Rate = _setting("MAINSTAY_RATE", rate, "10/1s")
    mainstay_webhook_secrets: tuple[str, ...] = _setting(
        "MAINSTAY_WEBHOOK_SECRET", _webhook_secrets, "", secret=True
    )
    mainstay_contact_url: str | None = _setting("MAINSTAY_CONTACT_URL", _contact_url)
    phone_region: str = _setting("PHONE_REGION", _region, "US")
    retry_ladder_s: tuple[float, ...] = _setting("RETRY_LADDER", _ladder, "5s,30s,2m,10m,1h,6h")
    sweep_every_s: float = _setting("SWEEP_EVERY", _interval_s, "15m")
    keep_outcomes_s: float = _setting("KEEP_OUTCOMES", duration_s, "30d")
    keep_log_s: float = _setting("KEEP_LOG", duration_s, "365d")
    keep_dead_letters_s: float = _setting("KEEP_DEAD_LETTERS", duration_s, "30d")
    keep_jobs_s: float = _setting("KEEP_JOBS", duration_s, "90d")
    keep_audit_s: float = _setting("KEEP_AUDIT", _a_month_or_more, "730d")
    smtp_url: str | None = _setting("SMTP_URL", _smtp, secret=True)
    alerts_from: str | None = _setting("ALERTS_FROM", _email)
    alerts_networks: tuple[Network, ...] = _setting("ALERTS_NETWORKS", _networks, "")
    release: str | None = _setting("RELEASE", _release)  # unset: the package's version
    traces_url: str | None = _setting("TRACES_URL", _url)  # unset: no traces
    console_url: str | None = _setting("CONSOLE_URL", _url)  # unset: PUBLIC_URL is the console's origin, too
    console_proxies: int = _setting("CONSOLE_PROXIES", _proxies, "0")
    oidc_issuer: str | None = _setting("OIDC_ISSUER", _url)
    oidc_client_id: str | None = _setting("OIDC_CLIENT_ID")
    oidc_client_secret: str | None = _setting("OIDC_CLIENT_SECRET", secret=True)

    @classmethod
    def from_env(cls, environment: Mapping[str, str], *, needs: tuple[str, ...] = ()) -> "Settings":
        """Read ``CROSSWALK_*``. ``needs`` names settings (variables without prefix) that may not be missing.

        Raises SettingsError with every problem at once.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for one in fields(cls):
            variable, default = one.metadata["variable"], one.metadata["default"]
            text = environment.get(f"CROSSWALK_{variable}", "").strip()
            if not text and (variable in needs or variable == "SECRET_KEY"):
                problems.append(f"CROSSWALK_{variable} is missing: {_WHY.get(variable, 'it is needed here')}")
                continue
            if not text and default is None:
                values[one.name] = None
                continue
            try:
                values[one.name] = one.metadata["parse"](text or default)
            except ValueError as error:
                shown = "its value" if one.metadata["secret"] else repr(_bare(text))
                problems.append(f"CROSSWALK_{variable}: {shown} can't be read; {error}")
        for name in cls.unknown(environment):
            if meant := get_close_matches(name, cls.names(), n=1, cutoff=0.85):
                problems.append(f"{name} is no setting of Crosswalk; did you mean {meant[0]}?")
        if problems:
            raise SettingsError(problems)
        return cls(**values)

    @classmethod
    def names(cls) -> list[str]:
        """Every variable, in the order of the contract."""
        return [f"CROSSWALK_{one.metadata['variable']}" for one in fields(cls)]

    @classmethod
    def unknown(cls, environment: Mapping[str, str]) -> list[str]:
        """Variables that look like ours and are none.

        A mistyped one stops the start. Others are let be: Kubernetes sets ``CROSSWALK_WEB_SERVICE_HOST`` and
        its like in every pod beside a service of that name (kubernetes.io, "Service", 2026-11-24).
        """
        return sorted(
            name for name in environment if name.startswith("CROSSWALK_") and name not in cls.names()
        )

    @classmethod
    def described(cls, environment: Mapping[str, str]) -> list[dict[str, str]]:
        """Each setting as {"name", "value" (secrets masked), "from": environment | default | not set}."""
        lines = []
        for one in fields(cls):
            name = f"CROSSWALK_{one.metadata['variable']}"
            text = environment.get(name, "").strip()
            shown = text or one.metadata["default"] or ""
            if one.metadata["secret"] and text:
                shown = masked(text)
            origin = "environment" if text else ("default" if one.metadata["default"] else "not set")
            lines.append({"name": name, "value": shown, "from": origin})
        return lines


def _bare(text: str) -> str:
    return masked(text) if "@" in text else text


def masked(secret: str) -> str:
    """A secret as it may be shown: for a URL all but the credentials, otherwise the last two characters."""
    if "://" in secret:
        without = [re.sub(r"//[^?#]*@", "//•••@", one) for one in re.split(r";(?=\w+://)", secret)]
        return re.sub(r"(?i)([?&][^=&]*(?:password|secret|token)[^=&]*=)[^&#;]*", r"\1•••", ";".join(without))
    return f"•••{secret[-2:]}" if len(secret) > 12 else "•••"


_WHY = {
    "SECRET_KEY": "it encrypts the stored tokens; make one with"
    " `python3 -c 'import secrets; print(secrets.token_urlsafe(32))'`",
    "PUBLIC_URL": "signatures are computed from the origin that the platforms call, e.g. https://sync.example.edu",
    "HUBSPOT_CLIENT_SECRET": "HubSpot's webhooks are signed with the app's client secret",
    "MAINSTAY_WEBHOOK_SECRET": "Mainstay's change events are signed with it (whsec_…)",
}
