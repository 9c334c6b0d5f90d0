"""The plan of RabbitMQ's queues: what must never be wrong about it."""

import json
import re
from pathlib import Path

import pytest

from core.domain.messages import Address, Lane
from core.queue.topology import BrokerQueue, Topology

TOPOLOGY = Topology((5, 30, 120, 600, 3600, 21600))
ADDRESSES = [Address(lane, 7) for lane in Lane]
QUEUES = [*TOPOLOGY.shared_queues(), *map(TOPOLOGY.work_queue, ADDRESSES)]
POLICIES = json.loads(Path("deploy/rabbitmq/definitions.json").read_text())["policies"]


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: queue.name)
def test_every_queue_is_replicated_refuses_instead_of_dropping_and_has_a_delivery_limit(
    queue: BrokerQueue,
) -> None:
    assert queue.arguments["x-queue-type"] == "quorum"
    assert queue.arguments["x-overflow"] == "reject-publish"
    assert int(str(queue.arguments["x-delivery-limit"])) > 20  # RabbitMQ 4's default would drop


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: queue.name)
def test_what_dead_letters_does_it_at_least_once_into_an_exchange_of_ours(queue: BrokerQueue) -> None:
    if ".dead." in queue.name:
        assert not {name for name in queue.arguments if "dead-letter" in name or "ttl" in name}
    else:
        assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
        assert queue.arguments["x-dead-letter-exchange"] in [one.name for one in TOPOLOGY.exchanges()]
        assert "x-dead-letter-routing-key" not in queue.arguments


def test_dead_queues_are_declared_before_what_dead_letters_into_them() -> None:
    dead = [".dead." in queue.name for queue in QUEUES]
    assert dead == sorted(dead, reverse=True)


def test_strays_of_both_exchanges_are_caught() -> None:
    alternates = {one.name: one.arguments.get("alternate-exchange") for one in TOPOLOGY.exchanges()}
    assert alternates["crosswalk"] == alternates["crosswalk.dead"] == "crosswalk.strays"
    assert [one.exchange for one in QUEUES if one.name == "crosswalk.dead.strays"] == ["crosswalk.strays"]


def test_names_follow_the_address() -> None:
    queue = TOPOLOGY.work_queue(Address(Lane.OUTGOING, 12))
    assert (queue.name, queue.exchange, queue.key) == ("crosswalk.outgoing.12", "crosswalk", "outgoing.12")


@pytest.mark.parametrize(
    ("delay_s", "rung_ms"),
    [
        (0, 250),
        (0.25, 250),
        (0.26, 1000),
        (1, 1000),
        (4.9, 5000),
        (5.1, 30000),
        (7200, 21600000),
        (1e9, 21600000),
    ],
)
def test_a_delay_takes_the_shortest_rung_that_is_long_enough(delay_s: float, rung_ms: int) -> None:
    assert TOPOLOGY.wait(delay_s) == f"crosswalk.wait.{rung_ms}"


def test_a_shortened_ladder_keeps_the_rungs_for_mere_waiting() -> None:
    assert Topology((0.1, 5, 0.1)).rungs_ms == (100, 250, 1000, 5000)


def test_each_rung_has_one_wait_and_leads_home() -> None:
    rungs = [queue for queue in QUEUES if ".wait." in queue.name]
    assert [queue.arguments["x-message-ttl"] for queue in rungs] == list(TOPOLOGY.rungs_ms)
    assert {queue.arguments["x-dead-letter-exchange"] for queue in rungs} == {"crosswalk"}


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy["name"])
def test_the_shipped_policies_apply_to_our_queues_and_to_no_dead_letters(policy: dict[str, str]) -> None:
    names = [queue.name for queue in QUEUES if re.search(policy["pattern"], queue.name)]
    assert names
    assert not [name for name in names if ".dead." in name]
    assert not {"dead-letter-exchange", "overflow", "message-ttl", "expires"} & set(policy["definition"])
