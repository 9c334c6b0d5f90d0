"""What takes half a minute and more: real leases, answers that trickle, a platform that is gone."""

import contextlib
import resource
import socket
import threading
from pathlib import Path

import pytest

from tests.end_to_end.chaos import database_of
from tests.end_to_end.processes import deployment
from tests.end_to_end.scene import configuration, until

pytestmark = pytest.mark.processes
ANA = {"firstname": "Ana", "lastname": "Ruiz", "phone": "(617) 555-0100", "email": "ana@example.edu"}


def people(count: int) -> list[dict[str, str]]:
    """HubSpot contacts."""
    return [
        {"firstname": "Ana", "lastname": f"Ruiz{n}", "phone": f"61755506{n:02}", "email": f"a{n}@example.edu"}
        for n in range(count)
    ]


def test_a_consumer_frozen_for_longer_than_its_lease(tmp_path: Path) -> None:
    with deployment(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start("web", "incoming", "outgoing")
        records = [one.hubspot.create(**person) for person in people(30)]
        one.settle(60.0)
        one.mainstay.set(latency_ms=300.0)
        for record in records:
            one.hubspot.edit(record, lastname="Old")
        until(lambda: any(c["last_name"] == "Old" for c in one.mainstay.all()))
        frozen = one.one("incoming")
        frozen.freeze()
        one.mainstay.set(latency_ms=0.0)
        for record in records:
            one.hubspot.edit(record, lastname="New")
        one.start("incoming")
        until(lambda: all(c["last_name"] == "New" for c in one.mainstay.all()), 90.0)
        frozen.thaw()
        one.settle(90.0)
        assert {c["last_name"] for c in one.mainstay.all()} == {"New"}
        assert {r["lastname"] for r in one.hubspot.all()} == {"New"}
        assert len(one.mainstay.all()) == len(one.hubspot.all()) == 30


def test_a_platform_that_refuses_connections(tmp_path: Path) -> None:
    with deployment(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("web", "incoming")
        mainstay = one.one("mainstay")
        mainstay.term()
        assert mainstay.ended() == 0
        one.forget(mainstay)
        for person in people(20):
            one.hubspot.create(**person)
        until(lambda: any(p["held"] == "platform-unavailable" for p in one.status()["platforms"]))
        assert one.status()["idle"] is False
        one.platform("mainstay")
        one.settle(60.0)
        assert len(one.mainstay.all()) == 20
        assert one.codes() == ["platform-unavailable"] and one.dead() == []
        assert all(p["held"] is None for p in one.status()["platforms"])


@pytest.mark.parametrize("direction", ["incoming", "outgoing"])
def test_a_platform_that_never_answers(tmp_path: Path, direction: str) -> None:
    """Every call of the target takes until our patience is over."""
    with deployment(tmp_path) as one:
        one.apply(configuration(direction))
        one.start("web")
        source, target = (one.hubspot, one.mainstay)[:: 1 if direction == "incoming" else -1]
        for number, person in enumerate(people(8)):
            if direction == "incoming":
                source.create(**person)
            else:
                source.create(first_name="Ben", last_name=f"Lee{number}", phone=person["phone"])
        until(source.quiet)
        target.fault(kind="timeout")
        one.start(direction)
        until(lambda: any(p["held"] == "platform-unavailable" for p in one.status()["platforms"]), 90.0)
        target.mend()
        one.settle(120.0)
        assert len(target.all()) == 8
        assert one.codes() == ["platform-unavailable"] and one.dead() == []


def test_sigterm_does_not_wait_for_an_answer_that_trickles(tmp_path: Path) -> None:
    """An answer may take up to half a minute as long as bytes come; SIGTERM allows less."""
    with socket.create_server(("127.0.0.1", 0)) as listener, deployment(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("web")
        one.hubspot.create(**ANA)
        until(one.hubspot.quiet)
        one.environment["CROSSWALK_MAINSTAY_API_URL"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
        asked, done = threading.Event(), threading.Event()
        threading.Thread(target=_trickle, args=(listener, asked, done), daemon=True).start()
        consumer = one.launch("incoming")
        assert asked.wait(30.0)
        consumer.term()
        assert consumer.ended() == 0
        one.forget(consumer)
        done.set()
        one.environment.clear()
        one.start("incoming")
        one.settle(30.0)
        assert len(one.mainstay.all()) == 1


def test_sigterm_does_not_wait_for_a_sweep_that_trickles(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, deployment(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.environment["CROSSWALK_HUBSPOT_API_URL"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
        asked, done = threading.Event(), threading.Event()
        threading.Thread(target=_trickle, args=(listener, asked, done), daemon=True).start()
        scheduler = one.launch("scheduler")
        assert asked.wait(30.0)
        scheduler.term()
        assert scheduler.ended() == 0
        one.forget(scheduler)
        done.set()


def _trickle(listener: socket.socket, asked: threading.Event, done: threading.Event) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        asked.set()
        while not done.wait(0.2):
            with contextlib.suppress(OSError):
                connection.sendall(b" ")


def test_a_database_that_somebody_else_locks_for_longer_than_anybody_waits(tmp_path: Path) -> None:
    """Nobody ends, nothing is lost; the receiver's 503 makes the platform send again."""
    with deployment(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start()
        one.hubspot.create(**people(1)[0])
        until(lambda: bool(one.mainstay.all()))
        with database_of(one) as other:
            other.execute("BEGIN IMMEDIATE")
            for person in people(8)[1:]:
                one.hubspot.create(**person)
            threading.Event().wait(25.0)
            other.execute("ROLLBACK")
        one.settle(90.0)
        assert len(one.mainstay.all()) == 8
        assert one.codes() == [] and one.dead() == []
        assert all(running.process.poll() is None for running in one.running)


def test_a_full_disk_holds_nothing_up_once_there_is_room(tmp_path: Path) -> None:
    """A file that may not grow: writing fails as on a full disk, until it may."""
    with deployment(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("web")
        for person in people(40):
            one.hubspot.create(**person)
        until(one.hubspot.quiet)
        consumer = one.launch("incoming")
        one.await_ready(consumer)
        file = one.folder / "crosswalk.db-wal"
        size = (one.folder / "crosswalk.db").stat().st_size + file.stat().st_size
        resource.prlimit(consumer.process.pid, resource.RLIMIT_FSIZE, (size // 8, resource.RLIM_INFINITY))
        until(lambda: bool(consumer.told("consumer.waiting") or consumer.told("batch.waiting")), 60.0)
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(consumer.process.pid, resource.RLIMIT_FSIZE, unlimited)
        one.settle(90.0)
        assert len(one.mainstay.all()) == 40
        assert one.codes() == [] and one.dead() == []
