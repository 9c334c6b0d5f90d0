"""The story of one webhook request, the same for both platforms, from its bytes to its answer.

    too large? (413) → signature (401) → JSON announced? (415) → JSON (400) → routed → published (503) → 204

Only the size comes before the signature: the bytes have to be bounded before they can be hashed, and that
answer tells a forger only what the documentation says anyway. No database is asked on this path
(routing_table.py).
"""

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from flask import Response, request

from core import tracing
from core.domain.events import Parsed
from core.domain.fields import Platform
from core.domain.routing import Routed, Routing, Stamp, route
from core.settings import Settings
from core.store.tallies import Kind
from core.telemetry import log, record_events
from webhooks import bodies
from webhooks.problems import NotAuthentic, Refusal, TryAgain, problem
from webhooks.publishing import Publishing
from webhooks.routing_table import RoutingTable, Table
from webhooks.turns import Turn, Turns

BUDGET_S = 3.5  # the contract allows 4 s; HubSpot gives up at 5
_BODY_S = 2.5
_PUBLISH_S = 3.0
_LEAST_PUBLISH_S = 0.3
_AT_WORK = 4  # requests, as many as a publisher has connections to the queue; one of them not just waiting
_FOR_GOOD = frozenset({"other-type", "other-object"})  # unwanted whatever the table says


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request as its platform's opener sees it. ``headers`` by lower-case name.

    ``uris``: what the sender may have called, by the public URL: without a query, and with the one it sent.
    """

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    uris: tuple[str, ...]
    now_ms: int
    settings: Settings
    table: Table | None


Opener = Callable[[Delivery], Parsed]
Note = Callable[[Kind, int, str, int], None]  # kind, account id (0 = nobody's), word, how many


class Receiver:
    """Shared by all threads of a worker. ``clock_ms`` is the wall clock."""

    def __init__(
        self,
        settings: Settings,
        publishing: Publishing,
        table: RoutingTable,
        clock_ms: Callable[[], int],
        note: Note,
    ) -> None:
        self._settings = settings
        self._publishing = publishing
        self._table = table
        self._clock_ms = clock_ms
        self._note = note
        self._places, self._turns = Turns(_AT_WORK), Turns(1)

    def receive(self, platform: Platform, opened: Opener) -> Response:
        """Answer the present request: 204 when all its events are durable in the queue, or not wanted."""
        deadline_s = time.monotonic() + BUDGET_S
        with tracing.request(str(platform)):
            answer = self._answer(platform, opened, deadline_s)
            tracing.add(status=answer.status_code)
            return answer

    def _answer(self, platform: Platform, opened: Opener, deadline_s: float) -> Response:
        try:
            return self._accepted(platform, opened, deadline_s)
        except Refusal as refusal:
            tracing.add(reason=refusal.reason)
            verdict = "postponed" if isinstance(refusal, TryAgain) else "refused"
            record_events(platform, verdict, 1, refusal.reason)
            self._note(Kind.REFUSED, 0, f"{platform} {refusal.reason}", 1)
            log(
                "request.refused",
                level=logging.WARNING,
                platform=platform,
                status=int(refusal.status),
                reason=refusal.reason,
            )
            answer = problem(refusal.status, refusal.detail)
            if isinstance(refusal, NotAuthentic):
                # RFC 9110 §11.6.1 wants a challenge; there is no registered scheme for signed requests.
                answer.headers["WWW-Authenticate"] = "Signature"
            return answer

    def _accepted(self, platform: Platform, opened: Opener, deadline_s: float) -> Response:
        bodies.check_size(request)
        body = bodies.read(request, deadline_s - BUDGET_S + _BODY_S)
        until_s = deadline_s - _LEAST_PUBLISH_S
        with self._places.one(until_s):
            table = self._table.current()
            with self._turns.one(until_s) as turn:
                return self._worked_on(platform, opened, body, table, deadline_s, turn)

    def _worked_on(
        self,
        platform: Platform,
        opened: Opener,
        body: bytes,
        table: Table | None,
        deadline_s: float,
        turn: Turn,
    ) -> Response:
        delivery = Delivery(
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
            uris=self._uris(),
            now_ms=self._clock_ms(),
            settings=self._settings,
            table=table,
        )
        parsed = self._opened(delivery, opened)
        if delivery.table is None:
            raise TryAgain("no-table")
        stamp = self._stamp(delivery.table, delivery.now_ms)
        routed = route(delivery.table.routing, parsed.events, stamp)
        if not _FOR_GOOD.issuperset(routed.unwanted):
            newer = self._table.newer()
            if newer is not None and newer is not delivery.table:
                routed = route(newer.routing, parsed.events, stamp)
        left_s = deadline_s - time.monotonic()
        tracing.add(events=len(parsed.events))
        with tracing.publish(len(routed.messages)):
            within_s = max(_LEAST_PUBLISH_S, min(_PUBLISH_S, left_s))
            self._publishing.publish(routed.messages, within_s, sent=turn.end)
        self._count(delivery.table.routing, platform, parsed)
        _tell(platform, parsed, routed, stamp.trace)
        return Response(status=204)

    def _count(self, routing: Routing, platform: Platform, parsed: Parsed) -> None:
        """Signs of life: how many events came for which account."""
        for external_id, count in Counter(event.account for event in parsed.events).items():
            account = routing.account(platform, external_id)
            if account is not None:
                self._note(Kind.EVENTS, account.id, "", count)

    def _opened(self, delivery: Delivery, opened: Opener) -> Parsed:
        """The request's events. An organisation's secret may be one of a moment ago: then the table is asked
        for once more before the request is refused."""
        try:
            return opened(delivery)
        except NotAuthentic:
            newer = self._table.newer()
            if newer is None or delivery.table is None or _secrets(newer) == _secrets(delivery.table):
                raise
            return opened(replace(delivery, table=newer))

    def _uris(self) -> tuple[str, ...]:
        plain = f"{self._settings.public_url}{request.path}"
        query = request.query_string.decode("latin-1")
        return (plain, f"{plain}?{query}") if query else (plain,)

    def _stamp(self, table: Table, now_ms: int) -> Stamp:
        return Stamp(
            accepted_at_ms=now_ms,
            digest_key=table.digest_key,
            region=self._settings.phone_region,
            new_id=lambda: secrets.token_hex(16),
            trace=tracing.traceparent(),
        )


def _secrets(table: Table) -> Mapping[int, tuple[str, ...]]:
    return table.routing.webhook_secrets


def _tell(platform: Platform, parsed: Parsed, routed: Routed, trace: str) -> None:
    unwanted = sum(routed.unwanted.values())
    record_events(platform, "accepted", len(parsed.events) - unwanted)
    for reason, count in routed.unwanted.items():
        record_events(platform, "unwanted", count, reason)
    for reason, count in parsed.unreadable.items():
        record_events(platform, "unreadable", count, reason)
    log(
        "request.accepted",
        platform=platform,
        events=len(parsed.events),
        messages=len(routed.messages),
        unwanted=dict(routed.unwanted),
        unreadable=dict(parsed.unreadable),
        trace=trace,
    )
