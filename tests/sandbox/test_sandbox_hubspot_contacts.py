"""HubSpot's single calls, row by row of facts §4.1 to §4.4, over the bare hubspot-api-client."""

import json
import re
from typing import Any

import pytest
from hubspot import HubSpot
from hubspot.crm.contacts.exceptions import ApiException

from tests.sandbox.receiver import Server

CONTACTS = "/crm/objects/2026-09/contacts"
PROPERTIES = "/crm/properties/2026-09/contacts"


@pytest.fixture
def client(hubspot: Server) -> Any:
    return HubSpot(access_token="pat-one", host=hubspot.url).crm.contacts.basic_api


def make(hubspot: Server, **properties: str) -> str:
    made = hubspot.json("POST", CONTACTS, {"properties": properties}, 201)
    return str(made["id"])


def test_the_official_client_creates_reads_and_updates(client: Any) -> None:
    made = client.create({"properties": {"email": "ava@mail.example", "firstname": "Ava"}})
    client.update(made.id, {"properties": {"lastname": "Nguyen"}})
    read = client.get_by_id(made.id)
    assert set(read.properties) == {
        "createdate",
        "email",
        "firstname",
        "hs_object_id",
        "lastmodifieddate",
        "lastname",
    }
    assert (read.properties["lastname"], read.archived) == ("Nguyen", False)
    assert int(read.id) > 2**32


@pytest.mark.parametrize("family", ["/crm/objects/2026-03", "/crm/objects/2026-09", "/crm/v3/objects"])
@pytest.mark.parametrize("name", ["contacts", "0-1"])
def test_all_path_families_are_the_same_contacts(hubspot: Server, family: str, name: str) -> None:
    contact_id = make(hubspot, email="ava@mail.example")
    assert hubspot.json("GET", f"{family}/{name}/{contact_id}")["id"] == contact_id


def test_numbered_paths_can_be_switched_off(hubspot: Server) -> None:
    hubspot.settings(numbered_paths=False)
    assert hubspot.call("GET", "/crm/v3/objects/contacts").status == 404
    assert hubspot.call("GET", CONTACTS).status == 200


def test_an_existing_email_is_409_with_the_id(client: Any) -> None:
    first = client.create({"properties": {"email": "ava@mail.example"}})
    with pytest.raises(ApiException) as refused:
        client.create({"properties": {"email": "AVA@mail.example"}})
    assert refused.value.status == 409
    body = json.loads(refused.value.body)
    found = re.search(r"Existing ID:\s*(\d+)", body["message"])
    assert found and found[1] == first.id
    assert body["category"] == "CONFLICT"


def test_a_patch_to_another_contacts_email_is_409(hubspot: Server) -> None:
    make(hubspot, email="ava@mail.example")
    other = make(hubspot, email="ben@mail.example")
    answer = hubspot.call("PATCH", f"{CONTACTS}/{other}", {"properties": {"email": "ava@mail.example"}})
    assert answer.status == 409


def test_create_needs_an_email_or_a_name(hubspot: Server) -> None:
    assert hubspot.call("POST", CONTACTS, {"properties": {"phone": "6175550100"}}).status == 400
    hubspot.settings(identity_required_on_create=False)
    assert hubspot.call("POST", CONTACTS, {"properties": {"phone": "6175550100"}}).status == 201


