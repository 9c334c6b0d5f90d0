"""The receiver's answers through HTTP: contract §5, row by row."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.domain.messages import Address, Kind, Lane
from core.queue.port import QueueUnavailable, nothing
from core.telemetry import metrics_page
from tests.unit.webhooks.kit import (
    GLOBAL_SECRET,
    KEY,
    LAKE_SECRET,
    NOW_MS,
    OLD_SECRET,
    RIVER_SECRET,
    SECRET,
    TABLE,
    TO_INCOMING,
    TO_OUTGOING,
    MemoryPublisher,
    change,
    happened,
    hubspot_headers,
    mainstay_headers,
    raw_of,
    settings,
    site,
    told,
)
from webhooks.app import create_app

MIB = 1024 * 1024
FIVE_MINUTES_MS = 300_000


def problem_of(response: Any) -> dict[str, Any]:
    assert response.content_type == "application/problem+json"
    document = json.loads(response.data)
    assert document["status"] == response.status_code
    assert document["title"]
    return dict(document)


# ---- 204 -------------------------------------------------------------------------------------------------


def test_a_delivery_is_queued() -> None:
    here = site()
    assert here.hubspot([change(), change(contact=102)]).status_code == 204
    assert [(m.address, m.contact) for m in here.queue.messages] == [
        (TO_INCOMING, "101"),
        (TO_INCOMING, "102"),
    ]
    assert here.queue.messages[0].accepted_at_ms == NOW_MS
    assert here.queue.messages[0].trace.startswith("00-")
    assert len({m.id for m in here.queue.messages}) == 2


@pytest.mark.parametrize("body", [change(), [], [happened("company.creation")], [change("favourite_colour")]])
def test_documented_and_tolerated_forms(body: Any) -> None:
    assert site().hubspot(body).status_code == 204


def test_nothing_wanted_needs_no_queue() -> None:
    here = site()
    here.queue.down = True
    assert here.hubspot([change(portalId=999)]).status_code == 204
    assert here.queue.calls == 0


def test_a_request_with_several_portals_and_an_unknown_app() -> None:
    here = site()
    body = [change(appId=1), happened("contact.deletion", portalId=700), change(portalId=1)]
    assert here.hubspot(body).status_code == 204
    assert [m.address for m in here.queue.messages] == [TO_INCOMING, Address(Lane.ACCOUNT, 2)]
    assert here.queue.messages[1].kind is Kind.DELETION


def test_readable_members_are_taken_beside_unreadable_ones() -> None:
    here = site()
    assert here.hubspot([5, change(), {"subscriptionType": "contact.creation"}]).status_code == 204
    assert len(here.queue.messages) == 1


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]
)
def test_the_media_type_with_or_without_charset(content_type: str) -> None:
    assert site().hubspot([change()], content_type=content_type).status_code == 204


def test_the_old_secret_fits_too() -> None:
    assert site().hubspot([change()], secret=OLD_SECRET).status_code == 204


def test_a_query_may_be_signed_or_not() -> None:
    uri = "https://sync.example.edu/webhooks/hubspot"
    assert site().hubspot([], path="/webhooks/hubspot?a=%2F").status_code == 204
    assert site().hubspot([], path="/webhooks/hubspot?a=%2F", uri=f"{uri}?a=%2F").status_code == 204
    assert site().hubspot([], path="/webhooks/hubspot?a=%2F", uri=f"{uri}?a=b").status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "a b", "[", "ä", "x" * 300, ""])
def test_the_requests_host_does_not_matter(host: str) -> None:
    here, raw = site(), raw_of([change()])
    headers = hubspot_headers(raw) | {"Host": host, "X-Forwarded-Host": "other.example"}
    assert here.client.post("/webhooks/hubspot", data=raw, headers=headers).status_code == 204


# ---- 401 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signing",
    [
        {"secret": "other"},
        {"at_ms": NOW_MS - FIVE_MINUTES_MS - 1},
        {"at_ms": NOW_MS + FIVE_MINUTES_MS + 1},
        {"uri": "http://localhost/webhooks/hubspot"},
        {"uri": "https://sync.example.edu/webhooks/mainstay"},
    ],
)
def test_a_forged_request_learns_nothing(signing: dict[str, Any]) -> None:
    here = site()
    answers = [here.hubspot(body, **signing) for body in ([change()], b"no json", [5])]
    assert {(a.status_code, a.data) for a in answers} == {(401, answers[0].data)}
    assert "signature" in problem_of(answers[0])["detail"]
    assert here.queue.calls == 0


@pytest.mark.parametrize("dropped", ["X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp"])
def test_a_missing_header_is_refused(dropped: str) -> None:
    raw = raw_of([change()])
    headers = hubspot_headers(raw)
    del headers[dropped]
    assert site().client.post("/webhooks/hubspot", data=raw, headers=headers).status_code == 401


def test_old_signatures_only_by_setting() -> None:
    from core.platforms.hubspot.signature import v1

    raw = raw_of([change()])
    headers = {
        "Content-Type": "application/json",
        "X-HubSpot-Signature": v1(SECRET, raw),
        "X-HubSpot-Signature-Version": "v1",
    }
    assert site().client.post("/webhooks/hubspot", data=raw, headers=headers).status_code == 401
    allowed = site(HUBSPOT_LEGACY_SIGNATURES="on")
    assert allowed.client.post("/webhooks/hubspot", data=raw, headers=headers).status_code == 204


# ---- 400, 413, 415 ---------------------------------------------------------------------------------------

DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"5",
        b'"text"',
        b"[5]",
        b"[{}]",
        b'[{"subscriptionType": "contact.creation"}]',
        b"[NaN]",
        b'[{"a": NaN}]',
        b"[" + b"9" * 10_000 + b"]",
        DEEP,
        b'{"a":' * 100_000,
        b"\xff\xfe[]",
        b"[\x00]",
        b"[] []",
        "[]".encode("utf-16"),
        b'[{"portalId": 1e999, "subscriptionType": "contact.creation", "objectId": 1}]',
    ],
    ids=lambda body: body[:20].hex(),
)
def test_authentic_but_not_documented(body: bytes) -> None:
    here = site()
    assert problem_of(here.hubspot(body))["status"] == 400
    assert here.queue.calls == 0


def test_a_name_that_stands_twice_has_its_last_value() -> None:
    here = site()
    raw = raw_of([change()]).replace(b'"objectId": 101', b'"objectId": 101, "objectId": 102')
    assert here.hubspot(raw).status_code == 204
    assert here.queue.messages[0].contact == "102"


def test_the_size_limit_is_exact() -> None:
    here = site()
    padded = raw_of([change()])
    assert here.hubspot(padded + b" " * (MIB - len(padded))).status_code == 204
    answer = here.hubspot(padded + b" " * (MIB - len(padded) + 1))
    assert problem_of(answer)["status"] == 413


def test_size_comes_first_then_signature_then_media_type_then_json() -> None:
    here = site()
    big, text = b"x" * (MIB + 1), {"Content-Type": "text/plain"}
    assert here.client.post("/webhooks/hubspot", data=big, headers=text).status_code == 413
    assert here.client.post("/webhooks/hubspot", data=b"x", headers=text).status_code == 401
    assert here.client.post("/webhooks/hubspot", data=b"x").status_code == 401
    assert here.hubspot(b"x", content_type="text/plain").status_code == 415
    assert here.hubspot(b"x").status_code == 400


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]
)
def test_not_json(content_type: str) -> None:
    assert problem_of(site().hubspot([change()], content_type=content_type))["status"] == 415


@pytest.mark.parametrize(
    ("encoding", "status"), [("gzip", 415), ("br", 415), ("identity", 204), ("gzip, x", 415)]
)
def test_compressed_bodies_are_refused(encoding: str, status: int) -> None:
    raw = raw_of([change()])
    headers = hubspot_headers(raw) | {"Content-Encoding": encoding}
    assert site().client.post("/webhooks/hubspot", data=raw, headers=headers).status_code == status


# ---- 503 -------------------------------------------------------------------------------------------------


def test_an_unconfirmed_publish_is_told_and_repaired_by_a_retry() -> None:
    here = site()
    here.queue.down = True
    answer = here.hubspot([change()])
    assert problem_of(answer)["status"] == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert here.queue.messages == []
    here.queue.down = False
    assert here.hubspot([change()]).status_code == 204
    assert len(here.queue.messages) == 1
    assert max(here.queue.timeouts_s) <= 3.0


class StuckPublisher(MemoryPublisher):
    """Fails at once while ``down``; otherwise waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go = threading.Event(), threading.Event()

    def publish(self, messages: Any, *, timeout_s: float = 3.0, sent: Callable[[], None] = nothing) -> None:
        if not self.down:
            self.entered.set()
            self.go.wait(10)
        super().publish(messages, timeout_s=timeout_s, sent=sent)


