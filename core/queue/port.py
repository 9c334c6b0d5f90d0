"""The queue as the rest of the house sees it. Two implementations: ``sql.py`` (embedded) and ``rabbitmq.py``.

Both are held by one contract suite (tests/contract/test_queue.py). Publishing is durable when ``publish``
returns. A delivery that is never settled (killed process, lost connection) comes back by itself, with
``deliveries`` one higher. Only ``consumers/runner.py`` settles.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from core.domain.messages import Address, Message


def nothing() -> None:
    """Nobody wants to know."""


class QueueUnavailable(Exception):
    """The queue did not confirm. Nothing is known about the messages: publish them all again later."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message handed to a consumer. ``message`` is None where the bytes can't be read.

    ``deliveries`` counts how often it was handed out, this time included. ``token`` is the queue's own.
    """

    address: Address
    message: Message | None
    token: object
    deliveries: int = 1
    raw: bytes = b""
    problem: str = ""  # why ``message`` is None


@dataclass(frozen=True, slots=True)
class Later:
    """Put ``message`` back (it may differ from the delivered one: an attempt more), due in ``delay_s``."""

    delivery: Delivery
    message: Message
    delay_s: float


@dataclass(frozen=True, slots=True)
class Depths:
    """How many messages there are. ``queues``: ready and taken ones per address; ``retry``: those waiting.

    ``in_flight`` (taken, not settled) is part of ``queues`` where the queue can't tell them apart.
    """

    queues: dict[Address, int] = field(default_factory=dict)
    retry: int = 0
    oldest_s: dict[Address, float] = field(default_factory=dict)  # age of the oldest waiting message


class Publisher(Protocol):
    """Used by the receiver's threads, the scheduler, the commands. Safe to share between threads."""

    def publish(
        self, messages: Sequence[Message], *, timeout_s: float = 3.0, sent: Callable[[], None] = nothing
    ) -> None:
        """Durable on return. QueueUnavailable if not all were confirmed within ``timeout_s``.

        ``sent`` is called when nothing but waiting is left to do, perhaps twice; not if it fails before."""

    def close(self) -> None:
        """Let go of connections."""


class Consumer(Protocol):
    """One per consumer process; called by its main thread only."""

    def receive(self, wanted: Collection[Address], limit: int, wait_s: float) -> list[Delivery]:
        """At most ``limit`` deliveries per wanted address, waiting up to ``wait_s`` for the first one.

        Addresses not in ``wanted`` are not taken from any more (busy, held, deleted); those in it that the
        queue lacks are made. Keeps the connection and all unsettled deliveries alive: call it at least every
        five seconds. QueueUnavailable while the queue is away; unsettled deliveries are then lost to this
        consumer and come back by themselves.
        """

    def settle(self, done: Sequence[Delivery], later: Sequence[Later] = ()) -> None:
        """Finish ``done`` for good; put ``later`` back. Confirmed on return, or QueueUnavailable."""

    def unsettled(self) -> dict[Address, int]:
        """Messages that this process has and that ``Queue.depths`` does not count any more."""

    def close(self) -> None:
        """Hand back what is unsettled and disconnect."""


class Queue(Protocol):
    """Makes publishers and consumers, and looks after the queues themselves."""

    def publisher(self) -> Publisher:
        """A publisher for this process. Connects when first used (fork-safe)."""

    def consumer(self) -> Consumer:
        """A consumer for this process."""

    def declare(self, addresses: Collection[Address]) -> None:
        """Make the queues exist; harmless if they do. Called before an instance becomes visible."""

    def remove(self, address: Address) -> bool:
        """Remove an empty queue. False if messages wait in it (then nothing was done)."""

    def depths(self, addresses: Collection[Address]) -> Depths:
        """How much waits where."""

    def ping(self) -> str:
        """Empty if the queue answers within a second; else what is wrong, in a sentence."""
