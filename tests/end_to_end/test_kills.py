"""kill -9 of a consumer at named points of a batch: nothing is lost, nothing is made twice.

The points need no code in the product: a sandbox that hangs, a database that somebody else writes to, a queue
that takes no acknowledgement.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.chaos import chaos, database_of, unfinished, watch_accepted
from tests.end_to_end.processes import Deployment, deployment
from tests.end_to_end.scene import Outside, configuration, until

pytestmark = pytest.mark.processes
READS = {"incoming": "hubspot", "outgoing": "mainstay"}
WRITES = {"incoming": "mainstay", "outgoing": "hubspot"}
CREATE = {"incoming": r"/contacts/$", "outgoing": r"/contacts/batch/create$|/contacts$"}
Stop = Callable[[Deployment, str], Iterator[None]]


@dataclass(slots=True)
class People:
    """Three contacts of the source: one with an email, one without, one that is linked and changed."""

    direction: str
    number: int

    def values(self, which: int, **more: str) -> dict[str, str]:
        phone = f"617555{self.number:02}{which:02}"
        first, last = f"Ana{self.number}", f"Ruiz{which}"
        if self.direction == "incoming":
            return {"firstname": first, "lastname": last, "phone": phone, **more}
        return {"first_name": first, "last_name": last, "phone": phone, **more}

    def email(self, which: int) -> str:
        return f"ana{self.number}.{which}@example.edu"


@contextmanager
def before_the_read(one: Deployment, direction: str) -> Iterator[None]:
    source = getattr(one, READS[direction])
    with _hanging(source, kind="timeout", path="/contacts"):
        yield


@contextmanager
def before_the_write(one: Deployment, direction: str) -> Iterator[None]:
    target = getattr(one, WRITES[direction])
    with _hanging(target, kind="timeout", method="POST", path=CREATE[direction]):
        yield


@contextmanager
def before_the_answer(one: Deployment, direction: str) -> Iterator[None]:
    target = getattr(one, WRITES[direction])
    with _hanging(target, kind="slow", delay_s=60.0, method="POST", path=CREATE[direction]):
        yield


@contextmanager
def before_the_write_back(one: Deployment, direction: str) -> Iterator[None]:
    """Outgoing: the record is made and linked, the CRM ID is not on Mainstay. Incoming: the update hangs."""
    with _hanging(one.mainstay, kind="timeout", method="PATCH", path="/contacts/"):
        yield


@contextmanager
def before_the_commit(one: Deployment, direction: str) -> Iterator[None]:
    """The last answer is there, and somebody else holds the database's one lock for writing."""
    target = getattr(one, WRITES[direction])
    rule = target.fault(kind="slow", delay_s=1.0, method="POST", path=CREATE[direction])
    until(lambda: _met(target, rule))
    with sqlite3.connect(one.folder / "crosswalk.db", isolation_level=None) as other:
        other.execute("PRAGMA busy_timeout=5000")
        other.execute("BEGIN IMMEDIATE")
        calls = target.calls()
        until(lambda: target.calls() > calls or _met(target, rule))
        time.sleep(1.5)  # the answer has arrived; nothing tells from outside that the commit waits
        yield
        other.execute("ROLLBACK")
    other.close()
    target.mend()


