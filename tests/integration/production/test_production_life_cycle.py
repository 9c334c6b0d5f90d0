"""Instances that come, are held, disabled and deleted while everything runs; migrating beside all of it."""

import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pika  # type: ignore[import-untyped]
import pytest
from pika.exceptions import ChannelClosedByBroker  # type: ignore[import-untyped]

from consumers.chores.broker import SETTLED_MS, BrokerChores
from consumers.directory import Directory
from core.domain.messages import Address, Lane, Message
from core.queue.rabbitmq import RabbitQueue
from core.store import instances
from core.wiring import Wiring, connect
from tests.end_to_end.production import Books, Servers, in_process
from tests.end_to_end.scene import Scene, configuration, until
from tests.integration.production.place import Place

pytestmark = pytest.mark.services
NOTICED_S = 8.0  # a receiver's table is at most five seconds old
ANA = {"firstname": "Ana", "lastname": "Ruiz", "phone": "(617) 555-0100", "email": "ana@example.edu"}
BEN = {"firstname": "Ben", "lastname": "Okafor", "phone": "6175550123", "email": "ben@example.edu"}
DISABLED = configuration("incoming").replace("enabled: true", "enabled: false")


def test_an_instance_is_noticed_as_it_comes_and_goes(tmp_path: Path, servers: Servers) -> None:
    with in_process(tmp_path, servers) as one:
        one.start()
        record = one.hubspot.create(**ANA)
        numbers = itertools.count()

        def travels() -> bool:
            one.hubspot.edit(record, lastname=f"Ruiz{next(numbers)}")
            until(one.hubspot.quiet)
            return bool(one.mainstay.all())

        assert not travels()
        one.apply(configuration("incoming"))
        books = Books(one).open()
        until(travels, NOTICED_S)
        one.settle()
        [contact] = one.mainstay.all()
        one.apply(DISABLED)
        one.hubspot.edit(record, firstname="Anna")
        one.settle()
        assert one.mainstay.get(contact["id"])["first_name"] == "Ana"
        one.apply(configuration("incoming"))

        def travels_again() -> bool:
            travels()
            return str(one.mainstay.get(contact["id"])["first_name"]) == "Anna"

        until(travels_again, NOTICED_S)
        one.settle()
        assert set(books.balance()) <= {"created", "updated", "unchanged", "disabled"}
        assert one.codes() == []


def test_a_held_account_keeps_everything_and_resumes_by_itself(tmp_path: Path, servers: Servers) -> None:
    with in_process(tmp_path, servers) as one:
        one.apply(configuration("incoming"))
        books = Books(one).open()
        one.start("incoming")
        one.mainstay.fault(kind="401")
        one.hubspot.create(**ANA)
        until(lambda: bool(Directory.load(one.wiring).holds), NOTICED_S)
        one.hubspot.create(**BEN)
        until(lambda: sum(one.depths().queues.values()) == 2, NOTICED_S)  # given back, in plain sight
        one.mainstay.mend()
        until(lambda: len(one.mainstay.all()) == 2, 30.0)
        one.settle()
        assert one.codes() == ["authentication-failed"] and one.dead() == []
        assert books.balance() == Counter(created=2)


def test_a_deleted_instances_messages_end_and_its_queue_goes(tmp_path: Path, servers: Servers) -> None:
    with in_process(tmp_path, servers) as one, later(one, SETTLED_MS + 1000) as wiring:
        one.apply(configuration("incoming", "outgoing"))
        books = Books(one).open()
        instance = one.instance("incoming")
        address = Address(Lane.INCOMING, instance.id)
        one.hubspot.create(**ANA)
        until(lambda: one.depths().queues[address] == 1)  # and no consumer ever sees it
        with one.wiring.database.transaction() as session:
            instances.delete(session, instance.id, one.wiring.clock())
        chores = BrokerChores(wiring)

        def gone() -> bool:
            chores.run(Directory.load(wiring))
            return not exists(one, f"crosswalk.{address.key}")

        until(gone)
        late = Message("late", address, "101", 1, 1)  # as one that comes from the ladder
        books.add(late)
        publisher = one.wiring.queue.publisher()
        publisher.publish([late])
        publisher.close()
        until(lambda: chores.run(Directory.load(wiring)) == 1)
        assert books.balance() == Counter(deleted=2)
        assert one.dead() == [] and one.codes() == []
        assert address not in Directory.load(wiring).addresses(instance.direction)


def test_what_was_published_while_the_broker_lacked_its_queue_comes_home(
    tmp_path: Path, servers: Servers
) -> None:
    with in_process(tmp_path, servers) as one:
        one.apply(configuration("incoming", "outgoing"))
        address = Address(Lane.INCOMING, one.instance("incoming").id)
        name = f"crosswalk.{address.key}"
        connection = pika.BlockingConnection(pika.URLParameters(one.env()["CROSSWALK_BROKER_URL"]))
        connection.channel().queue_delete(name)
        connection.close()
        one.hubspot.create(**ANA)
        queue = one.wiring.queue
        assert isinstance(queue, RabbitQueue)
        until(lambda: queue.broken_depths()["strays"] == 1)
        assert [one.name for one in queue.differences([address])] == [name]
        chores = BrokerChores(one.wiring)
        until(lambda: chores.run(Directory.load(one.wiring)) == 1)
        until(lambda: one.depths().queues[address] == 1)
        assert one.dead() == []
        assert queue.differences([address]) == []


@contextmanager
def later(one: Scene, by_ms: int) -> Iterator[Wiring]:
    """What a process works with that looks so much later."""
    wiring = connect(one.settings())
    wiring.clock = lambda: one.wiring.clock() + by_ms
    try:
        yield wiring
    finally:
        assert isinstance(wiring.queue, RabbitQueue)
        wiring.queue.close()
        wiring.database.engine.dispose()


def exists(one: Scene, queue: str) -> bool:
    connection = pika.BlockingConnection(pika.URLParameters(one.env()["CROSSWALK_BROKER_URL"]))
    try:
        connection.channel().queue_declare(queue, passive=True)
    except ChannelClosedByBroker:
        return False
    finally:
        connection.close()
    return True


def migrated(place: Place) -> str:
    """What ``crosswalk migrate`` says; it has to end with 0."""
    command = [sys.executable, "-m", "console", "migrate"]
    done = subprocess.run(
        command, env=place.one.process_env(), capture_output=True, text=True, timeout=60, check=True
    )
    return done.stderr


@pytest.mark.processes
def test_migrating_twice_beside_everything_changes_nothing(place: Place) -> None:
    with place.load("Beside"):
        told = [migrated(place), migrated(place)]
    assert all("as before" in one and "differs" not in one for one in told), told
    place.check()


@pytest.mark.processes
def test_migrating_an_old_topology_says_what_differs_and_how_to_mend_it(place: Place) -> None:
    with place.books._channel() as channel:
        channel.queue_declare("crosswalk.wait.30000", durable=True)  # of another kind than ours
    place.one.environment["CROSSWALK_RETRY_LADDER"] = "0.2s,30s"
    try:
        told = migrated(place)
    finally:
        del place.one.environment["CROSSWALK_RETRY_LADDER"]
    assert "crosswalk.wait.30000 differs" in told and "PRECONDITION_FAILED" in told
    assert "rabbitmqctl delete_queue crosswalk.wait.30000" in told
    with place.load("Old"):
        pass
    place.check()
