"""What every queue does, whatever it is made of (core/queue/port.py)."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.messages import Address, Cause, Change, Kind, Lane, Message
from core.queue.port import Delivery, Later, Queue
from tests.contract.queue_implementations import (
    IMPLEMENTATIONS,
    Open,
    a_message,
    an_address,
    eventually,
    ids,
    received,
)


@pytest.fixture(params=IMPLEMENTATIONS)
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Queue]:
    """An empty queue of each kind."""
    opened: Open = request.param
    with opened(tmp_path) as one:
        yield one


def _counts(queue: Queue, address: Address) -> tuple[int, int]:
    depths = queue.depths([address])
    return depths.queues[address], depths.retry


def test_a_message_arrives_as_it_was_published(queue: Queue) -> None:
    address = an_address(Lane.ACCOUNT)
    message = Message(
        id="4f0c",
        address=address,
        contact="Zoë/ 7",
        occurred_at_ms=1,
        accepted_at_ms=2,
        kind=Kind.MERGE,
        cause=Cause.REPLAY,
        changes={"e-mail ✉": Change("ab" * 12, 3), "phone": Change(None, 4)},
        attempt=2,
        generation=1,
        first_failed_at_ms=5,
        survivor="8",
        merged=("7", "9"),
        job=6,
        trace="00-1-2-01",
    )
    queue.declare([address])
    publisher, consumer = queue.publisher(), queue.consumer()
    publisher.publish([message])
    [delivery] = received(consumer, [address], 1)
    assert delivery.message == message
    assert (delivery.address, delivery.deliveries, delivery.problem) == (address, 1, "")
    consumer.settle([delivery])
    consumer.close()
    publisher.close()


def test_what_is_settled_does_not_come_back(queue: Queue) -> None:
    address = an_address()
    queue.declare([address])
    queue.publisher().publish([a_message(address, n) for n in range(5)])
    first = queue.consumer()
    first.settle(received(first, [address], 5))
    first.close()
    second = queue.consumer()
    assert second.receive([address], 100, 0.3) == []
    second.close()
    assert eventually(lambda: queue.depths([address]).queues == {address: 0})


def test_what_is_not_settled_comes_back_counted(queue: Queue) -> None:
    address = an_address()
    queue.declare([address])
    queue.publisher().publish([a_message(address, n) for n in range(3)])
    first = queue.consumer()
    taken = received(first, [address], 3)
    first.settle([one for one in taken if one.message and one.message.id == "m1"])
    first.close()
    second = queue.consumer()
    again = received(second, [address], 2)
    assert ids(again) == ["m0", "m2"]
    assert [one.deliveries for one in again] == [2, 2]
    second.close()


def test_put_back_messages_come_back_changed_and_fresh_but_not_early(queue: Queue) -> None:
    address = an_address()
    queue.declare([address])
    queue.publisher().publish([a_message(address)])
    consumer = queue.consumer()
    [delivery] = received(consumer, [address], 1)
    assert delivery.message
    started = time.monotonic()
    changed = replace(delivery.message, attempt=1, first_failed_at_ms=99)
    consumer.settle([], [Later(delivery, changed, 0.25)])
    assert queue.depths([address]).retry <= 1
    [again] = received(consumer, [address], 1)
    assert time.monotonic() - started >= 0.24
    assert again.message == changed
    assert again.deliveries == 1
    consumer.settle([again])
    assert eventually(lambda: _counts(queue, address) == (0, 0))
    consumer.close()


def test_a_message_that_waits_is_counted_as_such(queue: Queue) -> None:
    address = an_address()
    queue.declare([address])
    queue.publisher().publish([a_message(address)])
    consumer = queue.consumer()
    [delivery] = received(consumer, [address], 1)
    assert delivery.message
    consumer.settle([], [Later(delivery, delivery.message, 5.0)])
    assert eventually(lambda: _counts(queue, address) == (0, 1))
    assert consumer.receive([address], 10, 0.0) == []
    consumer.close()


def test_one_settlement_finishes_some_and_puts_others_back(queue: Queue) -> None:
    address = an_address()
    queue.declare([address])
    queue.publisher().publish([a_message(address, n) for n in range(20)])
    consumer = queue.consumer()
    taken = received(consumer, [address], 20)
    even = [one for one in taken if one.message and int(one.message.id[1:]) % 2 == 0]
    later = [Later(one, one.message, 0.0) for one in taken if one.message and one not in even]
    consumer.settle(even, later)
    again = received(consumer, [address], 10)
    assert ids(again) == sorted(f"m{n}" for n in range(1, 20, 2))
    consumer.settle(again)
    assert eventually(lambda: queue.depths([address]).queues == {address: 0})
    consumer.close()


def test_a_waiting_consumer_gets_a_new_message_well_within_a_second(queue: Queue) -> None:
    address = an_address()
    queue.declare([address])
    consumer = queue.consumer()
    assert consumer.receive([address], 10, 0.0) == []
    publisher = queue.publisher()
    waiting = threading.Timer(0.2, publisher.publish, [[a_message(address)]])
    started = time.monotonic()
    waiting.start()
    deliveries = consumer.receive([address], 10, 5.0)
    assert ids(deliveries) == ["m1"]
    assert time.monotonic() - started < 1.5
    waiting.join()
    consumer.settle(deliveries)
    consumer.close()


def test_only_wanted_addresses_are_taken_from(queue: Queue) -> None:
    wanted, other = an_address(), an_address(Lane.OUTGOING)
    queue.declare([wanted, other])
    queue.publisher().publish([a_message(wanted, 1), a_message(other, 2)])
    consumer = queue.consumer()
    first = received(consumer, [wanted], 1)
    assert [one.address for one in first] == [wanted]
    assert consumer.receive([wanted], 10, 0.2) == []
    second = received(consumer, [other], 1)
    assert [one.address for one in second] == [other]
    consumer.settle(first + second)
    consumer.close()


def test_nothing_wanted_gives_nothing(queue: Queue) -> None:
    consumer = queue.consumer()
    assert consumer.receive([], 10, 0.05) == []
    consumer.close()


def test_an_address_that_does_not_exist_yet_is_ignored(queue: Queue) -> None:
    here, nowhere = an_address(), an_address()
    queue.declare([here])
    queue.publisher().publish([a_message(here)])
    consumer = queue.consumer()
    deliveries = received(consumer, [nowhere, here], 1)
    assert ids(deliveries) == ["m1"]
    consumer.settle(deliveries)
    consumer.close()


def test_the_limit_holds_for_each_address(queue: Queue) -> None:
    addresses = [an_address(), an_address()]
    queue.declare(addresses)
    queue.publisher().publish([a_message(one, n) for one in addresses for n in range(5)])
    consumer = queue.consumer()
    found: list[Delivery] = []
    deadline = time.monotonic() + 10
    while len(found) < 10 and time.monotonic() < deadline:
        part = consumer.receive(addresses, 3, 0.2)
        assert all(sum(one.address == address for one in part) <= 3 for address in addresses)
        consumer.settle(part)
        found += part
    assert len(found) == 10
    consumer.close()


def test_two_consumers_share_the_work_and_nothing_twice(queue: Queue) -> None:
    address = an_address()
    queue.declare([address])
    queue.publisher().publish([a_message(address, n) for n in range(60)])
    consumers = [queue.consumer(), queue.consumer()]
    found: list[Delivery] = []
    deadline = time.monotonic() + 10
    while len(found) < 60 and time.monotonic() < deadline:
        for consumer in consumers:
            part = consumer.receive([address], 10, 0.1)
            found += part
            consumer.settle(part)
    assert ids(found) == sorted(f"m{n}" for n in range(60))
    for consumer in consumers:
        consumer.close()


def test_threads_share_a_publisher(queue: Queue) -> None:
    address = an_address()
    queue.declare([address])
    publisher = queue.publisher()
    threads = [
        threading.Thread(
            target=publisher.publish,
            args=([a_message(address, part * 10 + n) for n in range(10)],),
            kwargs={"timeout_s": 10.0},
        )
        for part in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    consumer = queue.consumer()
    found = received(consumer, [address], 80)
    assert ids(found) == sorted(f"m{n}" for n in range(80))
    consumer.settle(found)
    consumer.close()
    publisher.close()


def test_publishing_nothing_is_no_error(queue: Queue) -> None:
    queue.publisher().publish([])


def test_declaring_twice_is_harmless_and_keeps_the_messages(queue: Queue) -> None:
    address = an_address()
    queue.declare([address])
    queue.publisher().publish([a_message(address)])
    queue.declare([address, address])
    assert eventually(lambda: queue.depths([address]).queues == {address: 1})


def test_only_an_empty_queue_is_removed(queue: Queue) -> None:
    address = an_address()
    queue.declare([address])
    queue.publisher().publish([a_message(address)])
    assert queue.remove(address) is False
    consumer = queue.consumer()
    consumer.settle(received(consumer, [address], 1))
    consumer.close()
    assert queue.remove(address) is True


def test_depths_count_each_queue(queue: Queue) -> None:
    full, empty = an_address(), an_address()
    queue.declare([full, empty])
    queue.publisher().publish([a_message(full, n) for n in range(4)])
    assert eventually(lambda: queue.depths([full, empty]).queues == {full: 4, empty: 0})
    depths = queue.depths([full, empty])
    assert depths.retry == 0
    assert empty not in depths.oldest_s
    assert 0 <= depths.oldest_s.get(full, 0) < 5


def test_a_working_queue_has_nothing_to_report(queue: Queue) -> None:
    assert queue.ping() == ""
