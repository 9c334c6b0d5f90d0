"""The control API: settings, counters, the call log, accounts and contacts as outside users change them."""

import phonenumbers
import pytest

from sandbox import HubSpotSandbox
from sandbox.people import make_people
from tests.sandbox.receiver import Server

CONTACTS = "/crm/objects/2026-09/contacts"


def test_settings_are_checked_and_taken_as_a_whole(hubspot: Server, mainstay: Server) -> None:
    for server in (hubspot, mainstay):
        before = server.control("GET", "settings")
        for wrong in ({"latency_ms": "slow"}, {"no_such": 1}, {"latency_ms": 5, "limits": 1}):
            assert server.call("PATCH", "/_sandbox/settings", wrong).status == 400
        assert server.control("GET", "settings") == before
        assert server.control("PATCH", "settings", {"latency_ms": 1})["latency_ms"] == 1
    assert (
        hubspot.control("PATCH", "settings", {"subscribed_properties": None})["subscribed_properties"] is None
    )


def test_counters_tell_calls_contacts_and_writes(hubspot: Server) -> None:
    inputs = [{"properties": {"firstname": f"N{n}"}} for n in range(3)]
    made = hubspot.json("POST", f"{CONTACTS}/batch/create", {"inputs": inputs}, 201)["results"]
    hubspot.json("PATCH", f"{CONTACTS}/{made[0]['id']}", {"properties": {"city": "Boston"}})
    hubspot.json("POST", f"{CONTACTS}/batch/read", {"inputs": [{"id": each["id"]} for each in made]})
    hubspot.fault("429", times=1)
    hubspot.call("POST", f"{CONTACTS}/search", {})
    hubspot.control("PATCH", f"contacts/{made[0]['id']}", {"properties": {"city": "Salem"}})
    counters = hubspot.control("GET", "counters")["accounts"]["62515"]
    assert counters["calls"] == {"batch_create": 1, "update": 1, "batch_read": 1, "search": 1}
    assert counters["contacts"] == {"batch_create": 3, "update": 1, "batch_read": 3, "search": 0}
    assert counters["writes_per_contact"] == {made[0]["id"]: 2, made[1]["id"]: 1, made[2]["id"]: 1}
    assert (counters["rate_limited"], counters["total_calls"], counters["total_writes"]) == (1, 4, 4)
    hubspot.control("POST", "counters/reset")
    assert hubspot.control("GET", "counters")["total"]["total_calls"] == 0


def test_the_call_log_tells_who_wrote_what(hubspot: Server) -> None:
    made = hubspot.json("POST", CONTACTS, {"properties": {"firstname": "Ava"}}, 201)
    last = hubspot.control("GET", "calls")["last"]
    hubspot.json("PATCH", f"{CONTACTS}/{made['id']}", {"properties": {"city": "Boston"}})
    (call,) = hubspot.control("GET", f"calls?since={last}")["calls"]
    assert (call["method"], call["operation"], call["status"]) == ("PATCH", "update", 200)
    assert call["written"] == {made["id"]: ["city"]}
    assert (call["account"], call["app"]) == ("62515", "static")


def test_accounts_can_be_added_while_it_runs(hubspot: Server, mainstay: Server) -> None:
    hubspot.control("POST", "portals", {"portal": 80001, "tokens": ["pat-three"]})
    assert Server(hubspot.url, "Bearer pat-three").json("GET", CONTACTS)["results"] == []
    assert {each["portal"] for each in hubspot.control("GET", "portals")["portals"]} == {
        "62515",
        "70001",
        "80001",
    }
    mainstay.control("POST", "orgs", {"org": "hill", "tokens": ["hill-token"]})
    assert Server(mainstay.url, "APIToken hill-token").json("GET", "/auth_valid")["org_id"] == "hill"
    mainstay.control("POST", "orgs", {"org": "hill", "tokens": ["hill-rotated"]})
    assert Server(mainstay.url, "APIToken hill-token").call("GET", "/auth_valid").status == 401