def test_while_the_queue_fails_one_request_tries_and_the_others_do_not_wait() -> None:
    queue = StuckPublisher()
    app = create_app(settings(), queue, lambda: TABLE, lambda: KEY, dict, clock=lambda: NOW_MS)
    raw = raw_of([change()])

    def post() -> int:
        return app.test_client().post("/webhooks/hubspot", data=raw, headers=hubspot_headers(raw)).status_code

    queue.down = True
    assert post() == 503
    queue.down = False
    answers: list[int] = []
    trying = threading.Thread(target=lambda: answers.append(post()))
    trying.start()
    assert queue.entered.wait(10)
    calls = queue.calls
    assert post() == 503
    assert queue.calls == calls, "the second request was not tried"
    queue.go.set()
    trying.join(10)
    assert answers == [204]
    assert post() == 204


def test_who_waits_for_its_confirms_holds_nobody_up() -> None:
    class Slow(MemoryPublisher):
        entered, go = threading.Event(), threading.Event()

        def publish(
            self, messages: Any, *, timeout_s: float = 3.0, sent: Callable[[], None] = nothing
        ) -> None:
            first = not self.calls
            super().publish(messages, timeout_s=timeout_s, sent=sent)
            if first:
                self.entered.set()
                assert self.go.wait(10)

    queue, raw = Slow(), raw_of([change()])
    app = create_app(settings(), queue, lambda: TABLE, lambda: KEY, dict, clock=lambda: NOW_MS)
    answers: list[int] = []

    def post() -> None:
        answer = app.test_client().post("/webhooks/hubspot", data=raw, headers=hubspot_headers(raw))
        answers.append(answer.status_code)

    waiting = threading.Thread(target=post)
    waiting.start()
    assert queue.entered.wait(10)
    post()
    assert answers == [204] and waiting.is_alive()
    queue.go.set()
    waiting.join(10)
    assert answers == [204, 204]


