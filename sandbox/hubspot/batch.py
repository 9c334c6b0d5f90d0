"""Up to 100 contacts per call: read, create, update, upsert, archive (facts §4.1, §4.3)."""

import random
from collections.abc import Callable
from typing import Any

from sandbox.clock import iso_ms, now_ms
from sandbox.hubspot.contacts import Contact
from sandbox.hubspot.errors import error_body, refusal
from sandbox.hubspot.events import EventWriter
from sandbox.hubspot.portal import Portal, World
from sandbox.hubspot.records import record, whole_record
from sandbox.hubspot.single import body_of, properties_of
from sandbox.hubspot.writes import ContactWriter, Plan, WriteError, api_origin
from sandbox.messages import JsonObject, Response, json_response
from sandbox.platform import Call

MAX_INPUTS = 100
MAX_INPUTS_WITH_HISTORY = 50
NOT_FOUND = "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid."

Planner = Callable[[ContactWriter, JsonObject], Plan]


def _inputs(call: Call[Portal], most: int = MAX_INPUTS) -> list[JsonObject]:
    inputs: Any = body_of(call).get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
        raise refusal(400, "Invalid input JSON: inputs must be a list of objects")
    if len(inputs) > most:
        raise refusal(400, f"The batch has {len(inputs)} inputs, the most is {most}")
    return inputs


def _answer(
    world: World, status: int, results: list[JsonObject], errors: list[JsonObject], started_ms: int
) -> Response:
    if world.settings.shuffle_results:  # the order of results is unknown
        random.shuffle(results)
    body: JsonObject = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": iso_ms(started_ms),
        "completedAt": iso_ms(now_ms()),
    }
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
        status = 207
    return json_response(status, body)


def read(world: World, call: Call[Portal]) -> Response:
    started_ms, body, book = now_ms(), body_of(call), call.account.book
    history = body.get("propertiesWithHistory") or []
    inputs = _inputs(call, MAX_INPUTS_WITH_HISTORY if history else MAX_INPUTS)
    id_property = str(body.get("idProperty") or "")
    if not book.is_key(id_property):
        raise refusal(400, f"{id_property} is not a unique property")
    archived = call.request.first("archived") == "true"
    known, as_null = tuple(book.catalogue), world.settings.empty_as_null
    results, missing, seen = [], [], set()
    for each in inputs:
        key = str(each.get("id", ""))
        contact = _found(world, call.account, id_property, key, archived)
        if contact is None:
            missing.append(key)
        elif contact.id not in seen:
            seen.add(contact.id)
            results.append(
                record(contact, body.get("properties") or (), history, known=known, empty_as_null=as_null)
            )
    call.contact_ids += seen
    errors = [{**error_body("OBJECT_NOT_FOUND", NOT_FOUND), "context": {"ids": missing}}] if missing else []
    return _answer(world, 200, results, errors, started_ms)


def _found(world: World, portal: Portal, id_property: str, key: str, archived: bool) -> Contact | None:
    if id_property not in ("", "hs_object_id"):
        return portal.book.find(id_property, key)
    if world.settings.batch_read_follows_merges:
        return portal.book.resolve(key, archived)
    return portal.book.get(key, archived)


def _trace_ids_are_unique(inputs: list[JsonObject]) -> bool:
    ids = [each.get("objectWriteTraceId") for each in inputs]
    return all(ids) and len(set(ids)) == len(ids)


def _plans(
    writer: ContactWriter, inputs: list[JsonObject], planner: Planner, partial: bool
) -> tuple[list[Plan], list[JsonObject]]:
    """All plans, or with ``partial`` those that can be made and an error for each other input."""
    plans, errors = [], []
    for each in inputs:
        try:
            plans.append(planner(writer, each))
        except WriteError as problem:
            if not partial:
                raise problem.as_refusal() from problem
            context: JsonObject = {"objectWriteTraceId": [str(each.get("objectWriteTraceId") or "")]}
            if "id" in each:
                context["ids"] = [str(each["id"])]
            errors.append({**problem.body, "context": context})
    return plans, errors


