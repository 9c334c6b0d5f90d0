"""A contact as HubSpot's API shows it (facts §4.1, §4.2)."""

from collections.abc import Sequence

from sandbox.clock import iso_ms
from sandbox.hubspot.contacts import Contact, Version
from sandbox.messages import JsonObject, Request

DEFAULT_PROPERTIES = ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname")


def names_of(request: Request, parameter: str) -> list[str]:
    """A comma-separated, possibly repeated query parameter as names."""
    values = request.query.get(parameter, [])
    return [name.strip() for value in values for name in value.split(",") if name.strip()]


def record(
    contact: Contact,
    properties: Sequence[str] = (),
    history: Sequence[str] = (),
    *,
    known: Sequence[str] | None = None,
    empty_as_null: bool = True,
    trace_id: str | None = None,
) -> JsonObject:
    """One record; ``known`` are the catalogue's names: an unknown property is left out in silence."""
    values = contact.values
    wanted = dict.fromkeys(
        (*(properties or DEFAULT_PROPERTIES), "hs_object_id", "createdate", "lastmodifieddate")
    )
    shown: dict[str, str | None] = {}
    for name in wanted:
        if name in values:
            shown[name] = values[name]
        elif empty_as_null and (known is None or name in known):
            shown[name] = None
    body: JsonObject = {
        "id": contact.id,
        "properties": shown,
        "createdAt": iso_ms(contact.created_at_ms),
        "updatedAt": iso_ms(contact.updated_at_ms),
        "archived": contact.archived_at_ms is not None,
    }
    if contact.archived_at_ms is not None:
        body["archivedAt"] = iso_ms(contact.archived_at_ms)
    if history:
        body["propertiesWithHistory"] = {
            name: [_version(v) for v in contact.history.get(name, [])] for name in history
        }
    if trace_id is not None:
        body["objectWriteTraceId"] = trace_id
    return body


def whole_record(contact: Contact, trace_id: str | None = None) -> JsonObject:
    """A record with everything that is set, as writes answer."""
    return record(contact, tuple(contact.values), trace_id=trace_id)


def _version(version: Version) -> JsonObject:
    shown: JsonObject = {
        "value": version.value,
        "timestamp": iso_ms(version.at_ms),
        "sourceType": version.source_type,
    }
    if version.source_id:
        shown["sourceId"] = version.source_id
    if version.source_id.startswith("userId:"):
        shown["updatedByUserId"] = int(version.source_id.removeprefix("userId:"))
    return shown
