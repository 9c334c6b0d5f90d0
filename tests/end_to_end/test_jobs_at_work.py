"""Replays and comparisons as jobs: paced, followed to the end, paused, stopped, and over any crash."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from consumers import giving_up, scheduler
from consumers.jobs import comparing, replaying
from consumers.jobs.feeding import Feeding
from consumers.jobs.pace import Pace
from consumers.jobs.replay_plan import plan
from core.domain.codes import Code
from core.domain.fields import Platform
from core.domain.messages import Address, Lane, Message
from core.store import dead_letters, instances, jobs, models, outcomes
from core.store.dead_letters import Search
from core.store.jobs import Job
from tests.end_to_end.clockwork import record, scheduled
from tests.end_to_end.processes import deployment
from tests.end_to_end.scene import Scene, configuration, scene, until
from tests.end_to_end.test_dead_letters import BROKEN


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler looks more often; no sweep comes in between."""
    monkeypatch.setattr(scheduler, "TURN_S", 0.1)
    monkeypatch.setattr(scheduler, "CACHE_MS", 3_600_000)


def job(one: Scene, job_id: int) -> Job:
    with one.wiring.database.reading() as session:
        found = jobs.get(session, job_id)
    assert found is not None
    return found


def ended(one: Scene, job_id: int) -> Job:
    until(lambda: job(one, job_id).state not in jobs.OPEN, 60.0)
    return job(one, job_id)


def buried(one: Scene, count: int) -> None:
    """Records of HubSpot, and a dead letter about each."""
    one.apply(configuration("incoming"))
    one.hubspot.set(webhooks=False)
    one.mainstay.set(webhooks=False)
    queue = Address(Lane.INCOMING, one.instance("incoming").id)
    contacts = [one.hubspot.create(**record(number)) for number in range(count)]
    with one.wiring.database.transaction() as session:
        for number, contact in enumerate(contacts):
            letter = Message(str(number), queue, contact, 1, 1)
            giving_up.give_up(session, letter, Code.PLATFORM_UNAVAILABLE, "down", one.wiring.clock())


