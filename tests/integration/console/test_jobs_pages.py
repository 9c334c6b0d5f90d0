"""Jobs: the list, its filters and download, a job's page, pause, resume, stop, and a scheduler's restart."""

import csv
import io
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from console import job_views, starting
from console.access import Role
from consumers import scheduler
from consumers.jobs import feeding, looking_back, reconcile
from consumers.jobs.pace import Pace
from consumers.jobs.pages import Stopped
from consumers.scheduler import Scheduler
from core.domain.fields import Platform
from core.queue.port import QueueUnavailable
from core.store import audit, jobs, outcomes
from core.store.outcomes import OutcomeRow
from core.wiring import connect
from tests.integration.console import history


@pytest.fixture
def past(scene):
    return history.make(scene)


def begun(scene, kind="backfill", instance_id=1, **more):
    with scene.wiring.database.transaction() as session:
        return jobs.ask(
            session, kind=kind, instance_id=instance_id, now_ms=scene.wiring.clock(), author="olga", **more
        )


def state(scene, job_id):
    with scene.wiring.database.reading() as session:
        return jobs.get(session, job_id)


def end(scene, job_id, numbers, outcome="created"):
    """Outcomes of a job's messages, as consumers leave them."""
    now_ms = scene.wiring.clock()
    with scene.wiring.database.transaction() as session:
        outcomes.record(
            session,
            [
                OutcomeRow(
                    message_id=f"job-{job_id}-{n}",
                    generation=0,
                    direction="incoming",
                    outcome=outcome,
                    cause="backfill",
                    occurred_at_ms=now_ms,
                    accepted_at_ms=now_ms,
                    finished_at_ms=now_ms,
                    hubspot_account_id=1,
                    mainstay_account_id=2,
                    instance_id=1,
                    hubspot_id=f"77{n}",
                    job_id=job_id,
                )
                for n in numbers
            ],
        )


def test_the_list_shows_what_was_asked_for_and_its_filters_stand_in_the_address(scene, past):
    browser = scene.browser(Role.VIEWER)
    assert "Nothing was asked for yet" in browser.get("/jobs")
    begun(scene, total=12)
    begun(scene, "reconcile", 2)
    with scene.wiring.database.transaction() as session:
        jobs.start(session, kind="sweep", instance_id=1, owner="x", now_ms=scene.wiring.clock())
    browser.get("/jobs")
    words = browser.words()
    assert "Backfill of Leads in" in words and "Comparison of Students out" in words
    assert "Sweep of" not in words and "by olga" in words and "0 of about 12 through" in words
    browser.get("/jobs?kind=sweep")
    assert "Sweep of Leads in" in browser.words() and "Backfill of" not in browser.words()
    browser.get("/jobs?kind=all&instance=Leads+in")
    assert "Sweep of Leads in" in browser.words() and "Comparison of" not in browser.words()
    assert "No job fits" in browser.get("/jobs?state=failed&instance=nobody")
    assert browser.client.get("/jobs/live?kind=backfill").text.count("<tr>") == 2  # with the head


def test_the_list_counts_what_a_job_did_not_follow_itself(scene, past):
    with scene.wiring.database.transaction() as session:
        sweep = jobs.start(session, kind="sweep", instance_id=1, owner="x", now_ms=scene.wiring.clock())
        jobs.beat(session, replace(sweep, queued=3), "x", scene.wiring.clock())
        jobs.finish(session, sweep.id, "done", scene.wiring.clock())
    followed = begun(scene, total=2)
    end(scene, sweep.id, range(2))
    end(scene, followed.id, range(2, 4))
    with scene.wiring.database.transaction() as session:
        jobs.finish(session, followed.id, "done", scene.wiring.clock())
    ended = {one.job.id: one.ended for one in job_views.listed(scene.wiring.database, jobs.Search())}
    assert ended == {sweep.id: 2, followed.id: 0}, "a backfill has noted it itself"
    assert job_views.view(scene.wiring.database, followed.id).ended == 2


