"""The production engine for long: kills at random, servers failing again and again, a cluster that loses its
nodes one after the other. Nothing lost, nothing doubled, both sides equal.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.production import started
from tests.end_to_end.scene import until
from tests.integration.production.place import Place, at_work
from tests.services.process import Server
from tests.services.rabbitmq import RabbitCluster, RabbitNode

pytestmark = [pytest.mark.services, pytest.mark.processes]
KILLS = 200
AT_A_TIME = 20
KILLED = ("incoming", "outgoing", "incoming", "outgoing", "scheduler", "web")


@contextmanager
def endless_load(place: Place) -> Iterator[None]:
    """Somebody new on each side and a few changes, again and again, until the block ends."""
    over, failures = threading.Event(), []

    def come() -> None:
        try:
            while not over.wait(0.1):
                place.crowd.turn_up(1)
                place.crowd.change(f"Vega{random.randrange(10**6)}x", latest=5)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=come)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not failures, failures


def pause(most_s: float) -> None:
    threading.Event().wait(random.uniform(0.0, most_s))


def test_two_hundred_kills(tmp_path: Path) -> None:
    with started(RabbitNode()) as servers, at_work(tmp_path, servers) as place:
        place.one.start("incoming", "outgoing")  # two of each
        for _ in range(KILLS // AT_A_TIME):
            with endless_load(place):
                for _ in range(AT_A_TIME):
                    name = random.choice(KILLED)
                    place.one.kill(name)
                    place.one.launch(name)
                    pause(1.0)
            for one in place.one.running:
                if one.name in KILLED:
                    place.one.await_ready(one)
            place.check()


@pytest.mark.parametrize("violently", [False, True], ids=["stopped", "killed"])
def test_servers_that_fail_again_and_again(tmp_path: Path, violently: bool) -> None:
    with started(RabbitNode()) as servers, at_work(tmp_path, servers) as place:
        for server in (servers.rabbitmq, servers.postgres, servers.redis) * 4:
            assert isinstance(server, Server)
            with endless_load(place):
                pause(1.0)
                server.kill() if violently else server.stop()
                pause(3.0)
                server.start()
                until(place.answers)
                pause(1.0)
            place.check()


def test_a_cluster_loses_its_nodes_one_after_the_other(tmp_path: Path) -> None:
    cluster = RabbitCluster()
    with started(cluster) as servers, at_work(tmp_path, servers) as place:
        place.books.sweeps = True
        for node in cluster.nodes:
            with endless_load(place):
                pause(1.0)
                node.kill()
                pause(8.0)
            place.check()  # on two of three
            with endless_load(place):
                node.start()
                pause(4.0)
            place.check()


def test_a_partition_cuts_a_node_off_and_ends(tmp_path: Path) -> None:
    cluster = RabbitCluster()
    with started(cluster) as servers, at_work(tmp_path, servers) as place:
        place.books.sweeps = True
        for node in cluster.nodes:
            with endless_load(place):
                pause(1.0)
                cluster.cut_off(node)
                until(lambda node=node: not node.answers(), 60.0)  # it sees no majority, and pauses
                pause(4.0)
            place.check()  # on the other two
            with endless_load(place):
                cluster.rejoin(node)
                until(cluster.whole, 60.0)
            place.check()


def test_a_cluster_is_rolled(tmp_path: Path) -> None:
    """As an upgrade does it: one node after the other goes and comes back, changes coming in all the time."""
    cluster = RabbitCluster()
    with started(cluster) as servers, at_work(tmp_path, servers) as place:
        place.books.sweeps = True
        with endless_load(place):
            for node in cluster.nodes:
                node.stop()
                pause(3.0)
                node.start()
                until(cluster.whole, 60.0)
                pause(3.0)
        place.check()
