"""What RabbitMQ gives up on: into the dead queues, from there into the store, and out again."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from core.domain.messages import Address, Lane, Message
from core.queue.dead_mover import DeadMover
from core.queue.port import Later, QueueUnavailable
from core.queue.rabbitmq_confirms import Outgoing
from core.queue.replay import ReplayStopped, publish_confirmed
from core.queue.topology import WORK_DELIVERY_LIMIT
from tests.contract.queue_implementations import a_message, an_address, received
from tests.contract.queue_rabbitmq import ErasableQueue
from tests.integration.rabbitmq.broker import pika_channel, ready, some
from tests.services.process import eventually
from tests.services.rabbitmq import RabbitNode

pytestmark = pytest.mark.services


@dataclass
class Shelf:
    """A store: keeps each message id once, and fails where it is told to."""

    kept: dict[str, tuple[Lane | None, bytes, str]] = field(default_factory=dict)
    fails_on: set[str] = field(default_factory=set)
    calls: int = 0

    def store(self, lane: Lane | None, body: bytes, headers: Mapping[str, object], problem: str) -> None:
        """See core.queue.dead_mover.Store."""
        self.calls += 1
        assert not [name for name in headers if name.startswith("x-")]
        if headers["message-id"] in self.fails_on:
            raise OSError("the store is away")
        self.kept[str(headers["message-id"])] = (lane, body, problem)


def wear_out(queue: ErasableQueue, address: Address) -> None:
    """Hand the first message out until RabbitMQ gives up."""
    with pika_channel(queue.url) as channel:
        for _ in range(WORK_DELIVERY_LIMIT + 1):
            method, _, _ = channel.basic_get(queue.topology.queue(address))
            channel.basic_reject(method.delivery_tag, requeue=True)
    eventually(lambda: queue.broken_depths()[address.lane] == 1)


@pytest.mark.parametrize("lane", Lane)
def test_a_poison_message_ends_in_the_store_and_a_replayed_one_climbs_the_ladder_again(
    queue: ErasableQueue, lane: Lane
) -> None:
    address = an_address(lane)
    queue.declare([address])
    publisher, consumer = queue.publisher(), queue.consumer()
    message = a_message(address)
    publisher.publish([message])
    [delivery] = received(consumer, [address], 1)
    consumer.settle([], [Later(delivery, message, 0.25)])  # it has waited, so it has died once before
    eventually(lambda: ready(queue, address) == 1 or bool(consumer.receive([], 1, 0.02)))
    consumer.close()
    wear_out(queue, address)
    shelf = Shelf()
    mover = DeadMover(queue.url, shelf.store, queue.topology.prefix)
    assert mover.move() == 1
    [(kept_lane, body, problem)] = shelf.kept.values()
    assert (kept_lane, Message.from_json(body)) == (lane, message)
    assert f"more than {WORK_DELIVERY_LIMIT} times" in problem
    assert mover.move() == 0

    publish_confirmed(queue.url, [Message.from_json(body)], prefix=queue.topology.prefix)
    consumer = queue.consumer()
    for _ in range(2):  # RabbitMQ 3.x drops a message here that still carries the history of its death
        [delivery] = received(consumer, [address], 1)
        assert (delivery.message, delivery.deliveries) == (message, 1)
        consumer.settle([], [Later(delivery, message, 0.25)])
    consumer.settle(received(consumer, [address], 1))
    consumer.close()


def test_strays_are_stored_readable_or_not(queue: ErasableQueue) -> None:
    publisher, stray = queue.publisher(), a_message(an_address(Lane.OUTGOING))
    publisher.publish([stray])
    publisher.send([Outgoing(queue.topology.work, "nonsense", b"\xff", "")], timeout_s=3)
    shelf = Shelf()
    assert DeadMover(queue.url, shelf.store, queue.topology.prefix).move() == 2
    assert shelf.kept.pop(stray.id)[0] is Lane.OUTGOING
    [(message_id, (lane, body, problem))] = shelf.kept.items()
    assert len(message_id) == 32
    assert (lane, body) == (None, b"\xff")
    assert problem.startswith("no queue takes nonsense")


def test_one_that_cannot_be_stored_holds_up_no_other_and_stays(queue: ErasableQueue) -> None:
    address = an_address()
    queue.publisher().publish(some(address, 5))
    shelf = Shelf(fails_on={"m1"})
    mover = DeadMover(queue.url, shelf.store, queue.topology.prefix)
    for _ in range(25):  # looked at more often than RabbitMQ 4's default limit allows
        eventually(lambda: queue.broken_depths()["strays"] > 0)  # a link that ended gives back what it held
        with pytest.raises(OSError, match="away"):
            mover.move()
    assert sorted(shelf.kept) == ["m0", "m2", "m3", "m4"]
    eventually(lambda: queue.broken_depths()["strays"] == 1)
    shelf.fails_on.clear()
    assert mover.move() == 1
    assert queue.broken_depths()["strays"] == 0


def test_a_store_that_is_away_ends_the_errand_and_nothing_is_lost(queue: ErasableQueue) -> None:
    queue.publisher().publish(some(an_address(), 10))
    shelf = Shelf(fails_on={f"m{number}" for number in range(10)})
    with pytest.raises(OSError, match="away"):
        DeadMover(queue.url, shelf.store, queue.topology.prefix).move()
    assert shelf.calls == 3
    eventually(lambda: queue.broken_depths()["strays"] == 10)


def test_killed_between_store_and_acknowledgement_it_comes_again_under_the_same_id(
    queue: ErasableQueue,
) -> None:
    queue.publisher().publish(some(an_address(), 1))
    shelf = Shelf()

    def store_and_die(lane: Lane | None, body: bytes, headers: Mapping[str, object], problem: str) -> None:
        shelf.store(lane, body, headers, problem)
        raise SystemExit

    with pytest.raises(SystemExit):
        DeadMover(queue.url, store_and_die, queue.topology.prefix).move()
    eventually(lambda: queue.broken_depths()["strays"] == 1)
    assert DeadMover(queue.url, shelf.store, queue.topology.prefix).move() == 1
    assert (shelf.calls, list(shelf.kept)) == (2, ["m0"])


def test_a_move_takes_no_more_than_was_there_and_no_more_than_it_may(queue: ErasableQueue) -> None:
    queue.publisher().publish(some(an_address(), 5))
    shelf = Shelf()
    mover = DeadMover(queue.url, shelf.store, queue.topology.prefix)
    assert mover.move(limit=2) == 2
    assert mover.move() == 3


def test_without_queues_there_is_nothing_to_move(queue: ErasableQueue) -> None:
    assert DeadMover(queue.url, Shelf().store, "test-nothing-here").move() == 0


def test_a_replay_to_a_queue_that_is_gone_stops_before_it_begins(queue: ErasableQueue) -> None:
    here, gone = an_address(), an_address()
    queue.declare([here])
    with pytest.raises(ReplayStopped, match="there is no queue") as stopped:
        publish_confirmed(queue.url, [a_message(here), a_message(gone)], prefix=queue.topology.prefix)
    assert stopped.value.confirmed == 0
    assert (ready(queue, here), queue.broken_depths()["strays"]) == (0, 0)


def test_a_replay_into_a_full_queue_tells_how_far_it_came(queue: ErasableQueue) -> None:
    address = an_address()
    with pika_channel(queue.url) as channel:
        short = {"x-queue-type": "quorum", "x-max-length": 3, "x-overflow": "reject-publish"}
        channel.queue_declare(queue.topology.queue(address), durable=True, arguments=short)
    queue.declare([address])
    with pytest.raises(ReplayStopped, match="full") as stopped:
        publish_confirmed(queue.url, some(address, 100), prefix=queue.topology.prefix)
    assert stopped.value.confirmed == ready(queue, address)


def test_replay_and_mover_end_in_time_on_a_frozen_broker(
    private_rabbitmq: RabbitNode, private_queue: ErasableQueue
) -> None:
    address = an_address()
    private_queue.declare([address])
    private_rabbitmq.freeze()
    with pytest.raises(ReplayStopped):
        publish_confirmed(
            private_queue.url, some(address, 1), prefix=private_queue.topology.prefix, timeout_s=0.5
        )
    with pytest.raises(QueueUnavailable):
        DeadMover(private_queue.url, Shelf().store, private_queue.topology.prefix).move(timeout_s=0.5)
    private_rabbitmq.thaw()
    publish_confirmed(private_queue.url, some(address, 2), prefix=private_queue.topology.prefix)
    assert ready(private_queue, address) == 2
