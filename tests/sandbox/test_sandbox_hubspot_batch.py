"""HubSpot's batch calls (facts §4.1, §4.3): what is partial, what is all or nothing, what is refused."""

import time
from typing import Any

import pytest
from hubspot import HubSpot

from tests.sandbox.receiver import Server

CONTACTS = "/crm/objects/2026-09/contacts"


def created(hubspot: Server, *properties: dict[str, str]) -> list[str]:
    inputs = [{"properties": each} for each in properties]
    answer = hubspot.json("POST", f"{CONTACTS}/batch/create", {"inputs": inputs}, 201)
    return [each["id"] for each in answer["results"]]


def total(hubspot: Server) -> int:
    return int(hubspot.control("GET", "contacts")["total"])


def traced(*properties: dict[str, Any], **more: str) -> dict[str, Any]:
    inputs = [{"objectWriteTraceId": f"t{n}", "properties": p, **more} for n, p in enumerate(properties)]
    return {"inputs": inputs}


def test_the_official_client_reads_a_batch(hubspot: Server) -> None:
    ids = created(hubspot, {"firstname": "A"}, {"firstname": "B"})
    api = HubSpot(access_token="pat-one", host=hubspot.url).crm.contacts.batch_api
    body = {
        "inputs": [{"id": each} for each in ids],
        "properties": ["firstname"],
        "propertiesWithHistory": [],
    }
    answer = api.read(body)
    assert {each.properties["firstname"] for each in answer.results} == {"A", "B"}
    assert answer.status == "COMPLETE"


def test_missing_ids_make_a_207(hubspot: Server) -> None:
    (contact_id,) = created(hubspot, {"firstname": "A"})
    body = {"inputs": [{"id": contact_id}, {"id": "1"}, {"id": "2"}]}
    answer = hubspot.json("POST", f"{CONTACTS}/batch/read", body, 207)
    assert [each["id"] for each in answer["results"]] == [contact_id]
    (error,) = answer["errors"]
    assert (answer["numErrors"], error["category"]) == (1, "OBJECT_NOT_FOUND")
    assert error["context"]["ids"] == ["1", "2"]


@pytest.mark.parametrize(
    ("id_property", "key"), [("email", "A@mail.example"), ("admithub_id", "ah1"), ("hs_object_id", None)]
)
def test_reads_by_email_and_unique_property(hubspot: Server, id_property: str, key: str | None) -> None:
    (contact_id,) = created(hubspot, {"email": "a@mail.example", "admithub_id": "ah1"})
    body = {"inputs": [{"id": key or contact_id}], "idProperty": id_property}
    answer = hubspot.json("POST", f"{CONTACTS}/batch/read", body)
    assert answer["results"][0]["id"] == contact_id


def test_batch_sizes_are_bounded(hubspot: Server) -> None:
    def status(count: int, **more: Any) -> int:
        body = {"inputs": [{"id": str(n)} for n in range(count)], **more}
        return hubspot.call("POST", f"{CONTACTS}/batch/read", body).status

    assert (status(100), status(101)) == (207, 400)
    assert (status(50, propertiesWithHistory=["email"]), status(51, propertiesWithHistory=["email"])) == (
        207,
        400,
    )


def test_history_comes_with_a_batch(hubspot: Server) -> None:
    (contact_id,) = created(hubspot, {"firstname": "A"})
    body = {"inputs": [{"id": contact_id}], "propertiesWithHistory": ["firstname"]}
    answer = hubspot.json("POST", f"{CONTACTS}/batch/read", body)
    assert answer["results"][0]["propertiesWithHistory"]["firstname"][0]["value"] == "A"


def test_create_without_trace_ids_is_all_or_nothing(hubspot: Server) -> None:
    created(hubspot, {"email": "a@mail.example"})
    body = {"inputs": [{"properties": {"firstname": "B"}}, {"properties": {"email": "a@mail.example"}}]}
    assert hubspot.call("POST", f"{CONTACTS}/batch/create", body).status == 409
    bad = {"inputs": [{"properties": {"firstname": "B"}}, {"properties": {"missing": "1"}}]}
    assert hubspot.call("POST", f"{CONTACTS}/batch/create", bad).status == 400
    assert total(hubspot) == 1


def test_create_with_unique_trace_ids_is_partial(hubspot: Server) -> None:
    (known,) = created(hubspot, {"email": "a@mail.example"})
    body = traced({"firstname": "B"}, {"firstname": "C", "missing": "1"}, {"email": "a@mail.example"})
    answer = hubspot.json("POST", f"{CONTACTS}/batch/create", body, 207)
    assert [each["objectWriteTraceId"] for each in answer["results"]] == ["t0"]
    by_trace = {error["context"]["objectWriteTraceId"][0]: error for error in answer["errors"]}
    assert answer["numErrors"] == 2
    assert by_trace["t1"]["category"] == "VALIDATION_ERROR"
    assert by_trace["t2"]["message"] == f"Contact already exists. Existing ID: {known}"


