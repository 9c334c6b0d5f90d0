"""Mainstay's calls: contacts, fields, values, the token's check (facts §1.3, §1.4, §5)."""

import itertools
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sandbox.mainstay.contacts import NOT_FOUND, ContactDesk, FieldErrors, find, shown
from sandbox.mainstay.fields import WRITABLE
from sandbox.mainstay.organisation import Contact, Organisation, World, parse_us
from sandbox.messages import JsonObject, Refusal, Request, Response, json_response
from sandbox.platform import Call

TRUE = frozenset({"true", "1"})


def refusal(status: int, detail: str) -> Refusal:
    return Refusal(json_response(status, {"detail": detail}))


def auth_valid(world: World, call: Call[Organisation]) -> Response:
    return json_response(200, {"ok": True, "org_id": call.account.id})


def default_fields(world: World, call: Call[Organisation]) -> Response:
    names = ["id", *WRITABLE]
    wrapped = world.settings.default_fields_wrapped
    return json_response(200, {"default_fields": names} if wrapped else names)


def custom_fields(world: World, call: Call[Organisation]) -> Response:
    """Names only, as seen; with types where the switch says so."""
    fields = call.account.custom_fields.values()
    if not world.settings.custom_field_types:
        return json_response(200, {"custom_fields": [each.name for each in fields]})
    typed = [
        {"name": each.name, "type": each.type, **({"options": each.options} if each.options else {})}
        for each in fields
    ]
    return json_response(200, {"custom_fields": typed})


def custom_values(world: World, call: Call[Organisation]) -> Response:
    """The values of one custom field: its options, else what contacts hold."""
    field = call.account.custom_fields.get(call.request.first("field"))
    if field is None:
        raise Refusal(json_response(404, NOT_FOUND))
    held = (each.custom.get(field.name) for each in call.account.contacts.values())
    values: list[object] = list(field.options) or list(dict.fromkeys(v for v in held if v is not None))
    return json_response(200, {"values": values})


def _flag(request: Request, name: str) -> bool:
    return request.first(name).lower() in TRUE


def _visible(request: Request, contact: Contact) -> bool:
    return contact.hidden_as is None or _flag(request, contact.hidden_as)


def _since(request: Request, name: str) -> int | None:
    text = request.first(name)
    if not text:
        return None
    try:
        return parse_us(text)
    except ValueError as problem:
        raise Refusal(json_response(400, {name: ["Enter a valid date/time."]})) from problem


