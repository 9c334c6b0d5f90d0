"""Time as the platforms write it: milliseconds since 1970, and ISO 8601 in UTC."""

import time
from datetime import UTC, datetime


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def iso_ms(at_ms: int) -> str:
    """Milliseconds as ``2026-11-23T10:00:00.123Z``."""
    text = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def parse_ms(text: str) -> int:
    """Milliseconds of an ISO 8601 time (no zone means UTC) or of an epoch-ms text. Raises ``ValueError``."""
    if text.lstrip("-").isdigit():
        return int(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
