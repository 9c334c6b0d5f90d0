"""Publishing to RabbitMQ when all is well, and when it is not: the traps of RabbitMQ and of py-amqp."""

import os
import socket

import pytest

from core.domain.messages import Message
from core.queue.port import QueueUnavailable
from core.queue.rabbitmq import RabbitQueue
from core.queue.rabbitmq_confirms import Outgoing
from tests.contract.queue_implementations import a_message, an_address
from tests.contract.queue_rabbitmq import ErasableQueue
from tests.integration.rabbitmq.broker import accepted, pika_channel, ready, refused_within, some
from tests.services.process import eventually
from tests.services.rabbitmq import RabbitNode

pytestmark = pytest.mark.services


def test_a_published_message_is_persistent_and_carries_no_history(queue: ErasableQueue) -> None:
    address = an_address()
    queue.declare([address])
    message = a_message(address)
    queue.publisher().publish([message])
    with pika_channel(queue.url) as channel:
        method, properties, body = channel.basic_get(queue.topology.queue(address), auto_ack=True)
    assert Message.from_json(body) == message
    assert (properties.delivery_mode, properties.message_id) == (2, message.id)
    assert properties.headers == {"x-delivery-count": 0}  # the broker's own
    assert (method.exchange, method.routing_key) == (queue.topology.work, address.key)


def test_a_message_without_a_queue_is_kept_among_the_strays(queue: ErasableQueue) -> None:
    queue.publisher().publish([a_message(an_address())])
    assert queue.broken_depths()["strays"] == 1


def test_a_message_that_nobody_takes_is_told_and_confirms_nothing_else(queue: ErasableQueue) -> None:
    address = an_address()
    queue.declare([address])
    publisher = queue.publisher()
    with pytest.raises(QueueUnavailable, match="no queue takes"):
        publisher.send([Outgoing(queue.topology.probe, "incoming.0", b"", "m")], timeout_s=3)
    publisher.publish(some(address, 3))
    assert ready(queue, address) == 3


def test_a_full_queue_is_told_without_a_storm_of_connections(queue: ErasableQueue) -> None:
    address = an_address()
    with pika_channel(queue.url) as channel:
        short = {"x-queue-type": "quorum", "x-max-length": 5, "x-overflow": "reject-publish"}
        channel.queue_declare(queue.topology.queue(address), durable=True, arguments=short)
    queue.declare([address])  # binds it
    publisher = queue.publisher()
    eventually(lambda: not accepted(publisher, some(address, 200)))  # the limit is a soft one
    for _ in range(3):
        with refused_within(1, "full"):
            publisher.publish(some(address, 200))
    with pika_channel(queue.url) as channel:
        channel.queue_purge(queue.topology.queue(address))
    publisher.publish(some(address, 2))
    assert ready(queue, address) == 2


def test_a_child_process_leaves_its_parents_connection_alone(queue: ErasableQueue) -> None:
    address = an_address()
    queue.declare([address])
    publisher = queue.publisher()
    publisher.publish([a_message(address)])
    child = os.fork()
    if child == 0:  # no cover: leaves without pytest's farewell
        status = 1
        try:
            publisher.publish([a_message(address)])
            publisher.close()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert status == 0
    connections = publisher._connections._idle.slots.queue
    before = [lent.link for lent in connections if lent]
    publisher.publish([a_message(address)])
    assert [lent.link for lent in connections if lent] == before  # not even reconnected
    assert ready(queue, address) == 3


def test_a_listener_that_never_answers_costs_the_time_out_and_no_more() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        mute = RabbitQueue(f"amqp://guest:guest@127.0.0.1:{listener.getsockname()[1]}//", (1,))
        with refused_within(1):
            mute.publisher().publish([a_message(an_address())], timeout_s=0.5)
        assert mute.ping() == "RabbitMQ: no answer in time"


def test_nobody_there_is_told_without_the_password() -> None:
    nobody = RabbitQueue("amqp://someone:s3cret@127.0.0.1:1//", (1,))
    with pytest.raises(QueueUnavailable) as refused:
        nobody.publisher().publish([a_message(an_address())])
    assert "s3cret" not in repr(refused.value) + str(refused.value.__cause__) + nobody.ping()
    assert nobody.ping() == "RabbitMQ: Connection refused"


def test_one_broker_of_several_is_enough(queue: ErasableQueue) -> None:
    address = an_address()
    queue.declare([address])
    half = RabbitQueue(f"amqp://guest:guest@127.0.0.1:1//;{queue.url}", (1,), prefix=queue.topology.prefix)
    for _ in range(4):
        publisher = half.publisher()
        publisher.publish([a_message(address)])
        publisher.close()
    assert ready(queue, address) == 4


def test_confirmed_messages_survive_the_brokers_death_and_the_next_call_works_when_it_is_back(
    private_rabbitmq: RabbitNode, private_queue: ErasableQueue
) -> None:
    address = an_address()
    private_queue.declare([address])
    publisher = private_queue.publisher()
    publisher.publish(some(address, 50))
    private_rabbitmq.kill()
    with refused_within(1):
        publisher.publish(some(address, 1))
    assert private_queue.ping()
    private_rabbitmq.start()
    eventually(lambda: accepted(publisher, some(address, 1)))
    eventually(lambda: ready(private_queue, address) >= 51)
    assert private_queue.ping() == ""


def test_a_broker_that_restarted_meanwhile_is_not_noticed(
    private_rabbitmq: RabbitNode, private_queue: ErasableQueue
) -> None:
    address = an_address()
    private_queue.declare([address])
    publisher = private_queue.publisher()
    publisher.publish(some(address, 1))
    private_rabbitmq.stop()
    private_rabbitmq.start()
    publisher.publish(some(address, 1), timeout_s=30)  # one call: the queue elects its leader meanwhile
    eventually(lambda: ready(private_queue, address) == 2)


def test_a_frozen_broker_is_told_in_time_and_its_late_answers_confirm_nothing(
    private_rabbitmq: RabbitNode, private_queue: ErasableQueue
) -> None:
    address = an_address()
    private_queue.declare([address])
    publisher = private_queue.publisher()
    publisher.publish(some(address, 1))
    private_rabbitmq.freeze()
    for _ in range(2):  # on the old connection, and on one that is not answered
        with refused_within(1.2):
            publisher.publish(some(address, 100), timeout_s=0.8)
    private_rabbitmq.thaw()
    publisher.publish(some(address, 7))
    assert 8 <= ready(private_queue, address) <= 208  # of the unconfirmed hundreds any part may have arrived


def test_a_broker_without_memory_is_told_in_time_and_taken_up_again_by_itself(
    private_rabbitmq: RabbitNode, private_queue: ErasableQueue
) -> None:
    address = an_address()
    private_queue.declare([address])
    publisher = private_queue.publisher()
    publisher.publish(some(address, 1))
    private_rabbitmq.raise_alarm()
    try:
        with refused_within(2, "memory"):
            for _ in range(100):  # the first ones may still pass
                publisher.publish(some(address, 10), timeout_s=1)
        with refused_within(0.1):
            publisher.publish(some(address, 1), timeout_s=1)
        assert "memory" in private_queue.ping()
    finally:
        private_rabbitmq.clear_alarm()
    eventually(lambda: private_queue.ping() == "")
    publisher.publish(some(address, 1))
