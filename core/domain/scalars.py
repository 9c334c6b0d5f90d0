"""Reads numbers, truth values, days and moments from text into their one normal text, or None.

Used by ``values`` (what a platform says) and ``conversion`` (text that has to become another type).
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?")
_EPOCH = re.compile(r"-?[0-9]{1,16}")
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.IGNORECASE,
)
_US_DAY = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_START = datetime(1970, 1, 1, tzinfo=UTC)
_TRUE = frozenset({"true", "yes", "1", "t", "y", "on"})
_FALSE = frozenset({"false", "no", "0", "f", "n", "off"})
# Beyond what a double can hold, 1e99999 would only be a way to fill the memory with zeros.
_MAX_EXPONENT = 400


def number(text: str) -> str | None:
    """``3.50`` → ``3.5``, ``1e3`` → ``1000``: no exponent, no needless zeros. No thousands separators."""
    if not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    if not value:
        return "0"
    if "e" in text.lower() and abs(value.adjusted()) > _MAX_EXPONENT:
        return None
    plain = format(value, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def json_number(canonical: str) -> int | float | None:
    """The JSON number that says exactly this; None if there is none (then it must not be written)."""
    if number(canonical) != canonical or len(canonical.lstrip("-").split(".")[0]) > _MAX_EXPONENT:
        return None
    if "." not in canonical:
        return int(canonical)
    value = float(canonical)
    return value if number(repr(value)) == canonical else None


def boolean(text: str) -> str | None:
    """``true`` or ``false`` from the usual ways to write them, without regard to case."""
    folded = text.casefold()
    if folded in _TRUE:
        return "true"
    return "false" if folded in _FALSE else None


def day(text: str, *, short_epochs: bool = False) -> str | None:
    """``YYYY-MM-DD`` from an ISO date or moment, epoch milliseconds, or ``MM/DD/YYYY``.

    Of a moment the UTC day, except that a midnight written with its offset means the day as written.
    ``short_epochs``: any digits are milliseconds (HubSpot); else digits count from eleven on, and eight
    are ``YYYYMMDD``: text with fewer digits is something else far more often than a day in early 1970.
    """
    moment_read = _read(text, short_epochs)
    if moment_read is not None:
        midnight = moment_read.timetz().replace(tzinfo=None) == time()
        utc = moment_read if midnight else _in_utc(moment_read)
        return None if utc is None else utc.date().isoformat()
    parts = _US_DAY.fullmatch(text)
    if parts is None:
        return None
    found = _date(int(parts[3]), int(parts[1]), int(parts[2]))
    return None if found is None else found.isoformat()


def moment(text: str, *, short_epochs: bool = False) -> str | None:
    """``2026-01-02T03:04:05.000Z`` from an ISO moment or date, or epoch milliseconds. No offset means UTC."""
    found = _read(text, short_epochs)
    utc = None if found is None else _in_utc(found)
    return None if utc is None else utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read(text: str, short_epochs: bool) -> datetime | None:
    if _EPOCH.fullmatch(text):
        digits = text.lstrip("-")
        if short_epochs or len(digits) > 10:
            return _from_epoch(int(text))
        basic = _date(int(text[:4]), int(text[4:6]), int(text[6:])) if len(text) == len(digits) == 8 else None
        return None if basic is None else datetime.combine(basic, time(), UTC)
    if not _ISO.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _from_epoch(at_ms: int) -> datetime | None:
    try:
        return _START + timedelta(milliseconds=at_ms)
    except OverflowError:
        return None


def _in_utc(found: datetime) -> datetime | None:
    try:
        return found.astimezone(UTC)
    except OverflowError:  # an offset may lead out of the years 1 to 9999
        return None


def _date(year: int, month: int, day_of_month: int) -> date | None:
    try:
        return date(year, month, day_of_month)
    except ValueError:
        return None