def list_contacts(world: World, call: Call[Organisation]) -> Response:
    request, settings = call.request, world.settings
    since, before = _since(request, "modified_since"), _since(request, "modified_before")
    if since is not None and not settings.modified_since_inclusive:
        since += 1
    found = [
        contact
        for contact in call.account.contacts.values()
        if _visible(request, contact)
        and (since is None or contact.modified_us >= since)
        and (before is None or contact.modified_us < before)
        and _passes(world, request, contact)
    ]
    by_modified = settings.list_order == "modified"
    found.sort(key=lambda c: (c.modified_us if by_modified else c.created_us, c.id))
    number = request.first("page", "1")
    pages = max(1, -(-len(found) // settings.page_size))
    if not number.isdigit() or not 1 <= int(number) <= pages:
        raise refusal(404, "Invalid page.")
    start = (int(number) - 1) * settings.page_size
    page = found[start : start + settings.page_size]
    call.contact_ids += [contact.id for contact in page]
    return json_response(
        200,
        {
            "count": len(found),
            "next": _page_url(request, int(number) + 1) if int(number) < pages else None,
            "previous": _page_url(request, int(number) - 1) if int(number) > 1 else None,
            "results": [shown(contact, settings) for contact in page],
        },
    )


def _passes(world: World, request: Request, contact: Contact) -> bool:
    if contact.flags["archived"] and not world.settings.list_archived:
        return False
    status = request.first("texting_status")
    if status and contact.flags["texting_status"] != status:
        return False
    if request.first("can_text") and contact.flags["can_text"] != _flag(request, "can_text"):
        return False
    name, _, wanted = request.first("custom").partition("|")
    return not name or str(contact.custom.get(name, "")) == wanted


def _page_url(request: Request, number: int) -> str:
    """Absolute, as the framework builds it from the Host header; clients must not send tokens elsewhere."""
    kept = [pair for pair in parse_qsl(request.query_text) if pair[0] != "page"]
    query = urlencode([*kept, ("page", number)])
    return f"http://{request.headers.get('host', 'localhost')}{request.path}?{query}"


def read(world: World, call: Call[Organisation]) -> Response:
    contact = find(call.account, call.groups["key"], world.settings.key_order)
    if contact is None or not _visible(call.request, contact):
        raise Refusal(json_response(404, NOT_FOUND))
    call.contact_ids.append(contact.id)
    return json_response(200, shown(contact, world.settings))


def _json(call: Call[Organisation]) -> Any:
    try:
        return call.json()
    except ValueError as problem:
        raise refusal(400, f"JSON parse error - {problem}") from problem


def _object(call: Call[Organisation]) -> JsonObject:
    body = _json(call)
    if not isinstance(body, dict):
        message = f"Invalid data. Expected a dictionary, but got {type(body).__name__}."
        raise Refusal(json_response(400, {"non_field_errors": [message]}))
    return body


def create(world: World, call: Call[Organisation]) -> Response:
    given = _object(call)
    try:
        contact = ContactDesk(world, call.account).create(given)
    except FieldErrors as problem:
        raise problem.as_refusal() from problem
    _note(call, contact, given)
    return json_response(201, shown(contact, world.settings))


def update(world: World, call: Call[Organisation]) -> Response:
    """By Mainstay ID only; hidden contacts can be written, since only list and read are said to hide them."""
    if call.request.method == "PUT" and not world.settings.allow_put:
        raise refusal(405, 'Method "PUT" not allowed.')
    contact = call.account.contacts.get(call.groups["key"])
    if contact is None:
        raise Refusal(json_response(404, NOT_FOUND))
    given = _object(call)
    try:
        ContactDesk(world, call.account).update(contact, given)
    except FieldErrors as problem:
        raise problem.as_refusal() from problem
    _note(call, contact, given)
    return json_response(200, shown(contact, world.settings))


def _note(call: Call[Organisation], contact: Contact, given: JsonObject) -> None:
    custom = given.get("custom")
    names = [f"custom.{name}" for name in custom] if isinstance(custom, dict) else []
    call.contact_ids.append(contact.id)
    call.written[contact.id] = [name for name in given if name != "custom"] + names


def bulk(world: World, call: Call[Organisation]) -> Response:
    """Creates and updates, answering with a job; what it says of single items is unknown, so nothing."""
    if not world.settings.bulk:
        raise Refusal(json_response(404, NOT_FOUND))
    items = _json(call)
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise refusal(400, "Expected a list of items.")
    phones = [each["phone"] for each in items if each.get("phone")]
    if len(set(phones)) < len(phones):
        raise refusal(400, "The same phone stands in the list twice.")  # "breaks the import" (seen)
    desk = ContactDesk(world, call.account)
    for each in items:
        try:
            contact = _bulk_match(call.account, each)
            stored = desk.update(contact, each) if contact else desk.create(each)
        except FieldErrors:
            continue
        _note(call, stored, each)
    job = f"job_{call.account.random.randrange(16**12):012x}"
    return json_response(202, {"job_id": job, "status": "queued"})


def _bulk_match(organisation: Organisation, item: JsonObject) -> Contact | None:
    by_id = item.get("id") or item.get("admithub_id")
    if by_id:
        return organisation.contacts.get(str(by_id))
    owners = (organisation.owner(name, str(item[name])) for name in ("crm_id", "phone") if item.get(name))
    return next(itertools.chain((o for o in owners if o is not None), [None]))