def test_a_fault_of_ours_asks_for_another_try(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(MemoryPublisher):
        def publish(self, messages: Any, **options: Any) -> None:
            raise RuntimeError("Ana Ruiz")

    app = create_app(settings(), Broken(), lambda: TABLE, lambda: KEY, dict, clock=lambda: NOW_MS)
    raw = raw_of([change()])
    answer = app.test_client().post("/webhooks/hubspot", data=raw, headers=hubspot_headers(raw))
    assert problem_of(answer)["status"] == 503
    assert "Retry-After" in answer.headers
    assert b"Ana" not in answer.data


# ---- other paths and methods -----------------------------------------------------------------------------


def test_a_second_slash_makes_another_path() -> None:
    for method, path in (("POST", "//webhooks/hubspot"), ("GET", "///healthz")):
        answer = site().client.open("/", method=method, environ_overrides={"PATH_INFO": path})
        assert problem_of(answer)["status"] == 404, path


@pytest.mark.parametrize(
    "path", ["/", "/webhooks", "/webhooks/hubspot/", "//webhooks/hubspot", "/webhooks/mainstay/", "/healthz/"]
)
def test_other_paths(path: str) -> None:
    for method in ("GET", "POST"):
        answer = site().client.open(path, method=method)
        assert problem_of(answer)["status"] == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "OPTIONS"])
