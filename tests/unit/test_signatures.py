"""The two verifiers: official vectors, both ends of the window, several secrets, and anything as a header."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.platforms.hubspot import signature as hubspot
from core.platforms.mainstay import signature as mainstay
from webhooks import mainstay as receiving

SAMPLES = Path(__file__).parents[1] / "samples" / "hubspot-signature-vectors.json"
DOCUMENT = json.loads(SAMPLES.read_text())
URI = "https://sync.example.edu/webhooks/hubspot"
NOW_MS = 1_795_000_000_000
BODY = '[{"propertyValue":"Zoë"}]'.encode()
FIVE_MINUTES_MS = 300_000


@pytest.mark.parametrize("vector", DOCUMENT["vectors"], ids=lambda vector: vector["id"])
def test_every_vector_is_recomputed(vector: dict[str, Any]) -> None:
    secret, body = DOCUMENT["secret"], vector["body"].encode()
    computed = {
        "v1": lambda: hubspot.v1(secret, body),
        "v2": lambda: hubspot.v2(secret, vector["method"], vector["uri"], body),
        "v3": lambda: hubspot.v3(secret, vector["method"], vector["uri"], body, vector["timestamp"]),
    }[vector["version"]]()
    assert computed == vector["expected"]


def signed(secret: str = "new", at_ms: Any = NOW_MS, body: bytes = BODY, uri: str = URI) -> dict[str, str]:
    return {
        "x-hubspot-signature-v3": hubspot.v3(secret, "POST", uri, body, str(at_ms)),
        "x-hubspot-request-timestamp": str(at_ms),
    }


def refused(headers: dict[str, str], body: bytes = BODY, **more: Any) -> str:
    arguments: dict[str, Any] = {
        "method": "POST",
        "uris": (URI,),
        "secrets": ("new", "old"),
        "now_ms": NOW_MS,
    } | more
    return hubspot.refusal(headers, body, **arguments)


@pytest.mark.parametrize("secret", ["new", "old"])
def test_any_of_the_secrets_fits(secret: str) -> None:
    assert refused(signed(secret)) == ""
    assert refused(signed(secret), secrets=()) == "wrong"


def test_what_the_signature_covers() -> None:
    assert refused(signed("other")) == "wrong"
    assert refused(signed(), body=BODY + b" ") == "wrong"
    assert refused(signed(uri="http://sync.example.edu/webhooks/hubspot")) == "wrong"
    assert refused(signed(uri=URI + "/")) == "wrong"
    moved = signed() | {"x-hubspot-request-timestamp": str(NOW_MS + 1)}
    assert refused(moved) == "wrong"
    assert refused(signed(uri=URI + "?a=1"), uris=(URI, URI + "?a=1")) == ""


@pytest.mark.parametrize(
    ("off_ms", "answer"),
    [
        (-FIVE_MINUTES_MS, ""),
        (-FIVE_MINUTES_MS - 1, "stale"),
        (FIVE_MINUTES_MS, ""),
        (FIVE_MINUTES_MS + 1, "future"),
        (365 * 86_400_000, "future"),
    ],
)
def test_the_window_has_two_ends(off_ms: int, answer: str) -> None:
    assert refused(signed(at_ms=NOW_MS + off_ms)) == answer


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"x-hubspot-signature-v3": ""}, "missing"),
        ({"x-hubspot-request-timestamp": ""}, "missing"),
        ({"x-hubspot-request-timestamp": "soon"}, "malformed"),
        ({"x-hubspot-request-timestamp": "-1"}, "malformed"),
        ({"x-hubspot-request-timestamp": "1" * 5000}, "malformed"),
        ({"x-hubspot-request-timestamp": "١٧٩٥"}, "malformed"),
        ({"x-hubspot-signature-v3": "ÿé\udcff"}, "wrong"),
        ({"x-hubspot-signature-v3": "a,a"}, "wrong"),
    ],
)
def test_odd_headers_are_refused(change: dict[str, str], answer: str) -> None:
    assert refused(signed() | change) == answer


def test_absent_headers_are_refused() -> None:
    for name in signed():
        assert refused({other: value for other, value in signed().items() if other != name}) == "missing"


def legacy(version: str, value: str) -> dict[str, str]:
    return {"x-hubspot-signature": value, "x-hubspot-signature-version": version}


def test_old_versions_only_where_allowed() -> None:
    of_v1, of_v2 = legacy("v1", hubspot.v1("old", BODY)), legacy("v2", hubspot.v2("new", "POST", URI, BODY))
    assert refused(of_v1) == refused(of_v2) == "missing"
    assert refused(of_v1, legacy=True) == refused(of_v2, legacy=True) == ""
    assert refused(of_v1, legacy=True, body=b"x") == refused(of_v2, legacy=True, body=b"x") == "wrong"
    assert refused(legacy("v4", hubspot.v1("old", BODY)), legacy=True) == "malformed"


def test_v3_alone_decides_where_it_is_there() -> None:
    both = signed(at_ms=NOW_MS - FIVE_MINUTES_MS - 1) | legacy("v1", hubspot.v1("new", BODY))
    assert refused(both, legacy=True) == "stale"
    assert refused(both | {"x-hubspot-signature-v3": ""}, legacy=True) == "missing"


HEADER = st.one_of(st.none(), st.text(), st.text("0123456789", max_size=400), st.just(str(NOW_MS)))


@hypothesis_settings(deadline=None)
@given(HEADER, HEADER, HEADER, HEADER, st.binary(max_size=50), st.booleans())
def test_nothing_unsigned_is_taken_and_nothing_raises(
    v3: str | None, at: str | None, old: str | None, version: str | None, body: bytes, legacy_too: bool
) -> None:
    given_headers = {
        "x-hubspot-signature-v3": v3,
        "x-hubspot-request-timestamp": at,
        "x-hubspot-signature": old,
        "x-hubspot-signature-version": version,
    }
    headers = {name: value for name, value in given_headers.items() if value is not None}
    assert refused(headers, body, legacy=legacy_too) in ("missing", "malformed", "stale", "future", "wrong")


# ---- Mainstay --------------------------------------------------------------------------------------------

GLOBAL, RIVER = "whsec_R2xvYmFsU2VjcmV0MDEyMzQ1Njc4OQ==", "whsec_Uml2ZXJTZWNyZXQwMTIzNDU2Nzg5MDE="
NOW_S = NOW_MS // 1000


def mainstay_signed(secret: str = GLOBAL, at_s: Any = NOW_S, webhook_id: str = "evt_1") -> dict[str, str]:
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": mainstay.sign(secret, webhook_id, str(at_s), BODY),
    }


def heard(headers: dict[str, str], body: bytes = BODY, **more: Any) -> tuple[frozenset[int], str]:
    secrets = more.get("secrets", {receiving.GLOBAL: (GLOBAL,), 3: (RIVER,), 4: ("whsec_MTIzNA==", RIVER)})
    return mainstay.speakers(headers, body, secrets=secrets, now_s=NOW_S)


def test_the_convention_own_vector() -> None:
    """The example of the Standard Webhooks specification (read 2026-11-23)."""
    assert (
        mainstay.sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            b'{"test": 2432232314}',
        )
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_who_speaks() -> None:
    assert heard(mainstay_signed()) == (frozenset({0}), "")
    assert heard(mainstay_signed(RIVER)) == (frozenset({3, 4}), "")
    assert heard(mainstay_signed("whsec_bm9ib2R5")) == (frozenset(), "wrong")
    assert heard(mainstay_signed(), secrets={0: ()}) == (frozenset(), "wrong")


def test_several_signatures_in_one_header() -> None:
    good = mainstay_signed()["webhook-signature"]
    for value in (f"v1,AAAA {good}", f"{good} v2,BBBB", f"v1a,{good} {good}"):
        assert heard(mainstay_signed() | {"webhook-signature": value})[1] == ""
    for value in (good.removeprefix("v1,"), f"v2,{good[3:]}", f"{good},{good}", "v1,", "v1,é", " "):
        assert heard(mainstay_signed() | {"webhook-signature": value})[1] in ("malformed", "wrong", "missing")


@pytest.mark.parametrize(("off_s", "answer"), [(-300, ""), (-301, "stale"), (300, ""), (301, "future")])
def test_the_windows_ends_in_seconds(off_s: int, answer: str) -> None:
    assert heard(mainstay_signed(at_s=NOW_S + off_s))[1] == answer


def test_id_time_and_body_are_covered() -> None:
    assert heard(mainstay_signed() | {"webhook-id": "evt_2"})[1] == "wrong"
    assert heard(mainstay_signed() | {"webhook-timestamp": str(NOW_S + 1)})[1] == "wrong"
    assert heard(mainstay_signed(), body=BODY + b" ")[1] == "wrong"
    assert heard(mainstay_signed(webhook_id=""))[1] == "missing"
    assert heard(mainstay_signed(webhook_id="evt 1"))[1] == "malformed"
    assert heard(mainstay_signed(at_s="1e9"))[1] == "malformed"


def test_a_stored_text_that_is_no_secret_locks_nobody_out() -> None:
    secrets = {0: (GLOBAL,), 3: ("no secret at all",)}
    assert heard(mainstay_signed(), secrets=secrets) == (frozenset({0}), "")


@pytest.mark.parametrize(
    ("found", "account", "own", "may"),
    [
        ({0}, None, False, True),  # an unknown organisation, the global secret
        ({0}, 3, False, True),
        ({0}, 3, True, False),  # it has its own secret: the global one does not speak for it
        ({3}, 3, True, True),
        ({4}, 3, True, False),  # another organisation's secret
        ({4}, 3, False, False),
        ({4}, None, False, False),
        ({0, 3}, 3, True, True),
    ],
)
def test_who_may_speak_for_whom(found: set[int], account: int | None, own: bool, may: bool) -> None:
    assert receiving.may_speak(frozenset(found), account, own) is may


@hypothesis_settings(deadline=None)
@given(HEADER, HEADER, HEADER, st.binary(max_size=50))
def test_nothing_unsigned_speaks(a: str | None, b: str | None, c: str | None, body: bytes) -> None:
    given_headers = {"webhook-id": a, "webhook-timestamp": b, "webhook-signature": c}
    headers = {name: value for name, value in given_headers.items() if value is not None}
    found, why = heard(headers, body)
    assert not found
    assert why in ("missing", "malformed", "stale", "future", "wrong")
