"""``POST …/contacts/search``: what the index knows, within the documented limits (facts §4.5)."""

from typing import Any

from sandbox.clock import parse_ms
from sandbox.hubspot.catalogue import Catalogue
from sandbox.hubspot.errors import refusal
from sandbox.hubspot.filters import Test, Values, compiled, query_test
from sandbox.hubspot.portal import Portal, World
from sandbox.hubspot.records import record
from sandbox.hubspot.single import body_of
from sandbox.messages import JsonObject, Response, json_response
from sandbox.platform import Call

MAX_BODY_CHARACTERS = 3_000
MAX_PAGE = 200


def search(world: World, call: Call[Portal]) -> Response:
    if len(call.request.body.decode("utf-8", "replace")) > MAX_BODY_CHARACTERS:
        raise refusal(400, f"The request body is longer than {MAX_BODY_CHARACTERS} characters")
    body, portal = body_of(call), call.account
    limit, after = _page(body, world.settings.search_max_results)
    found = _matching(body, portal)
    _sort(found, body.get("sorts"), portal.book.catalogue)
    known, as_null = tuple(portal.book.catalogue), world.settings.empty_as_null
    results = [
        record(portal.book.all[contact_id], body.get("properties") or (), known=known, empty_as_null=as_null)
        for contact_id, _ in found[after : after + limit]
    ]
    call.contact_ids += [result["id"] for result in results]
    answer: JsonObject = {"total": len(found), "results": results}
    if after + limit < len(found):
        answer["paging"] = {"next": {"after": str(after + limit)}}
    return json_response(200, answer)


def _page(body: JsonObject, most: int) -> tuple[int, int]:
    limit: Any = body.get("limit", 10)
    after: Any = body.get("after", "0") or "0"
    if isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= MAX_PAGE:
        raise refusal(400, f"limit must be between 0 and {MAX_PAGE}")
    if not str(after).isdigit():
        raise refusal(400, "after must be an integer string")
    if int(after) + limit > most:
        raise refusal(400, f"A query returns at most {most} results")
    return limit or 10, int(after)


def _matching(body: JsonObject, portal: Portal) -> list[tuple[str, Values]]:
    try:
        test = compiled(body.get("filterGroups") or [], portal.book.catalogue)
    except (ValueError, AttributeError) as problem:
        raise refusal(400, str(problem)) from problem
    tests: list[Test] = [test]
    if body.get("query"):
        tests.append(query_test(str(body["query"])))
    live = portal.book.get
    return [
        (contact_id, values)
        for contact_id, (_, values) in portal.book.index.visible().items()
        if all(each(values) for each in tests) and live(contact_id)
    ]


def _sort(found: list[tuple[str, Values]], sorts: object, catalogue: Catalogue) -> None:
    """One sort rule; the default is oldest first. A text rule is a property's name, ``-name`` descending."""
    found.sort(key=lambda each: (each[1].get("createdate", ""), int(each[0])))
    if not sorts:
        return
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise refusal(400, "one sort rule at most")
    rule = sorts[0]
    if isinstance(rule, str):
        name, descending = rule.removeprefix("-"), rule.startswith("-")
    elif isinstance(rule, dict):
        name, descending = str(rule.get("propertyName", "")), rule.get("direction") == "DESCENDING"
    else:
        raise refusal(400, "a sort rule is a property's name or an object")
    definition = catalogue.get(name)
    if definition is None:
        raise refusal(400, f"There is no property {name}")

    def key(each: tuple[str, Values]) -> tuple[float, str]:
        value = each[1].get(name, "")
        if value and definition.type in ("date", "datetime"):
            return float(parse_ms(value)), ""
        if value and definition.type == "number":
            return float(value), ""
        return 0.0, value.lower()

    found.sort(key=key, reverse=descending)
