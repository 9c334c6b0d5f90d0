"""A consumer that stood still for longer than its leases; several consumers of one direction."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from consumers.leasing import LEASE_S, MARGIN_S, Held
from consumers.work import Work
from core.coordination.sql import SqlLeases
from tests.end_to_end.scene import Scene, configuration, scene, until
from tests.end_to_end.test_holds import crowd

pytestmark = pytest.mark.processes

# A consumer whose leases last three seconds instead of twenty.
HASTY = """
import os, sys
from consumers import leasing, runner
from core.domain.fields import Direction
from core.queue.sql import SqlQueue
from core.settings import Settings
from core.wiring import connect

leasing.LEASE_S, leasing.MARGIN_S, runner.RENEW_S = 3.0, 0.5, 0.5
wiring = connect(Settings.from_env(os.environ))
wiring.queue = SqlQueue(wiring.database.engine, wiring.clock, lease_s=3.0)
runner.run(wiring, Direction(sys.argv[1]))
"""


@contextmanager
def hasty(one: Scene, direction: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A consumer process; SIGTERM at the end, and 0."""
    environment = {**os.environ, **one.env()}
    process = subprocess.Popen([sys.executable, "-c", HASTY, direction], env=environment)
    try:
        yield process
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def frozen(process: "subprocess.Popen[bytes]", one: Scene) -> None:
    """Stopped, but not in the middle of a transaction: with SQLite that would stop everybody."""
    while True:
        os.kill(process.pid, 19)
        until(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        with closing(sqlite3.connect(one.folder / "crosswalk.db", timeout=0, isolation_level=None)) as other:
            with suppress(sqlite3.OperationalError):
                other.execute("BEGIN IMMEDIATE")
                return
        thawed(process)


def thawed(process: "subprocess.Popen[bytes]") -> None:
    os.kill(process.pid, 18)


@pytest.mark.parametrize("email", ["", "ana@example.edu"], ids=["without", "with-email"])
def test_who_stood_still_makes_no_second_contact(tmp_path: Path, email: str) -> None:
    """Frozen after it found nobody, before it creates."""
    with scene(tmp_path) as one:
        one.apply(configuration("outgoing"))
        more = {"email": email} if email else {}
        contact = one.mainstay.create(first_name="Ana", last_name="Ruiz", phone="6175550100", **more)
        one.hubspot.fault(kind="slow", delay_s=1.0, path="/search$", times=1)
        with hasty(one, "outgoing") as first:
            until(lambda: one.hubspot.calls() > 0, 20.0)
            until(lambda: bool(one.hubspot.ask("GET", "faults")["faults"][0]["spoiled"]))
            frozen(first, one)
            one.hubspot.mend()
            with hasty(one, "outgoing"):
                until(lambda: len(one.hubspot.all()) == 1)
                until(lambda: bool(one.mainstay.get(contact)["crm_id"]))
                thawed(first)
                one.settle()
        [record] = one.hubspot.all()
        assert one.mainstay.get(contact)["crm_id"] == record["id"]
        assert one.codes() == []


def test_who_stood_still_brings_no_old_value_back(tmp_path: Path) -> None:
    """Frozen in the middle of writing twenty contacts; what it then still writes is repaired, both ways."""
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start()
        records = crowd(one, 20)
        one.settle()
        one.stop()
        for record in records:
            one.hubspot.edit(record, lastname="Old")
        until(one.hubspot.quiet)
        one.mainstay.set(latency_ms=200.0)
        with hasty(one, "incoming") as first:
            until(lambda: any(c["last_name"] == "Old" for c in one.mainstay.all()), 20.0)
            frozen(first, one)
            written = sum(c["last_name"] == "Old" for c in one.mainstay.all())
            assert written < 20
            one.mainstay.set(latency_ms=0.0)
            for record in records:
                one.hubspot.edit(record, lastname="New")
            with hasty(one, "incoming"), hasty(one, "outgoing"):
                until(lambda: all(c["last_name"] == "New" for c in one.mainstay.all()))
                thawed(first)
                one.settle(30.0)
        assert {c["last_name"] for c in one.mainstay.all()} == {"New"}
        assert {r["lastname"] for r in one.hubspot.all()} == {"New"}
        assert len(one.mainstay.all()) == len(one.hubspot.all()) == 20
        assert one.codes() == []


def test_a_lease_that_was_not_renewed_in_time_counts_as_lost(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        now = [100.0]
        leases = SqlLeases(one.wiring.database.engine, lambda: round(now[0] * 1000))
        held = Held(leases, "first", lambda: now[0])
        work, other = Work("1", [], {}), Work("2", [], {})
        held.take([work, other], {"1": {"h:1:1"}, "2": {"h:1:2"}})
        assert held.in_time()
        now[0] += LEASE_S - MARGIN_S + 1
        assert not held.in_time()
        held.renew()
        assert held.in_time()
        now[0] += LEASE_S + 1
        assert leases.acquire([["h:1:1"]], "second", 5.0) == [True]
        held.renew()
        assert not held.in_time()


def test_three_consumers_of_one_direction_write_each_contact_once(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start("incoming", "incoming", "incoming", "outgoing", "outgoing")
        records = crowd(one, 30)
        for record in records:
            for city in ("Boston", "Salem"):
                one.hubspot.edit(record, city=city)
            one.hubspot.edit(record, lastname="Vega")
        one.settle(30.0)
        assert len(one.mainstay.all()) == len(one.hubspot.all()) == 30
        assert {c["last_name"] for c in one.mainstay.all()} == {"Vega"}
        writes = one.mainstay.counters()["total"]["writes_per_contact"]
        assert max(writes.values()) <= 2 and one.hubspot.counters()["total"]["total_writes"] == 0
        assert one.codes() == []
