"""The property catalogue over HTTP, and the account's details (facts §4.6, §6)."""

import re

from sandbox.hubspot.catalogue import FIELD_TYPES, Property
from sandbox.hubspot.errors import refusal
from sandbox.hubspot.portal import Portal, World
from sandbox.hubspot.single import body_of
from sandbox.messages import JsonObject, Response, json_response
from sandbox.platform import Call

MAX_UNIQUE = 10
NEEDED = ("groupName", "name", "label", "type", "fieldType")


def list_all(world: World, call: Call[Portal]) -> Response:
    sensitive = call.request.first("dataSensitivity") == "sensitive"
    archived = call.request.first("archived") == "true"
    shown = [
        p.as_json()
        for p in call.account.book.catalogue.values()
        if p.sensitive == sensitive and p.archived == archived
    ]
    return json_response(200, {"results": shown})


def read(world: World, call: Call[Portal]) -> Response:
    definition = call.account.book.catalogue.get(call.groups["name"])
    if definition is None or definition.archived:
        raise refusal(404, f"There is no property {call.groups['name']}")
    return json_response(200, definition.as_json())


def create(world: World, call: Call[Portal]) -> Response:
    return json_response(201, add_property(call.account, body_of(call)).as_json())


def add_property(portal: Portal, body: JsonObject) -> Property:
    """Adds a custom property. Raises ``Refusal`` as HubSpot would."""
    catalogue = portal.book.catalogue
    missing = [key for key in NEEDED if not body.get(key)]
    if missing:
        raise refusal(400, f"Missing: {', '.join(missing)}")
    name, type_, field_type = str(body["name"]), str(body["type"]), str(body["fieldType"])
    if name in catalogue and not catalogue[name].archived:
        raise refusal(409, f'A property named "{name}" already exists.', "OBJECT_ALREADY_EXISTS")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name):
        raise refusal(400, f"{name} is not a valid property name")
    if field_type not in FIELD_TYPES.get(type_, ()):
        raise refusal(400, f"type {type_} does not go with fieldType {field_type}")
    unique = bool(body.get("hasUniqueValue"))
    if unique and sum(p.unique for p in catalogue.values()) >= MAX_UNIQUE:
        raise refusal(400, f"At most {MAX_UNIQUE} properties may be unique")
    options = [(str(o["value"]), str(o.get("label", o["value"]))) for o in body.get("options") or []]
    catalogue[name] = Property(
        name,
        str(body["label"]),
        type_,
        field_type,
        str(body["groupName"]),
        options,
        unique=unique,
        hidden=bool(body.get("hidden")),
        sensitive=body.get("dataSensitivity") == "sensitive",
        defined_by_hubspot=False,
        description=str(body.get("description") or ""),
    )
    return catalogue[name]


def archive(world: World, call: Call[Portal]) -> Response:
    definition = call.account.book.catalogue.get(call.groups["name"])
    if definition is not None:
        if definition.defined_by_hubspot:
            raise refusal(400, f"{definition.name} cannot be archived")
        definition.archived = True
    return Response(204)


def groups(world: World, call: Call[Portal]) -> Response:
    names = dict.fromkeys(p.group for p in call.account.book.catalogue.values())
    shown = [{"name": name, "label": name.capitalize(), "archived": False} for name in names]
    return json_response(200, {"results": shown})


def account_details(world: World, call: Call[Portal]) -> Response:
    portal_id = int(call.account.id)
    return json_response(
        200,
        {
            "portalId": portal_id,
            "accountType": "DEVELOPER_TEST",
            "timeZone": "US/Eastern",
            "companyCurrency": "USD",
            "additionalCurrencies": [],
            "utcOffset": "-05:00",
            "utcOffsetMilliseconds": -18_000_000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        },
    )
