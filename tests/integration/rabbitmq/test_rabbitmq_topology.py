"""Declaring on a broker that knows us already, removing, and what ships in deploy/rabbitmq."""

import json
import shutil

import pytest

from core.domain.messages import Address, Lane
from core.queue.rabbitmq import RabbitQueue
from tests.contract.queue_implementations import a_message, an_address, received
from tests.contract.queue_rabbitmq import ErasableQueue
from tests.integration.rabbitmq.broker import pika_channel, ready, some
from tests.services.rabbitmq import RabbitNode

pytestmark = pytest.mark.services


def test_what_we_declared_differs_in_nothing(queue: ErasableQueue) -> None:
    addresses = [an_address(lane) for lane in Lane]
    missing = queue.differences(addresses)
    assert {one.name for one in missing} >= {queue.topology.queue(one) for one in addresses}
    assert {one.problem for one in missing} == {"it is missing"}
    queue.declare(addresses)
    assert queue.differences(addresses) == []


def test_an_old_topology_is_told_with_its_mending_and_goes_on_working(queue: ErasableQueue) -> None:
    old, new = an_address(), an_address()
    name = queue.topology.queue(old)
    with pika_channel(queue.url) as channel:
        channel.queue_declare(name, durable=True)  # a classic queue
        channel.exchange_delete(queue.topology.probe)
        channel.exchange_declare(queue.topology.probe, "direct", durable=True)
    queue.declare([old, new])  # as `crosswalk migrate` does
    told = {difference.name: difference for difference in queue.differences([old, new])}
    assert set(told) == {name, queue.topology.probe}
    assert "inequivalent arg" in told[name].problem
    assert f"rabbitmqctl delete_queue {name}" in told[name].mend
    assert "crosswalk migrate" in told[queue.topology.probe].mend
    queue.publisher().publish([a_message(old, 1), a_message(new, 2)])
    consumer = queue.consumer()
    found = received(consumer, [old, new], 2)
    assert {one.address for one in found} == {old, new}
    consumer.settle(found)
    consumer.close()


def test_another_ladder_adds_its_rungs(queue: ErasableQueue) -> None:
    longer = RabbitQueue(queue.url, (7.5,), prefix=queue.topology.prefix)
    longer.declare([])
    assert longer.differences([]) == []
    with pika_channel(queue.url) as channel:
        channel.queue_delete(longer.topology.rung(7500))
        channel.exchange_delete(longer.topology.rung(7500))
    longer.close()


def test_a_queue_in_use_is_not_removed_and_stays_bound(queue: ErasableQueue) -> None:
    address = an_address()
    queue.declare([address])
    publisher, consumer = queue.publisher(), queue.consumer()
    assert consumer.receive([address], 1, 0.1) == []
    assert queue.remove(address) is False
    consumer.close()
    publisher.publish([a_message(address)])
    assert queue.remove(address) is False
    publisher.publish([a_message(address)])
    assert ready(queue, address) == 2
    assert queue.broken_depths()["strays"] == 0


def test_a_removed_queue_leaves_what_still_comes_to_the_strays(queue: ErasableQueue) -> None:
    address = an_address()
    queue.declare([address])
    assert queue.remove(address) is True
    assert queue.remove(address) is True
    queue.publisher().publish(some(address, 1))
    assert queue.broken_depths()["strays"] == 1


def test_the_queue_says_what_is_missing(queue: ErasableQueue) -> None:
    bare = RabbitQueue(queue.url, (1,), prefix="test-nothing-here")
    assert bare.ping() == "RabbitMQ lacks Crosswalk's exchanges; run `crosswalk migrate`"
    assert bare.depths([Address(Lane.INCOMING, 1)]).queues == {Address(Lane.INCOMING, 1): 0}
    bare.close()
    stranger = RabbitQueue(queue.url.replace("guest:guest", "guest:wr0ng"), (1,))
    assert stranger.ping().startswith("RabbitMQ: ACCESS_REFUSED")
    assert "wr0ng" not in stranger.ping()


def test_the_shipped_policies_can_be_imported_and_apply(private_rabbitmq: RabbitNode) -> None:
    queue = RabbitQueue(private_rabbitmq.url, (1,))
    queue.declare([Address(Lane.INCOMING, 1)])
    shipped = shutil.copy("deploy/rabbitmq/definitions.json", private_rabbitmq.folder)
    private_rabbitmq.ctl("import_definitions", str(shipped))
    listed = private_rabbitmq.ctl("list_queues", "--quiet", "--formatter", "json", "name", "policy")
    policies = {row["name"]: row["policy"] for row in json.loads(listed)}
    assert policies["crosswalk.incoming.1"] == "crosswalk-work"
    assert policies["crosswalk.wait.1000"] == "crosswalk-wait"
    assert not policies["crosswalk.dead.incoming"]
    assert queue.differences([Address(Lane.INCOMING, 1)]) == []
    queue.close()
