"""The safety net: what lost webhooks would have told is found, once, cheaply, and nothing is skipped over."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Update, update

from consumers import scheduler, single
from consumers.jobs.sweep import NIGHT_OVERLAP_MS, OVERLAP_MS, beginning_ms, sweep
from consumers.scheduler import NIGHT_MS, Scheduler
from core.domain.instances import Instance
from core.platforms.errors import AuthenticationFailed, PlatformError
from core.platforms.hubspot import search
from core.store import accounts, instances, jobs, models, watermarks
from core.store.watermarks import Watermark
from tests.end_to_end.clockwork import contact, job_of, mark_of, page_calls, record, scheduled
from tests.end_to_end.processes import deployment
from tests.end_to_end.scene import Scene, configuration, scene, until

NOW_MS = 1_795_428_000_123


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first sweep does not wait for the receivers' caches."""
    monkeypatch.setattr(scheduler, "CACHE_MS", 0)
    monkeypatch.setattr(scheduler, "TURN_S", 0.1)


def deaf(one: Scene) -> None:
    """No webhook arrives any more."""
    one.hubspot.set(lose_next=-1)
    one.mainstay.set(lose_next=-1)


def test_lost_webhooks_of_both_sides_are_made_good(tmp_path: Path, soon: None) -> None:
    with scene(tmp_path, environment={"CROSSWALK_SWEEP_EVERY": "1s"}) as one:
        one.apply(configuration("incoming", "outgoing"))
        deaf(one)
        one.start()
        known = one.hubspot.create(**record(1))
        one.mainstay.create(**contact(2))
        with scheduled(one):
            until(lambda: len(one.hubspot.all()) == len(one.mainstay.all()) == 2)
            one.settle()
            one.hubspot.edit(known, lastname="Vega")
            until(lambda: "Vega" in {c["last_name"] for c in one.mainstay.all()})
        assert one.codes() == []


def test_two_schedulers_and_a_sweep_by_hand_make_nobody_twice(tmp_path: Path, soon: None) -> None:
    with scene(tmp_path, environment={"CROSSWALK_SWEEP_EVERY": "1s"}) as one:
        one.apply(configuration("incoming"))
        deaf(one)
        for number in range(12):
            one.hubspot.create(**record(number))
        one.start("incoming")
        with scheduled(one, 2):
            assert sweep(one.wiring, one.instance("incoming")).queued == 12
            until(lambda: len(one.mainstay.all()) == 12)
            until(lambda: mark_of(one, "incoming").swept_at_ms > 0)
            one.settle()
        assert len(one.mainstay.all()) == 12
        assert set(one.outcomes()) <= {"created", "unchanged"}