@contextmanager
def before_the_acknowledgement(one: Deployment, direction: str) -> Iterator[None]:
    """The outcome is stored, and the queue refuses to forget the message."""
    del direction
    with database_of(one) as database:
        database.execute(
            "CREATE TRIGGER refuse BEFORE DELETE ON queue_messages BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        until(lambda: bool(one.one(_consumer(one)).told("consumer.waiting")), 30.0)
        yield
        database.execute("DROP TRIGGER refuse")


POINTS = (
    before_the_read,
    before_the_write,
    before_the_answer,
    before_the_write_back,
    before_the_commit,
    before_the_acknowledgement,
)


@contextmanager
def _hanging(platform: Outside, **rule: Any) -> Iterator[None]:
    number = platform.fault(**rule)
    until(lambda: _met(platform, number), 30.0)
    yield
    platform.mend()


def _met(platform: Outside, number: str) -> bool:
    [rule] = [r for r in platform.ask("GET", "faults")["faults"] if str(r["id"]) == number]
    return bool(rule["spoiled"])


def _consumer(one: Deployment) -> str:
    return next(r.name for r in one.running if r.name in READS)


@pytest.fixture(scope="module", params=["incoming", "outgoing"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with deployment(tmp_path_factory.mktemp(request.param)) as one:
        one.apply(configuration(request.param))
        watch_accepted(one)
        one.start("web")
        yield one, request.param


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.__name__)
def test_a_kill_loses_and_doubles_nothing(place: tuple[Deployment, str], point: Any) -> None:
    one, direction = place
    people = People(direction, POINTS.index(point) + 10)
    source = getattr(one, READS[direction])
    target = getattr(one, WRITES[direction])
    one.start(direction)
    linked = source.create(**people.values(2), email=people.email(2))
    one.settle()
    one.kill(direction)

    ids = [
        source.create(**people.values(0), email=people.email(0)),
        source.create(**people.values(1)),
        linked,
    ]
    last = "lastname" if direction == "incoming" else "last_name"
    source.edit(linked, **{last: f"Changed{people.number}"})
    until(source.quiet)
    victim = one.launch(direction)
    with point(one, direction):
        assert victim.process.poll() is None
        one.kill(direction)
    one.start(direction)
    one.settle(40.0)
    one.kill(direction)

    their_first, their_last = (
        ("first_name", "last_name") if direction == "incoming" else ("firstname", "lastname")
    )
    made = [c for c in target.all() if c[their_first] == f"Ana{people.number}"]
    assert sorted(c[their_last] for c in made) == sorted(["Ruiz0", "Ruiz1", f"Changed{people.number}"])
    pairs = {c["crm_id"]: c["id"] for c in one.mainstay.all()}
    if direction == "incoming":
        assert {pairs[record] for record in ids} == {c["id"] for c in made}
    else:
        assert {one.mainstay.get(contact)["crm_id"] for contact in ids} == {c["id"] for c in made}
    accepted, without = unfinished(one)
    assert accepted >= 4 and not without
    assert one.codes() == [] and one.dead() == []


def test_a_kill_does_not_forget_what_the_other_direction_has_to_carry(tmp_path: Path) -> None:
    """Stored, and neither told to the other direction nor acknowledged: Mainstay's own event was lost."""
    with deployment(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start("web", "incoming", "outgoing")
        record = one.hubspot.create(
            firstname="Ana", lastname="Ruiz", phone="6175550100", email="a@example.edu"
        )
        one.settle()
        one.kill("incoming")
        one.kill("outgoing")
        [contact] = one.mainstay.all()
        one.mainstay.set(webhooks=False)
        one.mainstay.edit(contact["id"], last_name="Vega")
        one.hubspot.edit(record, firstname="Anna")
        until(one.hubspot.quiet)
        one.launch("incoming")
        with database_of(one) as database:
            for verb, table in (("INSERT", "queue_messages"), ("DELETE", "queue_messages")):
                database.execute(
                    f"CREATE TRIGGER no_{verb} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END"
                )
            until(
                lambda: (
                    database.execute("SELECT count(*) FROM outcomes WHERE cause = 'event'").fetchone()[0] > 2
                )
            )
            until(lambda: bool(one.one("incoming").told("batch.waiting")), 30.0)
            one.kill("incoming")
            for verb in ("INSERT", "DELETE"):
                database.execute(f"DROP TRIGGER no_{verb}")
        one.start("incoming", "outgoing")
        one.settle(30.0)
        assert one.hubspot.get(record)["lastname"] == "Vega"
        assert one.mainstay.get(contact["id"])["first_name"] == "Anna"


def test_kills_at_random_lose_and_double_nothing(tmp_path: Path) -> None:
    chaos(tmp_path, kills=6, people=12, seed=1)
