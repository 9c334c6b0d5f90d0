"""A channel on which RabbitMQ confirms messages: all are sent first, then all confirms are awaited together.

One confirm per message would cost a round trip and a disk flush each (836 against 23,500 messages a second on
a quorum queue, measured on RabbitMQ 3.10.8). After any doubt the whole link is thrown away, so that a late
confirm can't speak for another message (py-amqp itself never compares delivery tags).
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from amqp import Message as Envelope
from amqp import spec
from amqp.exceptions import AMQPError
from amqp.serialization import dumps

from core.domain.messages import Message
from core.queue.port import nothing
from core.queue.rabbitmq_link import Link

WINDOW = 500  # unconfirmed messages at a time
WRITE = 100  # messages that go out in one write: some 60 kB
DELIVERIES = "crosswalk-deliveries"  # how often a copy's original was handed out

PERSISTENT = 2
_METHOD = 1  # the type of a frame that carries a method


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way to the broker."""

    exchange: str
    key: str
    body: bytes
    message_id: str
    headers: Mapping[str, int] = field(default_factory=dict)


def outgoing(message: Message, exchange: str) -> Outgoing:
    """A message in the queue's form. The headers are always fresh: a copy that carried the ``x-death`` of its
    original would be dropped as a cycle by RabbitMQ 3.x (dead-letter exchanges, read 2026-11-23)."""
    return Outgoing(exchange, message.address.key, message.to_json(), message.id)


@functools.lru_cache(maxsize=1024)
def _arguments(exchange: str, key: str, mandatory: bool) -> bytes:
    """Those of ``basic.publish`` (AMQP 0-9-1, 1.8.3.7), as they go over the line."""
    packed: bytes = dumps("Bssbb", (0, exchange, key, mandatory, False))
    return packed


class NotConfirmed(AMQPError):  # type: ignore[misc]
    """The broker refused a message, has no queue for it, or takes none at the moment."""


class Blocked(NotConfirmed):
    """The broker takes no messages at the moment. The link stays usable: it will tell when that is over."""

    def __init__(self) -> None:
        super().__init__("the broker takes no messages: it is short of memory or disk space")


class Confirms:
    """A channel whose messages are confirmed by the broker."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._channel = link.channel()
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._acked)
        self._channel.events["basic_nack"].add(self._nacked)
        self._channel.events["basic_return"].add(self._returned)
        self._last = 0
        self._open: dict[int, None] = {}  # delivery tags, ascending
        self._refused = 0
        self._homeless: list[str] = []

    def send(
        self, messages: Sequence[Outgoing], *, mandatory: bool = True, sent: Callable[[], None] = nothing
    ) -> None:
        """Returns when the broker has every message. ``sent``: see the port. Raises Blocked; NotConfirmed or
        another one of BROKEN: then the link must not be used again."""
        self._hear()
        if self._link.blocked:
            raise Blocked
        for first in range(0, len(messages), WRITE):
            while len(self._open) > WINDOW - WRITE:
                self._link.drain_events()
            self._check()
            with self._link.in_one_write():
                for message in messages[first : first + WRITE]:
                    self._publish(message, mandatory)
        sent()
        while self._open:
            self._check()
            self._link.drain_events()
        self._check()

    def _hear(self) -> None:
        """What the broker said meanwhile: blocked, unblocked, good-bye."""
        try:
            while True:
                self._link.drain_events(timeout=0)
        except TimeoutError:
            return

    def _publish(self, message: Outgoing, mandatory: bool) -> None:
        told: dict[str, Any] = {"application_headers": dict(message.headers)} if message.headers else {}
        envelope = Envelope(
            message.body,
            delivery_mode=PERSISTENT,
            content_type="application/json",
            message_id=message.message_id,
            app_id="crosswalk",
            **told,
        )
        self._last += 1
        self._open[self._last] = None
        # What Channel.basic_publish does, without its look for news from the broker before each message.
        where = _arguments(message.exchange, message.key, mandatory)
        self._link.frame_writer(_METHOD, self._channel.channel_id, spec.Basic.Publish, where, envelope)

    def _check(self) -> None:
        if self._refused:
            raise NotConfirmed("a queue is full or has no majority")
        if self._homeless:
            raise NotConfirmed(f"no queue takes {self._homeless[0]}")
        if self._link.blocked and self._open:
            self._open.clear()  # whatever is heard of these from now on is nobody's confirm
            raise Blocked

    def _acked(self, tag: int, multiple: bool) -> None:
        self._settled(tag, multiple)

    def _nacked(self, tag: int, multiple: bool) -> None:
        self._refused += self._settled(tag, multiple)

    def _settled(self, tag: int, multiple: bool) -> int:
        tags = [one for one in self._open if one <= tag] if multiple else [tag] if tag in self._open else []
        for one in tags:
            del self._open[one]
        return len(tags)

    def _returned(self, _error: Exception, _exchange: str, key: str, _message: Any) -> None:
        self._homeless.append(key)
