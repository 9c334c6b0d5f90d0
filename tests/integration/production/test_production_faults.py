"""Each of the three servers fails under load, consumers are killed at random, and they race. After each,
every accepted message has one outcome, each person is once on either side, both sides agree.

One deployment of real processes goes through all of it.
"""

import random
import threading
from collections.abc import Callable

import pytest

from tests.end_to_end.production import metrics
from tests.end_to_end.scene import until
from tests.integration.production.place import Place, noticed
from tests.services.rabbitmq import RabbitNode

pytestmark = [pytest.mark.services, pytest.mark.processes]
KILLS = 4


def stopped_broker(place: Place) -> None:
    node = place.servers.rabbitmq
    assert isinstance(node, RabbitNode)
    with noticed(place.one, "incoming", "outgoing", "scheduler"):
        node.stop()
    node.start()
    until(place.answers)


def restarted_database(place: Place) -> None:
    with noticed(place.one, "incoming", "outgoing", "scheduler"):
        place.servers.postgres.kill()
    place.servers.postgres.start()


def forgetful_redis(place: Place) -> None:
    assert place.servers.redis.ask(b"FLUSHALL") == b"+OK"
    with noticed(place.one, "incoming"):
        place.servers.redis.kill()
        place.crowd.hubspot.edit(place.crowd.records[0], firstname="Anna")  # a batch needs its leases
    place.servers.redis.start()


def killed_consumers(place: Place) -> None:
    for _ in range(KILLS):
        name = random.choice(["incoming", "outgoing"])
        pause = threading.Event()
        pause.wait(random.uniform(0.0, 0.6))
        place.one.kill(name)
        place.one.start(name)


def competing_consumers(place: Place) -> None:
    place.one.start("incoming", "outgoing")
    place.crowd.change("Both")
    place.one.settle(60.0)
    for name in ("incoming", "outgoing"):
        place.end(name)


@pytest.mark.parametrize(
    "fault",
    [stopped_broker, restarted_database, forgetful_redis, killed_consumers, competing_consumers],
    ids=lambda fault: fault.__name__,
)
def test_nothing_is_lost_and_nothing_doubled(place: Place, fault: Callable[[Place], None]) -> None:
    with place.load(fault.__name__.title().replace("_", "")):
        fault(place)
    place.check()
    published = metrics(place.web, "crosswalk_messages_published_total")
    assert 0 < published <= place.books.events()  # an unconfirmed one may have arrived all the same
