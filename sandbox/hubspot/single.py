"""One contact per call: read, list, create, update, archive, merge, privacy delete (facts §4.1)."""

import itertools

from sandbox.hubspot.contacts import Contact
from sandbox.hubspot.errors import refusal
from sandbox.hubspot.events import EventWriter
from sandbox.hubspot.portal import Portal, World
from sandbox.hubspot.records import names_of, record, whole_record
from sandbox.hubspot.writes import ContactWriter, WriteError, api_origin
from sandbox.messages import JsonObject, Response, json_response
from sandbox.platform import Call

MAX_LIST = 100
MAX_LIST_WITH_HISTORY = 50
MAX_MERGES = 250
MAX_URL = 8_000


def body_of(call: Call[Portal]) -> JsonObject:
    try:
        body = call.json()
    except ValueError as problem:
        raise refusal(400, f"Invalid input JSON: {problem}") from problem
    if not isinstance(body, dict):
        raise refusal(400, "Invalid input JSON: expected an object")
    return body


def properties_of(body: JsonObject) -> dict[str, object]:
    properties = body.get("properties", {})
    if not isinstance(properties, dict):
        raise refusal(400, "Invalid input JSON: properties must be an object")
    return properties


def located(call: Call[Portal], archived: bool = False) -> Contact:
    """The contact that the path names, over ``idProperty`` or by id; merged-away ids lead to the survivor."""
    key, id_property = call.groups["key"], call.request.first("idProperty")
    book = call.account.book
    if not book.is_key(id_property):
        raise refusal(400, f"{id_property} is not a unique property")
    by_id = id_property in ("", "hs_object_id")
    contact = book.resolve(key, archived) if by_id else book.find(id_property, key)
    if contact is None:
        raise refusal(404)
    call.contact_ids.append(contact.id)
    return contact


def read(world: World, call: Call[Portal]) -> Response:
    request = call.request
    if len(request.query_text) > MAX_URL:
        raise refusal(414)
    contact = located(call, request.first("archived") == "true")
    return json_response(200, _shown(world, call, contact))


def _shown(world: World, call: Call[Portal], contact: Contact) -> JsonObject:
    return record(
        contact,
        names_of(call.request, "properties"),
        names_of(call.request, "propertiesWithHistory"),
        known=tuple(call.account.book.catalogue),
        empty_as_null=world.settings.empty_as_null,
    )


def list_page(world: World, call: Call[Portal]) -> Response:
    request, book = call.request, call.account.book
    limit_text = request.first("limit", "10")
    with_history = bool(names_of(request, "propertiesWithHistory"))
    most = MAX_LIST_WITH_HISTORY if with_history else MAX_LIST
    if not limit_text.isdigit() or not 1 <= int(limit_text) <= most:
        raise refusal(400, f"limit must be between 1 and {most}")
    after = request.first("after", "0")
    if not after.isdigit():
        raise refusal(400, "after: not a cursor of this API")
    archived = request.first("archived") == "true"
    ids = sorted((int(each) for each in book.all if book.get(each, archived)), key=int)
    page = list(itertools.islice((n for n in ids if n >= int(after)), int(limit_text) + 1))
    results = [_shown(world, call, book.all[str(number)]) for number in page[: int(limit_text)]]
    call.contact_ids += [result["id"] for result in results]
    body: JsonObject = {"results": results}
    if len(page) > int(limit_text):
        body["paging"] = {"next": {"after": str(page[-1]), "link": f"?after={page[-1]}"}}
    return json_response(200, body)


def create(world: World, call: Call[Portal]) -> Response:
    given = properties_of(body_of(call))
    writer = ContactWriter(world, call.account)
    try:
        plan = writer.plan_create(given, call.groups["version"])
    except WriteError as problem:
        raise problem.as_refusal() from problem
    contact = writer.carry_out(plan, api_origin(world, call))
    call.contact_ids.append(contact.id)
    call.written[contact.id] = list(given)
    return json_response(201, whole_record(contact))


def update(world: World, call: Call[Portal]) -> Response:
    contact = located(call)
    given = properties_of(body_of(call))
    writer = ContactWriter(world, call.account)
    try:
        plan = writer.plan_update(contact, given)
    except WriteError as problem:
        raise problem.as_refusal() from problem
    writer.carry_out(plan, api_origin(world, call))
    call.written[contact.id] = list(given)
    return json_response(200, whole_record(contact))


def archive(world: World, call: Call[Portal]) -> Response:
    contact = call.account.book.get(call.groups["key"])
    if contact is not None:
        origin = api_origin(world, call)
        call.account.book.archive(contact, origin.at_ms)
        EventWriter(world, call.account).archived(contact.id, origin)
        call.contact_ids.append(contact.id)
        call.written[contact.id] = ["archived"]
    return Response(204)


def privacy_delete(world: World, call: Call[Portal]) -> Response:
    body = body_of(call)
    book = call.account.book
    object_id, id_property = str(body.get("objectId", "")), str(body.get("idProperty") or "")
    contact = book.find(id_property, object_id) or book.get(object_id, archived=True)
    if contact is not None:
        book.forget(contact)
        EventWriter(world, call.account).forgotten(contact.id, api_origin(world, call))
        call.contact_ids.append(contact.id)
        call.written[contact.id] = ["privacy-deleted"]
    return Response(204)


def merge(world: World, call: Call[Portal]) -> Response:
    body = body_of(call)
    primary_id, other_id = str(body.get("primaryObjectId", "")), str(body.get("objectIdToMerge", ""))
    book = call.account.book
    primary, other = book.resolve(primary_id), book.resolve(other_id)
    if primary is None or other is None:
        raise refusal(404)
    if primary is other:
        raise refusal(400, "Cannot merge a contact with itself")
    merged_before = primary.values.get("hs_merged_object_ids", "").split(";")
    if len(merged_before) >= MAX_MERGES:
        raise refusal(414, "Cannot have more than 250 identities on a profile")
    origin = api_origin(world, call)
    survivor, moved = book.merge(primary, other, origin, world.settings.search_lag_s)
    EventWriter(world, call.account).merged(primary.id, other.id, survivor, moved, origin)
    call.contact_ids += [survivor.id, primary.id, other.id]
    call.written[survivor.id] = ["merged"]
    return json_response(200, whole_record(survivor))
