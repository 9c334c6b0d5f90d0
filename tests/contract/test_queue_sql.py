"""What the embedded queue does beyond the port: leases, dead processes, a busy database."""

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text, update

from core.domain.messages import Address
from core.queue.port import Later, QueueUnavailable
from core.queue.sql import SqlQueue
from core.queue.sql_claim import together
from core.store.database import open_engine
from core.store.models import QueueMessage
from tests.contract import databases
from tests.contract.queue_implementations import a_message, an_address, ids, now_ms, received


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now_ms

    def forward(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    with databases.sqlite(tmp_path) if request.param == "sqlite" else databases.postgresql() as opened:
        yield opened


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """The product's engine on it."""
    one = open_engine(url)
    yield one
    one.dispose()


@pytest.fixture
def clock() -> Clock:
    """A clock that the test moves."""
    return Clock()


@pytest.fixture
def queue(engine: Engine, clock: Clock) -> SqlQueue:
    """An empty queue under the test's clock."""
    return SqlQueue(engine, clock)


@pytest.fixture
def address() -> Address:
    """An address."""
    return an_address()


def test_a_delivery_that_is_not_extended_goes_to_another(
    queue: SqlQueue, clock: Clock, address: Address
) -> None:
    queue.publisher().publish([a_message(address)])
    slow, other = queue.consumer(), queue.consumer()
    lost = slow.receive([address], 10, 0)
    clock.forward(19.9)
    assert other.receive([address], 10, 0) == []
    clock.forward(0.2)
    [taken] = other.receive([address], 10, 0)
    assert taken.deliveries == 2
    slow.settle(lost)
    assert queue.depths([address]).queues == {address: 1}, "who lost it must not settle it"
    slow.settle([], [Later(lost[0], a_message(address), 0)])
    assert other.receive([address], 10, 0) == []
    other.settle([taken])
    assert queue.depths([address]).queues == {address: 0}


def test_what_was_handed_back_is_not_settled_any_more(queue: SqlQueue, address: Address) -> None:
    queue.publisher().publish([a_message(address)])
    consumer = queue.consumer()
    held = consumer.receive([address], 10, 0)
    consumer.close()
    consumer.settle(held)
    assert queue.depths([address]).queues == {address: 1}


def test_receiving_extends_what_is_unsettled(queue: SqlQueue, clock: Clock, address: Address) -> None:
    queue.publisher().publish([a_message(address)])
    busy, other = queue.consumer(), queue.consumer()
    held = busy.receive([address], 10, 0)
    for _ in range(12):
        clock.forward(5)
        assert busy.receive([], 10, 0) == []
        assert other.receive([address], 10, 0) == []
    busy.settle(held)
    assert queue.depths([address]).queues == {address: 0}


def test_a_lost_delivery_that_nobody_took_can_still_be_settled(
    queue: SqlQueue, clock: Clock, address: Address
) -> None:
    queue.publisher().publish([a_message(address)])
    consumer = queue.consumer()
    held = consumer.receive([address], 10, 0)
    clock.forward(60)
    consumer.settle(held)
    assert queue.depths([address]).queues == {address: 0}


def test_an_old_delivery_does_not_settle_a_later_one_of_the_same_consumer(
    queue: SqlQueue, engine: Engine, address: Address
) -> None:
    queue.publisher().publish([a_message(address)])
    consumer = queue.consumer()
    old = consumer.receive([address], 10, 0)
    with engine.begin() as connection:
        connection.execute(update(QueueMessage).values(lease_until_ms=0))
    again = consumer.receive([address], 10, 0)
    consumer.settle(old)
    assert queue.depths([address]).queues == {address: 1}
    consumer.settle(again)
    assert queue.depths([address]).queues == {address: 0}


def test_waiting_messages_are_due_at_their_time(queue: SqlQueue, clock: Clock, address: Address) -> None:
    queue.publisher().publish([a_message(address)])
    consumer = queue.consumer()
    [delivery] = consumer.receive([address], 10, 0)
    assert delivery.message
    consumer.settle([], [Later(delivery, delivery.message, 30)])
    clock.forward(29.9)
    assert consumer.receive([address], 10, 0) == []
    assert (queue.depths([address]).queues, queue.depths([address]).retry) == ({address: 0}, 1)
    clock.forward(2.1)
    depths = queue.depths([address])
    assert (depths.queues, depths.retry, depths.oldest_s) == ({address: 1}, 0, {address: 2.0})
    [again] = consumer.receive([address], 10, 0)
    assert again.deliveries == 1


def test_the_waiting_are_counted_whatever_queue_they_belong_to(queue: SqlQueue, address: Address) -> None:
    queue.publisher().publish([a_message(address)])
    consumer = queue.consumer()
    [delivery] = consumer.receive([address], 10, 0)
    consumer.settle([], [Later(delivery, a_message(address), 30)])
    assert queue.depths([]).retry == 1


def test_a_contacts_messages_come_together(queue: SqlQueue, address: Address) -> None:
    contacts = [f"c{n}" for n in range(12)] + ["c0", "c1"]
    queue.publisher().publish([a_message(address, n, contact) for n, contact in enumerate(contacts)])
    consumer = queue.consumer()
    first = consumer.receive([address], 6, 0)
    assert [one.message.contact for one in first if one.message] == ["c0", "c0", "c1", "c1", "c2", "c3"]


@pytest.mark.parametrize(
    ("contacts", "limit", "chosen"),
    [
        ("", 3, ""),
        ("abc", 3, "012"),
        ("abcd", 3, "012"),
        ("abab", 4, "0213"),
        ("aaaab", 3, "012"),  # the oldest contact is cut
        ("abbbc", 3, "04"),  # one that does not fit waits for its turn
        ("aab", 2, "01"),
    ],
)
def test_whole_contacts_are_chosen_by_age(contacts: str, limit: int, chosen: str) -> None:
    assert together(list(enumerate(contacts)), limit) == [int(row) for row in chosen]


def test_unreadable_bytes_are_delivered_as_such(queue: SqlQueue, engine: Engine, address: Address) -> None:
    queue.publisher().publish([a_message(address)])
    with engine.begin() as connection:
        connection.execute(update(QueueMessage).values(body=b"\xff{secret"))
    consumer = queue.consumer()
    [delivery] = consumer.receive([address], 10, 0)
    assert (delivery.message, delivery.raw, delivery.address) == (None, b"\xff{secret", address)
    assert delivery.problem
    assert "secret" not in delivery.problem
    consumer.settle([delivery])
    assert queue.depths([address]).queues == {address: 0}


def test_any_contact_id_is_kept_in_full(queue: SqlQueue, address: Address) -> None:
    odd = ["x" * 500, "nul\0in it", "ñ", ""]
    queue.publisher().publish([a_message(address, n, contact) for n, contact in enumerate(odd) if contact])
    deliveries = queue.consumer().receive([address], 10, 0)
    assert [one.message.contact for one in deliveries if one.message] == odd[:3]


def test_a_contacts_waiting_messages_can_be_removed(queue: SqlQueue, address: Address) -> None:
    other = an_address()
    numbered = [(address, "7"), (address, "8"), (other, "7"), (address, "7")]
    queue.publisher().publish([a_message(to, n, contact) for n, (to, contact) in enumerate(numbered)])
    consumer = queue.consumer()
    [taken] = consumer.receive([address], 1, 0)
    assert queue.remove_contact([address], "7") == 1, "the one that is being worked on stays"
    assert queue.depths([address, other]).queues == {address: 2, other: 1}
    consumer.settle([], [Later(taken, a_message(address, 0, "7"), 60)])
    assert queue.remove_contact([address], "7") == 1, "one that waits for a retry goes too"
    assert queue.depths([address, other]).retry == 0


def test_a_busy_database_refuses_in_time(url: str, queue: SqlQueue, address: Address) -> None:
    consumer = queue.consumer()
    blocker = open_engine(url)
    with blocker.begin() as connection:  # SQLite: the writers' lock
        if blocker.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE queue_messages IN ACCESS EXCLUSIVE MODE"))
        started = time.monotonic()
        with pytest.raises(QueueUnavailable) as refused:
            queue.publisher().publish([a_message(address, contact="a-contact")], timeout_s=0.3)
        assert 0.2 < time.monotonic() - started < 2
        assert "a-contact" not in str(refused.value)
    blocker.dispose()
    assert consumer.receive([address], 10, 0) == []
    queue.publisher().publish([a_message(address)])
    assert len(consumer.receive([address], 10, 0)) == 1


def test_what_was_held_when_the_queue_went_away_comes_back(
    engine: Engine, queue: SqlQueue, clock: Clock, address: Address
) -> None:
    queue.publisher().publish([a_message(address)])
    consumer = queue.consumer()
    consumer.receive([address], 10, 0)
    _rename(engine, "queue_messages", "away")
    assert queue.ping()
    with pytest.raises(QueueUnavailable):
        consumer.receive([address], 10, 0)
    with pytest.raises(QueueUnavailable):
        queue.publisher().publish([a_message(address)])
    _rename(engine, "away", "queue_messages")
    assert queue.ping() == ""
    for _ in range(3):
        assert consumer.receive([address], 10, 0) == []
        clock.forward(7)
    [again] = consumer.receive([address], 10, 0)
    assert again.deliveries == 2


def _rename(engine: Engine, old: str, new: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


def test_another_process_hears_of_a_message_well_within_a_second(url: str, address: Address) -> None:
    here, there = open_engine(url), open_engine(url)
    consumer = SqlQueue(here, now_ms).consumer()
    publisher = SqlQueue(there, now_ms).publisher()
    assert consumer.receive([address], 10, 1.0) == []  # polls slowly by now
    waiting = threading.Timer(0.1, publisher.publish, [[a_message(address)]])
    started = time.monotonic()
    waiting.start()
    assert len(consumer.receive([address], 10, 5.0)) == 1
    assert time.monotonic() - started < 1.0
    waiting.join()
    here.dispose()
    there.dispose()


def _worker(url: str, address: Address, mode: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.contract.queue_worker", url, address.key, mode],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_settle_each_message_once_though_one_is_killed(url: str, address: Address) -> None:
    engine = open_engine(url)
    queue = SqlQueue(engine, now_ms)
    everything = [a_message(address, n, contact=str(n % 700)) for n in range(2000)]
    for start in range(0, 2000, 100):
        queue.publisher().publish(everything[start : start + 100])
    started = time.monotonic()
    workers = [_worker(url, address, mode) for mode in ("hang", "settle", "settle", "settle")]
    lines: list[list[str]] = []
    for line in iter(workers[0].stdout.readline, ""):  # type: ignore[union-attr]
        if line == "hanging\n":
            break
        lines.append(line.split())
    workers[0].kill()
    for worker in workers:
        lines += [line.split() for line in worker.communicate(timeout=60)[0].splitlines()]
    assert [worker.returncode for worker in workers] == [-9, 0, 0, 0]
    done = Counter(message for message, outcome in lines if outcome == "done")
    later = Counter(message for message, outcome in lines if outcome == "later")
    assert done == Counter(message.id for message in everything)
    assert later == Counter(f"m{n}" for n in range(0, 2000, 10))
    assert time.monotonic() - started < 15, "a dead process's messages are free at once, not after 20 s"
    engine.dispose()


def test_a_living_process_keeps_what_it_has_and_a_dead_one_does_not(url: str, address: Address) -> None:
    engine = open_engine(url)
    queue = SqlQueue(engine, now_ms)
    queue.publisher().publish([a_message(address, n) for n in range(120)])
    worker = _worker(url, address, "hang")  # settles 36 of the first 40, puts 4 back, holds 40
    assert worker.stdout
    while worker.stdout.readline() not in ("hanging\n", ""):
        pass
    consumer = queue.consumer()
    free = received(consumer, [address], 44)
    assert len(free) == 44
    assert consumer.receive([address], 100, 1.2) == []
    worker.kill()
    worker.communicate()
    back = received(consumer, [address], 40, within_s=5)
    assert len(back) == 40
    assert {one.deliveries for one in back} == {2}
    assert not set(ids(back)) & set(ids(free))
    engine.dispose()
