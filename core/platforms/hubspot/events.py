"""HubSpot's webhook members as events of ours. One bad member never costs its neighbours.

Called by the receiver after the signature was verified. Shapes: Webhooks guide,
https://developers.hubspot.com/docs/api/webhooks (January 2025), and captures of real deliveries
(facts/hubspot.md §2, 2026-11-23): the type's key is ``subscriptionType`` or ``eventType``, ids are 64 bits,
fields are added without notice, some events have no ``objectId``, and the Test button sends one object alone.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing

from core.domain.events import (
    Creation,
    Deletion,
    Event,
    HubSpotEvent,
    Merge,
    OtherEvent,
    Parsed,
    PrivacyDeletion,
    PropertyChange,
    Restore,
)

T = TypeVar("T")
CONTACT_TYPE_ID = "0-1"  # objectTypeId of contacts in the generic object.* events
REDACTED = "REDACTED"  # propertyValue of a sensitive property (Properties guide, sensitive data)

_PLAIN: dict[str, type[Creation | Deletion | Restore | PrivacyDeletion]] = {
    "creation": Creation,
    "deletion": Deletion,
    "restore": Restore,
    "privacyDeletion": PrivacyDeletion,
}


class _Checked(fields.Field[T]):
    """A field that checks its values as it reads them, so no validators are asked: a third of the time."""

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **more: Any
    ) -> Any:
        """See marshmallow."""
        if value is None or value is missing:
            return super().deserialize(value, attr, data, **more)
        return self._deserialize(value, attr, data, **more)


class RecordId(_Checked[str]):
    """A 64-bit id, as a JSON integer or its digits; a text of ours."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> str:
        if isinstance(value, str) and re.fullmatch("[0-9]{1,19}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
            raise ValidationError("not an id")
        return str(value)


class Milliseconds(_Checked[int]):
    """An epoch time, as a JSON integer or its digits."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> int:
        if isinstance(value, str) and re.fullmatch("[0-9]{1,16}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
            raise ValidationError("not a time in milliseconds")
        return value


class PropertyName(_Checked[str]):
    """A property's internal name."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= 250:
            raise ValidationError("not a property's name")
        return value


class _Member(Schema):
    class Meta:
        unknown = EXCLUDE

    account = RecordId(data_key="portalId", required=True)
    at_ms = Milliseconds(data_key="occurredAt", load_default=None)


class _ContactMember(_Member):
    contact = RecordId(data_key="objectId", required=True)


class _PropertyMember(_ContactMember):
    name = PropertyName(data_key="propertyName", required=True)


class _MergeMember(_Member):
    primary = RecordId(data_key="primaryObjectId", load_default=None)
    survivor = RecordId(data_key="newObjectId", load_default=None)
    merged = fields.List(RecordId(), data_key="mergedObjectIds", load_default=None)


_CONTACT, _PROPERTY, _MERGE = _ContactMember(), _PropertyMember(), _MergeMember()


def parse(document: Any) -> Parsed:
    """All members of a decoded request body: a list of objects, or one object alone. Never raises.

    Reasons of unreadable members: shape (no object), type (none told), member (an id, time or name is
    missing or malformed).
    """
    events: list[Event] = []
    unreadable: Counter[str] = Counter()
    for member in document if isinstance(document, list) else [document]:
        if not isinstance(member, dict):
            unreadable["shape"] += 1
            continue
        kind = next((k for k in map(member.get, ("subscriptionType", "eventType")) if _is_text(k)), None)
        if kind is None:
            unreadable["type"] += 1
            continue
        try:
            events.append(_event(kind, member))
        except ValidationError:
            unreadable["member"] += 1
    return Parsed(tuple(events), dict(unreadable))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _event(kind: str, member: dict[str, Any]) -> HubSpotEvent:
    """One member as an event; ValidationError where it says it is ours and is not readable."""
    subject, _, what = kind.partition(".")
    generic_contact = subject == "object" and member.get("objectTypeId") == CONTACT_TYPE_ID
    if subject != "contact" and not generic_contact:
        return OtherEvent("", "other-object")
    if what == "propertyChange":
        return _property_change(_PROPERTY.load(member), member)
    if what == "merge":
        return _merge(_MERGE.load(member))
    if what in _PLAIN:
        read = _CONTACT.load(member)
        return _PLAIN[what](read["account"], read["contact"], read["at_ms"])
    return OtherEvent("", "other-type")


def _property_change(read: dict[str, Any], member: Mapping[str, Any]) -> PropertyChange:
    """Any value will do, so the member's own is taken."""
    value = member.get("propertyValue")
    hidden = bool(member.get("isSensitive")) or value == REDACTED or "propertyValue" not in member
    carried = not hidden and not isinstance(value, list | dict)
    return PropertyChange(
        read["account"], read["contact"], read["at_ms"], read["name"], value if carried else None, carried
    )


def _merge(read: dict[str, Any]) -> Merge:
    """Since 2025-01-14 a merge makes a third record, ``newObjectId``; before, the primary one survived.

    What ``objectId`` names is documented nowhere, so it is not used.
    """
    survivor = read["survivor"] or read["primary"]
    if survivor is None:
        raise ValidationError("a merge without survivor")
    ids = dict.fromkeys([read["primary"], *(read["merged"] or ())])
    merged = tuple(one for one in ids if one and one != survivor)
    return Merge(read["account"], survivor, read["at_ms"], merged, read["primary"] or "")