def test_validation_rules_bind_only_the_newest_version(hubspot: Server) -> None:
    hubspot.settings(required_on_create=["program"])
    body = {"properties": {"firstname": "Ava"}}
    assert hubspot.call("POST", CONTACTS, body).status == 400
    assert hubspot.call("POST", "/crm/v3/objects/contacts", body).status == 201


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("missing", "1", "PROPERTY_DOESNT_EXIST"),
        ("gpa", "3,5", "INVALID_INTEGER"),
        ("email", "ava at mail", "INVALID_EMAIL"),
        ("program", "Nursing", "INVALID_OPTION"),
        ("first_generation", "yes", "INVALID_OPTION"),
        ("interests", "music;chess", "INVALID_OPTION"),
        ("date_of_birth", "13/01/2004", "INVALID_DATE"),
        ("date_of_birth", "1752559200001", "INVALID_DATE"),
        ("last_campus_visit", "yesterday", "INVALID_DATE"),
        ("hs_object_id", "1", "READ_ONLY_VALUE"),
        ("num_associated_deals", "1", "READ_ONLY_VALUE"),
        ("firstname", None, "INVALID_TYPE"),
        ("firstname", "x" * 65_537, "INVALID_LENGTH"),
    ],
)
def test_values_are_checked_by_type(hubspot: Server, name: str, value: str | None, code: str) -> None:
    contact_id = make(hubspot, firstname="Ava")
    answer = hubspot.call(
        "PATCH", f"{CONTACTS}/{contact_id}", {"properties": {name: value, "city": "Boston"}}
    )
    body = answer.json()
    assert (answer.status, body["category"]) == (400, "VALIDATION_ERROR")
    assert body["errors"][0]["code"] == code
    assert body["errors"][0]["context"]["propertyName"] == [name]
    details = json.loads(body["message"].removeprefix("Property values were not valid: "))
    assert (details[0]["name"], details[0]["error"], details[0]["isValid"]) == (name, code, False)
    shown = hubspot.json("GET", f"{CONTACTS}/{contact_id}?properties=city")
    assert shown["properties"]["city"] is None, "one bad property refuses the whole input"


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("date_of_birth", "2004-02-29", "2004-02-29"),
        ("date_of_birth", "1078012800000", "2004-02-29"),
        ("last_campus_visit", "1752559200000", "2025-07-15T06:00:00.000Z"),
        ("last_campus_visit", "2025-07-15T06:00:00Z", "2025-07-15T06:00:00.000Z"),
        ("interests", "music;sports", "music;sports"),
        ("interests", ";research", "music;research"),
        ("first_generation", "true", "true"),
        ("gpa", "3.75", "3.75"),
    ],
)
def test_values_are_kept_in_the_platforms_form(hubspot: Server, name: str, value: str, stored: str) -> None:
    contact_id = make(hubspot, firstname="Ava", interests="music")
    answer = hubspot.json("PATCH", f"{CONTACTS}/{contact_id}", {"properties": {name: value}})
    assert answer["properties"][name] == stored


def test_an_empty_text_clears_and_reads_as_null_or_is_left_out(hubspot: Server) -> None:
    contact_id = make(hubspot, firstname="Ava", city="Boston")
    hubspot.json("PATCH", f"{CONTACTS}/{contact_id}", {"properties": {"city": ""}})
    shown = hubspot.json("GET", f"{CONTACTS}/{contact_id}?properties=city,unknown")
    assert shown["properties"]["city"] is None
    assert "unknown" not in shown["properties"]
    hubspot.settings(empty_as_null=False)
    assert "city" not in hubspot.json("GET", f"{CONTACTS}/{contact_id}?properties=city")["properties"]


def test_the_lifecycle_stage_moves_forward_only(hubspot: Server) -> None:
    contact_id = make(hubspot, firstname="Ava", lifecyclestage="opportunity")
    path = f"{CONTACTS}/{contact_id}"

    def after(value: str) -> str | None:
        answer = hubspot.json("PATCH", path, {"properties": {"lifecyclestage": value}})
        stage: str | None = answer["properties"].get("lifecyclestage")
        return stage

    assert after("lead") == "opportunity"
    assert after("") is None
    assert after("lead") == "lead"


def test_history_tells_who_set_a_value_and_when(hubspot: Server) -> None:
    contact_id = make(hubspot, firstname="Ava")
    hubspot.control(
        "PATCH", f"contacts/{contact_id}", {"properties": {"firstname": "Eva"}, "at_ms": 1795000000000}
    )
    shown = hubspot.json("GET", f"{CONTACTS}/{contact_id}?propertiesWithHistory=firstname")
    newest, oldest = shown["propertiesWithHistory"]["firstname"]
    assert (newest["value"], newest["sourceType"], newest["sourceId"]) == ("Eva", "CRM_UI", "userId:75514748")
    assert newest["timestamp"].startswith("2026-11-18T")
    assert (oldest["value"], oldest["sourceType"], oldest["sourceId"]) == ("Ava", "INTEGRATION", "54321")


