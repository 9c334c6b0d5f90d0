"""The queues that test_queue.py holds to the port. Each opens an empty queue and leaves nothing behind."""

import random
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from core.domain.messages import Address, Lane, Message
from core.queue.port import Consumer, Delivery, Queue
from core.queue.sql import SqlQueue
from core.store.database import open_engine
from tests.contract import databases
from tests.contract.queue_rabbitmq import rabbitmq

Open = Callable[[Path], AbstractContextManager[Queue]]


def now_ms() -> int:
    """The wall clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


@contextmanager
def sqlite(folder: Path) -> Iterator[SqlQueue]:
    """The embedded queue in a new SQLite file."""
    with databases.sqlite(folder) as url:
        yield from _sql(url)


@contextmanager
def postgresql(_: Path) -> Iterator[SqlQueue]:
    """The embedded queue in a new PostgreSQL schema."""
    with databases.postgresql() as url:
        yield from _sql(url)


def _sql(url: str) -> Iterator[SqlQueue]:
    engine = open_engine(url)
    try:
        yield SqlQueue(engine, now_ms)
    finally:
        engine.dispose()


IMPLEMENTATIONS = [
    pytest.param(sqlite, id="sqlite"),
    pytest.param(postgresql, id="postgresql", marks=pytest.mark.services),
    pytest.param(rabbitmq, id="rabbitmq", marks=pytest.mark.services),
]


def an_address(lane: Lane = Lane.INCOMING) -> Address:
    """One that no other test uses."""
    return Address(lane, random.randrange(10**6, 10**9))


def a_message(address: Address, number: int = 1, contact: str = "") -> Message:
    """The ``number``-th message to ``address``, about a contact of its own unless one is named."""
    return Message(f"m{number}", address, contact or str(1000 + number), 1_700_000_000_000, 1_700_000_000_500)


def received(
    consumer: Consumer, wanted: Collection[Address], count: int, *, limit: int = 100, within_s: float = 10.0
) -> list[Delivery]:
    """At least ``count`` deliveries, or fewer at the deadline."""
    deadline = time.monotonic() + within_s
    found: list[Delivery] = []
    while len(found) < count and time.monotonic() < deadline:
        found += consumer.receive(wanted, limit, 0.2)
    return found


def ids(deliveries: Collection[Delivery]) -> list[str]:
    """The ids of the messages, sorted."""
    return sorted(one.message.id for one in deliveries if one.message)


def eventually(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    """Whether the condition holds before the deadline: a broker's counts lag a little."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.02)
    return True
