"""Mainstay's change events (contract §5): shape, signatures, secrets per organisation, delivery switches."""

import base64
import hashlib
import hmac
from typing import Any

import pytest

from tests.sandbox.receiver import Received, Receiver, Server

AVA = {"first_name": "Ava", "last_name": "Smith", "phone": "6175550100"}
SECRETS = ["whsec_" + base64.b64encode(text).decode() for text in (b"new secret of this one", b"old secret")]


@pytest.fixture
def hooked(mainstay: Server, receiver: Receiver) -> Server:
    mainstay.settings(webhook_url=receiver.url)
    return mainstay


def signatures(post: Received, secrets: list[str]) -> list[str]:
    signed = f"{post.headers['webhook-id']}.{post.headers['webhook-timestamp']}.".encode() + post.body
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    return ["v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]


def test_events_carry_the_contact_as_the_api_returns_it(hooked: Server, receiver: Receiver) -> None:
    made = hooked.json("POST", "/contacts/", AVA, 201)
    hooked.json("PATCH", f"/contacts/{made['id']}/", {"crm_id": "77"})
    hooked.control("PATCH", f"contacts/{made['id']}", {"first_name": "Eva"})
    hooked.control("DELETE", f"contacts/{made['id']}")
    hooked.settle()
    events: list[dict[str, Any]] = sorted(receiver.events(), key=lambda event: str(event["occurred_at"]))
    kinds = ["contact.created", "contact.updated", "contact.updated", "contact.archived"]
    assert [event["type"] for event in events] == kinds
    assert {event["org_id"] for event in events} == {"river"}
    assert len({event["id"] for event in events}) == 4
    assert events[0]["contact"] == made
    assert events[1]["contact"]["crm_id"] == "77"
    assert events[3]["contact"]["archived"] is True
    assert events[3]["occurred_at"] == events[3]["contact"]["modified"]


def test_an_equal_write_is_silent_and_the_apis_own_can_be(hooked: Server, receiver: Receiver) -> None:
    made = hooked.control("POST", "contacts", AVA)
    hooked.json("PATCH", f"/contacts/{made['id']}/", {"first_name": "Ava"})
    hooked.settings(api_writes_fire=False)
    hooked.json("PATCH", f"/contacts/{made['id']}/", {"first_name": "Eva"})
    hooked.settle()
    assert receiver.kinds() == ["contact.created"]


def test_every_secret_of_the_organisation_signs(hooked: Server, receiver: Receiver) -> None:
    hooked.control("POST", "orgs", {"org": "hill", "tokens": ["hill-token"], "webhook_secrets": SECRETS})
    hooked.control("POST", "contacts?org=hill", AVA)
    hooked.settle()
    (post,) = receiver.received
    assert post.headers["webhook-signature"].split(" ") == signatures(post, SECRETS)
    hooked.control("POST", "contacts", AVA)
    hooked.settle()
    assert receiver.received[1].headers["webhook-signature"] not in signatures(receiver.received[1], SECRETS)


def test_a_retry_keeps_the_message_id(hooked: Server, receiver: Receiver) -> None:
    receiver.answers += [503, 429]
    hooked.control("POST", "contacts", AVA)
    hooked.settle()
    assert [post.status for post in receiver.received] == [503, 429, 204]
    assert len({post.headers["webhook-id"] for post in receiver.received}) == 1


def test_events_can_come_as_an_array(hooked: Server, receiver: Receiver) -> None:
    hooked.settings(single_object=False, max_events_per_post=10, batch_window_s=0.05)
    hooked.control("POST", "contacts", {"contacts": [{**AVA, "phone": f"617555010{n}"} for n in range(3)]})
    hooked.settle()
    (post,) = receiver.received
    assert post.body.startswith(b"[")
    assert len(post.events) == 3


def test_an_edit_can_be_dated(hooked: Server, receiver: Receiver) -> None:
    made = hooked.control("POST", "contacts", {**AVA, "at_ms": 1795000000000})
    assert made["modified"] == "2026-11-18T11:06:40.000000Z"
    hooked.settle()
    assert receiver.events()[0]["occurred_at"] == made["modified"]
