"""Taking from RabbitMQ: what is handed out, what comes back, and what a broken connection does to it."""

import time

import amqp
import pytest

from core.domain.messages import Address, Lane
from core.queue.port import Later, QueueUnavailable
from core.queue.rabbitmq import RabbitQueue
from core.queue.rabbitmq_confirms import Outgoing
from core.queue.rabbitmq_consumer import RabbitConsumer
from core.queue.rabbitmq_link import broker_urls, connect
from tests.contract.queue_implementations import a_message, an_address, ids, received
from tests.contract.queue_rabbitmq import LADDER_S, ErasableQueue
from tests.integration.rabbitmq.broker import pika_channel, ready, some
from tests.services.process import eventually
from tests.services.rabbitmq import RabbitNode

pytestmark = pytest.mark.services


def same_queue(queue: ErasableQueue, **options: float) -> RabbitQueue:
    """Another process's view of it."""
    return RabbitQueue(queue.url, LADDER_S, prefix=queue.topology.prefix, **options)  # type: ignore[arg-type]


def break_connection(consumer: RabbitConsumer) -> None:
    """As if the process died: no farewell."""
    assert consumer._link
    consumer._link.transport.sock.close()
    with pytest.raises(QueueUnavailable):
        consumer.receive([], 1, 0.1)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"v": 99}', b"null", b"[" * 50_000], ids=range(6))
@pytest.mark.parametrize("encoding", [None, "utf-8", "no-such-encoding"])
def test_what_cannot_be_read_is_handed_out_as_such(
    queue: ErasableQueue, body: bytes, encoding: str | None
) -> None:
    address = an_address()
    queue.declare([address])
    link = connect(broker_urls(queue.url), within_s=5)
    link.within(5).channel().basic_publish(
        amqp.Message(body, content_encoding=encoding, delivery_mode=2), queue.topology.work, address.key
    )
    link.close_politely()
    consumer = queue.consumer()
    [delivery] = received(consumer, [address], 1)
    assert (delivery.message, delivery.raw, delivery.address) == (None, body, address)
    assert delivery.problem
    consumer.settle([delivery])
    consumer.close()
    assert ready(queue, address) == 0


def test_every_death_of_a_consumer_is_counted(queue: ErasableQueue) -> None:
    address = an_address()
    queue.declare([address])
    queue.publisher().publish(some(address, 1))
    for deliveries in (1, 2, 3):
        consumer = queue.consumer()
        [delivery] = received(consumer, [address], 1)
        assert delivery.deliveries == deliveries
        break_connection(consumer)
        consumer.close()


def test_a_consumer_reconnects_by_itself_and_what_it_held_is_void(queue: ErasableQueue) -> None:
    address = an_address()
    queue.declare([address])
    queue.publisher().publish(some(address, 3))
    consumer = queue.consumer()
    lost = received(consumer, [address], 3)
    break_connection(consumer)
    again = received(consumer, [address], 3)
    assert ids(again) == ids(lost)
    late = [Later(one, one.message, 0.25) for one in lost if one.message]
    consumer.settle(lost[:1], late[1:])  # somebody else's by now: neither settled nor doubled
    assert consumer.unsettled() == {address: 3}
    consumer.settle(again)
    consumer.close()
    assert (ready(queue, address), queue.depths([]).retry) == (0, 0)


def test_settling_in_any_order_settles_nothing_else(queue: ErasableQueue) -> None:
    address, other = an_address(), an_address()
    queue.declare([address, other])
    queue.publisher().publish(some(address, 20) + some(other, 5))
    consumer = queue.consumer()
    taken = received(consumer, [address, other], 25)
    mine = [one for one in taken if one.address == address]
    consumer.settle([mine[7], mine[3]])
    consumer.settle([mine[0], mine[1], mine[2], mine[19]])
    consumer.settle([mine[4], mine[5], mine[6], mine[8], mine[10]])
    assert consumer.unsettled() == {address: 9, other: 5}
    break_connection(consumer)
    left = received(consumer, [address], 9)
    assert ids(left) == sorted(f"m{n}" for n in (9, 11, 12, 13, 14, 15, 16, 17, 18))
    consumer.close()


