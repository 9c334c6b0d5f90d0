"""Mainstay's change events, read. Ours by convention (contract §5), until Mainstay publishes a format.

    {"id": "evt_…", "type": "contact.created|contact.updated|contact.archived", "org_id": "river",
     "occurred_at": "2026-11-23T10:00:00Z", "contact": {…the contact as the API returns it…}}

Called by the receiver after the signature was verified. One bad member never costs its neighbours.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from core.domain.events import Event, MainstayChange, OtherEvent, Parsed
from core.platforms.mainstay import payloads

TYPES = frozenset({"contact.created", "contact.updated", "contact.archived"})
_ID_LENGTH = 60  # Mainstay's ids are opaque, of 16 or 17 characters where seen; this is what a link can hold


class ContactObject(fields.Field[dict[str, Any]]):
    """A contact's JSON with an id that can be kept."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("not an object")
        identity = value.get("id") or value.get("admithub_id")
        if isinstance(identity, bool) or not isinstance(identity, str | int):
            raise ValidationError("no id")
        text = payloads.identity(value)  # none for 0, which is nobody
        if not 0 < len(text) <= _ID_LENGTH or not text.isprintable() or " " in text:
            raise ValidationError("not an id")
        return payloads.flatten(value)


class _Member(Schema):
    class Meta:
        unknown = EXCLUDE

    kind = fields.String(data_key="type", required=True, validate=validate.Length(1))
    account = fields.String(data_key="org_id", required=True, validate=validate.Length(1, 200))
    occurred_at = fields.Raw(load_default=None, allow_none=True)


class _ContactMember(_Member):
    values = ContactObject(data_key="contact", required=True)


_ANY, _CONTACT = _Member(), _ContactMember()


def parse(document: Any) -> Parsed:
    """All members of a decoded request body: a list of objects, or one object alone. Never raises.

    Reasons of unreadable members: shape (no object), member (type, organisation or contact id is missing or
    malformed). A time that is missing or can't be read is the contact's modified time.
    """
    events: list[Event] = []
    unreadable: Counter[str] = Counter()
    for member in document if isinstance(document, list) else [document]:
        if not isinstance(member, dict):
            unreadable["shape"] += 1
            continue
        try:
            events.append(_event(member))
        except ValidationError:
            unreadable["member"] += 1
    return Parsed(tuple(events), dict(unreadable))


def _event(member: dict[str, Any]) -> MainstayChange | OtherEvent:
    read = _ANY.load(member)
    if read["kind"] not in TYPES:
        return OtherEvent(read["account"], "other-type")
    values = _CONTACT.load(member)["values"]
    contact = payloads.contact(values)
    at_ms = _in_range(payloads.time_ms(read["occurred_at"])) or _in_range(contact.modified_ms)
    return MainstayChange(read["account"], values["id"], at_ms, values, contact.left_out)


def _in_range(at_ms: int) -> int | None:
    return at_ms if 0 < at_ms < 2**53 else None
