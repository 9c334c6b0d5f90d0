"""Three nodes: one of them lost, then two."""

import pytest

from core.domain.messages import Lane
from core.queue.port import Later, QueueUnavailable
from core.queue.rabbitmq import RabbitQueue
from core.queue.replay import ReplayStopped, publish_confirmed
from tests.contract.queue_implementations import a_message, an_address
from tests.integration.rabbitmq.broker import accepted, refused_within
from tests.services.process import eventually
from tests.services.rabbitmq import RabbitCluster

pytestmark = pytest.mark.services


def test_the_loss_of_one_node_of_three_loses_no_confirmed_message(rabbitmq_cluster: RabbitCluster) -> None:
    addresses = [an_address(lane) for lane in Lane]
    # the rung ends after the election: RabbitMQ 3.10.8 can strand what expires in it (rabbitmq-server#7677)
    queue = RabbitQueue(rabbitmq_cluster.url, (5.0,))
    queue.declare(addresses)
    publisher, consumer = queue.publisher(), queue.consumer()
    before = [a_message(address, number) for address in addresses for number in range(100)]
    eventually(lambda: accepted(publisher, before), within_s=30)
    found: set[tuple[int, str]] = set()

    def take(count: int, *, wait: bool) -> bool:
        try:
            taken = consumer.receive(addresses, 100, 0.5)
            later = [Later(one, one.message, 5.0) for one in taken if one.message and wait]
            consumer.settle([] if wait else taken, later)
            found.update((one.address.id, one.message.id) for one in taken if one.message)
        except QueueUnavailable:  # a lost connection, an election: what counts is the end
            return False
        return len(found) >= count

    eventually(lambda: take(1, wait=True), within_s=30)  # some wait on a rung now
    found.clear()
    rabbitmq_cluster.nodes[0].kill()  # all queues were declared through one node, most likely this one

    after = [a_message(address, number) for address in addresses for number in range(100, 120)]
    eventually(lambda: accepted(publisher, after), within_s=30)
    wanted = {(message.address.id, message.id) for message in [*before, *after]}
    eventually(lambda: take(len(wanted), wait=False), within_s=30)
    assert found == wanted

    rabbitmq_cluster.nodes[1].kill()  # one of three is no majority: nothing is confirmed, and nobody hangs
    with refused_within(2):
        publisher.publish(after, timeout_s=1)
    with pytest.raises(ReplayStopped):
        publish_confirmed(rabbitmq_cluster.url, after, timeout_s=1)
    consumer.close()
    publisher.close()
    queue.close()