def test_revoking_a_token(hubspot: Server) -> None:
    hubspot.control("POST", "tokens/end", {"token": "pat-one"})
    assert hubspot.call("GET", CONTACTS).status == 401


def test_contacts_of_a_chosen_account(hubspot: Server, mainstay: Server) -> None:
    made = hubspot.control("POST", "contacts?portal=70001", {"properties": {"firstname": "Ava"}})
    assert Server(hubspot.url, "Bearer pat-two").json("GET", f"{CONTACTS}/{made['id']}")["id"] == made["id"]
    assert hubspot.control("GET", "contacts")["total"] == 0
    person = mainstay.control("POST", "contacts?org=lake", {"first_name": "Ava", "archived": True})
    assert mainstay.control("GET", f"contacts/{person['id']}?org=lake")["archived"] is True
    mainstay.control("DELETE", f"contacts/{person['id']}?org=lake&hard=true")
    assert mainstay.control("GET", "contacts?org=lake")["total"] == 0


@pytest.mark.parametrize("path", ["contacts?portal=1", "contacts/1", "nothing"])
def test_what_is_not_there_is_404(hubspot: Server, path: str) -> None:
    assert hubspot.call("GET", f"/_sandbox/{path}").status == 404


def test_properties_and_fields_can_be_changed(hubspot: Server, mainstay: Server) -> None:
    assert hubspot.control("PATCH", "properties/phone", {"read_only": True})["modificationMetadata"][
        "readOnlyValue"
    ]
    hubspot.control("POST", "properties", {"name": "cohort", "type": "string", "fieldType": "text"})
    assert hubspot.call("GET", "/crm/v3/properties/contacts/cohort").status == 200
    mainstay.control("POST", "custom-fields", {"name": "Dorm", "type": "Multi-Choice", "options": ["A", "B"]})
    assert mainstay.json("GET", "/custom_values/?field=Dorm")["values"] == ["A", "B"]
    mainstay.control("DELETE", "custom-fields/Dorm")
    assert "Dorm" not in mainstay.json("GET", "/custom_fields/")["custom_fields"]


def test_a_property_made_unique_becomes_a_key(hubspot: Server) -> None:
    made = hubspot.control("POST", "contacts", {"properties": {"firstname": "A", "zip": "02118"}})
    hubspot.control("PATCH", "properties/zip", {"unique": True})
    assert hubspot.json("GET", f"{CONTACTS}/02118?idProperty=zip")["id"] == made["id"]


def test_people_are_believable_and_the_same_on_both_sides() -> None:
    people = make_people(1_200)
    assert make_people(3, start=1_000) == people[1_000:1_003]
    assert len({person.phone for person in people}) == len({person.email for person in people}) == 1_200
    for person in people:
        number = phonenumbers.parse(person.phone, "US")
        assert phonenumbers.is_valid_number_for_region(number, "US")
        assert person.email.isascii() and person.email.endswith(".example")
    assert len({(p.first_name, p.last_name) for p in people[:100]}) == 100


def test_people_can_fill_a_portal() -> None:
    with HubSpotSandbox(people=3, people_from=2).running() as server:
        found = Server(server.url, "Bearer pat-na1-sandbox").json("GET", f"{CONTACTS}?properties=email")
    emails = [each["properties"]["email"] for each in found["results"]]
    assert emails == [person.email for person in make_people(3, start=2)]


def test_unknown_switches_stop_the_start() -> None:
    with pytest.raises(ValueError, match="no_such"):
        HubSpotSandbox(no_such=1)


def test_a_bug_of_the_sandbox_looks_like_one(hubspot: Server, capfd: pytest.CaptureFixture[str]) -> None:
    assert hubspot.call("POST", "/_sandbox/contacts", {"contacts": 5}).status == 500
    assert "TypeError" in capfd.readouterr().err
