"""Faults on demand, on both platforms: which calls they meet, and what is left of them."""

import time
from typing import Any

import pytest
import urllib3

from tests.sandbox.receiver import Server

AVA = {"first_name": "Ava", "last_name": "Smith", "phone": "6175550100"}


def count(mainstay: Server) -> int:
    return int(mainstay.control("GET", "contacts")["total"])


@pytest.mark.parametrize("kind", ["429", "500", "503", "401", "403", "477", "502"])
def test_statuses_look_like_the_platforms_own(hubspot: Server, mainstay: Server, kind: str) -> None:
    for server, path in ((hubspot, "/crm/objects/2026-09/contacts"), (mainstay, "/contacts/")):
        server.fault(kind, times=1, retry_after_s=7)
        answer = server.call("GET", path)
        assert answer.status == int(kind)
        assert answer.headers["Retry-After"] == "7"
        assert server.call("GET", path).status == 200


def test_hubspots_faults_have_hubspots_bodies(hubspot: Server) -> None:
    path = "/crm/objects/2026-09/contacts/search"
    hubspot.fault("429", path="/search", times=1)
    assert hubspot.call("POST", path, {}).json()["policyName"] == "SECONDLY"
    hubspot.fault("403", times=1)
    context = hubspot.call("POST", path, {}).json()["errors"][0]["context"]
    assert context["requiredGranularScopes"] == ["crm.objects.contacts.read"]


@pytest.mark.parametrize("kind", ["reset", "timeout", "garbage", "truncate", "500"])
def test_the_call_is_not_carried_out(mainstay: Server, kind: str) -> None:
    mainstay.fault(kind if kind != "truncate" else "apply-then-garbage", method="POST", delay_s=0.05)
    try:
        mainstay.call("POST", "/contacts/", AVA)
    except urllib3.exceptions.HTTPError:
        assert kind in ("reset", "timeout")
    assert count(mainstay) == (1 if kind == "truncate" else 0)


@pytest.mark.parametrize(
    "kind", ["apply-then-reset", "apply-then-timeout", "apply-then-503", "slow", "truncate"]
)
def test_the_answer_is_lost_and_not_the_write(mainstay: Server, kind: str) -> None:
    mainstay.fault(kind, method="POST", delay_s=0.05)
    try:
        answer = mainstay.call("POST", "/contacts/", AVA)
        assert answer.status == {"apply-then-503": 503, "slow": 201, "truncate": 201}[kind]
    except urllib3.exceptions.HTTPError:
        assert kind in ("apply-then-reset", "apply-then-timeout")
    assert count(mainstay) == 1
    (call,) = mainstay.control("GET", "calls")["calls"][-1:]
    assert call["fault"] == kind
    assert len(call["written"]) == 1


def test_a_timeout_keeps_silent(mainstay: Server) -> None:
    mainstay.fault("timeout", delay_s=0.2)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        mainstay.call("GET", "/contacts/", timeout=0.05)


def test_slow_is_slow(mainstay: Server) -> None:
    mainstay.fault("slow", delay_s=0.05)
    started = time.monotonic()
    assert mainstay.call("GET", "/contacts/").status == 200
    assert time.monotonic() - started >= 0.05


def test_latency_is_slow_for_every_call(mainstay: Server) -> None:
    mainstay.settings(latency_ms=30)
    started = time.monotonic()
    mainstay.call("GET", "/contacts/")
    assert time.monotonic() - started >= 0.03


@pytest.mark.parametrize(
    ("rule", "spoiled"),
    [
        ({"method": "PATCH"}, {"PATCH a", "PATCH b"}),
        ({"path": "^/contacts/$"}, {"GET list"}),
        ({"contains": "Eva"}, {"PATCH a"}),
        ({"after": 1}, {"PATCH a", "PATCH b"}),
        ({"times": 1}, {"GET list"}),
        ({"after": 1, "times": 1}, {"PATCH a"}),
        ({"account": "lake"}, set()),
    ],
)
def test_rules_choose_their_calls(mainstay: Server, rule: dict[str, Any], spoiled: set[str]) -> None:
    a, b = (mainstay.control("POST", "contacts", {**AVA, "phone": f"617555010{n}"})["id"] for n in range(2))
    mainstay.fault("500", **rule)
    statuses = {
        "GET list": mainstay.call("GET", "/contacts/").status,
        "PATCH a": mainstay.call("PATCH", f"/contacts/{a}/", {"first_name": "Eva"}).status,
        "PATCH b": mainstay.call("PATCH", f"/contacts/{b}/", {"first_name": "Ben"}).status,
    }
    assert {name for name, status in statuses.items() if status == 500} == spoiled


def test_a_contact_id_in_a_batch_can_be_the_poison(hubspot: Server) -> None:
    made = hubspot.control("POST", "contacts", {"properties": {"firstname": "Ava"}})
    hubspot.fault("400", contains=made["id"], method="POST")
    path = "/crm/objects/2026-09/contacts/batch/read"
    assert hubspot.call("POST", path, {"inputs": [{"id": made["id"]}]}).status == 400
    assert hubspot.call("POST", path, {"inputs": [{"id": "1"}]}).status == 207


def test_rules_are_listed_and_removed(mainstay: Server) -> None:
    first, second = mainstay.fault("500"), mainstay.fault("slow")
    mainstay.call("GET", "/contacts/")
    rules = mainstay.control("GET", "faults")["faults"]
    assert [(rule["id"], rule["spoiled"]) for rule in rules] == [(first["id"], 1), (second["id"], 0)]
    assert mainstay.control("DELETE", f"faults/{first['id']}") == {"removed": 1}
    assert mainstay.control("DELETE", "faults") == {"removed": 1}
    assert mainstay.call("GET", "/contacts/").status == 200


@pytest.mark.parametrize(
    "rule", [{"kind": "sulk"}, {}, {"kind": "500", "path": "("}, {"kind": "500", "x": 1}]
)
def test_unreadable_rules_are_refused(mainstay: Server, rule: dict[str, Any]) -> None:
    assert mainstay.call("POST", "/_sandbox/faults", rule).status == 400


def test_the_token_endpoint_is_met_only_by_name(hubspot: Server) -> None:
    hubspot.fault("401")
    token = "/oauth/2026-03/token"
    assert hubspot.call("POST", token, fields={}, encode_multipart=False).status == 400
    hubspot.fault("503", path="^/oauth/")
    assert hubspot.call("POST", token, fields={}, encode_multipart=False).status == 503
