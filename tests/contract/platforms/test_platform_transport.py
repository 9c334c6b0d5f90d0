"""Answers that no sandbox gives: redirects, trickles, bytes that are no text, strangers' addresses."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core.coordination.port import Rate
from core.domain.contacts import Contact
from core.platforms.errors import Refused, Unavailable, UnexpectedAnswer
from core.platforms.hubspot.client import HubSpotClient, hubspot_client
from core.platforms.mainstay.client import MainstayClient, mainstay_client
from core.platforms.transport import Credentials, Limits
from tests.contract.platforms.kit import QUICK, FreeBudgets


@dataclass
class Stranger:
    """A server that answers as a test wants, and what it was sent."""

    url: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, authorization
    answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: None

    def hubspot(self, limits: Limits = QUICK) -> HubSpotClient:
        return hubspot_client(
            host=self.url,
            version="2026-09",
            portal="1",
            credentials=lambda: Credentials("token", 1),
            budgets=FreeBudgets(),
            rate=Rate(10, 1.0),
            record_call=lambda platform, operation, status, seconds: None,
            limits=limits,
        )

    def mainstay(self, limits: Limits = QUICK) -> MainstayClient:
        return mainstay_client(
            base_url=self.url,
            organisation="river",
            credentials=lambda: Credentials("token", 1),
            budgets=FreeBudgets(),
            rate=Rate(10, 1.0),
            record_call=lambda platform, operation, status, seconds: None,
            limits=limits,
        )


@contextmanager
def serving() -> Iterator[Stranger]:
    stranger = Stranger()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16

        def serve(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            stranger.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
            stranger.answer(self)

        do_GET = do_POST = do_PATCH = serve

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    stranger.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield stranger
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    with serving() as one:
        yield one


def told(status: int, body: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answers that with these headers (underscores for hyphens)."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed_and_no_token_leaves_the_origin(stranger: Stranger, status: int) -> None:
    with serving() as elsewhere:
        elsewhere.answer = told(200, b'{"portalId": 1, "org_id": "x", "id": "1"}')
        stranger.answer = told(status, b"", Location=f"{elsewhere.url}/contacts/1/")
        with pytest.raises(UnexpectedAnswer):
            stranger.hubspot().external_id()
        with pytest.raises(UnexpectedAnswer):
            stranger.mainstay().external_id()
        assert isinstance(stranger.mainstay().get(["1"])["1"], UnexpectedAnswer)
        assert isinstance(stranger.mainstay().create({"k": {"first_name": "A"}})["k"], UnexpectedAnswer)
        assert isinstance(stranger.hubspot().read(["1"], ["email"])["1"], UnexpectedAnswer)
        assert elsewhere.asked == []


def test_the_next_page_is_asked_for_at_home(stranger: Stranger) -> None:
    with serving() as elsewhere:
        following = f"{elsewhere.url}/elsewhere/?page=2&cursor=x%20y"
        page = {"results": [{"id": "1"}, "odd", {"no": "id"}], "next": following}
        stranger.answer = told(200, json.dumps(page).encode())
        client = stranger.mainstay()
        first = client.modified_page(1_760_000_000_000)
        assert [one.id for one in first.contacts] == ["1"]
        with pytest.raises(UnexpectedAnswer, match="same page"):
            client.modified_page(1_760_000_000_000, first.cursor)
        assert elsewhere.asked == []
        path = stranger.asked[-1][1]
        assert path.startswith("/contacts/?") and "page=2" in path and "cursor=x+y" in path
        assert "modified_since=2025-10-09T08%3A53%3A20.000Z" in path
        assert "include_nonpermitted_contacts=true" in path and "include_test_contacts=true" in path


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1", "connection refused"),
        ("http://nobody.invalid", "its host name is not known"),
        ("https://HERE", "TLS failed"),
    ],
)
def test_why_there_is_no_answer_is_told_in_words(stranger: Stranger, url: str, words: str) -> None:
    stranger.url = url.replace("HERE", stranger.url.removeprefix("http://"))
    for call in (stranger.hubspot().external_id, stranger.mainstay().external_id):
        with pytest.raises(Unavailable) as told:
            call()
        assert told.value.detail == words


def test_a_late_answer_and_one_that_breaks_off_are_told_in_words(stranger: Stranger) -> None:
    ended = threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> None:
        ended.wait(5)

    stranger.answer = wait
    for client in (stranger.hubspot, stranger.mainstay):
        with pytest.raises(Unavailable) as told:
            client(replace(QUICK, read_s=0.1)).external_id()
        assert told.value.detail == "no answer in time"
    ended.set()

    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    stranger.answer = hang_up
    with pytest.raises(Unavailable) as told:
        stranger.mainstay().external_id()
    assert told.value.detail == "the connection broke off"


def test_a_trickle_ends(stranger: Stranger) -> None:
    ended = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.close_connection = True
        try:
            while not ended.wait(0.02):
                handler.wfile.write(b" ")
                handler.wfile.flush()
        except OSError:
            return

    stranger.answer = trickle
    started_s = time.monotonic()
    with pytest.raises(Unavailable):
        stranger.hubspot(replace(QUICK, whole_s=0.3)).external_id()
    with pytest.raises(Unavailable):
        stranger.mainstay(replace(QUICK, whole_s=0.3)).external_id()
    ended.set()
    assert time.monotonic() - started_s < 3


@pytest.mark.parametrize(
    "start",
    [b"", b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ids=["status line", "header", "size of a chunk"],
)
def test_a_trickle_in_a_line_ends(stranger: Stranger, start: bytes) -> None:
    """Lines are read in one go: between two of their bytes the time-out of the socket begins anew."""
    ended = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(start)
        try:
            while not ended.wait(0.02):
                handler.wfile.write(b"0")
                handler.wfile.flush()
        except OSError:
            return

    stranger.answer = trickle
    started_s = time.monotonic()
    for call in (
        stranger.hubspot(replace(QUICK, whole_s=0.3)).external_id,
        stranger.mainstay(replace(QUICK, whole_s=0.3)).external_id,
    ):
        with pytest.raises(Unavailable):
            call()
    ended.set()
    assert time.monotonic() - started_s < 3


def test_a_body_that_is_no_text_keeps_its_status(stranger: Stranger) -> None:
    stranger.answer = told(400, b"\xff\xfe\x00garbage")
    assert isinstance(stranger.hubspot().read(["1"], ["email"])["1"], Refused)
    assert isinstance(stranger.mainstay().get(["1"])["1"], Refused)
    stranger.answer = told(503, b"")
    assert isinstance(stranger.hubspot().read(["1"], ["email"])["1"], Unavailable)
    stranger.answer = told(200, b"\xff\xfe")
    assert isinstance(stranger.hubspot().read(["1"], ["email"])["1"], UnexpectedAnswer)


def test_a_packed_answer_counts_unpacked(stranger: Stranger) -> None:
    packed = gzip.compress(b" " * 5_000_000)
    stranger.answer = told(200, packed, Content_Encoding="gzip")
    with pytest.raises(UnexpectedAnswer):
        stranger.hubspot(replace(QUICK, max_bytes=100_000)).external_id()


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b'"text"', b"{}", b'{"results": {}}', b'{"results": [1, null]}']
)
def test_other_json_than_the_documented_one(stranger: Stranger, body: bytes) -> None:
    stranger.answer = told(200, body)
    hubspot, mainstay = stranger.hubspot(), stranger.mainstay()
    with pytest.raises(UnexpectedAnswer):
        hubspot.external_id()
    with pytest.raises(UnexpectedAnswer):
        mainstay.external_id()
    assert isinstance(hubspot.create({"k": {"email": "a@b.example"}}, [])["k"], UnexpectedAnswer)
    assert isinstance(hubspot.update({"1": {"email": "a@b.example"}}, [])["1"], UnexpectedAnswer)
    assert isinstance(mainstay.get(["1"])["1"], UnexpectedAnswer)


def test_an_update_that_answers_nothing_is_looked_at(stranger: Stranger) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        told(200, b"" if handler.command == "PATCH" else b'{"admithub_id": "ah1"}')(handler)

    stranger.answer = answer
    answers = stranger.mainstay().update({"ah1": {"first_name": "Bo"}, "ah2": {"first_name": "Bo"}})
    assert isinstance(answers["ah1"], Contact) and answers["ah1"].id == "ah1"
    assert isinstance(answers["ah2"], UnexpectedAnswer) and answers["ah2"].maybe_applied


def test_results_of_a_create_without_trace_ids_are_found_by_email(stranger: Stranger) -> None:
    results = [{"id": str(n), "properties": {"email": f"P{n}@mail.example"}} for n in (2, 1)]
    stranger.answer = told(201, json.dumps({"results": results}).encode())
    items = {"a": {"email": "p1@mail.example"}, "b": {"email": "p2@mail.example"}, "c": {"firstname": "C"}}
    answers = stranger.hubspot().create(items, [])
    assert [one.id for one in answers.values() if isinstance(one, Contact)] == ["1", "2"]
    assert isinstance(answers["c"], UnexpectedAnswer) and answers["c"].maybe_applied


def test_one_connection_is_kept(stranger: Stranger) -> None:
    ports: set[int] = set()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        ports.add(handler.client_address[1])
        told(200, b'{"portalId": 1}')(handler)

    stranger.answer = answer
    client = stranger.hubspot()
    for _ in range(5):
        assert client.external_id() == "1"
        assert client.background().external_id() == "1"
    assert len(ports) == 1
    assert {asked[2] for asked in stranger.asked} == {"Bearer token"}