def test_lists_page_by_the_next_id(hubspot: Server) -> None:
    ids = [make(hubspot, firstname=f"N{number}") for number in range(5)]
    first = hubspot.json("GET", f"{CONTACTS}?limit=2")
    assert first["paging"]["next"]["after"] == ids[2]
    second = hubspot.json("GET", f"{CONTACTS}?limit=3&after={ids[2]}")
    assert [each["id"] for each in second["results"]] == ids[2:]
    assert "paging" not in second
    assert hubspot.call("GET", f"{CONTACTS}?limit=101").status == 400
    assert hubspot.call("GET", f"{CONTACTS}?limit=51&propertiesWithHistory=email").status == 400


def test_archiving_hides_and_frees_the_email(hubspot: Server) -> None:
    contact_id = make(hubspot, email="ava@mail.example")
    assert hubspot.call("DELETE", f"{CONTACTS}/{contact_id}").status == 204
    assert hubspot.call("GET", f"{CONTACTS}/{contact_id}").status == 404
    assert hubspot.json("GET", f"{CONTACTS}/{contact_id}?archived=true")["archived"] is True
    hubspot.control("POST", "restore", {"id": contact_id})
    assert hubspot.json("GET", f"{CONTACTS}/ava@mail.example?idProperty=email")["id"] == contact_id


def test_a_privacy_delete_leaves_nothing(hubspot: Server) -> None:
    contact_id = make(hubspot, email="ava@mail.example")
    hubspot.call("POST", f"{CONTACTS}/gdpr-delete", {"objectId": contact_id})
    assert hubspot.call("GET", f"{CONTACTS}/{contact_id}?archived=true").status == 404
    assert make(hubspot, email="ava@mail.example") != contact_id


def test_a_merge_makes_a_third_record(hubspot: Server, client: Any) -> None:
    primary = make(hubspot, email="ava@mail.example", firstname="Ava")
    other = make(hubspot, email="eva@mail.example", firstname="Eva", city="Boston")
    body = {"primaryObjectId": primary, "objectIdToMerge": other}
    survivor = hubspot.json("POST", f"{CONTACTS}/merge", body)
    assert survivor["id"] not in (primary, other)
    assert survivor["properties"]["firstname"] == "Ava"
    assert survivor["properties"]["city"] == "Boston"
    assert survivor["properties"]["hs_merged_object_ids"] == f"{primary};{other}"
    assert survivor["properties"]["hs_additional_emails"] == "eva@mail.example"
    for old in (primary, other):
        assert client.get_by_id(old).id == survivor["id"]
        client.update(old, {"properties": {"city": "Salem"}})
    answer = hubspot.call("POST", CONTACTS, {"properties": {"email": "eva@mail.example"}})
    assert f"Existing ID: {survivor['id']}" in answer.json()["message"], "additional emails are unique too"


def test_merges_can_be_chained(hubspot: Server) -> None:
    one, two, three = (make(hubspot, firstname=name) for name in ("A", "B", "C"))
    first = hubspot.json("POST", f"{CONTACTS}/merge", {"primaryObjectId": one, "objectIdToMerge": two})
    body = {"primaryObjectId": three, "objectIdToMerge": first["id"]}
    last = hubspot.json("POST", f"{CONTACTS}/merge", body)
    assert hubspot.json("GET", f"{CONTACTS}/{one}")["id"] == last["id"]
    assert set(last["properties"]["hs_merged_object_ids"].split(";")) == {one, two, three, first["id"]}


def test_a_unique_property_is_a_key_and_refuses_a_second(hubspot: Server) -> None:
    contact_id = make(hubspot, firstname="Ava", admithub_id="ah1")
    assert hubspot.json("GET", f"{CONTACTS}/ah1?idProperty=admithub_id")["id"] == contact_id
    answer = hubspot.call("POST", CONTACTS, {"properties": {"firstname": "B", "admithub_id": "ah1"}})
    assert answer.json()["errors"][0]["code"] == "CONFLICTING_UNIQUE_VALUE"
    assert hubspot.call("GET", f"{CONTACTS}/ah1?idProperty=city").status == 400