def test_the_list_is_paged_and_downloaded(scene, past):
    for _ in range(27):
        begun(scene, "replay", 0, options={"up_to_id": 1, "code": "rate-limited"})
    browser = scene.browser(Role.VIEWER)
    page = browser.get("/jobs?kind=replay")
    assert page.count('href="/jobs/') == 25 and "kind=replay&amp;before=3" in page
    assert browser.get("/jobs?kind=replay&before=3").count('scope="row"') == 2
    answer = browser.client.post("/jobs/download", data={"form_token": browser.token(), "kind": "replay"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 27 and rows[0]["title"] == "Replay of dead letters (rate-limited)"
    with scene.wiring.database.reading() as session:
        assert audit.entries(session)[0].action == "jobs.downloaded"


def test_a_job_tells_how_far_it_is_and_leads_to_what_it_brought(scene, past):
    job = begun(scene, total=10, options={"max_creates": 500})
    end(scene, job.id, range(3))
    end(scene, job.id, range(3, 5), "error")
    browser = scene.browser(Role.VIEWER)
    page = browser.get(f"/jobs/{job.id}")
    words = browser.words()
    assert "5 of about 10 (50 %)" in words and "stops before more than 500 contacts" in words
    assert 'value="50"' in page and "Time left not known yet" in words and "by olga" in words
    assert "Pause" not in words and "Stop this job" not in words  # a viewer looks on
    assert browser.get(f"/activity?job={job.id}&state=created").count('<th scope="row"') == 3
    assert browser.get("/activity").count('<th scope="row"') == 8 + 5
    assert browser.get("/activity?job=x") and browser.status == 400
    assert browser.client.get(f"/jobs/{job.id}/live").status_code == 200
    assert browser.client.get("/jobs/99").status_code == 404
    assert browser.client.get("/jobs/99/live").status_code == 404


def test_it_is_paused_resumed_and_stopped_by_those_who_may(scene, past):
    job = begun(scene)
    browser = scene.browser(Role.ADMIN)
    for do, then, said in (
        ("pause", "paused", "Paused."),
        ("pause", "paused", "so it can’t be paused"),
        ("resume", "running", "It goes on."),
        ("stop", "stopped", "Stopped."),
        ("resume", "stopped", "so it can’t be resumed"),
    ):
        browser.get(f"/jobs/{job.id}")
        browser.post(f"/jobs/{job.id}/switch", do=do)
        assert state(scene, job.id).state == then and said in browser.words().replace("'", "’"), do
    assert state(scene, job.id).note == "stopped by integration-admin@river.example"
    with scene.wiring.database.reading() as session:
        told = [(one.action, one.subject) for one in audit.entries(session)][:3]
    assert told == [(f"job.{what}", f"job {job.id}") for what in ("stopped", "resumed", "paused")]
    assert browser.post(f"/jobs/{job.id}/switch", do="burn") and browser.status == 400


def test_a_replay_is_the_operators_and_a_sweep_can_only_be_stopped(scene, past):
    replay = begun(scene, "replay", 0, options={"up_to_id": 1})
    admin, operator = scene.browser(Role.ADMIN), scene.browser(Role.OPERATOR)
    assert "Stop this job" not in admin.get(f"/jobs/{replay.id}")
    admin.post(f"/jobs/{replay.id}/switch", do="stop")
    assert admin.status == 403 and state(scene, replay.id).state == "running"
    operator.post(f"/jobs/{replay.id}/switch", do="pause")
    assert state(scene, replay.id).state == "paused"
    with scene.wiring.database.transaction() as session:
        sweep = jobs.start(session, kind="sweep", instance_id=1, owner="x", now_ms=scene.wiring.clock())
    page = operator.get(f"/jobs/{sweep.id}")
    assert "Stop this job" in page and 'value="pause"' not in page


@contextmanager
def at_work(scene):
    """A scheduler, as a process of its own would run it."""
    one = Scheduler(connect(scene.wiring.settings))
    thread = threading.Thread(target=one.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        one.stop()
        thread.join(30)
        one.wiring.database.engine.dispose()
        assert not thread.is_alive()


def until(true):
    deadline_s = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_it_survives_a_restart_of_the_scheduler(scene, past, monkeypatch):
    monkeypatch.setattr(scheduler, "TURN_S", 0.05)
    monkeypatch.setattr(scheduler, "CACHE_MS", 3_600_000)  # no sweep in between
    instance = scene.instance("Leads in")
    job = starting.backfill(scene.wiring, instance, "olga")
    with at_work(scene):
        until(lambda: state(scene, job.id).queued == 12)
        end(scene, job.id, range(5))
        until(lambda: sum(state(scene, job.id).counts.values()) == 5)
    left = state(scene, job.id)
    assert (left.state, left.queued, left.total) == ("running", 12, 12)
    browser = scene.browser(Role.VIEWER)
    browser.get(f"/jobs/{job.id}")
    assert "5 of about 12" in browser.words()
    with at_work(scene):
        end(scene, job.id, range(5, 12))
        until(lambda: state(scene, job.id).state == "done")
    done = state(scene, job.id)
    assert (done.queued, done.counts) == (12, {"created": 12})
    browser.get(f"/jobs/{job.id}")
    assert "12 of about 12 (100 %)" in browser.words()


def test_a_backfill_a_sweep_and_a_comparison_begin_on_the_instances_page(scene, past):
    browser = scene.browser(Role.ADMIN)
    assert "/integrations/hubspot/instances/1/begin" in browser.get("/integrations/hubspot/instances/1")
    at = "/integrations/hubspot/instances/1/begin"
    browser.get(f"{at}?sample=1")
    assert "Of all 12 contacts" in browser.words() and "No scheduler runs" in browser.words()
    browser.post(at, do="backfill", max_creates="many")
    assert browser.status == 400 and "Enter a number" in browser.page
    browser.post(at, do="backfill", max_creates="5")
    assert browser.path == "/jobs/1" and state(scene, 1).options == {"max_creates": 5}
    browser.post(at, do="backfill")
    assert browser.status == 400 and "running or paused already" in browser.words()
    browser.post(at, do="sweep", since="at", at="2999-01-01T00:00")
    assert browser.status == 400 and "Enter a time in the past" in browser.page
    browser.post(at, do="sweep", since="7d")
    assert browser.path == "/jobs/2" and "what changed since" in browser.words()
    browser.post(at, do="compare", fix="yes")
    assert browser.path == "/jobs/3" and "queues what differs" in browser.words()
    assert browser.post(at, do="dance") and browser.status == 400
    page = browser.get("/integrations/hubspot/instances/1")
    assert all(f'href="/jobs/{n}"' in page for n in (1, 2, 3))
    assert scene.browser(Role.VIEWER).client.get(at).status_code == 403


def test_an_instance_that_is_off_can_only_be_compared(scene):
    history.make(scene, enabled=False)
    browser, at = scene.browser(Role.ADMIN), "/integrations/hubspot/instances/1/begin"
    assert "It is off" in browser.get(at)
    for form in ({"do": "backfill"}, {"do": "sweep", "since": "1h"}, {"do": "compare", "fix": "yes"}):
        browser.post(at, **form)
        assert browser.status == 400 and "is disabled" in browser.words(), form
    browser.post(at, do="compare")
    assert browser.path == "/jobs/1"


def test_a_sweep_goes_on_after_a_restart_without_queueing_anybody_twice(scene, past, monkeypatch):
    monkeypatch.setattr(scheduler, "TURN_S", 0.05)
    monkeypatch.setattr(scheduler, "CACHE_MS", 3_600_000)
    monkeypatch.setattr(Pace, "FEWEST", 5)
    job = starting.sweep_since(scene.wiring, scene.instance("Leads in"), "olga", 0)
    with at_work(scene):
        until(lambda: state(scene, job.id).queued == 5)
    end(scene, job.id, range(5), "unchanged")
    assert json.loads(state(scene, job.id).cursor)["told"] and state(scene, job.id).total == 12
    browser = scene.browser(Role.ADMIN)
    browser.post(f"/jobs/{job.id}/switch", do="pause")
    with at_work(scene):
        browser.post(f"/jobs/{job.id}/switch", do="resume")
        until(lambda: state(scene, job.id).queued == 10)
        end(scene, job.id, range(5, 10), "unchanged")
        until(lambda: state(scene, job.id).queued == 12)
        end(scene, job.id, range(10, 12), "unchanged")
        until(lambda: state(scene, job.id).state == "done")
    assert state(scene, job.id).counts == {"unchanged": 12}


def test_a_platform_that_is_away_is_said_and_asked_again(scene, past, monkeypatch):
    monkeypatch.setattr(scheduler, "TURN_S", 0.05)
    monkeypatch.setattr(scheduler, "CACHE_MS", 3_600_000)
    monkeypatch.setattr(feeding, "FAILED_S", (0.1, 0.2))
    scene.control(Platform.HUBSPOT, "POST", "faults", {"kind": "500", "times": 3})
    job = starting.sweep_since(scene.wiring, scene.instance("Leads in"), "olga", 0)
    with at_work(scene):
        until(lambda: state(scene, job.id).note.startswith("waits: "))
        until(lambda: state(scene, job.id).queued == 12)
    assert state(scene, job.id).state == "running"


def test_a_sweep_of_what_was_switched_off_meanwhile_ends_and_says_so(scene, past, monkeypatch):
    monkeypatch.setattr(scheduler, "TURN_S", 0.05)
    job = starting.sweep_since(scene.wiring, scene.instance("Leads in"), "olga", 0)
    scene.browser(Role.OWNER).post("/integrations/hubspot/instances/1/switch", to="off")
    with at_work(scene):
        until(lambda: state(scene, job.id).state == "stopped")
    assert state(scene, job.id).note == "the instance was disabled"


def test_a_queue_that_is_away_is_said_and_loses_nothing(scene, past, monkeypatch):
    def away(*_, **__):
        raise QueueUnavailable("gone")

    job = starting.sweep_since(scene.wiring, scene.instance("Leads in"), "olga", 0)
    with scene.wiring.database.transaction() as session:
        taken = jobs.take(session, "sweep-since", scene.wiring.owner, scene.wiring.clock())
    work = feeding.Feeding(scene.wiring, taken, looking_back.Changed(scene.wiring), lambda: False)
    with monkeypatch.context() as patched:
        patched.setattr(type(work._publisher), "publish", away)
        with pytest.raises(QueueUnavailable):
            work.run()
    left = state(scene, job.id)
    assert (left.state, left.queued, left.cursor) == ("running", 0, "")
    scene.browser(Role.VIEWER).get(f"/jobs/{job.id}")
    assert left.note == "waits: the queue does not answer; nothing is lost"


def test_a_comparison_by_hand_ends_where_its_job_is_paused_and_goes_on_with_a_scheduler(
    scene, past, monkeypatch
):
    planned = reconcile.planned

    def paused(*given):
        scene.browser(Role.ADMIN).post("/jobs/1/switch", do="pause")
        return planned(*given)

    with monkeypatch.context() as patched:
        patched.setattr(reconcile, "planned", paused)
        with pytest.raises(Stopped):
            list(reconcile.reconcile(scene.wiring, scene.instance("Leads in"), fix=True, author="olga"))
    assert state(scene, 1).state == "paused"
    monkeypatch.setattr(scheduler, "TURN_S", 0.05)
    monkeypatch.setattr(scheduler, "CACHE_MS", 3_600_000)
    scene.browser(Role.ADMIN).post("/jobs/1/switch", do="resume")
    with at_work(scene):
        until(lambda: state(scene, 1).state == "done")
    assert sum(state(scene, 1).counts.values()) > 12
