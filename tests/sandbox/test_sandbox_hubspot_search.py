"""HubSpot's search (facts §4.5): operators, case rules, limits, and its lag."""

from typing import Any

import pytest
from hubspot import HubSpot

from tests.sandbox.receiver import Server, wait_until

SEARCH = "/crm/objects/2026-09/contacts/search"
PEOPLE: list[dict[str, str]] = [
    {
        "firstname": "Ava",
        "lastname": "Smith",
        "email": "ava@mail.example",
        "gpa": "3.5",
        "program": "biology",
    },
    {
        "firstname": "Ben",
        "lastname": "Smith",
        "email": "ben@mail.example",
        "gpa": "2.9",
        "phone": "+1 617-555-0100",
    },
    {"firstname": "Cleo", "lastname": "Jones", "interests": "music;sports", "date_of_birth": "2004-02-29"},
]


@pytest.fixture
def people(hubspot: Server) -> Server:
    hubspot.control("POST", "contacts", {"contacts": [{"properties": each} for each in PEOPLE]})
    return hubspot


def rule(name: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    given = {} if value is None else {"values" if isinstance(value, list) else "value": value}
    return {"propertyName": name, "operator": operator, **given, **more}


def names(server: Server, *filters: dict[str, Any], **body: Any) -> set[str]:
    groups = [{"filters": list(filters)}] if filters else []
    answer = server.json("POST", SEARCH, {"filterGroups": groups, "limit": 200, **body})
    return {each["properties"]["firstname"] for each in answer["results"]}


@pytest.mark.parametrize(
    ("each", "found"),
    [
        (rule("lastname", "EQ", "SMITH"), {"Ava", "Ben"}),
        (rule("lastname", "NEQ", "smith"), {"Cleo"}),
        (rule("lastname", "IN", ["smith"]), {"Ava", "Ben"}),
        (rule("lastname", "IN", ["Smith"]), set()),
        (rule("lastname", "NOT_IN", ["smith"]), {"Cleo"}),
        (rule("program", "EQ", "biology"), {"Ava"}),
        (rule("program", "EQ", "Biology"), set()),
        (rule("interests", "IN", ["sports"]), {"Cleo"}),
        (rule("gpa", "GT", "3"), {"Ava"}),
        (rule("gpa", "LTE", "2.90"), {"Ben"}),
        (rule("gpa", "BETWEEN", "2", highValue="3"), {"Ben"}),
        (rule("date_of_birth", "GTE", "1078012800000"), {"Cleo"}),
        (rule("phone", "HAS_PROPERTY"), {"Ben"}),
        (rule("phone", "NOT_HAS_PROPERTY"), {"Ava", "Cleo"}),
        (rule("email", "CONTAINS_TOKEN", "a*"), {"Ava"}),
        (rule("email", "NOT_CONTAINS_TOKEN", "ava"), {"Ben", "Cleo"}),
        (rule("hs_searchable_calculated_phone_number", "EQ", "6175550100"), {"Ben"}),
        (rule("hs_searchable_calculated_phone_number", "EQ", "16175550100"), set()),
        (rule("lastmodifieddate", "GTE", "2020-01-01T00:00:00Z"), {"Ava", "Ben", "Cleo"}),
    ],
)
def test_operators_and_case(people: Server, each: dict[str, Any], found: set[str]) -> None:
    assert names(people, each) == found


def test_groups_are_alternatives_and_filters_are_joint(people: Server) -> None:
    assert names(people, rule("lastname", "EQ", "smith"), rule("firstname", "EQ", "ava")) == {"Ava"}
    groups = [{"filters": [rule("firstname", "EQ", name)]} for name in ("ava", "cleo")]
    assert names(people, filterGroups=groups) == {"Ava", "Cleo"}


def test_the_query_looks_into_the_documented_properties(people: Server) -> None:
    assert names(people, query="smith av") == {"Ava"}
    assert names(people, query="biology") == set()


def test_the_official_client_pages(people: Server) -> None:
    api = HubSpot(access_token="pat-one", host=people.url).crm.contacts.search_api
    first = api.do_search({"limit": 2, "sorts": ["-firstname"]})
    assert [each.properties["firstname"] for each in first.results] == ["Cleo", "Ben"]
    assert (first.total, first.paging.next.after) == (3, "2")
    last = api.do_search({"limit": 2, "after": "2", "sorts": ["-firstname"]})
    assert [each.properties["firstname"] for each in last.results] == ["Ava"]
    assert last.paging is None


def groups(*sizes: int) -> dict[str, Any]:
    return {"filterGroups": [{"filters": [rule("city", "EQ", "x")] * size} for size in sizes]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (groups(1, 1, 1, 1, 1), 200),
        (groups(1, 1, 1, 1, 1, 1), 400),
        (groups(6, 6, 6), 200),
        (groups(7), 400),
        (groups(6, 6, 6, 1), 400),
        ({"limit": 200}, 200),
        ({"limit": 201}, 400),
        ({"limit": 200, "after": "9800"}, 200),
        ({"limit": 200, "after": "9801"}, 400),
        ({"after": "x"}, 400),
        ({"query": "x" * 3000}, 400),
        ({"sorts": ["email", "city"]}, 400),
        ({"sorts": [5]}, 400),
        ({"filterGroups": ["x"]}, 400),
        ({"filterGroups": [{"filters": [rule("gpa", "GT", "good")]}]}, 400),
        ({"filterGroups": [{"filters": [rule("missing", "EQ", "x")]}]}, 400),
        ({"filterGroups": [{"filters": [rule("city", "LIKE", "x")]}]}, 400),
    ],
)
def test_limits(hubspot: Server, body: dict[str, Any], status: int) -> None:
    assert hubspot.call("POST", SEARCH, body).status == status


def test_search_lags_behind(people: Server) -> None:
    people.settings(search_lag_s=0.15)
    people.control("POST", "contacts", {"properties": {"firstname": "Dora", "lastname": "New"}})
    assert names(people, rule("lastname", "EQ", "new")) == set()
    wait_until(lambda: names(people, rule("lastname", "EQ", "new")) == {"Dora"})


def test_archived_contacts_never_appear(people: Server) -> None:
    (ava,) = people.control("GET", "contacts?email=ava@mail.example")["contacts"]
    people.control("DELETE", f"contacts/{ava['id']}")
    assert names(people) == {"Ben", "Cleo"}
