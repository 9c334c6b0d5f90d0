"""A webhook receiver that remembers every request and answers as it is told."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3


def wait_until(condition: Callable[[], bool], deadline_s: float = 5.0) -> None:
    """Returns as soon as ``condition`` holds; fails the test at the deadline."""
    pause = threading.Event()
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "the condition never came true"
        pause.wait(0.005)


@dataclass
class Received:
    """One POST as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def events(self) -> list[dict[str, Any]]:
        parsed = json.loads(self.body)
        return parsed if isinstance(parsed, list) else [parsed]


@dataclass
class Receiver:
    """``answers`` are the statuses of the next requests; after them 204."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def events(self) -> list[dict[str, Any]]:
        """All events that were accepted, in the order of arrival."""
        return [event for each in self.received if each.status == 204 for event in each.events]

    def kinds(self) -> list[str]:
        return [event.get("subscriptionType") or event["type"] for event in self.events()]


@contextmanager
def listening() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.gate.wait(10)
            status = receiver.answers.pop(0) if receiver.answers else 204
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, headers, body, status))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class RoomyServer(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64  # with the usual 5, the kernel holds a burst back for a second

    server = RoomyServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks/platform"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Server:
    """One sandbox as its users see it: an address, a token, the control API."""

    url: str
    authorization: str
    pool: urllib3.PoolManager = field(default_factory=urllib3.PoolManager)

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": self.authorization, **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        return self.pool.request(
            method, self.url + path, headers=headers, retries=False, redirect=False, **options
        )

    def json(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.call(method, path, body)
        assert answer.status == status, answer.data
        return answer.json() if answer.data else None

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.pool.request(method, f"{self.url}/_sandbox/{path}", json=body, retries=False)
        assert answer.status < 300, answer.data
        return answer.json() if answer.data else None

    def settings(self, **changes: Any) -> None:
        self.control("PATCH", "settings", changes)

    def fault(self, kind: str, **how: Any) -> dict[str, Any]:
        rule: dict[str, Any] = self.control("POST", "faults", {"kind": kind, **how})
        return rule

    def quiet(self) -> bool:
        return bool(self.control("GET", "deliveries")["quiet"])

    def settle(self) -> None:
        """Waits until no delivery is under way."""
        wait_until(self.quiet)