def create(world: World, call: Call[Portal]) -> Response:
    """Partial success only where every input has its own ``objectWriteTraceId``."""
    started_ms, inputs = now_ms(), _inputs(call)

    def planner(writer: ContactWriter, each: JsonObject) -> Plan:
        return writer.plan_create(properties_of(each), call.groups["version"], _trace_id(each))

    return _write(
        world, call, inputs, planner, _trace_ids_are_unique(inputs), status=201, started_ms=started_ms
    )


def update(world: World, call: Call[Portal]) -> Response:
    """All or nothing (switchable); merged-away and repeated ids are refused."""
    started_ms, inputs, book = now_ms(), _inputs(call), call.account.book
    taken: set[str] = set()

    def planner(writer: ContactWriter, each: JsonObject) -> Plan:
        id_property, key = str(each.get("idProperty") or ""), str(each.get("id", ""))
        contact = book.find(id_property, key) if book.is_key(id_property) else None
        if contact is None:
            raise WriteError(404, error_body("OBJECT_NOT_FOUND", f"No contact with id {key}"))
        if contact.id in taken:
            raise WriteError(
                400, error_body("VALIDATION_ERROR", f"Duplicate IDs found in batch input: [{key}]")
            )
        taken.add(contact.id)
        return writer.plan_update(contact, properties_of(each), _trace_id(each))

    return _write(
        world, call, inputs, planner, world.settings.batch_update_partial, status=200, started_ms=started_ms
    )


def upsert(world: World, call: Call[Portal]) -> Response:
    """By e-mail (never partial) or by a unique property; an unknown key creates."""
    started_ms, inputs, book = now_ms(), _inputs(call), call.account.book
    by = {str(each.get("idProperty") or "") for each in inputs}
    for id_property in by:
        if id_property in ("", "hs_object_id") or not book.is_key(id_property):
            raise refusal(400, f"idProperty {id_property!r} is not a unique property")
    taken: set[tuple[str, str]] = set()

    def planner(writer: ContactWriter, each: JsonObject) -> Plan:
        id_property, key = str(each["idProperty"]), str(each.get("id", ""))
        if (id_property, key) in taken:
            raise WriteError(
                400, error_body("VALIDATION_ERROR", f"Duplicate IDs found in batch input: [{key}]")
            )
        taken.add((id_property, key))
        contact = book.find(id_property, key)
        if contact is not None:
            return writer.plan_update(contact, properties_of(each), _trace_id(each))
        properties = {id_property: key, **properties_of(each)}
        return writer.plan_create(properties, call.groups["version"], _trace_id(each))

    partial = "email" not in by and _trace_ids_are_unique(inputs)
    return _write(world, call, inputs, planner, partial, status=200, started_ms=started_ms, show_new=True)


def _write(
    world: World,
    call: Call[Portal],
    inputs: list[JsonObject],
    planner: Planner,
    partial: bool,
    *,
    status: int,
    started_ms: int,
    show_new: bool = False,
) -> Response:
    writer = ContactWriter(world, call.account)
    plans, errors = _plans(writer, inputs, planner, partial)
    origin = api_origin(world, call)
    results = []
    for plan in plans:
        contact = writer.carry_out(plan, origin)
        call.contact_ids.append(contact.id)
        call.written[contact.id] = list(plan.values)
        shown = whole_record(contact, plan.trace_id)
        results.append({**shown, "new": plan.contact is None} if show_new else shown)
    return _answer(world, status, results, errors, started_ms)


def _trace_id(each: JsonObject) -> str | None:
    trace_id = each.get("objectWriteTraceId")
    return str(trace_id) if trace_id else None


def archive(world: World, call: Call[Portal]) -> Response:
    origin = api_origin(world, call)
    for each in _inputs(call):
        contact = call.account.book.get(str(each.get("id", "")))
        if contact is not None:
            call.account.book.archive(contact, origin.at_ms)
            EventWriter(world, call.account).archived(contact.id, origin)
            call.contact_ids.append(contact.id)
            call.written[contact.id] = ["archived"]
    return Response(204)
