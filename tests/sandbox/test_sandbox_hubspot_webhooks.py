"""HubSpot's deliveries (facts §2, §3): shapes, signatures, retries, and everything that may go wrong."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from hubspot.utils.signature import Signature

from sandbox.hubspot.signature import signature_v1, signature_v3
from tests.sandbox.receiver import Receiver, Server, wait_until

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
CONTACTS = "/crm/objects/2026-09/contacts"
AVA = {"properties": {"firstname": "Ava", "date_of_birth": "2004-02-29", "disability_support": "x"}}


@pytest.fixture
def hooked(hubspot: Server, receiver: Receiver) -> Server:
    hubspot.settings(webhook_url=receiver.url)
    return hubspot


def by_user(server: Server, **properties: str) -> str:
    return str(server.control("POST", "contacts", {"properties": properties})["id"])


def test_a_creation_comes_with_a_change_per_property(hooked: Server, receiver: Receiver) -> None:
    made = hooked.json("POST", CONTACTS, AVA, 201)
    hooked.settle()
    (post,) = receiver.received
    assert [e["subscriptionType"] for e in post.events] == ["contact.propertyChange"] * 3 + [
        "contact.creation"
    ]
    assert len({e["occurredAt"] for e in post.events}) == 1
    creation = post.events[-1]
    assert creation["objectId"] == int(made["id"])
    assert (creation["portalId"], creation["appId"], creation["attemptNumber"]) == (62515, 54321, 0)
    assert (creation["changeFlag"], creation["changeSource"], creation["sourceId"]) == (
        "CREATED",
        "INTEGRATION",
        "54321",
    )
    values = {e["propertyName"]: e["propertyValue"] for e in post.events[:-1]}
    assert values == {"firstname": "Ava", "date_of_birth": "1078012800000", "disability_support": "REDACTED"}


def test_a_users_edit_is_marked_as_one(hooked: Server, receiver: Receiver) -> None:
    contact_id = by_user(hooked, firstname="Ava", city="Boston")
    hooked.settle()
    receiver.received.clear()
    hooked.control("PATCH", f"contacts/{contact_id}", {"properties": {"city": ""}, "at_ms": 1795000000000})
    hooked.settle()
    (event,) = receiver.events()
    assert (event["changeSource"], event["sourceId"]) == ("CRM_UI", "userId:75514748")
    assert (event["propertyName"], event["propertyValue"]) == ("city", "")
    assert event["occurredAt"] == 1795000000000


def test_static_tokens_may_carry_another_source(hooked: Server, receiver: Receiver) -> None:
    hooked.settings(static_write_source_id="")
    hooked.json("POST", CONTACTS, {"properties": {"firstname": "Ava"}}, 201)
    hooked.settle()
    assert all("sourceId" not in event for event in receiver.events())


def test_an_equal_value_fires_only_if_switched(hooked: Server, receiver: Receiver) -> None:
    contact_id = by_user(hooked, firstname="Ava")
    hooked.settle()
    receiver.received.clear()
    before = hooked.control("GET", f"contacts/{contact_id}")["properties"]["lastmodifieddate"]
    hooked.json("PATCH", f"{CONTACTS}/{contact_id}", {"properties": {"firstname": "Ava"}})
    hooked.settle()
    assert receiver.events() == []
    assert hooked.control("GET", f"contacts/{contact_id}")["properties"]["lastmodifieddate"] == before
    hooked.settings(equal_value_fires=True)
    hooked.json("PATCH", f"{CONTACTS}/{contact_id}", {"properties": {"firstname": "Ava"}})
    hooked.settle()
    assert receiver.kinds() == ["contact.propertyChange"]


def test_only_subscribed_properties_and_types_fire(hooked: Server, receiver: Receiver) -> None:
    hooked.settings(subscribed_properties=["email"], subscribed_types=["propertyChange"])
    by_user(hooked, firstname="Ava", email="ava@mail.example")
    hooked.settle()
    assert [event["propertyName"] for event in receiver.events()] == ["email"]


def test_generic_names(hooked: Server, receiver: Receiver) -> None:
    hooked.settings(event_names="generic")
    contact_id = by_user(hooked, firstname="Ava")
    hooked.control("POST", "privacy-delete", {"id": contact_id})
    hooked.settle()
    kinds = ["object.propertyChange", "object.creation", "contact.privacyDeletion", "object.deletion"]
    assert receiver.kinds() == kinds
    change, creation, privacy, _ = receiver.events()
    assert (change["objectTypeId"], change["isSensitive"]) == ("0-1", False)
    assert (creation["objectTypeId"], creation["changeFlag"]) == ("0-1", "CREATED")
    assert "objectTypeId" not in privacy


def test_deletion_restore_and_privacy_deletion(hooked: Server, receiver: Receiver) -> None:
    contact_id = by_user(hooked, firstname="Ava")
    hooked.settle()
    receiver.received.clear()
    hooked.control("DELETE", f"contacts/{contact_id}")
    hooked.control("POST", "restore", {"id": contact_id})
    hooked.control("POST", "privacy-delete", {"id": contact_id})
    hooked.settle()
    assert sorted(receiver.kinds()) == [
        "contact.deletion",
        "contact.deletion",
        "contact.privacyDeletion",
        "contact.restore",
    ]
    flags = {event["subscriptionType"]: event.get("changeFlag") for event in receiver.events()}
    assert flags == {"contact.deletion": "DELETED", "contact.restore": None, "contact.privacyDeletion": None}


@pytest.mark.parametrize("object_id", ["new", "primary"])
@pytest.mark.parametrize("deletions", [False, True])
def test_merges(hooked: Server, receiver: Receiver, object_id: str, deletions: bool) -> None:
    one, two = by_user(hooked, firstname="A"), by_user(hooked, firstname="B", city="Boston")
    hooked.settle()
    receiver.received.clear()
    hooked.settings(merge_object_id=object_id, merge_sends_deletions=deletions)
    survivor = hooked.control("POST", "merge", {"primary": one, "other": two})
    hooked.settle()
    merge, *rest = receiver.events()
    assert merge["subscriptionType"] == "contact.merge"
    assert merge["objectId"] == int(survivor["id"] if object_id == "new" else one)
    assert (merge["primaryObjectId"], merge["newObjectId"]) == (int(one), int(survivor["id"]))
    assert merge["mergedObjectIds"] == [int(one), int(two)]
    assert merge["numberOfPropertiesMoved"] == 1
    assert [event["objectId"] for event in rest] == ([int(one), int(two)] if deletions else [])


def test_signatures_hold_for_the_sign_url(hooked: Server, receiver: Receiver) -> None:
    public = "https://sync.example.edu/webhooks/hubspot"
    hooked.settings(sign_url=public)
    by_user(hooked, firstname="Zoë 😀")
    hooked.settle()
    (post,) = receiver.received
    stamp, secret = post.headers["x-hubspot-request-timestamp"], SECRET.encode()
    signed = b"POST" + public.encode() + post.body + stamp.encode()
    v3 = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert post.headers["x-hubspot-signature-v3"] == v3
    assert post.headers["x-hubspot-signature"] == hashlib.sha256(secret + post.body).hexdigest()
    assert post.headers["x-hubspot-signature-version"] == "v1"
    assert Signature.is_valid(
        signature=v3,
        client_secret=SECRET,
        request_body=post.body.decode(),
        http_method="POST",
        http_uri=public,
        signature_version="v3",
        timestamp=stamp,
    ), "HubSpot's own SDK accepts it"
    hooked.settings(legacy_signature_v1=False)
    by_user(hooked, firstname="Ava")
    hooked.settle()
    assert "x-hubspot-signature" not in receiver.received[-1].headers


def vectors() -> list[dict[str, Any]]:
    path = Path(__file__).parents[1] / "samples" / "hubspot-signature-vectors.json"
    found: list[dict[str, Any]] = json.loads(path.read_text())["vectors"] if path.exists() else []
    return [each for each in found if each["version"] in ("v1", "v3")] or [OFFICIAL]


OFFICIAL = {
    "id": "v3-py",
    "version": "v3",
    "method": "POST",
    "uri": "https://www.example.com/webhook_uri",
    "timestamp": "1693657560000",
    "body": "{'example_field':'example_value'}",
    "expected": "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
}


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: str(vector["id"]))
def test_official_vectors(vector: dict[str, Any]) -> None:
    body = vector["body"].encode()
    if vector["version"] == "v1":
        assert signature_v1(SECRET, body) == vector["expected"]
    else:
        made = signature_v3(SECRET, vector["method"], vector["uri"], body, vector["timestamp"])
        assert made == vector["expected"]


def test_any_4xx_or_5xx_is_tried_again_with_the_same_events(hooked: Server, receiver: Receiver) -> None:
    receiver.answers += [500, 401, 503]
    by_user(hooked, firstname="Ava")
    hooked.settle()
    assert [post.status for post in receiver.received] == [500, 401, 503, 204]
    assert [post.events[0]["attemptNumber"] for post in receiver.received] == [0, 1, 2, 3]
    assert len({post.events[0]["eventId"] for post in receiver.received}) == 1
    status = hooked.control("GET", "deliveries")
    assert status["by_status"] == {"500": 1, "401": 1, "503": 1, "204": 1}


def test_retries_may_change_ids_and_batches(hooked: Server, receiver: Receiver) -> None:
    hooked.settings(retry_keeps_event_id=False, retry_splits_batch=True)
    receiver.answers += [500]
    by_user(hooked, firstname="Ava", lastname="S")
    hooked.settle()
    first, *rest = receiver.received
    assert sorted(len(post.events) for post in rest) == [1, 2]
    again = {event["eventId"] for post in rest for event in post.events}
    assert not again & {event["eventId"] for event in first.events}


def test_ten_tries_then_it_is_given_up(hooked: Server, receiver: Receiver) -> None:
    receiver.answers += [500] * 20
    by_user(hooked, firstname="Ava")
    hooked.settle()
    assert len(receiver.received) == 10
    assert hooked.control("GET", "deliveries")["given_up"] == 2


def test_a_silent_receiver_is_a_timeout(hooked: Server, receiver: Receiver) -> None:
    hooked.settings(delivery_timeout_s=0.05)
    receiver.gate.clear()
    by_user(hooked, firstname="Ava")
    wait_until(lambda: "timeout" in hooked.control("GET", "deliveries")["by_status"])
    receiver.gate.set()
    hooked.settle()
    assert hooked.control("GET", "deliveries")["delivered"] == 2


def test_an_absent_receiver_is_tried_again(hooked: Server, receiver: Receiver) -> None:
    hooked.settings(webhook_url="http://127.0.0.1:9/none", retry_schedule_s=[0.02] * 9)
    by_user(hooked, firstname="Ava")
    wait_until(lambda: "unreachable" in hooked.control("GET", "deliveries")["by_status"])
    hooked.settings(webhook_url=receiver.url)
    hooked.settle()
    assert len(receiver.events()) == 2


def test_a_post_holds_at_most_100_events(hooked: Server, receiver: Receiver) -> None:
    hooked.settings(batch_window_s=2)  # all are gathered before the window closes: only fullness ends a POST
    inputs = [{"properties": {"firstname": f"N{n}"}} for n in range(80)]
    hooked.json("POST", f"{CONTACTS}/batch/create", {"inputs": inputs}, 201)
    hooked.settle()
    assert len(receiver.events()) == 160
    assert max(len(post.events) for post in receiver.received) == 100


def test_at_most_ten_posts_are_in_flight_per_account(hooked: Server, receiver: Receiver) -> None:
    hooked.settings(max_events_per_post=1)
    receiver.gate.clear()
    inputs = [{"properties": {"firstname": f"N{n}"}} for n in range(20)]
    hooked.json("POST", f"{CONTACTS}/batch/create", {"inputs": inputs}, 201)
    wait_until(lambda: hooked.control("GET", "deliveries")["posts_in_flight"] == 10)
    receiver.gate.set()
    hooked.settle()
    assert len(receiver.events()) == 40


def test_duplicates_shuffle_single_objects_and_delay(hooked: Server, receiver: Receiver) -> None:
    hooked.settings(duplicate_deliveries=True)
    by_user(hooked, firstname="Ava")
    hooked.settle()
    assert receiver.received[0].body == receiver.received[1].body
    receiver.received.clear()
    hooked.settings(duplicate_deliveries=False, shuffle_deliveries=True, batch_window_s=0.05)
    for number in range(12):
        by_user(hooked, firstname=f"N{number}")
    hooked.settle()
    ids = [event["objectId"] for event in receiver.events()]
    assert ids != sorted(ids)
    receiver.received.clear()
    hooked.settings(shuffle_deliveries=False, single_object=True, delivery_delay_s=0.05)
    by_user(hooked, firstname="Ava")
    assert receiver.received == []
    hooked.settle()
    assert {type(json.loads(post.body)) for post in receiver.received} == {dict}


def test_events_can_be_lost(hooked: Server, receiver: Receiver) -> None:
    hooked.settings(lose_next=1)
    by_user(hooked, firstname="Ava")
    hooked.settle()
    assert receiver.kinds() == ["contact.creation"]
    hooked.settings(lose_next=-1)
    by_user(hooked, firstname="Ben")
    hooked.settle()
    assert len(receiver.received) == 1
    assert hooked.control("GET", "deliveries")["lost"] == 3


def test_portals_may_share_a_post(hooked: Server, receiver: Receiver) -> None:
    hooked.settings(mix_portals_in_post=True, batch_window_s=0.1)
    for portal in (62515, 70001):
        hooked.control("POST", f"contacts?portal={portal}", {"properties": {"firstname": "Ava"}})
    hooked.settle()
    (post,) = receiver.received
    assert {event["portalId"] for event in post.events} == {62515, 70001}


def test_raw_events_such_as_the_test_button(hooked: Server, receiver: Receiver) -> None:
    event = {"eventId": 100, "objectId": 123, "subscriptionType": "contact.creation", "changeFlag": "NEW"}
    hooked.control("POST", "events", {"events": [event]})
    hooked.settle()
    assert receiver.events() == [{**event, "attemptNumber": 0}]
