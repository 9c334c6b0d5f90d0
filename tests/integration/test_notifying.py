"""E-mail and webhooks against hostile and honest servers: what is sent, where to, and within which bounds."""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from core.notifying import addresses, standard_webhooks, webhook
from core.notifying.email import send_email
from core.notifying.letter import letter
from core.notifying.problems import NotSent
from core.platforms.mainstay.signature import speakers
from core.store.alerts import Alert, Told
from tests.services.certificate import certify
from tests.services.smtp import mail_server

HERE = (ip_network("127.0.0.0/8"),)
A, B = "crosswalk@river.example", "oncall@river.example"
SECRET = standard_webhooks.new_secret()


class Hook:
    """An HTTP server on loopback whose answer each test chooses."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.calls.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                answer(self)

            def do_GET(self) -> None:
                hook.calls.append((self.path, {}, b""))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?x=1"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


@pytest.fixture
def hook() -> Iterator[Callable[..., Hook]]:
    made: list[Hook] = []

    def make(answer: Callable[[BaseHTTPRequestHandler], None]) -> Hook:
        made.append(Hook(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


def status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def post(url: str, body: bytes = b"{}") -> None:
    webhook.post(url, standard_webhooks.headers(SECRET, "m1", int(time.time()), body), body, HERE)


def test_a_webhook_is_signed_so_that_a_verifier_takes_it(hook: Callable[..., Hook]) -> None:
    one = hook(status(204))
    post(one.url, b'{"type":"alerts.test"}')
    path, headers, body = one.calls[0]
    assert path == "/hook?x=1" and json.loads(body) == {"type": "alerts.test"}
    found, problem = speakers(headers, body, secrets={5: (SECRET,)}, now_s=int(time.time()))
    assert (found, problem) == (frozenset({5}), "")
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = f"m1.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


@pytest.mark.parametrize("code", [301, 302, 307, 400, 401, 404, 500, 503])
def test_everything_but_a_2xx_is_a_refusal_and_no_redirect_is_followed(
    hook: Callable[..., Hook], code: int
) -> None:
    elsewhere = hook(status(204))
    one = hook(status(code, Location=elsewhere.url))
    with pytest.raises(NotSent, match=f"it answered {code}"):
        post(one.url)
    assert elsewhere.calls == [] and len(one.calls) == 1


def test_an_answer_without_end_is_hung_up_on(hook: Callable[..., Hook]) -> None:
    ended = threading.Event()

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65_536)
        except OSError:
            ended.set()

    post(hook(endless).url)
    assert ended.wait(10)


def test_a_server_that_never_ends_its_headers_is_given_up(
    hook: Callable[..., Hook], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "WHOLE_S", 0.5)
    ended = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        try:
            while not ended.wait(0.02):
                handler.wfile.write(b"x")
        except OSError:
            return

    begun = time.monotonic()
    with pytest.raises(NotSent, match="no answer"):
        post(hook(trickle).url)
    ended.set()
    assert time.monotonic() - begun < 5


def test_a_server_that_says_nothing_is_given_up(
    hook: Callable[..., Hook], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "READ_S", 0.3)
    silent = threading.Event()
    one = hook(lambda handler: silent.wait(20) and None)
    begun = time.monotonic()
    with pytest.raises(NotSent, match="no answer"):
        post(one.url)
    silent.set()
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "url",
    [
        "ftp://alerts.example.edu/",
        "https://",
        "https://user:pw@alerts.example.edu/",
        "https://alerts.example.edu:99999/",
        "https://alerts.example.edu:x/",
        "https://alerts.example.edu/a b",
        "https://alerts.example.edu/\r\nHost: x",
        "file:///etc/passwd",
        "https://alerts.example.edu/é",
        "https://alerts.example.edu/" + "x" * 500,
    ],
)
def test_what_is_no_address_of_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        addresses.check(url)
    with pytest.raises(NotSent):
        addresses.place(url, ())


PRIVATE = [
    *("127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
    *("100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
    *("::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b:1::7f00:1", "fec0::1", "::7f00:1", "::10.0.0.1"),
    *("2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1"),
]


def looked_up(monkeypatch: pytest.MonkeyPatch, *found: str) -> None:
    def answer(host: str, port: int, **_: Any) -> list[Any]:
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in one], socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", answer)


@pytest.mark.parametrize("address", PRIVATE)
def test_nothing_inside_is_called(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    looked_up(monkeypatch, address)
    with pytest.raises(NotSent, match="private network"):
        addresses.place("https://alerts.example.edu/x", ())
    looked_up(monkeypatch, "93.184.215.14", address)  # one of several is enough
    with pytest.raises(NotSent, match="private network"):
        addresses.place("https://alerts.example.edu/x", ())


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"]
)
def test_the_judged_address_is_called_under_its_name(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    looked_up(monkeypatch, address)
    where = addresses.place("https://alerts.example.edu/x?y=1", ())
    assert (where.address, where.host, where.port, where.path) == (
        address,
        "alerts.example.edu",
        443,
        "/x?y=1",
    )


def test_without_tls_only_networks_of_ones_own_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up(monkeypatch, "93.184.215.14")
    with pytest.raises(NotSent, match="not https"):
        addresses.place("http://alerts.example.edu/", HERE)
    looked_up(monkeypatch, "127.0.0.1")
    assert addresses.place("http://alerts.example.edu/", HERE).address == "127.0.0.1"


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, hook: Callable[..., Hook]) -> None:
    certificate = certify(tmp_path)
    one = hook(status(204))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, tmp_path / "key.pem")
    one.server.socket = context.wrap_socket(one.server.socket, server_side=True)
    with pytest.raises(NotSent, match="TLS failed"):
        webhook.post(one.url.replace("http:", "https:"), {}, b"{}", HERE)
    assert one.calls == []


def test_an_email_is_handed_over_whole() -> None:
    with mail_server() as server:
        send_email(server.url, A, B, "A\r\nBcc: x@y", "Grüße", "id1")
    (message,) = server.messages
    assert message["Subject"] == "A Bcc: x@y" and message["Bcc"] is None
    assert message["To"] == "oncall@river.example" and message["From"] == "crosswalk@river.example"
    assert (
        message["Message-ID"] == "<id1@crosswalk.invalid>" and message["Auto-Submitted"] == "auto-generated"
    )
    assert message.get_content().strip() == "Grüße"


def test_a_mail_server_that_refuses_is_told_in_words() -> None:
    with (
        mail_server(refuse="550 no such user") as server,
        pytest.raises(NotSent, match="refused the recipient"),
    ):
        send_email(server.url, A, B, "s", "t", "id")
    with pytest.raises(NotSent, match="can't be reached"):
        send_email("smtp://127.0.0.1:1", A, B, "s", "t", "id", timeout_s=1)


def test_a_password_is_sent_over_tls_or_to_this_machine_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda *_: "tests")
    plain = socket.create_connection

    def here(where: tuple[str, int], *more: Any, **options: Any) -> socket.socket:
        return plain(("127.0.0.1", where[1]), *more, **options)

    monkeypatch.setattr(socket, "create_connection", here)
    with mail_server() as server:
        url = f"smtp://me:secret@mail.example.edu:{server.port}"
        with pytest.raises(NotSent, match="offers no TLS"):
            send_email(url, A, B, "s", "t", "id")
        assert server.logins == []
        send_email(url.replace("mail.example.edu", "127.0.0.1"), A, B, "s", "t", "id")
        assert len(server.logins) == 1
    certificate = certify(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, tmp_path / "key.pem")
    with mail_server(context=context) as server, pytest.raises(NotSent, match="certificate"):
        send_email(f"smtp://me:secret@mail.example.edu:{server.port}", A, B, "s", "t", "id")
    assert server.messages == [] and server.logins == []


def told(event: str, number: int) -> Told:
    over = 1_795_428_060_000 if event == "resolved" else None
    alert = Alert(number, "dead-letters", f"Title {number}", "Why.", "/dead", 1_795_428_000_000, 0, over)
    return Told(event, alert)


def test_a_letter_says_what_is_new_and_what_is_over() -> None:
    one = letter([told("opened", 1), told("resolved", 2)], "https://console.example.edu", 0)
    assert one.subject == "Crosswalk: 1 new: Title 1; 1 resolved: Title 2"
    assert "https://console.example.edu/dead" in one.text and "over at 2026-11-23" in one.text
    document = json.loads(one.body())
    assert document["data"]["opened"][0]["id"] == 1 and document["text"].startswith(one.subject)


def test_a_flood_is_one_letter_of_bounded_length() -> None:
    one = letter([told("opened", number) for number in range(100)], "", 0)
    assert "100 new: Title 0; Title 1; Title 2 and 97 more" in one.subject
    assert one.text.count("* Title") == 40 and "… and 60 more." in one.text
