"""Who dawdles keeps nobody out: the receiver and the console as the Procfile starts them, one worker each."""

import contextlib
import http.client
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Settings
from core.store.database import migrate
from core.wiring import connect
from tests.services.process import eventually, free_port

pytestmark = pytest.mark.processes
ROOT = Path(__file__).parents[2]
IDLERS = 60  # more than the threads of either server


@pytest.fixture(scope="module", params=["web", "console"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("slow"), free_port()
    line = re.search(rf"^{request.param}: gunicorn (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert line is not None
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "CROSSWALK_DATABASE_URL": f"sqlite:///{folder}/slow.db",
        "CROSSWALK_SECRET_KEY": "a-secret-key-of-the-tests-only",
        "CROSSWALK_PUBLIC_URL": "http://127.0.0.1",
        "CROSSWALK_HUBSPOT_CLIENT_SECRET": "the-app-secret",
    }
    ours = {name: value for name, value in environment.items() if name.startswith("CROSSWALK_")}
    wiring = connect(Settings.from_env(ours))
    migrate(wiring.database.engine)
    wiring.database.engine.dispose()
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "gunicorn", *line[1].split()]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        eventually(lambda: alive(port), within_s=30)
        yield port
    finally:
        process.terminate()
        assert process.wait(30) == 0


def alive(port: int) -> bool:
    with contextlib.suppress(OSError):
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        with contextlib.closing(asked) as connection:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
    return False


def test_silent_connections_hold_nobody_up(port: int) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(IDLERS):
            held.enter_context(socket.create_connection(("127.0.0.1", port)))
        started_s = time.monotonic()
        assert alive(port)
        assert time.monotonic() - started_s < 1.5


def test_headers_that_never_end_are_hung_up_on(port: int) -> None:
    """A byte now and then is not enough: the whole of the headers has a few seconds."""
    with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        started_s = time.monotonic()

        def hung_up() -> bool:
            with contextlib.suppress(TimeoutError):
                sock.sendall(b"a")
                return sock.recv(100) == b""
            return False

        with contextlib.suppress(ConnectionError):
            eventually(hung_up, within_s=20)
        assert 4 < time.monotonic() - started_s < 12
    assert alive(port)


def test_bodies_that_come_too_slowly_hold_nobody_up_for_long(port: int) -> None:
    asked = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx"
    with contextlib.ExitStack() as held:
        for _ in range(30):
            held.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(asked)
        started_s = time.monotonic()
        eventually(lambda: alive(port), within_s=30)
        assert time.monotonic() - started_s < 6


def test_a_body_in_pieces_arrives_whole_and_one_that_breaks_off_is_refused(port: int) -> None:
    path = b"/webhooks/hubspot" if not console(port) else b"/sign-in"
    head = (
        b"POST "
        + path
        + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"
    )
    expected = (
        b"HTTP/1.1 400" if console(port) else b"HTTP/1.1 401"
    )  # without a form token; without a signature
    with socket.create_connection(("127.0.0.1", port), timeout=8) as sock:
        sock.sendall(head)
        for _ in range(4):
            threading.Event().wait(0.3)
            sock.sendall(b"12345")
        assert sock.recv(4096).startswith(expected)
    with socket.create_connection(("127.0.0.1", port), timeout=8) as sock:
        sock.sendall(head + b"12345")
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(4096)[:12] in (b"HTTP/1.1 408", b"HTTP/1.1 401")


def console(port: int) -> bool:
    """Whether it is the console that listens here."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("GET", "/sign-in")
        return connection.getresponse().status == 200


def test_who_was_answered_and_does_not_hang_up_holds_nobody_up(port: int) -> None:
    asked = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with contextlib.ExitStack() as held:
        for _ in range(30):
            held.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(asked)
        started_s = time.monotonic()
        eventually(lambda: alive(port), within_s=30)
        assert time.monotonic() - started_s < 1.5


def test_an_answer_to_a_body_that_nobody_read_arrives_whole(port: int) -> None:
    """Closing at once would reset the connection, and the answer with it."""
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port), timeout=8) as sock:
            head = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n"
            sock.sendall(head + b"x" * 300_000)
            told = b""
            with contextlib.suppress(TimeoutError):
                while part := sock.recv(65_536):
                    told += part
            assert told[:12] in (b"HTTP/1.1 404", b"HTTP/1.1 400", b"HTTP/1.1 408"), told[:100]