def test_a_copy_that_cannot_wait_leaves_its_original_unsettled(queue: ErasableQueue) -> None:
    address = an_address()
    queue.declare([address])
    queue.publisher().publish(some(address, 2))
    consumer = queue.consumer()
    [first, second] = received(consumer, [address], 2)
    with pika_channel(queue.url) as channel:
        channel.exchange_delete(queue.topology.wait(0.25))
    assert first.message
    with pytest.raises(QueueUnavailable):
        consumer.settle([second], [Later(first, first.message, 0.25)])
    assert ids(received(consumer, [address], 2)) == ["m0", "m1"]
    consumer.close()


def test_messages_of_all_addresses_climb_one_ladder_and_come_home(queue: ErasableQueue) -> None:
    addresses = [an_address(lane) for lane in Lane]
    queue.declare(addresses)
    queue.publisher().publish([a_message(address, number) for number, address in enumerate(addresses)])
    consumer = queue.consumer()
    for attempt, rung_s in enumerate((0.25, 0.5, 0.25, 1.0)):
        taken = received(consumer, addresses, 3)
        assert sorted(one.address for one in taken) == sorted(addresses)
        assert [(one.deliveries, one.message and one.message.attempt) for one in taken] == [(1, attempt)] * 3
        started_s = time.monotonic()
        consumer.settle([], [Later(one, one.message.failed(1), rung_s) for one in taken if one.message])
        assert consumer.receive(addresses, 10, rung_s - 0.1) == []
        assert time.monotonic() - started_s >= rung_s - 0.1
    consumer.settle(received(consumer, addresses, 3))
    consumer.close()
    assert queue.broken_depths() == dict.fromkeys(queue.broken_depths(), 0)


def test_what_is_no_longer_wanted_goes_to_others_uncounted(queue: ErasableQueue) -> None:
    address = an_address()
    queue.declare([address])
    queue.publisher().publish(some(address, 10))
    busy, other = same_queue(queue, patience_s=0.2).consumer(), queue.consumer()
    taken = received(busy, [address], 4, limit=4)
    eventually(lambda: busy.receive([], 1, 0.05) == [] and busy.unsettled() == {address: 4})
    assert [one.deliveries for one in received(other, [address], 6)] == [1] * 6
    busy.settle(taken)
    eventually(lambda: busy.receive([], 1, 0.05) == [] and busy.unsettled() == {})
    busy.close()
    other.close()
    eventually(lambda: ready(queue, address) == 6)  # the other handed its six back


def test_handing_back_keeps_the_count_of_earlier_deaths(queue: ErasableQueue) -> None:
    address = an_address()
    queue.declare([address])
    queue.publisher().publish(some(address, 1))
    consumer = same_queue(queue, patience_s=0).consumer()
    for _ in range(2):
        received(consumer, [address], 1)
        break_connection(consumer)
    consumer.receive([address], 0, 0.3)  # sent to us, seen by nobody
    eventually(lambda: consumer.receive([], 1, 0.05) == [] and consumer.unsettled() == {})
    [delivery] = received(consumer, [address], 1)
    assert delivery.deliveries == 3
    consumer.settle([delivery])
    consumer.close()


def test_a_queue_that_appears_is_taken_from_within_a_second_and_may_vanish_again(
    queue: ErasableQueue,
) -> None:
    here, new = an_address(), an_address()
    queue.declare([here])
    publisher, consumer = queue.publisher(), queue.consumer()
    assert consumer.receive([here, new], 10, 0.1) == []
    for _ in range(2):
        queue.declare([new])
        publisher.publish([a_message(new), a_message(here)])
        started_s = time.monotonic()
        found = received(consumer, [here, new], 2)
        assert time.monotonic() - started_s < 1
        assert {one.address for one in found} == {here, new}
        consumer.settle(found)
        with pika_channel(queue.url) as channel:
            channel.queue_delete(queue.topology.queue(new))
        assert consumer.receive([here, new], 10, 0.2) == []
    consumer.close()