def test_other_methods(method: str) -> None:
    for path in ("/webhooks/hubspot", "/webhooks/mainstay"):
        answer = site().client.open(path, method=method)
        assert answer.status_code == 405
        assert set(answer.headers["Allow"].split(", ")) == {"POST"}
    answer = site().client.post("/healthz")
    assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (405, {"GET", "HEAD"})


def test_head() -> None:
    client = site().client
    assert client.head("/webhooks/hubspot").status_code == 405
    assert client.head("/healthz").status_code == 200


def test_security_headers_on_every_answer() -> None:
    here = site()
    for answer in (here.client.get("/healthz"), here.client.get("/nowhere"), here.hubspot([change()])):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert (
        "Strict-Transport-Security"
        not in site(PUBLIC_URL="http://127.0.0.1:1").client.get("/healthz").headers
    )


# ---- Mainstay --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["contact.created", "contact.updated", "contact.archived"])
def test_a_mainstay_event_is_queued(kind: str) -> None:
    here = site()
    assert here.mainstay(told("river", type=kind), secret=RIVER_SECRET).status_code == 204
    [message] = here.queue.messages
    assert (message.address, message.contact) == (TO_OUTGOING, "ahd2b33d72814c61b")
    assert b"Ana" not in message.to_json()


@pytest.mark.parametrize(
    ("org", "secret", "status"),
    [
        ("river", RIVER_SECRET, 204),
        ("river", GLOBAL_SECRET, 401),  # it has its own secret
        ("river", LAKE_SECRET, 401),
        ("hill", GLOBAL_SECRET, 204),
        ("hill", RIVER_SECRET, 401),
        ("nowhere", GLOBAL_SECRET, 204),  # unknown: authentic, not wanted
        ("nowhere", RIVER_SECRET, 401),
    ],
)
@pytest.mark.parametrize("kind", ["contact.updated", "message.sent"])
def test_who_speaks_for_an_organisation(org: str, secret: str, status: int, kind: str) -> None:
    assert site().mainstay([told(org, type=kind)], secret=secret).status_code == status


def test_members_that_the_secret_may_not_speak_for_are_dropped() -> None:
    here = site()
    assert here.mainstay([told("hill"), told("river")]).status_code == 204
    assert [m.address for m in here.queue.messages] == [Address(Lane.OUTGOING, 9)]


@pytest.mark.parametrize("body", [b"", b"{}", b"[5]", b"no", [told(contact={})], DEEP])
def test_mainstays_undocumented_json(body: Any) -> None:
    assert site().mainstay(body).status_code == 400