def test_portals_do_not_see_each_other(hubspot: Server) -> None:
    contact_id = make(hubspot, email="ava@mail.example")
    other = Server(hubspot.url, "Bearer pat-two")
    assert other.call("GET", f"{CONTACTS}/{contact_id}").status == 404
    assert make(other, email="ava@mail.example") == contact_id, "ids are unique within a portal only"
    assert other.json("GET", "/account-info/2026-09/details")["portalId"] == 70001


def test_missing_and_unknown_tokens_are_401(hubspot: Server) -> None:
    for wrong in ("", "Bearer nobody", "Basic pat-one"):
        assert Server(hubspot.url, wrong).call("GET", CONTACTS).status == 401


def test_a_token_without_the_scope_is_403(hubspot: Server) -> None:
    scopes = ["oauth", "crm.objects.contacts.read"]
    hubspot.control("POST", "portals", {"portal": 62515, "tokens": ["pat-reader"], "scopes": scopes})
    reader = Server(hubspot.url, "Bearer pat-reader")
    assert reader.call("GET", CONTACTS).status == 200
    answer = reader.call("POST", CONTACTS, {"properties": {"firstname": "Ava"}})
    assert (answer.status, answer.json()["category"]) == (403, "MISSING_SCOPES")
    context = answer.json()["errors"][0]["context"]
    assert context["requiredGranularScopes"] == ["crm.objects.contacts.write"]


def test_a_long_address_is_414(hubspot: Server) -> None:
    contact_id = make(hubspot, firstname="Ava")
    assert hubspot.call("GET", f"{CONTACTS}/{contact_id}?properties={'x' * 9000}").status == 414


@pytest.mark.parametrize(
    ("switch", "name", "given", "stored"),
    [
        ("rewrite_trim", "firstname", " Ava ", "Ava"),
        ("rewrite_lowercase_email", "email", "Ava@Mail.example", "ava@mail.example"),
        ("rewrite_phone", "phone", "(617) 555-0100", "+1 617-555-0100"),
    ],
)
def test_values_may_be_rewritten(hubspot: Server, switch: str, name: str, given: str, stored: str) -> None:
    contact_id = make(hubspot, firstname="A")
    before = hubspot.json("PATCH", f"{CONTACTS}/{contact_id}", {"properties": {name: given}})
    assert before["properties"][name] == given
    hubspot.settings(**{switch: True})
    after = hubspot.json("PATCH", f"{CONTACTS}/{contact_id}", {"properties": {name: given}})
    assert after["properties"][name] == stored


def test_the_catalogue_over_http(hubspot: Server) -> None:
    client = HubSpot(access_token="pat-one", host=hubspot.url).crm.properties.core_api
    listed = {each.name: each for each in client.get_all("contacts").results}
    assert listed["admithub_id"].has_unique_value
    assert listed["hs_object_id"].modification_metadata.read_only_value
    assert listed["num_associated_deals"].calculated
    assert {o.value for o in listed["lifecyclestage"].options} >= {"lead", "opportunity"}
    assert "disability_support" not in listed
    sensitive = hubspot.json("GET", f"{PROPERTIES}?dataSensitivity=sensitive")["results"]
    assert [each["name"] for each in sensitive] == ["disability_support"]


def test_properties_can_be_created_and_archived(hubspot: Server) -> None:
    body = {"name": "cohort", "label": "Cohort", "type": "string", "fieldType": "text"}
    assert hubspot.call("POST", PROPERTIES, body).status == 400, "groupName is needed"
    hubspot.json("POST", PROPERTIES, {**body, "groupName": "university"}, 201)
    contact_id = make(hubspot, firstname="Ava", cohort="2030")
    assert hubspot.call("DELETE", f"{PROPERTIES}/cohort").status == 204
    answer = hubspot.call("PATCH", f"{CONTACTS}/{contact_id}", {"properties": {"cohort": "2031"}})
    assert answer.json()["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"
    assert hubspot.call("GET", f"{PROPERTIES}/cohort").status == 404
