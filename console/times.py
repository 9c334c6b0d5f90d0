"""Times as people write them on a command line, and as the product prints them (RFC 3339, UTC)."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

_AGO = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(s|m|h|d|w)")
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
HELP = "2h, 3d, 2026-11-23, 2026-11-23T10:00:00Z; UTC where no offset is given"


def time_ms(text: str, now_ms: int, *, end: bool = False, zone: tzinfo = UTC) -> int:
    """Epoch milliseconds of ``2h`` (ago), a date, or an RFC 3339 time. ValueError with a hint otherwise.

    ``end``: the text bounds a range from above, so a date means the end of that day. ``zone``: of times
    without an offset.
    """
    text = text.strip()
    ago = _AGO.fullmatch(text.lower().removesuffix("ago").strip())
    if ago:
        return max(0, now_ms - round(float(ago[1]) * _UNIT_MS[ago[2]]))
    if text.lower() == "now":
        return now_ms
    days = {"today": 0, "yesterday": 1}.get(text.lower())
    if days is not None:
        today = datetime.fromtimestamp(now_ms / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return _ms(today - timedelta(days=days - (1 if end else 0)))
    try:
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo else at.replace(tzinfo=zone)
        if end and re.fullmatch(r"[\d-]+|\d{4}-?W[\d-]+", text):
            at += timedelta(days=1)
        return _ms(at)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time; write it like {HELP}") from None


def rfc3339(at_ms: int) -> str:
    """``2026-11-23T10:00:00.000Z``."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC) + timedelta(milliseconds=at_ms % 1000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def short(at_ms: int | None) -> str:
    """``2026-11-23 10:00:00`` (UTC) for tables; empty for None and 0."""
    return rfc3339(at_ms)[:19].replace("T", " ") if at_ms else ""


def local(at_ms: int, zone: str) -> str:
    """``2026-11-23 05:00:00 EST``: in a zone (IANA name), with its short name or offset."""
    return datetime.fromtimestamp(at_ms / 1000, zone_of(zone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def zone_of(name: str) -> tzinfo:
    """The zone of that IANA name; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def zone_names() -> list[str]:
    """The zones to choose from: those of places, UTC first."""
    return ["UTC", *sorted(one for one in available_timezones() if "/" in one and not one.startswith("Etc/"))]


def span(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3 h``, ``2 d``: one rounded unit."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def _ms(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
