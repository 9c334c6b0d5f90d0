"""How a message becomes a row of ``queue_messages``."""

import hashlib
import re

from core.domain.messages import Message


def columns(message: Message) -> dict[str, object]:
    """What a row says about its message: the body, and what rows are found and grouped by."""
    return {
        "queue": message.address.key,
        "message_id": column_text(message.id, 40),
        "contact": column_text(message.contact, 80),
        "body": message.to_json(),
    }


def column_text(value: str, size: int) -> str:
    """``value`` where a column of ``size`` characters holds it in any database, else its hash. The body has
    it in full."""
    if len(value) <= size and re.fullmatch(r"[\x20-\x7e]*", value):
        return value
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:size]