def test_a_sweep_over_what_both_sides_agree_on_makes_no_call_per_contact(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start()
        for number in range(15):
            one.hubspot.create(**record(number))
            one.mainstay.create(**contact(100 + number))
        one.settle()
        before, unchanged = page_calls(one), one.outcomes().get("unchanged", 0)
        for name in ("incoming", "outgoing"):
            assert sweep(one.wiring, one.instance(name), since_ms=1).queued == 30
        one.settle()
        after = page_calls(one)
        assert {name: after[name] - before[name] for name in after} == {"hubspot": 1, "mainstay": 1}
        assert one.outcomes()["unchanged"] - unchanged == 60


def test_more_than_one_search_window_is_walked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PAGE", 5)
    with scene(tmp_path) as one:
        one.hubspot.set(search_max_results=10, webhooks=False)
        one.mainstay.set(page_size=5, webhooks=False)
        one.apply(configuration("incoming", "outgoing"))
        for number in range(23):
            one.hubspot.create(**record(number))
            one.mainstay.create(**contact(100 + number))
        for name in ("incoming", "outgoing"):
            assert sweep(one.wiring, one.instance(name)).queued >= 23
            assert mark_of(one, name).modified_ms >= job_of(one, "sweep", name).started_at_ms - 60_000
        one.start()
        one.settle(60.0)
        assert len(one.hubspot.all()) == len(one.mainstay.all()) == 46


def test_a_sweep_that_breaks_off_leaves_the_watermark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PAGE", 2)
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.hubspot.set(webhooks=False)
        for number in range(6):
            one.hubspot.create(**record(number))
        before = mark_of(one, "incoming")
        one.hubspot.fault(kind="500", path="/search", after=1)
        with pytest.raises(PlatformError):
            sweep(one.wiring, one.instance("incoming"))
        assert mark_of(one, "incoming") == before
        assert job_of(one, "sweep", "incoming").state == "failed"
        assert "500" in job_of(one, "sweep", "incoming").note
        one.hubspot.mend()
        assert sweep(one.wiring, one.instance("incoming")).queued >= 6
        assert mark_of(one, "incoming").modified_ms > before.modified_ms
        one.start("incoming")
        one.settle()
        assert len(one.mainstay.all()) == 6


def test_a_sweep_from_a_later_time_does_not_pass_over_what_lies_between(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.hubspot.set(webhooks=False)
        one.hubspot.create(**record(1))
        before = mark_of(one, "incoming")
        later_ms = one.wiring.clock() + 3_600_000
        assert sweep(one.wiring, one.instance("incoming"), since_ms=later_ms).queued == 0
        assert mark_of(one, "incoming") == before
        assert sweep(one.wiring, one.instance("incoming")).queued == 1


def test_enabling_anew_during_a_sweep_keeps_the_new_beginning(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.hubspot.set(webhooks=False)
        one.hubspot.create(**record(1))
        instance = one.instance("incoming")

        def enabled_anew() -> None:
            with one.wiring.database.transaction() as session:
                watermarks.start(session, instance.id, NOW_MS, since_ms=1)

        assert sweep(one.wiring, instance, room=enabled_anew).queued == 1
        assert mark_of(one, "incoming").modified_ms == 1


def test_refused_credentials_that_only_the_sweep_meets_hold_the_account(tmp_path: Path, soon: None) -> None:
    with scene(tmp_path, environment={"CROSSWALK_SWEEP_EVERY": "1s"}) as one:
        one.apply(configuration("incoming"))
        one.hubspot.fault(kind="401")
        with pytest.raises(AuthenticationFailed):
            sweep(one.wiring, one.instance("incoming"))
        with one.wiring.database.reading() as session:
            assert [hold.account.name for hold in accounts.held(session)] == ["portal"]
        assert one.codes() == ["authentication-failed"]
        turns: list[int] = []
        before = one.hubspot.calls()
        with scheduled(one):
            until(lambda: bool(turns.append(1)) or len(turns) > 40)  # a second and more: paused while held
            assert one.hubspot.calls() == before


@pytest.mark.parametrize("nightly", [False, True])
def test_it_looks_back_by_its_overlap_but_not_before_it_was_enabled(nightly: bool) -> None:
    day = 24 * 3_600_000
    overlap = NIGHT_OVERLAP_MS if nightly else OVERLAP_MS
    old = Watermark(NOW_MS - day, NOW_MS - 9 * day, NOW_MS, NOW_MS)
    assert beginning_ms(old, NOW_MS, nightly=nightly) == NOW_MS - day - overlap
    fresh = Watermark(NOW_MS, NOW_MS, 0, NOW_MS)
    assert beginning_ms(fresh, NOW_MS, nightly=nightly) == NOW_MS - OVERLAP_MS
    everything = Watermark(1, 1, 0, NOW_MS)
    assert beginning_ms(everything, NOW_MS, nightly=nightly) == 0


def test_when_a_sweep_is_due(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        instance = one.instance("incoming")
        clock = Scheduler(one.wiring)
        with one.wiring.database.reading() as session:
            enabled_ms = instances.times(session, instance.id).changed_at_ms
        assert clock._due(instance, enabled_ms + scheduler.CACHE_MS - 1) is None
        assert clock._due(instance, enabled_ms + scheduler.CACHE_MS) is not None
        before_ms = clock._started_ms - 1
        swept(one, instance, before_ms)
        assert clock._due(instance, clock._started_ms) is not None, "at the scheduler's start"
        clock._greeted.add(instance.id)
        assert clock._due(instance, before_ms + 15 * 60_000 - 1) is None
        assert clock._due(instance, before_ms + 15 * 60_000) is not None


def test_what_another_scheduler_swept_since_our_start_is_not_swept_again(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        instance = one.instance("incoming")
        clock = Scheduler(one.wiring)
        swept(one, instance, clock._started_ms)
        assert clock._due(instance, clock._started_ms + 15 * 60_000 - 1) is None
        assert clock._due(instance, clock._started_ms + 15 * 60_000) is not None


def test_existing_contacts_too_waits_for_the_receivers_as_well(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        instance = one.instance("incoming")
        with one.wiring.database.transaction() as session:
            watermarks.start(session, instance.id, one.wiring.clock(), since_ms=1)
            enabled_ms = instances.times(session, instance.id).changed_at_ms
        clock = Scheduler(one.wiring)
        assert clock._due(instance, enabled_ms + scheduler.CACHE_MS - 1) is None
        assert clock._due(instance, enabled_ms + scheduler.CACHE_MS) is not None


def test_once_a_night_it_looks_back_a_day(tmp_path: Path, soon: None) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        instance, now_ms = one.instance("incoming"), one.wiring.clock()
        with one.wiring.database.transaction() as session:
            watermarks.start(session, instance.id, now_ms, since_ms=now_ms - 9 * NIGHT_MS)
        swept(one, instance, now_ms)
        one.hubspot.set(webhooks=False)
        one.hubspot.create(**record(1))
        one.wiring.clock = lambda: now_ms + 2 * OVERLAP_MS
        with one.wiring.database.transaction() as session:
            mark = watermarks.get(session, instance.id)
            assert mark is not None
            watermarks.advance(session, instance.id, mark, now_ms + 2 * OVERLAP_MS, now_ms)
        assert sweep(one.wiring, instance).queued == 0, "it lies before the overlap"
        with one.wiring.database.transaction() as session:
            session.execute(_an_old_night(instance))
        with scheduled(one):
            until(lambda: mark_of(one, "incoming").nightly_at_ms >= now_ms)
        assert job_of(one, "sweep", "incoming").queued == 1


def test_a_sweep_that_was_killed_does_not_look_busy(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        now_ms = one.wiring.clock()
        dead = one.wiring.owner.split(":")[0] + ":999999:1:ab"
        with one.wiring.database.transaction() as session:
            jobs.start(session, kind="sweep", instance_id=1, owner=dead, now_ms=now_ms)
            assert jobs.running(session, now_ms) == 0
            jobs.start(session, kind="sweep", instance_id=1, owner=one.wiring.owner, now_ms=now_ms)
            assert jobs.running(session, now_ms) == 1
            assert jobs.running(session, now_ms + jobs.STALE_MS + 1) == 0


@pytest.mark.processes
def test_by_hand_in_a_process_of_its_own_beside_the_scheduler(tmp_path: Path) -> None:
    with deployment(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("web", "incoming", "scheduler")
        deaf(one)
        record_id = one.hubspot.create(**record(1))
        assert json.loads(one.crosswalk("sweep", "incoming", "--json")) == {"queued": 1}
        one.settle()
        assert [c["crm_id"] for c in one.mainstay.all()] == [record_id]
        assert json.loads(one.crosswalk("sweep", "incoming", "--since", "1h", "--json")) == {"queued": 1}
        one.settle()
        assert single.preview(one.wiring, one.instance("incoming"), record_id)["outcome"] == "unchanged"


def swept(one: Scene, instance: Instance, at_ms: int) -> None:
    """A sweep found nothing at that time."""
    with one.wiring.database.transaction() as session:
        mark = watermarks.get(session, instance.id)
        assert mark is not None
        watermarks.advance(session, instance.id, mark, mark.modified_ms, at_ms)


def _an_old_night(instance: Instance) -> Update:
    row = models.Watermark
    return update(row).where(row.instance_id == instance.id).values(nightly_at_ms=1, swept_at_ms=1)
