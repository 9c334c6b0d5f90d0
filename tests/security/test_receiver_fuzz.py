"""Any bytes and any headers: the receiver gives a documented answer, quickly, and queues what it may only."""

import gzip
import json
import logging
import time

import pytest

from tests.security import fuzz
from tests.unit.webhooks import kit

DIGITS = "1" * 900_000
HEAVY = {
    "deep lists": b"[" * fuzz.MIB,
    "deep objects": b'{"a":' * (fuzz.MIB // 5),
    "deep and closed": b"[" * (fuzz.MIB // 2) + b"]" * (fuzz.MIB // 2),
    "one huge number": b"[" + b"9" * (fuzz.MIB - 2) + b"]",
    "huge exponent": b"[1e" + b"9" * (fuzz.MIB - 4) + b"]",
    "huge numbers as ids": json.dumps([kit.change()]).encode().replace(b": 101", b": " + b"9" * 900_000),
    "huge text as id": json.dumps([kit.change(contact="9" * 900_000)]).encode(),
    "huge key": json.dumps([kit.change() | {"k" * 900_000: 1}]).encode(),
    "many keys": json.dumps([kit.change() | {f"k{n}": n for n in range(60_000)}]).encode(),
    "many members": json.dumps([{}] * 300_000).encode(),
    "many small events": json.dumps([kit.change(contact=n) for n in range(3_000)]).encode(),
    "escapes": b'["' + b"\\u0041" * 170_000 + b'"]',
    "white space": b" " * (fuzz.MIB - 2) + b"[]",
    "phone of digits": json.dumps([kit.change("phone", "9" * 900_000)]).encode(),
    "phone of pluses": json.dumps([kit.change("phone", "+" * 900_000)]).encode(),
    "email of ats": json.dumps([kit.change("email", "@" * 900_000)]).encode(),
    "date of digits": json.dumps(kit.told("hill", {"id": "x", "custom": {"Birth Date": DIGITS}})).encode(),
}  # fmt: skip
SLOWEST_S = 2.0  # the contract allows 4; this machine may be busy


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Thousands of log lines help nobody."""
    logging.getLogger("crosswalk").setLevel(logging.CRITICAL)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_thousands_of_strange_requests(seed: int) -> None:
    here = kit.site()
    tally = fuzz.attack(here.client.application, seed, 2_000)
    assert tally.slowest_s < SLOWEST_S, tally.slowest
    assert {204, 400, 401, 415} <= set(tally.statuses)
    known = {kit.PORTAL.id, kit.SECOND_PORTAL.id, *(one.id for one in kit.TABLE.instances)}
    assert here.queue.messages and {message.address.id for message in here.queue.messages} <= known


@pytest.mark.parametrize("name", HEAVY)
@pytest.mark.parametrize("platform", ["hubspot", "mainstay"])
def test_heavy_bodies_are_answered_in_time(name: str, platform: str) -> None:
    here = kit.site()
    started_s = time.monotonic()
    answer = here.hubspot(HEAVY[name]) if platform == "hubspot" else here.mainstay(HEAVY[name])
    assert answer.status_code in fuzz.DOCUMENTED - {401}
    assert time.monotonic() - started_s < SLOWEST_S


def test_a_packed_body_is_refused_before_it_is_unpacked() -> None:
    here, bomb = kit.site(), gzip.compress(b" " * (200 * fuzz.MIB), 1)[:900_000]
    headers = kit.hubspot_headers(bomb) | {"Content-Encoding": "gzip"}
    started_s = time.monotonic()
    assert here.client.post("/webhooks/hubspot", data=bomb, headers=headers).status_code == 415
    assert time.monotonic() - started_s < 0.5


@pytest.mark.parametrize("header", ["X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp", "Content-Type"])
def test_heavy_headers_are_answered_in_time(header: str) -> None:
    raw = kit.raw_of([kit.change()])
    for value in ("9" * 8_000, "=" * 8_000, "a;" * 4_000, "," * 8_000):
        started_s = time.monotonic()
        answer = kit.site().client.post(
            "/webhooks/hubspot", data=raw, headers=kit.hubspot_headers(raw) | {header: value}
        )
        assert answer.status_code in (401, 415)
        assert time.monotonic() - started_s < 0.5


def test_many_signatures_cost_little() -> None:
    raw = kit.raw_of(kit.told())
    headers = kit.mainstay_headers(raw)
    headers["webhook-signature"] = " ".join(["v1,AAAA"] * 1_000 + [headers["webhook-signature"]])
    started_s = time.monotonic()
    assert kit.site().client.post("/webhooks/mainstay", data=raw, headers=headers).status_code in (204, 401)
    assert time.monotonic() - started_s < 0.5