def test_repeated_trace_ids_are_not_enough(hubspot: Server) -> None:
    body = traced({"firstname": "B"}, {"missing": "1"})
    body["inputs"][1]["objectWriteTraceId"] = "t0"
    assert hubspot.call("POST", f"{CONTACTS}/batch/create", body).status == 400
    assert total(hubspot) == 0


def test_one_email_twice_in_a_batch_is_refused(hubspot: Server) -> None:
    body = {"inputs": [{"properties": {"email": "a@mail.example"}}] * 2}
    assert hubspot.call("POST", f"{CONTACTS}/batch/create", body).status == 409
    assert total(hubspot) == 0


def test_update_is_all_or_nothing(hubspot: Server) -> None:
    one, two = created(hubspot, {"firstname": "A"}, {"firstname": "B"})

    def status(*inputs: tuple[str, dict[str, str]]) -> int:
        body = {"inputs": [{"id": key, "properties": values} for key, values in inputs]}
        return hubspot.call("POST", f"{CONTACTS}/batch/update", body).status

    assert status((one, {"city": "Boston"}), ("1", {"city": "Boston"})) == 404
    assert status((one, {"city": "Boston"}), (two, {"missing": "1"})) == 400
    assert status((one, {"city": "Boston"}), (one, {"city": "Salem"})) == 400
    assert "city" not in hubspot.control("GET", f"contacts/{one}")["properties"]
    assert status((one, {"city": "Boston"}), (two, {"city": "Boston"})) == 200


def test_update_can_be_switched_to_partial(hubspot: Server) -> None:
    (one,) = created(hubspot, {"firstname": "A"})
    hubspot.settings(batch_update_partial=True)
    body = {"inputs": [{"id": one, "properties": {"city": "Boston"}}, {"id": "1", "properties": {}}]}
    answer = hubspot.json("POST", f"{CONTACTS}/batch/update", body, 207)
    assert answer["errors"][0]["context"]["ids"] == ["1"]


def test_merged_away_ids_do_not_work_in_batches(hubspot: Server) -> None:
    one, two = created(hubspot, {"firstname": "A"}, {"firstname": "B"})
    merged = hubspot.json("POST", f"{CONTACTS}/merge", {"primaryObjectId": one, "objectIdToMerge": two})
    update = {"inputs": [{"id": one, "properties": {"city": "Boston"}}]}
    assert hubspot.call("POST", f"{CONTACTS}/batch/update", update).status == 404
    assert hubspot.call("POST", f"{CONTACTS}/batch/read", {"inputs": [{"id": one}]}).status == 207
    hubspot.settings(batch_read_follows_merges=True)
    answer = hubspot.json("POST", f"{CONTACTS}/batch/read", {"inputs": [{"id": one}]})
    assert answer["results"][0]["id"] == merged["id"]


def test_upsert_by_a_unique_property_is_idempotent(hubspot: Server) -> None:
    body = {"inputs": [{"idProperty": "admithub_id", "id": "ah1", "properties": {"firstname": "Ava"}}]}
    first = hubspot.json("POST", f"{CONTACTS}/batch/upsert", body)["results"][0]
    again = hubspot.json("POST", f"{CONTACTS}/batch/upsert", body)["results"][0]
    assert (first["new"], again["new"], again["id"]) == (True, False, first["id"])
    assert first["properties"]["admithub_id"] == "ah1"


def test_upsert_by_email_is_never_partial(hubspot: Server) -> None:
    def inputs(id_property: str) -> dict[str, Any]:
        body = traced({"firstname": "A"}, {"missing": "1"}, idProperty=id_property)
        for number, each in enumerate(body["inputs"]):
            each["id"] = f"k{number}@mail.example"
        return body

    assert hubspot.call("POST", f"{CONTACTS}/batch/upsert", inputs("email")).status == 400
    assert total(hubspot) == 0
    assert hubspot.call("POST", f"{CONTACTS}/batch/upsert", inputs("admithub_id")).status == 207
    assert hubspot.call("POST", f"{CONTACTS}/batch/upsert", inputs("city")).status == 400


def test_a_batch_of_100_takes_milliseconds(hubspot: Server) -> None:
    ids = created(hubspot, *({"firstname": "A", "lastname": f"L{n}"} for n in range(100)))
    body = {"inputs": [{"id": each} for each in ids], "properties": ["firstname", "lastname", "email"]}
    best = 1.0
    for _ in range(5):
        started = time.perf_counter()
        hubspot.json("POST", f"{CONTACTS}/batch/read", body)
        best = min(best, time.perf_counter() - started)
    assert best < 0.03, "a kept-alive call must not pay for a delayed ACK"
