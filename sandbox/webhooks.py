"""Delivers change events to the configured address: batched, signed, retried, and badly if asked to.

One scheduler thread decides what is due; each POST runs in a thread of its own, at most ``max_in_flight``
per account. What the platform signs and how its body looks come from the outside (``Envelope``).
"""

import heapq
import http.client
import itertools
import random
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.messages import JsonObject
from sandbox.settings import Settings

REPORT_LENGTH = 2_000
# account, events, attempt (from 0), the URL that the signature covers -> body, headers
Envelope = Callable[[str, list[JsonObject], int, str], tuple[bytes, dict[str, str]]]


@dataclass(slots=True)
class Delivery:
    """Some events of one account on their way; ``attempt`` counts from 0."""

    account: str
    events: list[JsonObject]
    attempt: int = 0


class DeliveryQueue:
    """Everything between "this changed" and a 2xx of the receiver."""

    def __init__(self, settings: Settings, envelope: Envelope, seed: int = 0) -> None:
        self._settings = settings
        self._envelope = envelope
        self._random = random.Random(seed)
        self._wake = threading.Condition()
        self._order = itertools.count()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._forget_all()

    def _forget_all(self) -> None:
        self._gathering: dict[str, list[JsonObject]] = {}
        self._gathering_since: dict[str, float] = {}
        self._due: list[tuple[float, int, Delivery]] = []
        self._in_flight: Counter[str] = Counter()
        self._flying: dict[int, Delivery] = {}
        self._events: Counter[str] = Counter()
        self._posts: Counter[str] = Counter()
        self._report: deque[JsonObject] = deque(maxlen=REPORT_LENGTH)
        self._refused: deque[JsonObject] = deque(maxlen=50 * REPORT_LENGTH)
        self._generation = object()

    def start(self) -> None:
        self._stopping = False
        self._thread = threading.Thread(target=self._schedule, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def clear(self) -> None:
        with self._wake:
            self._forget_all()

    def publish(self, account: str, events: list[JsonObject]) -> None:
        """Takes events over for delivery, or loses them where the switches say so."""
        settings = self._settings
        if not events or not settings.webhooks:
            return
        with self._wake:
            self._events["published"] += len(events)
            kept = []
            for event in events:
                if settings.lose_next == 0:
                    kept.append(event)
                else:
                    settings.lose_next -= settings.lose_next > 0
                    self._events["lost"] += 1
            if not settings.webhook_url:
                self._events["without_target"] += len(kept)
            elif kept:
                self._gathering.setdefault(account, []).extend(kept)
                self._gathering_since.setdefault(account, time.monotonic())
                self._wake.notify_all()

    def waiting(self) -> list[JsonObject]:
        """What is not delivered yet, for the state file."""
        with self._wake:
            gathered = [Delivery(a, list(events)) for a, events in self._gathering.items()]
            due = [delivery for _, _, delivery in sorted(self._due, key=lambda entry: entry[:2])]
            flying = list(self._flying.values())
        return [{"account": d.account, "events": d.events} for d in flying + due + gathered]

    def status(self) -> JsonObject:
        """Counts of events and POSTs. ``quiet``: nothing is gathered, waiting or in flight; ``refused``: the
        events of the last POSTs that were not answered 2xx."""
        with self._wake:
            pending = sum(map(len, self._gathering.values())) + sum(len(d.events) for _, _, d in self._due)
            in_flight = self._in_flight.total()
            return {
                "quiet": pending == 0 and in_flight == 0,
                "pending": pending,
                "posts_in_flight": in_flight,
                "published": self._events["published"],
                "delivered": self._events["delivered"],
                "given_up": self._events["given_up"],
                "lost": self._events["lost"],
                "without_target": self._events["without_target"],
                "posts": self._posts.total(),
                "by_status": dict(self._posts),
                "recent": list(self._report)[-200:],
                "refused": list(self._refused),
            }

    def _schedule(self) -> None:
        with self._wake:
            while not self._stopping:
                now = time.monotonic()
                self._close_batches(now)
                self._send_due(now)
                self._wake.wait(self._next_wake_s(now))

    def _next_wake_s(self, now: float) -> float:
        moments = [since + self._settings.batch_window_s for since in self._gathering_since.values()]
        moments += [due for due, _, d in self._due if not self._is_full(d.account)]
        return min(1.0, max(0.001, min(moments, default=now + 1.0) - now))

    def _close_batches(self, now: float) -> None:
        settings = self._settings
        size = 1 if settings.single_object else max(1, settings.max_events_per_post)
        for account, events in list(self._gathering.items()):
            ripe = now - self._gathering_since[account] >= settings.batch_window_s
            if not ripe and len(events) < size:
                continue
            del self._gathering[account], self._gathering_since[account]
            if settings.shuffle_deliveries:
                self._random.shuffle(events)
            for start in range(0, len(events), size):
                delivery = Delivery(account, events[start : start + size])
                self._put(now + settings.delivery_delay_s, delivery)
                if settings.duplicate_deliveries:
                    self._put(now + settings.delivery_delay_s, delivery)

    def _put(self, due: float, delivery: Delivery) -> None:
        shuffle = self._settings.shuffle_deliveries
        order = self._random.randrange(1 << 30) if shuffle else next(self._order)
        # The last figure only keeps the heap from comparing deliveries.
        heapq.heappush(self._due, (due, order << 32 | next(self._order), delivery))

    def _is_full(self, account: str) -> bool:
        return self._in_flight[account] >= self._settings.max_in_flight

    def _send_due(self, now: float) -> None:
        held_back = []
        while self._due and self._due[0][0] <= now:
            entry = heapq.heappop(self._due)
            delivery = entry[2]
            if self._is_full(delivery.account):
                held_back.append(entry)
                continue
            self._in_flight[delivery.account] += 1
            self._flying[id(delivery)] = delivery
            arguments = (delivery, self._generation)
            threading.Thread(target=self._attempt, args=arguments, daemon=True).start()
        for entry in held_back:
            heapq.heappush(self._due, entry)

    def _attempt(self, delivery: Delivery, generation: object) -> None:
        settings = self._settings
        url = settings.webhook_url
        body, headers = self._envelope(
            delivery.account, delivery.events, delivery.attempt, settings.sign_url or url
        )
        status = post(url, body, headers, settings.delivery_timeout_s)
        with self._wake:
            if generation is self._generation:
                self._in_flight[delivery.account] -= 1
                self._flying.pop(id(delivery), None)
                self._settle(delivery, status)
            self._wake.notify_all()

    def _settle(self, delivery: Delivery, status: str) -> None:
        settings = self._settings
        self._posts[status] += 1
        self._report.append(
            {
                "account": delivery.account,
                "attempt": delivery.attempt,
                "status": status,
                "events": delivery.events,
            }
        )
        if not status.startswith("2"):
            self._refused.extend(delivery.events)
        if status.startswith("2"):
            self._events["delivered"] += len(delivery.events)
        elif delivery.attempt >= len(settings.retry_schedule_s):
            self._events["given_up"] += len(delivery.events)
        else:
            wait_s = settings.retry_schedule_s[delivery.attempt] * self._random.uniform(0.8, 1.2)
            half = (len(delivery.events) + 1) // 2 if settings.retry_splits_batch else 0
            for part in (delivery.events[:half], delivery.events[half:]):
                if part:
                    again = Delivery(delivery.account, part, delivery.attempt + 1)
                    self._put(time.monotonic() + wait_s, again)


def post(url: str, body: bytes, headers: dict[str, str], timeout_s: float) -> str:
    """POSTs once, following no redirect: the status as text, or "timeout" or "unreachable"."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        response.read()
        return str(response.status)
    except TimeoutError:
        return "timeout"
    except (OSError, http.client.HTTPException):
        return "unreachable"
    finally:
        connection.close()