def test_an_idle_consumer_keeps_its_connection_alive(queue: ErasableQueue) -> None:
    link = connect(broker_urls(queue.url), within_s=5, heartbeat_s=1)
    consumer = RabbitConsumer(lambda _: link, queue.publisher(), queue.topology)
    deadline = time.monotonic() + 3.5  # the broker cuts what is silent for two heartbeats
    while time.monotonic() < deadline:
        assert consumer.receive([], 10, 0.5) == []
    consumer.close()


def test_the_broker_dies_and_comes_back(private_rabbitmq: RabbitNode, private_queue: ErasableQueue) -> None:
    addresses = [an_address(), an_address(Lane.OUTGOING)]
    private_queue.declare(addresses)
    publisher, consumer = private_queue.publisher(), private_queue.consumer()
    publisher.publish([a_message(address, number) for address in addresses for number in range(30)])
    taken = received(consumer, addresses, 60)
    # Longer than kill() takes: what is back before would be received in spite of it.
    consumer.settle(taken[:10], [Later(one, one.message, 5.0) for one in taken[10:20] if one.message])
    private_rabbitmq.kill()
    with pytest.raises(QueueUnavailable):
        consumer.receive(addresses, 100, 1)
    with pytest.raises(QueueUnavailable):
        consumer.receive(addresses, 100, 1)
    private_rabbitmq.start()
    found: set[tuple[Address, str]] = set()

    def all_back() -> bool:
        try:
            for one in consumer.receive(addresses, 100, 0.5):
                assert one.message
                found.add((one.address, one.message.id))
                consumer.settle([one])
        except QueueUnavailable:
            return False
        return len(found) >= 50

    eventually(all_back, within_s=30)
    wanted = {(one.address, one.message.id) for one in taken[10:] if one.message}
    assert wanted <= found  # what was settled last may come again: acknowledgements are not confirmed
    consumer.close()


def test_acknowledgements_are_heard_by_a_broker_without_memory(
    private_rabbitmq: RabbitNode, private_queue: ErasableQueue
) -> None:
    address = an_address()
    private_queue.declare([address])
    private_queue.publisher().publish(some(address, 5))
    consumer = private_queue.consumer()
    [first, *rest] = received(consumer, [address], 5)
    assert first.message
    consumer.settle([], [Later(first, first.message, 0.25)])  # this process publishes, too
    [again] = received(consumer, [address], 1)
    private_rabbitmq.raise_alarm()
    try:
        consumer.settle([*rest, again])
        eventually(lambda: private_rabbitmq.messages() == 0, within_s=20)
        break_connection(consumer)
        assert consumer.receive([address], 10, 0.5) == []
    finally:
        private_rabbitmq.clear_alarm()
    consumer.close()


def test_a_wanted_queue_that_the_broker_lacks_is_made(queue: ErasableQueue) -> None:
    address = an_address()
    consumer = queue.consumer()
    assert consumer.receive([address], 10, 0.3) == []
    assert queue.differences([address]) == []
    queue.publisher().publish(some(address, 1))
    consumer.settle(received(consumer, [address], 1))
    consumer.close()


def test_headers_of_others_do_no_harm(queue: ErasableQueue) -> None:
    address = an_address()
    queue.declare([address])
    headers = {"x-delivery-count": -5, "crosswalk-deliveries": 2**40}
    message = a_message(address)
    queue.publisher().send(
        [Outgoing(queue.topology.work, address.key, message.to_json(), "m", headers)], timeout_s=3
    )
    consumer = queue.consumer()
    [delivery] = received(consumer, [address], 1)
    assert delivery.message == message
    consumer.settle([delivery])
    consumer.close()