def test_a_paced_replay_is_followed_to_its_last_outcome(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        buried(one, 30)
        one.start("incoming")
        wanted = Search(code="platform-unavailable", limit=25)
        told = plan(one.wiring, wanted)
        assert (told.letters, told.contacts, told.unreadable) == (25, 25, 0)
        assert told.calls == {Platform.HUBSPOT: 1, Platform.MAINSTAY: 75} and told.minutes == 1
        begun = replaying.begin(one.wiring, wanted, "olga")
        assert (begun.total, begun.state, begun.author) == (25, "running", "olga")
        with scheduled(one):
            done = ended(one, begun.id)
        assert (done.state, done.queued, done.counts) == ("done", 25, {"created": 25})
        assert len(one.mainstay.all()) == 25 and len(one.dead()) == 5
        with one.wiring.database.reading() as session:
            letter = dead_letters.search(session, Search(state="replayed", limit=1))[0]
        assert letter.settled_by == "olga"


def test_what_fails_again_is_counted_and_not_replayed_twice(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        buried(one, 3)
        one.start("incoming")
        one.mainstay.fault(**BROKEN)
        begun = replaying.begin(one.wiring, Search(), "olga")
        with scheduled(one):
            done = ended(one, begun.id)
        assert (done.state, done.counts) == ("done", {"dead": 3})
        assert [letter.generation for letter in one.dead()] == [1, 1, 1]


def test_it_rests_goes_on_and_stops_when_told(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        buried(one, Pace.FEWEST + 15)  # nobody takes from the queue: the first portion stays the only one
        begun = replaying.begin(one.wiring, Search(), "olga")
        with scheduled(one):
            until(lambda: job(one, begun.id).queued == Pace.FEWEST)
            with one.wiring.database.transaction() as session:
                assert jobs.pause(session, begun.id)
            one.start("incoming")
            until(lambda: len(one.mainstay.all()) == Pace.FEWEST)
            assert job(one, begun.id).state == "paused" and len(one.dead()) == 15
            with one.wiring.database.transaction() as session:
                assert jobs.resume(session, begun.id)
            assert ended(one, begun.id).counts == {"created": Pace.FEWEST + 15}
            one.stop()
            queue = Address(Lane.INCOMING, one.instance("incoming").id)
            with one.wiring.database.transaction() as session:
                more = Message("one more", queue, "1", 1, 1)
                giving_up.give_up(session, more, Code.PLATFORM_UNAVAILABLE, "down", one.wiring.clock())
            again = replaying.begin(one.wiring, Search(), "olga")
            until(lambda: job(one, again.id).queued == 1)
            with one.wiring.database.transaction() as session:
                assert jobs.finish(session, again.id, "stopped", one.wiring.clock(), "olga stopped it")
            assert job(one, again.id).note == "olga stopped it"


def test_it_goes_on_where_a_killed_process_left_it(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        buried(one, Pace.FEWEST + 10)
        begun = replaying.begin(one.wiring, Search(), "olga")
        own, dead = one.wiring.owner, one.wiring.owner.split(":")[0] + ":999999:1:ab"
        one.wiring.owner = dead
        with one.wiring.database.transaction() as session:
            taken = jobs.take(session, "replay", dead, one.wiring.clock())
        assert taken is not None
        killed = Feeding(one.wiring, taken, replaying.Letters(one.wiring), lambda: False)
        assert killed._step() is not None  # and then no word any more
        one.wiring.owner = own
        assert job(one, begun.id).queued == Pace.FEWEST
        one.start("incoming")
        with scheduled(one, count=2):
            done = ended(one, begun.id)
        assert (done.state, done.queued, done.counts) == ("done", 30, {"created": 30})
        assert one.dead() == [] and len(one.mainstay.all()) == 30


def test_a_scheduler_that_stops_lets_go_of_every_job_it_has_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of one that its own worker has let go of while the last turn was still looking for jobs."""
    with scene(tmp_path) as one, ThreadPoolExecutor() as pool:
        buried(one, 1)
        begun = replaying.begin(one.wiring, Search(), "olga")
        stopped = scheduler.Scheduler(one.wiring)
        take, seen = jobs.take, []

        def owner() -> str:
            with one.wiring.database.reading() as session:
                return session.get_one(models.Job, begun.id).owner

        def take_late(session: Session, kind: str, owner_id: str, now_ms: int) -> Job | None:
            if seen:
                stopped.stop()
                until(lambda: not owner())
            taken = take(session, kind, owner_id, now_ms)
            seen.extend([taken] if taken else [])
            return taken

        monkeypatch.setattr(jobs, "take", take_late)
        stopped._begin_jobs(pool, one.wiring.clock())
        assert len(seen) == 2
        until(lambda: not owner())
        assert job(one, begun.id).state == "running"


def test_letters_that_lead_nowhere_do_not_hold_it_up(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        buried(one, 2)
        with one.wiring.database.transaction() as session:
            instances.delete(session, one.instance("incoming").id, one.wiring.clock())
            lane = Address.of_key("incoming.1")
            giving_up.give_up_unreadable(session, lane, b"\x00", "no message", one.wiring.clock())
        begun = replaying.begin(one.wiring, Search(), "olga")
        with scheduled(one):
            done = ended(one, begun.id)
        assert (done.state, done.counts) == ("done", {"deleted": 2, "skipped: can't be read": 1})
        assert [letter.code for letter in one.dead()] == ["unreadable-message"]


def test_a_discarded_letter_stands_in_the_timeline_with_its_reason(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        buried(one, 1)
        with one.wiring.database.transaction() as session:
            letters = dead_letters.search(session, Search())
            assert giving_up.discard(session, letters, "olga", "left the university", one.wiring.clock()) == 1
            assert giving_up.discard(session, letters, "olga", "again", one.wiring.clock()) == 0
        with one.wiring.database.reading() as session:
            [died, discarded] = outcomes.following(session, 0)
            letter = dead_letters.get(session, letters[0].id)
        assert (died.outcome, discarded.outcome) == ("dead", "discarded")
        assert discarded.hubspot_id == died.hubspot_id and discarded.code == "platform-unavailable"
        assert discarded.story["notes"] == ["the dead letter was discarded by olga: left the university"]
        assert letter is not None and (letter.state, letter.reason) == ("discarded", "left the university")


def test_a_comparison_is_a_job_and_starts_over_after_a_crash(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.hubspot.set(webhooks=False)
        for number in range(5):
            phone = f"617555{number:04}"
            one.hubspot.create(firstname="A", lastname=f"B{number}", phone=phone, email=f"a{number}@x.edu")
        begun = comparing.begin(one.wiring, one.instance("incoming"), fix=True, author="ada")
        assert begun is not None
        assert comparing.begin(one.wiring, one.instance("incoming")) is None
        with one.wiring.database.transaction() as session:  # a killed process had come this far
            dead = one.wiring.owner.split(":")[0] + ":999999:1:ab"
            taken = jobs.take(session, "reconcile", dead, one.wiring.clock())
            assert taken and jobs.beat(session, replace(taken, counts={"only here": 3}, queued=3), dead, 1)
        one.start("incoming")
        with scheduled(one):
            done = ended(one, begun.id)
        assert (done.state, done.counts, done.queued, done.total) == ("done", {"only here": 5}, 5, 5)
        one.settle()
        assert len(one.mainstay.all()) == 5
        with one.wiring.database.reading() as session:
            assert outcomes.counts_of_job(session, begun.id, begun.started_at_ms) == {"created": 5}


def test_a_sweep_whose_process_was_killed_does_not_run_for_ever(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        now_ms = one.wiring.clock()
        dead = one.wiring.owner.split(":")[0] + ":999999:1:ab"
        with one.wiring.database.transaction() as session:
            lost = jobs.start(session, kind="sweep", instance_id=1, owner=dead, now_ms=now_ms)
            silent = jobs.start(session, kind="sweep", instance_id=1, owner="far:1:1:a", now_ms=now_ms)
            seen = jobs.start(session, kind="sweep", instance_id=1, owner="far:2:1:b", now_ms=now_ms)
            later_ms = now_ms + jobs.LOST_MS + 1
            assert jobs.end_lost(session, now_ms, ()) == 1
            assert jobs.end_lost(session, later_ms, {"far:2:1:b"}) == 1
        assert [job(one, i.id).state for i in (lost, silent, seen)] == ["failed", "failed", "running"]


@pytest.mark.processes
def test_a_replay_survives_kill_9_of_the_scheduler(tmp_path: Path) -> None:
    """A real scheduler process, killed while it feeds; the next one ends the job."""
    with deployment(tmp_path) as one:
        buried(one, Pace.FEWEST + 10)
        begun = replaying.begin(one.wiring, Search(), "olga")
        one.start("scheduler")
        until(lambda: job(one, begun.id).queued >= Pace.FEWEST, 30.0)
        one.kill("scheduler")
        assert job(one, begun.id).state == "running"
        one.start("scheduler", "incoming")
        done = ended(one, begun.id)
        # What was queued but not noted when the scheduler died is queued once more, and finds nothing to do.
        assert (done.state, done.queued, sum(done.counts.values())) == ("done", 30, 30)
        assert set(done.counts) <= {"created", "unchanged"} and done.counts["created"] >= 30 - Pace.FEWEST
        assert len(one.mainstay.all()) == 30