def test_mainstays_other_refusals() -> None:
    here, raw = site(), raw_of(told())
    assert here.mainstay(told(), at_s=NOW_MS // 1000 - 301).status_code == 401
    assert here.mainstay(told(), at_s=NOW_MS // 1000 + 301).status_code == 401
    assert here.mainstay([]).status_code == 204
    assert (
        here.client.post("/webhooks/mainstay", data=raw, content_type="application/json").status_code == 401
    )
    assert here.client.post("/webhooks/mainstay", data=raw, content_type="text/plain").status_code == 401
    headers = mainstay_headers(raw) | {"Content-Type": "text/plain"}
    assert here.client.post("/webhooks/mainstay", data=raw, headers=headers).status_code == 415
    headers = mainstay_headers(raw) | {"webhook-id": ""}
    assert here.client.post("/webhooks/mainstay", data=raw, headers=headers).status_code == 401
    assert here.mainstay(b" " * (MIB + 1)).status_code == 413
    here.queue.down = True
    assert here.mainstay(told()).status_code == 503


# ---- the other endpoints ---------------------------------------------------------------------------------


def test_healthz_touches_nothing() -> None:
    def explode() -> Any:
        raise AssertionError("touched")

    app = create_app(settings(), MemoryPublisher(), explode, explode, explode)
    assert app.test_client().get("/healthz").json == {"status": "alive"}


def test_readyz_tells_each_check() -> None:
    def ready(checks: dict[str, str]) -> tuple[int, Any]:
        app = create_app(settings(), MemoryPublisher(), lambda: TABLE, lambda: KEY, lambda: checks)
        answer = app.test_client().get("/readyz")
        return answer.status_code, answer.json

    assert ready({"database": "", "queue": ""}) == (
        200,
        {"status": "ready", "checks": {"instances": "ok", "database": "ok", "queue": "ok"}},
    )
    status, document = ready({"database": "", "queue": "it does not answer"})
    assert (status, document["status"], document["checks"]["queue"]) == (
        503,
        "not ready",
        "it does not answer",
    )


def test_readyz_keeps_what_a_server_said_for_the_log(caplog: pytest.LogCaptureFixture) -> None:
    said = 'the database does not answer: connection to server at "10.0.0.5" failed for user "crosswalk"'
    app = create_app(settings(), MemoryPublisher(), lambda: TABLE, lambda: KEY, lambda: {"database": said})
    with caplog.at_level("WARNING", "crosswalk"):
        answer = app.test_client().get("/readyz")
    assert answer.status_code == 503 and b"10.0.0.5" not in answer.data and b"crosswalk" not in answer.data
    assert answer.json["checks"]["database"] == "the database does not answer: see the log"
    assert any(getattr(one, "keys", {}).get("why") == said for one in caplog.records)


def test_readyz_survives_a_check_that_raises() -> None:
    def explode() -> dict[str, str]:
        raise QueueUnavailable("secret-host")

    app = create_app(settings(), MemoryPublisher(), lambda: TABLE, lambda: KEY, explode)
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert b"secret-host" not in answer.data


def test_metrics_tell_what_happened_without_values() -> None:
    here = site()
    here.hubspot([change(value="Unmistakable"), happened("company.creation"), 5])
    page = here.client.get("/metrics")
    assert page.content_type.startswith("text/plain")
    for line in (
        'crosswalk_events_total{platform="hubspot",reason="",verdict="accepted"}',
        'crosswalk_events_total{platform="hubspot",reason="other-object",verdict="unwanted"}',
        'crosswalk_events_total{platform="hubspot",reason="shape",verdict="unreadable"}',
        'crosswalk_requests_total{endpoint="/webhooks/hubspot",status="204"}',
        'crosswalk_messages_published_total{lane="incoming"}',
    ):
        assert line.encode() in page.data
    assert b"Unmistakable" not in page.data


def test_unknown_paths_are_one_endpoint_in_the_metrics() -> None:
    site().client.get("/some/secret/path")
    assert b"secret/path" not in metrics_page()[0]


# ---- anything --------------------------------------------------------------------------------------------

DOCUMENTED = {204, 400, 401, 413, 415}
HERE = site()
HEADER_TEXT = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60)


@hypothesis_settings(deadline=None)
@given(st.sampled_from(["hubspot", "mainstay"]), st.binary(max_size=200))
def test_any_signed_bytes_give_a_documented_answer(platform: str, body: bytes) -> None:
    answer = HERE.hubspot(body) if platform == "hubspot" else HERE.mainstay(body)
    assert answer.status_code in DOCUMENTED - {401}


@hypothesis_settings(deadline=None)
@given(
    st.sampled_from(["hubspot", "mainstay"]),
    st.binary(max_size=50),
    st.dictionaries(
        st.sampled_from(
            [
                "X-HubSpot-Signature-v3",
                "X-HubSpot-Request-Timestamp",
                "X-HubSpot-Signature",
                "X-HubSpot-Signature-Version",
                "webhook-id",
                "webhook-timestamp",
                "webhook-signature",
                "Content-Type",
                "Content-Encoding",
                "Host",
                "Cookie",
                "Authorization",
                "Accept",
                "Transfer-Encoding",
                "Expect",
                "X-Forwarded-Host",
            ]
        ),
        HEADER_TEXT,
    ),
    st.text(max_size=20),
)
def test_any_headers_and_query_give_a_documented_answer(
    platform: str, body: bytes, headers: dict[str, str], query: str
) -> None:
    answer = HERE.client.post(
        f"/webhooks/{platform}", data=body, headers=headers, query_string={"q": query}, content_type=None
    )
    assert answer.status_code in {401, 415}
