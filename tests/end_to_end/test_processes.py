"""The Procfile's processes: the main job, and SIGTERM under load."""

import time
from pathlib import Path

import pytest

from core.store import outcomes
from tests.end_to_end.processes import deployment
from tests.end_to_end.scene import configuration, until

pytestmark = pytest.mark.processes
ANA = {"firstname": "Ana", "lastname": "Ruiz", "phone": "(617) 555-0100", "email": "ana@example.edu"}
BEN = {"first_name": "Ben", "last_name": "Okafor", "phone": "6175550123", "email": "ben@example.edu"}


def test_changes_cross_over_and_status_says_so(tmp_path: Path) -> None:
    with deployment(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start()
        record = one.hubspot.create(**ANA)
        contact = one.mainstay.create(**BEN)
        one.settle()
        assert {c["crm_id"] for c in one.mainstay.all()} == {r["id"] for r in one.hubspot.all()}
        assert one.mainstay.get(contact)["crm_id"] and one.hubspot.get(record)["email"] == ANA["email"]
        told = one.status()
        assert told["idle"] is True
        assert set(told["queues"].values()) == {0}
        assert {p["role"] for p in told["processes"]} == {"web", "incoming", "outgoing", "scheduler"}


def test_sigterm_under_load_ends_everything_and_loses_nothing(tmp_path: Path) -> None:
    with deployment(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start()
        people = [
            {
                "firstname": f"Ana{n}",
                "lastname": "Ruiz",
                "phone": f"61755503{n:02}",
                "email": f"a{n}@example.edu",
            }
            for n in range(60)
        ]
        one.hubspot.set(latency_ms=20.0)
        one.mainstay.set(latency_ms=20.0)
        for number, person in enumerate(people):
            one.hubspot.create(**person)
            if number % 3 == 0:
                one.mainstay.create(
                    **{**BEN, "phone": f"61755504{number:02}", "email": f"b{number}@example.edu"}
                )
        until(lambda: bool(one.mainstay.all()))
        product = [r for r in one.running if r.name not in ("hubspot", "mainstay")]
        for process in product:
            process.term()
        assert {process.name: process.ended() for process in product} == dict.fromkeys(
            ("web", "incoming", "outgoing", "scheduler"), 0
        )
        for process in product:
            one.forget(process)
        assert one.status()["processes"] == []
        one.start()
        one.settle(60.0)
        assert len(one.mainstay.all()) == len(one.hubspot.all()) == 80
        assert one.codes() == [] and one.dead() == []


def test_sigterm_in_a_slow_batch_ends_it_in_time(tmp_path: Path) -> None:
    """A hundred contacts at 200 ms a call would take a quarter of a minute and more."""
    with deployment(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("web")
        for number in range(100):
            phone, email = f"61755505{number:02}", f"c{number}@example.edu"
            one.hubspot.create(firstname="Ana", lastname=f"Ruiz{number}", phone=phone, email=email)
        until(one.hubspot.quiet)
        one.mainstay.set(latency_ms=200.0)
        consumer = one.launch("incoming")
        until(lambda: one.mainstay.calls() > 10, 30.0)
        begun_s = time.monotonic()
        consumer.term()
        assert consumer.ended() == 0
        assert time.monotonic() - begun_s < 5.0
        one.forget(consumer)
        one.mainstay.set(latency_ms=0.0)
        one.start("incoming")
        one.settle(60.0)
        assert len(one.mainstay.all()) == 100
        assert one.codes() == [] and one.dead() == []
        with one.wiring.database.reading() as session:
            assert {row.attempt for row in outcomes.following(session, 0)} == {0}
