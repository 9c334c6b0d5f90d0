"""The receiver under its real server: sockets, chunked bodies, lying lengths, workers, signals."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.domain.messages import Message
from tests.services.process import free_port
from tests.unit.webhooks.kit import (
    GLOBAL_SECRET,
    SECRET,
    change,
    hubspot_headers,
    mainstay_headers,
    raw_of,
    told,
)

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[3]
MIB = 1024 * 1024
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "CROSSWALK_SECRET_KEY": "k" * 40,
    "CROSSWALK_PUBLIC_URL": "https://sync.example.edu",
    "CROSSWALK_HUBSPOT_CLIENT_SECRET": SECRET,
    "CROSSWALK_MAINSTAY_WEBHOOK_SECRET": GLOBAL_SECRET,
}


@dataclass
class Server:
    """A running gunicorn with two workers."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    def connection(self) -> contextlib.closing[http.client.HTTPConnection]:
        return contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10))

    def post(self, path: str, body: bytes, headers: dict[str, str], *, chunked: bool = False) -> int:
        pieces = [body[at : at + 65536] for at in range(0, len(body), 65536)]
        sent = iter(pieces) if chunked else body
        with self.connection() as connection:
            connection.request("POST", path, body=sent, headers=headers, encode_chunked=chunked)
            return connection.getresponse().status

    def get(self, path: str) -> tuple[int, bytes]:
        with self.connection() as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def raw(self, head: str, body: bytes, *, then_end: bool = False) -> bytes:
        """Send these bytes and give what comes back until the server closes or five seconds passed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=8) as sock:
            sock.sendall(head.encode("latin-1") + b"\r\n\r\n" + body)
            if then_end:
                sock.shutdown(socket.SHUT_WR)
            return sock.recv(65536)

    def messages(self) -> list[Message]:
        queue = self.folder / "queue"
        lines = queue.read_bytes().splitlines() if queue.exists() else []
        return [Message.from_json(line) for line in lines]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    metrics = folder / "metrics"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                "--bind",
                f"127.0.0.1:{port}",
                "tests.unit.webhooks.served:app",
            ],
            cwd=ROOT,
            env=ENVIRONMENT
            | {
                "WEB_CONCURRENCY": "2",
                "SERVED_QUEUE": str(folder / "queue"),
                "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    running = Server(process, port, folder)
    try:
        until_alive(running)
        yield running
    finally:
        process.kill()
        process.wait(10)


def until_alive(running: Server) -> None:
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError):
            if running.get("/healthz")[0] == 200:
                return
        assert running.process.poll() is None, (running.folder / "log").read_text()
        assert time.monotonic() < deadline, (running.folder / "log").read_text()
        threading.Event().wait(0.05)


def signed(raw: bytes) -> dict[str, str]:
    return hubspot_headers(raw, at_ms=time.time_ns() // 1_000_000)


def test_signed_deliveries_arrive_over_http(server: Server) -> None:
    before = len(server.messages())
    raw, event = raw_of([change(contact=n) for n in range(1, 101)]), raw_of(told())
    assert server.post("/webhooks/hubspot", raw, signed(raw)) == 204
    assert server.post("/webhooks/hubspot", raw, signed(raw), chunked=True) == 204
    headers = mainstay_headers(event, at_s=int(time.time()))
    assert server.post("/webhooks/mainstay", event, headers) == 204
    assert len(server.messages()) == before + 201
    assert server.post("/webhooks/hubspot", raw, signed(raw + b" ")) == 401
    assert server.post("/webhooks/hubspot", b"[NaN]", signed(b"[NaN]")) == 400
    assert server.post("/webhooks/hubspot", raw, signed(raw) | {"Content-Type": "text/plain"}) == 415


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_over_the_limit(server: Server, chunked: bool) -> None:
    for size in (MIB + 1, 3 * MIB):
        raw = b" " * size
        assert server.post("/webhooks/hubspot", raw, signed(raw), chunked=chunked) == 413
    raw = raw_of([change()])
    full = raw + b" " * (MIB - len(raw))
    assert server.post("/webhooks/hubspot", full, signed(full), chunked=chunked) == 204


def head_of(raw: bytes, **more: str) -> str:
    headers = signed(raw) | {"Host": "x"} | {name.replace("_", "-"): value for name, value in more.items()}
    return "POST /webhooks/hubspot HTTP/1.1\r\n" + "\r\n".join(f"{n}: {v}" for n, v in headers.items())


def test_lying_lengths(server: Server) -> None:
    raw = raw_of([change()])
    ended = server.raw(head_of(raw, Content_Length=str(len(raw) + 10)), raw, then_end=True)
    assert ended.startswith(b"HTTP/1.1 401")
    shorter = server.raw(head_of(raw, Content_Length=str(len(raw) - 1)), raw)
    assert shorter.startswith(b"HTTP/1.1 401")
    for length in ("-1", "abc", "9" * 400, str(2 * MIB)):
        assert server.raw(head_of(raw, Content_Length=length), raw)[9:12] in (b"400", b"413")


def test_a_stalled_body_is_answered_in_time(server: Server) -> None:
    raw = raw_of([change()])
    started_s = time.monotonic()
    answer = server.raw(head_of(raw, Content_Length=str(len(raw) + 10)), raw)
    assert answer.startswith(b"HTTP/1.1 401")
    assert time.monotonic() - started_s < 4


@pytest.mark.parametrize("body", [b"zz\r\n[]\r\n0\r\n\r\n", b"2\r\n[]", b"5\r\n[]\r\n0\r\n\r\n"])
def test_broken_chunks(server: Server, body: bytes) -> None:
    answer = server.raw(head_of(b"[]", Transfer_Encoding="chunked"), body, then_end=True)
    assert answer[9:12] in (b"400", b"401")


def test_repeated_headers_are_not_a_way_in(server: Server) -> None:
    raw = raw_of([change()])
    headers = signed(raw)
    head = head_of(raw, Content_Length=str(len(raw)))
    for name in ("X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp"):
        assert server.raw(f"{head}\r\n{name}: {headers[name]}", raw).startswith(b"HTTP/1.1 401")


def test_an_unconfirmed_publish_is_503_and_the_next_try_heals_it(server: Server) -> None:
    raw = raw_of([change()])
    down = server.folder / "down"
    down.touch()
    try:
        assert server.post("/webhooks/hubspot", raw, signed(raw)) == 503
    finally:
        down.unlink()
    assert server.post("/webhooks/hubspot", raw, signed(raw)) == 204


def test_a_connection_is_kept_over_refusals(server: Server) -> None:
    raw = raw_of([change()])
    text = signed(raw) | {"Content-Type": "text/plain"}
    statuses = []
    with server.connection() as connection:
        for headers in (signed(raw), signed(b"other"), text, signed(raw)):
            connection.request("POST", "/webhooks/hubspot", body=raw, headers=headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
    assert statuses == [204, 401, 415, 204]


def test_metrics_are_those_of_all_workers(server: Server) -> None:
    raw = raw_of([change()])

    def counted() -> float:
        status, page = server.get("/metrics")
        assert status == 200
        name = b'crosswalk_requests_total{endpoint="/webhooks/hubspot",status="204"} '
        return sum(float(line.removeprefix(name)) for line in page.splitlines() if line.startswith(name))

    before = counted()
    for _ in range(20):
        assert server.post("/webhooks/hubspot", raw, signed(raw)) == 204
    assert counted() == before + 20


def test_the_log_is_json_without_values(server: Server) -> None:
    raw = raw_of([change(value="Unmistakable")])
    assert server.post("/webhooks/hubspot", raw, signed(raw)) == 204
    assert server.raw("GARBAGE Unmistakable", b"").startswith(b"HTTP/1.1 400")
    lines = (server.folder / "log").read_text().splitlines()
    assert all(json.loads(line)["role"] == "web" for line in lines)
    assert any(json.loads(line)["event"] == "request.accepted" for line in lines)
    assert "Unmistakable" not in "".join(lines)


def test_sigterm_answers_what_is_in_flight_and_ends_with_0(server: Server) -> None:
    """Last in this file: the server is gone afterwards."""
    raw = raw_of([change()])
    head = head_of(raw, Content_Length=str(len(raw)))
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(head.encode() + b"\r\n\r\n" + raw[:10])
        server.process.send_signal(signal.SIGTERM)
        sock.sendall(raw[10:])
        assert sock.recv(65536).startswith(b"HTTP/1.1 204")
    assert server.process.wait(30) == 0


def test_a_wrong_setting_stops_the_start_with_every_problem_and_status_2(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{free_port()}", "webhooks.wsgi:app"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "CROSSWALK_HUBSPOT_RATE": "fast"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    for name in ("SECRET_KEY", "PUBLIC_URL", "HUBSPOT_CLIENT_SECRET", "HUBSPOT_RATE"):
        assert f"CROSSWALK_{name}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == [], "its own metrics directory went with it"
