"""The way of one call through either small platform.

Control API and page first; else: find the route, find the account, let a fault spoil the call, carry it
out under the one lock, count it, log it. A platform supplies routes, accounts, refusals, and its errors.
"""

import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from sandbox.clock import now_ms
from sandbox.counters import CallRecord, LoggedCall
from sandbox.faults import FaultBoard, FaultRule, spoil
from sandbox.messages import JsonObject, Refusal, Request, Response, decoded, json_response, strict_json
from sandbox.server import SandboxServer
from sandbox.settings import Settings
from sandbox.snapshot import Snapshot
from sandbox.webhooks import DeliveryQueue

A = TypeVar("A")


@dataclass(slots=True)
class Call(Generic[A]):
    """One API call while it is carried out; handlers note in it what they touched."""

    request: Request
    operation: str
    groups: dict[str, str] = field(default_factory=dict)
    known_account: A | None = None
    app: str = ""
    contact_ids: list[str] = field(default_factory=list)
    written: dict[str, list[str]] = field(default_factory=dict)
    answer_headers: tuple[tuple[str, str], ...] = ()

    @property
    def account(self) -> A:
        assert self.known_account is not None, "a route that needs an account was not refused"
        return self.known_account

    def json(self) -> object:
        """The body as strict JSON. Raises ``ValueError``."""
        return strict_json(self.request.body)


@dataclass(frozen=True, slots=True)
class Route(Generic[A]):
    """A pattern over the percent-encoded path; its groups reach the handler decoded."""

    method: str
    pattern: re.Pattern[str]
    operation: str
    handler: Callable[[Call[A]], Response]
    open_to_all: bool = False


def route(
    method: str, path: str, operation: str, handler: Callable[[Call[A]], Response], open_to_all: bool = False
) -> Route[A]:
    return Route(method, re.compile(path), operation, handler, open_to_all)


class SimulatedPlatform(ABC, Generic[A]):
    """A platform in miniature; see the module's docstring for the order of things."""

    name: str
    settings: Settings

    def __init__(self, settings: Settings, state_file: Path | None, seed: int) -> None:
        self.settings = settings
        self.initial_settings = replace(settings)
        self.lock = threading.RLock()
        self.faults = FaultBoard()
        self.record = CallRecord()
        self.deliveries = DeliveryQueue(settings, self.envelope, seed)
        self.snapshot = Snapshot(state_file, self._export_locked)
        self.api_routes: list[Route[A]] = []
        self.control_routes: list[Route[A]] = []
        self.page_routes: list[Route[A]] = []

    @abstractmethod
    def account_key(self, account: A) -> str: ...

    @abstractmethod
    def identify(self, call: Call[A]) -> A | None:
        """The account that the call's credentials belong to; also notes the calling app."""

    @abstractmethod
    def refuse(self, call: Call[A], needs_account: bool) -> None:
        """Raises ``Refusal`` for missing authentication, missing permission or a spent budget."""

    @abstractmethod
    def error_response(self, status: int, call: Call[A]) -> Response:
        """The platform's usual answer of that status."""

    @abstractmethod
    def missing_route(self, request: Request) -> Response: ...

    @abstractmethod
    def envelope(
        self, account: str, events: list[JsonObject], attempt: int, sign_url: str
    ) -> tuple[bytes, dict[str, str]]: ...

    @abstractmethod
    def build(self) -> None:
        """(Re)builds accounts and contacts as configured at the start."""

    @abstractmethod
    def export_state(self) -> JsonObject: ...

    @abstractmethod
    def import_state(self, state: JsonObject) -> None: ...

    def answer(self, request: Request) -> Response:
        if request.path.startswith("/_sandbox/"):
            return self._open_route(self.control_routes, request)
        if self._find(self.page_routes, request):
            return self._open_route(self.page_routes, request)
        return self._api(request)

    def _find(self, routes: list[Route[A]], request: Request) -> tuple[Route[A], dict[str, str]] | None:
        method = "GET" if request.method == "HEAD" else request.method
        for each in routes:
            if each.method == method and (match := each.pattern.fullmatch(request.path)):
                return each, {k: decoded(v) for k, v in match.groupdict().items() if v is not None}
        return None

    def _open_route(self, routes: list[Route[A]], request: Request) -> Response:
        found = self._find(routes, request)
        if found is None:
            return json_response(404, {"error": f"no {request.method} {request.path} here"})
        call: Call[A] = Call(request, found[0].operation, found[1])
        try:
            with self.lock:
                response = found[0].handler(call)
        except Refusal as refusal:
            response = refusal.response
        if request.method != "GET":
            self.snapshot.mark_changed()
        return response

    def _api(self, request: Request) -> Response:
        found = self._find(self.api_routes, request)
        if found is None:
            return self.missing_route(request)
        handled_by, groups = found
        call: Call[A] = Call(request, handled_by.operation, groups)
        with self.lock:
            call.known_account = self.identify(call)
        account = self.account_key(call.known_account) if call.known_account is not None else "unknown"
        fault = self.faults.spoiler_of(request, account)
        if fault is None or fault.applies_first:
            response = self._carry_out(handled_by, call)
        else:
            response = Response(0)
        if fault is not None:
            response = self._spoil(fault, call, response)
        self._log(call, account, response, fault)
        if request.method != "GET":
            self.snapshot.mark_changed()
        delay_s = self.settings.latency_ms / 1000
        return replace(response, wait_s=response.wait_s + delay_s) if delay_s else response

    def _carry_out(self, handled_by: Route[A], call: Call[A]) -> Response:
        try:
            with self.lock:
                self.refuse(call, not handled_by.open_to_all)
                response = handled_by.handler(call)
        except Refusal as refusal:
            response = refusal.response
        if call.answer_headers:
            response = replace(response, headers=(*response.headers, *call.answer_headers))
        return response

    def _spoil(self, fault: FaultRule, call: Call[A], response: Response) -> Response:
        if fault.effect.isdigit():
            response = self.error_response(int(fault.effect), call)
        return spoil(fault, response, self.settings.hang_s)

    def _log(self, call: Call[A], account: str, response: Response, fault: FaultRule | None) -> None:
        self.record.add(
            LoggedCall(
                number=self.record.next_number(),
                at_ms=now_ms(),
                account=account,
                operation=call.operation,
                method=call.request.method,
                path=call.request.path,
                status=response.status if response.ending == "answer" else 0,
                contact_ids=call.contact_ids,
                written=call.written,
                fault=fault.kind if fault else None,
                app=call.app,
            )
        )

    def reset(self) -> None:
        """Everything as at the first start, without the state file: accounts, contacts, switches, counts."""
        with self.lock:
            self.settings.replace_all(self.initial_settings)
            self.faults.remove()
            self.deliveries.clear()
            self.record.reset()
            self.build()

    def _export_locked(self) -> JsonObject:
        with self.lock:
            return {**self.export_state(), "undelivered": self.deliveries.waiting()}

    @contextmanager
    def running(self, port: int = 0, host: str = "127.0.0.1") -> Iterator[SandboxServer]:
        """Serves inside the block; ``port`` 0 takes a free one. The state file is read first."""
        saved = self.snapshot.load()
        server = SandboxServer(host, port, self.answer)
        if saved is not None:
            with self.lock:
                self.import_state(saved)
                for waiting in saved.get("undelivered", []):
                    self.deliveries.publish(waiting["account"], waiting["events"])
        self.snapshot.start()
        self.deliveries.start()
        server.start()
        try:
            yield server
        finally:
            server.stop()
            self.deliveries.stop()
            self.snapshot.stop()
