"""Backfill: everybody once, whatever happens; behind live changes; no further than it was allowed."""

import json
import threading
import time
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from consumers import health, scheduler
from consumers.jobs import backfill
from consumers.jobs.forecast import Forecast, forecast
from consumers.jobs.pace import Pace
from core.domain.messages import Cause
from core.store import instances, jobs, models, outcomes
from core.store.jobs import Job
from tests.end_to_end.clockwork import contact, job_of, page_calls, record, scheduled
from tests.end_to_end.processes import deployment
from tests.end_to_end.scene import Scene, configuration, scene, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler looks more often; no sweep comes before a backfill."""
    monkeypatch.setattr(scheduler, "TURN_S", 0.1)
    monkeypatch.setattr(scheduler, "CACHE_MS", 3_600_000)


def crowd(one: Scene, count: int, first: int = 0) -> None:
    """HubSpot records that nobody told of."""
    one.hubspot.set(webhooks=False)
    for number in range(first, first + count):
        one.hubspot.create(**record(number))


def ended(one: Scene, name: str = "incoming") -> Job:
    """The newest backfill, once it has ended."""
    until(lambda: job_of(one, "backfill", name).state not in jobs.OPEN, 60.0)
    return job_of(one, "backfill", name)


def begin(one: Scene, name: str = "incoming", **limits: int) -> Job:
    job = backfill.begin(one.wiring, one.instance(name), **limits)
    assert job is not None
    return job


@pytest.mark.parametrize("name", ["incoming", "outgoing"])
def test_everybody_is_carried_over_once(tmp_path: Path, name: str) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration(name))
        one.hubspot.set(webhooks=False)
        one.mainstay.set(webhooks=False, page_size=40)
        for number in range(130):
            if name == "incoming":
                one.hubspot.create(**record(number))
            else:
                one.mainstay.create(**contact(number))
        one.start(name)
        delays = measured(name)
        begin(one, name)
        assert not one.idle(), "a backfill at work"
        with scheduled(one):
            job = ended(one, name)
        assert (job.state, job.queued, job.total, job.counts) == ("done", 130, 130, {"created": 130})
        one.settle()
        assert len(one.hubspot.all()) == len(one.mainstay.all()) == 130
        assert one.codes() == []
        assert measured(name) == delays, "what changed long ago is no late change"


def measured(direction: str) -> float:
    """How many changes the metric of delays has counted."""
    name = "crosswalk_change_to_written_seconds_count"
    return REGISTRY.get_sample_value(name, {"direction": direction}) or 0.0


def test_a_second_one_of_the_same_instance_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        first, answers = one.instance("incoming"), []
        together = threading.Barrier(4)

        def ask() -> None:
            together.wait()
            answers.append(backfill.begin(one.wiring, first))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(answer is not None for answer in answers) == 1
        assert backfill.begin(one.wiring, one.instance("outgoing")) is not None
        one.start()
        with scheduled(one):
            ended(one)
        begin(one)


def test_it_goes_on_where_a_killed_scheduler_left_it(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        crowd(one, 130)
        job = begin(one)
        dead = one.wiring.owner.split(":")[0] + ":999999:1:ab"
        one.wiring.owner, own = dead, one.wiring.owner
        with one.wiring.database.transaction() as session:
            taken = jobs.take(session, "backfill", dead, one.wiring.clock())
        assert taken is not None and taken.id == job.id
        killed = backfill.Feeder(one.wiring, taken, lambda: False)
        for _ in range(3):
            assert killed._step() is not None  # and then no word any more: nothing is handed back
        one.wiring.owner = own
        with one.wiring.database.transaction() as session:
            fed = jobs.get(session, job.id)
            # Killed between the queue's confirm and the note of it: the last contacts are fed again.
            row = session.get_one(models.Job, job.id)
            row.cursor, row.queued = "", 0
        assert fed is not None and fed.queued == Pace.FEWEST
        one.start("incoming")
        with scheduled(one):
            job = ended(one)
        assert (job.state, job.queued, job.counts) == ("done", 130, {"created": 130})
        one.settle()
        assert len(one.mainstay.all()) == 130
        with one.wiring.database.reading() as session:
            assert len({row.message_id for row in outcomes.following(session, 0)}) == 130


def test_it_rests_goes_on_and_stops_on_demand(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        crowd(one, 60)
        job = begin(one)
        with scheduled(one):
            until(lambda: job_of(one, "backfill", "incoming").queued == Pace.FEWEST)  # nobody consumes
            with one.wiring.database.transaction() as session:
                assert jobs.pause(session, job.id)
                assert not jobs.pause(session, job.id)
            one.start("incoming")
            until(lambda: len(one.mainstay.all()) == Pace.FEWEST)
            one.settle()
            assert one.idle(), "what rests does not count"
            assert backfill.begin(one.wiring, one.instance("incoming")) is None
            with one.wiring.database.transaction() as session:
                assert jobs.resume(session, job.id)
            until(lambda: len(one.mainstay.all()) > Pace.FEWEST)
            with one.wiring.database.transaction() as session:
                jobs.finish(session, job.id, "stopped", one.wiring.clock(), "somebody stopped it")
            one.settle()
            assert one.idle()
        assert ended(one).state == "stopped"
        assert sum(backfill.counts_of(one.wiring, ended(one)).values()) == len(one.mainstay.all())


@pytest.mark.parametrize("most", [1, 7])
def test_never_more_creates_than_allowed(tmp_path: Path, most: int) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.mainstay.set(webhooks=False)
        crowd(one, 30)
        for number in range(0, 30, 3):
            one.mainstay.create(**contact(number))
        one.start("incoming")
        begin(one, max_creates=most)
        with scheduled(one):
            job = ended(one)
        one.settle()
        assert (job.state, job.note) == ("stopped", f"--max-creates {most} is reached")
        assert backfill.counts_of(one.wiring, job)["created"] == most
        assert len(one.mainstay.all()) == 10 + most


def test_it_stops_at_so_many_errors(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.hubspot.set(webhooks=False)
        for number in range(30):
            one.hubspot.create(**record(number, phone="12"))
        one.start("incoming")
        begin(one, max_errors=5)
        with scheduled(one):
            job = ended(one)
        assert (job.state, job.note) == ("stopped", "--max-errors 5 is reached")
        assert one.codes() == ["invalid-phone"] * 5


def test_limits_that_are_just_kept_stop_nothing(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        crowd(one, 6)
        one.start("incoming")
        begin(one, max_creates=6, max_errors=1)
        with scheduled(one):
            job = ended(one)
        assert (job.state, job.counts) == ("done", {"created": 6})


def test_a_live_change_does_not_wait_behind_it(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        known = one.hubspot.create(**record(999))
        one.settle()
        crowd(one, 300)
        one.mainstay.set(latency_ms=40)  # some 25 contacts a second in one batch after another
        begin(one)
        with scheduled(one):
            until(lambda: len(one.mainstay.all()) > 60, 60.0)
            one.hubspot.set(webhooks=True)
            changed_s = time.monotonic()
            one.hubspot.edit(known, lastname="Vega")
            until(lambda: any(c["last_name"] == "Vega" for c in one.mainstay.all()), 30.0)
            took_s = time.monotonic() - changed_s
            left = 301 - len(one.mainstay.all())
            with one.wiring.database.transaction() as session:
                jobs.finish(session, job_of(one, "backfill", "incoming").id, "stopped", one.wiring.clock())
            one.settle(60.0)
        assert left > 50, "the backfill is far from its end"
        assert took_s < 8.0


def test_it_waits_while_an_account_is_held_and_for_a_page_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "FAILED_S", (0.2, 0.4))
    monkeypatch.setattr(backfill, "HELD_S", 0.2)
    monkeypatch.setattr(health, "PROBE_S", (0.5, 1.0))
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        crowd(one, 10)
        one.start("incoming")
        one.hubspot.fault(kind="500", method="GET", path="/contacts$", times=2)
        one.hubspot.fault(kind="401", method="GET", path="/contacts$", times=1)
        begin(one)
        with scheduled(one):
            until(lambda: "500" in job_of(one, "backfill", "incoming").note)
            job = ended(one)
        assert (job.state, job.counts) == ("done", {"created": 10})
        assert one.codes() == ["authentication-failed"]


def test_disabling_the_instance_ends_it(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        crowd(one, 60)
        begin(one)
        with scheduled(one):
            until(lambda: job_of(one, "backfill", "incoming").queued > 0)
            with one.wiring.database.transaction() as session:
                instances.set_enabled(session, one.instance("incoming").id, False, one.wiring.clock())
            assert (ended(one).state, ended(one).note) == ("stopped", "the instance was disabled")


def test_what_a_privacy_deletion_took_away_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "SILENCE_S", 0.5)
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        crowd(one, 10)
        job = begin(one)
        with scheduled(one):
            until(lambda: job_of(one, "backfill", "incoming").queued == 10)
            with one.wiring.database.transaction() as session:
                session.delete(session.query(models.QueueMessage).first())
            one.start("incoming")
            assert (ended(one).state, sum(ended(one).counts.values())) == ("done", 9)
        assert job.id == ended(one).id


def test_its_messages_are_known_as_its_own(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        crowd(one, 3)
        one.start("incoming")
        job = begin(one)
        with scheduled(one):
            ended(one)
        with one.wiring.database.reading() as session:
            rows = outcomes.following(session, 0)
        assert {(row.cause, row.job_id) for row in rows} == {(Cause.BACKFILL, job.id)}
        assert Cause.BACKFILL.in_background and not Cause.BACKFILL.may_shortcut


def test_a_dry_run_tells_what_would_happen_and_changes_nothing(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        filters = {"incoming": "[{field: lifecyclestage, values: [lead]}]"}
        one.apply(configuration("incoming", filters=filters))
        one.hubspot.set(webhooks=False)
        one.mainstay.set(webhooks=False)
        lead = {"lifecyclestage": "lead"}
        for number in range(110):
            one.hubspot.create(**record(number, **lead))
        one.mainstay.create(**contact(0, last_name="Vega"))
        filtered = one.hubspot.create(**record(200, lifecyclestage="customer"))
        refused = one.hubspot.create(**record(201, phone="12", **lead))
        before, told = page_calls(one), []
        found = forecast(one.wiring, one.instance("incoming"), lambda done, total: told.append((done, total)))
        assert found.would == {"create": 109, "update": 1, "unchanged": 0, "filtered": 1, "error": 1}
        assert found.codes == {"invalid-phone": 1}
        [excluded], [wrong] = found.examples["filtered"], found.examples["error"]
        assert (excluded.contact, excluded.why) == (f"hubspot:{filtered}", "lifecyclestage is not lead")
        assert (wrong.contact, wrong.code) == (f"hubspot:{refused}", "invalid-phone")
        assert len(found.examples["create"]) == 5
        assert told[-1] == (112, 112)
        after = page_calls(one)
        assert found.calls == {name: after[name] - before[name] for name in after}
        assert found.calls["hubspot"] == 3, "two pages and the total; the contacts come with the pages"
        assert "would create 109 contacts and matches only 1" in found.warning
        assert len(one.mainstay.all()) == 1
        assert one.codes() == [] and one.outcomes() == {} and not any(one.depths().queues.values())


@pytest.mark.parametrize(
    ("creates", "matched", "warns"), [(19, 0, False), (20, 0, True), (60, 20, False), (61, 20, True)]
)
def test_it_warns_when_it_would_create_far_more_than_it_matches(
    creates: int, matched: int, warns: bool
) -> None:
    found = Forecast()
    found.would |= {"create": creates, "update": matched // 2, "unchanged": matched - matched // 2}
    assert bool(found.warning) is warns


def test_the_pace_follows_the_consumers() -> None:
    now_s = [100.0]
    pace = Pace(lambda: now_s[0])
    assert pace.room(0, 0) == Pace.FEWEST
    assert pace.room(5, 0) == Pace.FEWEST - 5
    now_s[0] += 1.0
    assert pace.room(0, 30) == 60, "two seconds' worth"
    now_s[0] += 1.0
    assert pace.room(10, 1000) == Pace.MOST - 10
    assert pace.moved(1001) and not pace.moved(1000)
    now_s[0] += 10.0
    assert pace.room(0, 1000) == Pace.FEWEST, "what was long ago does not count"


@pytest.mark.processes
def test_by_command_through_a_killed_scheduler(tmp_path: Path) -> None:
    with deployment(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        one.mainstay.set(webhooks=False)
        crowd(one, 150)
        dry = json.loads(one.crosswalk("backfill", "incoming", "--dry-run", "--json"))
        assert (dry["contacts"], dry["would"]["create"]) == (150, 150)
        one.start("scheduler")  # only now: its first sweep would carry some over meanwhile
        one.mainstay.set(latency_ms=20)
        begun = json.loads(one.crosswalk("backfill", "incoming", "--json"))
        assert (begun["state"], begun["instance"]) == ("running", "incoming")
        until(lambda: 0 < len(one.mainstay.all()), 30.0)
        one.kill("scheduler")
        assert one.status()["idle"] is False
        one.start("scheduler")
        told = json.loads(one.crosswalk("backfill", "incoming", "--status", "--wait", "--json"))
        assert (told["state"], told["queued"], sum(told["outcomes"].values())) == ("done", 150, 150)
        one.settle(60.0)
        assert one.status()["idle"] is True
        assert len(one.mainstay.all()) == 150
