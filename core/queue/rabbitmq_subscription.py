"""One work queue that this process takes from: what came, and what of it is not settled yet.

Each has a channel of its own, because an acknowledgement of many counts for the whole channel. Called by the
consumer's main thread only.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from amqp.exceptions import NotFound

from core.domain.messages import Address, Message, Unreadable
from core.queue.port import Delivery
from core.queue.rabbitmq_confirms import DELIVERIES
from core.queue.rabbitmq_link import Link


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """Which delivery of which subscription. A lost subscription's tokens are void."""

    subscription: "Subscription"
    tag: int


class Subscription:
    """``start`` and ``stop`` say whether the broker sends; what it sent stays until it is settled."""

    def __init__(self, link: Link, address: Address, queue: str, prefetch: int) -> None:
        self.address = address
        self.consuming = False
        self.unwanted_since_s: float | None = None  # time.monotonic() when the caller stopped wanting it
        self.retry_at_s = 0.0
        self._queue = queue
        self._prefetch = prefetch
        self._consumer = ""
        self._waiting: deque[Delivery] = deque()
        self._unsettled: dict[int, None] = {}  # delivery tags, ascending
        self._channel: Any = link.channel()
        self._channel.auto_decode = False  # the body stays bytes, whatever encoding a message claims
        self._channel.basic_qos(0, prefetch, False)

    def start(self) -> bool:
        """Ask the broker to send. False where the queue does not exist (yet, or any more)."""
        try:
            self._consumer = self._channel.basic_consume(
                self._queue, callback=self._came, on_cancel=self._cancelled
            )
        except NotFound:  # the broker closed the channel, and py-amqp opened it again
            self.void()
            self._channel.basic_qos(0, self._prefetch, False)
            return False
        self.consuming = True
        return True

    def stop(self) -> None:
        """Ask the broker to send no more. What it sent so far stays here."""
        if self.consuming:
            self.consuming = False
            self._channel.basic_cancel(self._consumer)

    def close(self) -> None:
        """Give the channel back. Only when nothing is unsettled."""
        self.stop()
        self._channel.close()

    def take(self, limit: int) -> list[Delivery]:
        """Up to ``limit`` deliveries that nobody has seen yet."""
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def void(self) -> None:
        """The connection is gone: nothing of what came over it is ours any more."""
        self.consuming = False
        self._waiting.clear()
        self._unsettled.clear()

    @property
    def has_unseen(self) -> bool:
        """Whether ``take`` would give something."""
        return bool(self._waiting)

    @property
    def unsettled(self) -> int:
        """Deliveries that the broker keeps for us: handed out, or waiting here."""
        return len(self._unsettled)

    def holds(self, tag: int) -> bool:
        """Whether this delivery is still ours."""
        return tag in self._unsettled

    def settle(self, tags: Collection[int]) -> None:
        """Acknowledge; with one frame as far as no unsettled delivery lies in between."""
        settled = sorted(tag for tag in set(tags) if tag in self._unsettled)
        through = 0
        for oldest, tag in zip(list(self._unsettled), settled, strict=False):
            if oldest != tag:
                break
            through = tag
        if through:
            self._channel.basic_ack(through, multiple=True)
        for tag in settled:
            if tag > through:
                self._channel.basic_ack(tag)
            del self._unsettled[tag]

    def _came(self, envelope: Any) -> None:
        tag = int(envelope.delivery_info["delivery_tag"])
        self._unsettled[tag] = None
        self._waiting.append(self._read(envelope, tag))

    def _read(self, envelope: Any, tag: int) -> Delivery:
        body = envelope.body if isinstance(envelope.body, bytes) else str(envelope.body).encode()
        headers = envelope.properties.get("application_headers") or {}
        deliveries = _count(headers, "x-delivery-count") + _count(headers, DELIVERIES) + 1
        if envelope.delivery_info["redelivered"]:
            deliveries = max(deliveries, 2)
        message, problem = None, ""
        try:
            message = Message.from_json(body)
        except Unreadable as error:
            problem = str(error)
        return Delivery(self.address, message, Token(self, tag), deliveries, body, problem)

    def _cancelled(self, _consumer: str) -> None:
        self.consuming = False  # the broker's own word: the queue was deleted, or lost its leader


def _count(headers: dict[str, object], name: str) -> int:
    value = headers.get(name)
    return value if isinstance(value, int) and value > 0 else 0
