"""Moves what RabbitMQ itself gave up on into the store's dead letters. Run by the scheduler, now and then.

Two kinds come here: messages whose consumers died again and again (delivery limit), and strays that no queue
took. Each is stored and committed before it is acknowledged; killed in between, it comes again, and the store
knows it by message id and generation. The queues are never browsed by giving messages back.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pika.exceptions import ChannelClosedByBroker  # type: ignore[import-untyped]

from core.domain.messages import Address, Lane
from core.queue.pika_link import with_connection
from core.queue.topology import WORK_DELIVERY_LIMIT, Topology

# lane (None: the routing key is none of ours), body, headers, problem. Commits, or raises.
Store = Callable[[Lane | None, bytes, Mapping[str, object], str], None]

FAILURES = 3  # in a row: then it is the store, not the message


@dataclass(frozen=True, slots=True)
class DeadMover:
    """``store`` is called in another thread, one message at a time.

    Its ``headers`` are the message's own without RabbitMQ's book-keeping, and ``message-id`` (a digest of the
    body where there was none), ``routing-key`` (``incoming.7``) and ``given-up-in`` (``strays``, or a lane).
    """

    url: str
    store: Store
    prefix: str = "crosswalk"
    queues: Mapping[str, str] | None = None  # name → queue, instead of those of the dead

    def move(self, limit: int = 1000, timeout_s: float = 60.0) -> int:
        """Store at most ``limit`` messages per queue of those that are there now; returns how many.

        QueueUnavailable as usual. What ``store`` raised is raised again once the others had their turn, or at
        once after three failures in a row. A message that was not stored stays where it is.
        """
        return with_connection(
            self.url, timeout_s, lambda connection, over: self._move(connection, over, limit), "dead mover"
        )

    def _move(self, connection: Any, over: threading.Event, limit: int) -> int:
        moved, failures = 0, _Failures()
        queues = Topology((), self.prefix).dead if self.queues is None else self.queues
        for name, queue in queues.items():
            channel = connection.channel()
            try:
                waiting = channel.queue_declare(queue, passive=True).method.message_count
            except ChannelClosedByBroker:
                continue  # not declared yet
            for _ in range(min(waiting, limit)):
                method, properties, body = channel.basic_get(queue)
                if method is None or over.is_set():
                    break
                try:
                    self._store(name, method.routing_key, properties, body)
                except Exception as error:
                    failures.count(error)  # unacknowledged, it goes back when the connection closes
                    continue
                channel.basic_ack(method.delivery_tag)
                failures.in_a_row = 0
                moved += 1
        if failures.last:
            raise failures.last
        return moved

    def _store(self, name: str, key: str, properties: Any, body: bytes) -> None:
        headers = own_headers(properties.headers or {})
        headers["message-id"] = properties.message_id or hashlib.sha256(key.encode() + body).hexdigest()[:32]
        headers |= {"routing-key": key, "given-up-in": name}
        self.store(_lane(key), body, headers, _problem(name, key, properties.headers or {}))


class _Failures:
    """One message that can't be stored must not hold up the others; a store that is away ends the errand."""

    def __init__(self) -> None:
        self.in_a_row = 0
        self.last: Exception | None = None

    def count(self, error: Exception) -> None:
        self.in_a_row += 1
        self.last = error
        if self.in_a_row >= FAILURES:
            raise error


def own_headers(headers: Mapping[str, object]) -> dict[str, object]:
    """Without what RabbitMQ wrote: ``x-death``, ``x-first-death-…``, ``x-delivery-count`` and the like.

    A copy that kept them could be dropped as a cycle by RabbitMQ 3.x (its documentation, 2026-11-23).
    """
    return {name: value for name, value in headers.items() if not name.lower().startswith("x-")}


def _lane(key: str) -> Lane | None:
    try:
        return Address.of_key(key).lane
    except ValueError:
        return None


def _problem(name: str, key: str, headers: Mapping[str, Any]) -> str:
    if name == "strays":
        return f"no queue takes {key}: the instance or account is gone, or `crosswalk migrate` has not run"
    deaths = headers.get("x-death")
    reason = deaths[0].get("reason") if isinstance(deaths, list) and deaths else "unknown"
    if reason == "delivery_limit":
        return f"handed out more than {WORK_DELIVERY_LIMIT} times, and nobody settled it"
    return f"given up by RabbitMQ ({reason})"
