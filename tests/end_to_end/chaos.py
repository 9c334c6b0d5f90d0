"""Kills at random, under traffic in both directions, and what must be true afterwards."""

import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.end_to_end.processes import Deployment, Running, deployment
from tests.end_to_end.scene import configuration, until

VICTIMS = ("incoming", "outgoing", "incoming", "outgoing", "scheduler", "web")


@contextmanager
def database_of(one: Deployment) -> Iterator[sqlite3.Connection]:
    """The deployment's SQLite file, each statement on its own."""
    database = sqlite3.connect(one.folder / "crosswalk.db", isolation_level=None, timeout=10)
    try:
        yield database
    finally:
        database.close()


def watch_accepted(one: Deployment) -> None:
    """Remember the id of every message that was ever queued, past its deletion."""
    with database_of(one) as database:
        database.executescript(
            "CREATE TABLE accepted (message_id TEXT);"
            "CREATE TRIGGER accepted AFTER INSERT ON queue_messages"
            " BEGIN INSERT INTO accepted VALUES (NEW.message_id); END;"
        )


def unfinished(one: Deployment) -> tuple[int, set[str]]:
    """(how many messages were queued, those of them without an outcome)."""
    with database_of(one) as database:
        accepted = {row[0] for row in database.execute("SELECT message_id FROM accepted")}
        ended = {row[0] for row in database.execute("SELECT message_id FROM outcomes")}
    return len(accepted), accepted - ended


@dataclass(slots=True)
class People:
    """Made-up contacts on both sides. Every second one has an email; names are told apart by their number."""

    one: Deployment
    random: random.Random
    ids: dict[int, tuple[str, str]] = field(default_factory=dict)  # number → (side, id there)
    last: dict[int, str] = field(default_factory=dict)  # number → the last name it has to end with

    def appear(self) -> None:
        """A new contact on either side."""
        number = len(self.ids)
        side = self.random.choice(["hubspot", "mainstay"])
        email = {"email": f"p{number}@example.edu"} if number % 2 else {}
        first, last = ("firstname", "lastname") if side == "hubspot" else ("first_name", "last_name")
        values = {first: f"Person{number}", last: "Zero", "phone": f"617{2000000 + number * 7}", **email}
        self.ids[number] = (side, getattr(self.one, side).create(**values))
        self.last[number] = "Zero"

    def change(self) -> None:
        """Somebody changes a contact where it was made."""
        number = self.random.choice(list(self.ids))
        side, contact = self.ids[number]
        self.last[number] = f"Change{self.random.randrange(10**6)}"
        name = "lastname" if side == "hubspot" else "last_name"
        getattr(self.one, side).edit(contact, **{name: self.last[number]})

    def check(self) -> None:
        """Everybody is once on each side, tied together, with the last values."""
        records, contacts = self.one.hubspot.all(), self.one.mainstay.all()
        assert Counter(r["firstname"] for r in records) == Counter(f"Person{n}" for n in self.ids)
        assert Counter(c["first_name"] for c in contacts) == Counter(f"Person{n}" for n in self.ids)
        by_id = {record["id"]: record for record in records}
        for contact in contacts:
            assert by_id[contact["crm_id"]]["firstname"] == contact["first_name"]
        ends = {f"Person{n}": last for n, last in self.last.items()}
        assert {c["first_name"]: c["last_name"] for c in contacts} == ends
        assert {r["firstname"]: r["lastname"] for r in records} == ends


def chaos(
    folder: Path,
    *,
    kills: int,
    people: int,
    seed: int,
    environment: Mapping[str, str] | None = None,
    strike: Callable[[random.Random], object] = lambda dice: None,
) -> None:
    """Traffic and kills, one after the other; then rest, and the promises 1, 2 and 3. ``strike`` does a harm
    of its own after each kill."""
    dice = random.Random(seed)
    embedded = environment is None
    with deployment(folder, ladder="0.2s,0.5s,1s,2s,4s,8s", environment=dict(environment or {})) as one:
        one.apply(configuration("incoming", "outgoing"))
        if embedded:
            watch_accepted(one)
        one.start("web", "incoming", "incoming", "outgoing", "outgoing", "scheduler")
        for platform in (one.hubspot, one.mainstay):
            platform.set(latency_ms=25.0)
        crowd = People(one, dice)
        for number in range(kills):
            while len(crowd.ids) <= people * number // kills:
                crowd.appear()
            for _ in range(dice.randrange(6)):
                crowd.change()
            _wait(dice.uniform(0.0, 1.0))
            victim = dice.choice(VICTIMS)
            one.kill(victim)
            strike(dice)
            _again(one, victim)
        until(lambda: all(ready(one, running) for running in one.running), 60.0)
        one.settle(240.0)
        crowd.check()
        if embedded:
            accepted, without = unfinished(one)
            assert accepted >= people and not without
        assert one.dead() == [] and one.codes() == []


def _again(one: Deployment, name: str) -> None:
    started = one.launch(name)
    if name == "web":
        one.await_ready(started)  # the port has to be free again


def ready(one: Deployment, running: Running) -> bool:
    """Whether a process works by now."""
    assert running.process.poll() is None, running.log.read_text()[-2000:]
    event = {"incoming": "consumer.started", "outgoing": "consumer.started", "scheduler": "scheduler.started"}
    return running.name not in event or bool(running.told(event[running.name]))


def _wait(seconds: float) -> None:
    """Let the traffic flow for a moment: when exactly a kill strikes is what chance decides here."""
    threading.Event().wait(seconds)
