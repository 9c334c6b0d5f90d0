"""What Crosswalk asks others: TLS verified, in bounded time and size, never beyond the asked origin."""

import gzip
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from core.platforms import bounded_session
from core.platforms.bounded_session import BoundedSession
from core.platforms.errors import PlatformError, Unavailable
from core.platforms.hubspot.oauth import HubSpotOAuth
from core.platforms.transport import MAX_ANSWER_BYTES, Limits
from core.settings import Settings
from tests.contract.platforms.test_platform_transport import Stranger, serving, told
from tests.services.certificate import certify

SECRET = "the-app-secret-of-the-tests"
GRANT = {"access_token": "a", "refresh_token": "r", "expires_in": 1800, "hub_id": 62515}


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    with serving() as one:
        yield one


def oauth(url: str) -> HubSpotOAuth:
    environment = {
        "CROSSWALK_SECRET_KEY": "k" * 40,
        "CROSSWALK_HUBSPOT_CLIENT_ID": "client",
        "CROSSWALK_HUBSPOT_CLIENT_SECRET": SECRET,
        "CROSSWALK_HUBSPOT_API_URL": url,
    }
    return HubSpotOAuth(Settings.from_env(environment), "https://sync.example.edu/back", lambda: 0)


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[Stranger]:
    """A server whose certificate nobody vouches for; ``asked`` has what reached it."""
    one = Stranger()

    class Handler(BaseHTTPRequestHandler):
        def serve(self) -> None:
            one.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
            told(200, b"{}")(self)

        do_GET = do_POST = serve

        def log_message(self, format: str, *args: object) -> None:
            """Silence."""

    class Server(HTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hung up is what the test is about."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certify(tmp_path), tmp_path / "key.pem")
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    one.url = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_certificate_that_nobody_vouches_for_gets_no_token(self_signed: Stranger) -> None:
    for call in (
        self_signed.hubspot().external_id,
        self_signed.mainstay().external_id,
        lambda: oauth(self_signed.url).exchange("code", "verifier"),
    ):
        with pytest.raises(PlatformError) as failed:
            call()
        assert SECRET not in str(failed.value)
    with BoundedSession() as session, pytest.raises(requests.exceptions.SSLError):
        session.request("GET", self_signed.url, withhold_token=True)
    assert self_signed.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_no_client_secret_along(stranger: Stranger, status: int) -> None:
    with serving() as elsewhere:
        stranger.answer = told(status, b"", Location=f"{elsewhere.url}/oauth/2026-03/token")
        elsewhere.answer = told(200, json.dumps(GRANT).encode(), Content_Type="application/json")
        with pytest.raises(PlatformError):
            oauth(stranger.url).exchange("code", "verifier")
        assert elsewhere.asked == []


def test_a_huge_answer_of_the_token_endpoint_is_not_read_to_its_end(stranger: Stranger) -> None:
    for body, headers in (
        (b" " * 3_000_000 + json.dumps(GRANT).encode(), {}),
        (gzip.compress(b" " * 300_000_000, 1), {"Content_Encoding": "gzip"}),
    ):
        stranger.answer = told(200, body, Content_Type="application/json", **headers)
        started_s = time.monotonic()
        with pytest.raises(Unavailable):
            oauth(stranger.url).exchange("code", "verifier")
        assert time.monotonic() - started_s < 5


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Long: "],
    ids=["body", "header"],
)
def test_a_trickle_of_the_token_endpoint_ends(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(bounded_session, "SMALL", Limits(read_s=0.3, whole_s=0.6, max_bytes=1_000_000))

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(start)
        ended = threading.Event()
        for _ in range(200):
            try:
                handler.wfile.write(b" ")
                handler.wfile.flush()
            except OSError:
                return
            ended.wait(0.05)

    stranger.answer = trickle
    started_s = time.monotonic()
    with pytest.raises(Unavailable):
        oauth(stranger.url).exchange("code", "verifier")
    assert time.monotonic() - started_s < 4


def test_a_normal_answer_packed_or_not_is_taken(stranger: Stranger) -> None:
    body = json.dumps(GRANT).encode()
    stranger.answer = told(200, body, Content_Type="application/json")
    assert oauth(stranger.url).exchange("code", "verifier").portal_id == "62515"
    stranger.answer = told(200, gzip.compress(body), Content_Type="application/json", Content_Encoding="gzip")
    assert oauth(stranger.url).refresh("r").portal_id == "62515"


def test_a_packed_bomb_of_a_platform_is_bounded(stranger: Stranger) -> None:
    bomb = gzip.compress(b" " * (4 * MAX_ANSWER_BYTES), 1)
    stranger.answer = told(200, bomb, Content_Type="application/json", Content_Encoding="gzip")
    for call in (stranger.hubspot(Limits()).external_id, stranger.mainstay(Limits()).external_id):
        started_s = time.monotonic()
        with pytest.raises(PlatformError):
            call()
        assert time.monotonic() - started_s < 10


def test_the_next_page_is_asked_at_home_whatever_the_link_says(stranger: Stranger) -> None:
    with serving() as elsewhere:
        page = {"results": [], "next": f"{elsewhere.url}/steal?page=2", "count": 1}
        stranger.answer = told(200, json.dumps(page).encode())
        client = stranger.mainstay()
        cursor = client.modified_page(0).cursor
        stranger.answer = told(200, json.dumps({**page, "next": None}).encode())
        client.modified_page(0, cursor)
        assert elsewhere.asked == [] and all(path.startswith("/contacts/") for _, path, _ in stranger.asked)
        links = {"results": [], "paging": {"next": {"after": "2", "link": f"{elsewhere.url}/steal"}}}
        stranger.answer = told(200, json.dumps(links).encode())
        portal = stranger.hubspot()
        portal.list_page(["firstname"], portal.list_page(["firstname"]).cursor)
        assert elsewhere.asked == [] and urlsplit(stranger.asked[-1][1]).path.startswith("/crm/")


def test_environment_and_home_folder_lend_no_credentials(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    stranger.answer = told(200, json.dumps(GRANT).encode(), Content_Type="application/json")
    oauth(stranger.url).exchange("code", "verifier")
    assert [authorization for _, _, authorization in stranger.asked] == [""]
