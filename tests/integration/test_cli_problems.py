"""``crosswalk home``, ``problems`` and ``activity`` on SQLite."""

import csv
import io

import pytest

from core.domain.codes import Code
from core.domain.outcomes import Problem
from core.store import audit, jobs, sync_log
from core.store.outcomes import OutcomeRow, record
from tests.integration.shell import FILE, by_name


@pytest.fixture
def failing(wiring):
    """One contact of ``in`` and one of ``out`` with the same code, and one outcome."""
    now_ms = wiring.clock()
    with wiring.database.transaction() as session:
        for name, contact in (("in", "hubspot:101"), ("out", "mainstay:m7")):
            found = by_name(wiring, name)
            about = sync_log.About(found.id, found.direction, contact)
            sync_log.tell(session, about, [Problem(Code.INVALID_PHONE, "why")], now_ms - 5_000)
        record(
            session,
            [
                OutcomeRow(
                    message_id="m1",
                    generation=0,
                    direction="incoming",
                    outcome="filtered",
                    cause="event",
                    occurred_at_ms=now_ms,
                    accepted_at_ms=now_ms,
                    finished_at_ms=now_ms,
                    hubspot_account_id=1,
                    instance_id=by_name(wiring, "in").id,
                    hubspot_id="101",
                )
            ],
        )
    return wiring


def test_home_says_it_in_a_sentence(shell, failing):
    told = shell.json("home", "--json")
    assert told["sentence"].startswith("Nothing is carried over") and told["failing"] == "2"
    assert shell("home") == 0 and "no process is at work" in shell.out and "failing 2" in shell.out


def test_problems_are_listed_tried_and_spoken_for(shell, failing):
    assert shell("problems", "list") == 0 and shell.out.count("invalid-phone") == 2
    assert shell("problems", "retry", "invalid-phone") == 1 and "--instance" in shell.err
    assert shell("problems", "retry", "invalid-email") == 1 and "Nothing is open" in shell.err
    told = shell.json("problems", "retry", "invalid-phone", "--instance", "in", "--json")
    with failing.database.reading() as session:
        assert jobs.get(session, told["job"]).total == 1
    assert shell("problems", "acknowledge", "invalid-phone", "--instance", "in", "--note", "mine") == 0
    found = {one["instance"]: one for one in shell.json("problems", "list", "--json")}
    assert (found["in"]["state"], found["in"]["note"], found["out"]["state"]) == (
        "acknowledged",
        "mine",
        "open",
    )
    assert shell("problems", "snooze", "invalid-phone", "--instance", "out", "--until", "2h") == 1
    late = ("--until", "2999-01-01", "--contacts", 5)
    assert shell("problems", "snooze", "invalid-phone", "--instance", "out", *late) == 0
    assert shell("problems", "reopen", "invalid-phone", "--instance", "in") == 0
    states = {one["instance"]: one["state"] for one in shell.json("problems", "list", "--json")}
    assert states == {"in": "open", "out": "snoozed"}
    with failing.database.reading() as session:
        entries = audit.entries(session)
    assert entries[0].action == "problem.reopened" and "command line" in entries[0].who


def test_a_few_first_tells_how_each_one_ended(shell, failing):
    told = shell.json("problems", "retry", "invalid-phone", "--instance", "in", "--first", "--json")
    assert [one["contact"] for one in told["tried"]] == ["hubspot:101"]
    assert told["tried"][0]["outcome"] in ("gone", "created", "filtered", "error")


def test_activity_in_all_forms(shell, failing):
    assert shell("activity") == 0 and "filtered" in shell.out
    (one,) = shell.json("activity", "--json", "--state", "excluded", "--contact", "hubspot:101")
    assert (one["outcome"], one["instance"]) == ("filtered", "in")
    assert shell.json("activity", "--json", "--state", "failing") == []
    assert shell("activity", "--format", "csv", "--since", "1h") == 0
    assert next(csv.DictReader(io.StringIO(shell.out)))["hubspot_id"] == "101"


def test_jobs_are_listed_shown_paused_resumed_and_stopped(shell, failing):
    with failing.database.transaction() as session:
        given = {"kind": "backfill", "instance_id": by_name(failing, "in").id, "author": "olga"}
        number = jobs.ask(session, now_ms=failing.clock(), total=9, **given).id
    assert shell("jobs", "list", "--kind", "backfill") == 0 and "Backfill of in" in shell.out
    assert [one["id"] for one in shell.json("jobs", "list", "--instance", "in", "--json")] == [number]
    assert shell("jobs", "show", number) == 0 and "author:        olga" in shell.out
    assert shell.json("jobs", "pause", number, "--json")["state"] == "paused"
    assert shell("jobs", "pause", number) == 1 and "is paused, so it can't be paused" in shell.err
    assert shell("jobs", "resume", number) == 0 and f"Job {number} is resumed." in shell.err
    assert shell("backfill", "in", "--pause") == 0 and shell("backfill", "in", "--pause") == 1
    assert shell.json("jobs", "stop", number, "--json")["state"] == "stopped"
    assert shell("jobs", "show", 99) == 1 and "There is no job 99" in shell.err
    assert shell.json("activity", "--job", number, "--json") == []


def test_a_sweep_and_a_comparison_can_be_left_to_the_scheduler(shell, failing):
    swept = shell.json("sweep", "in", "--since", "2d", "--paced", "--json")["job"]
    assert "looks for them" in shell.err
    compared = shell.json("reconcile", "in", "--fix", "--paced", "--json")["job"]
    kinds = {one["id"]: one["kind"] for one in shell.json("jobs", "list", "--json")}
    assert (kinds[swept], kinds[compared]) == ("sweep-since", "reconcile")
    assert shell("sweep", "in", "--paced") == 2 and "--since" in shell.err
    assert shell("reconcile", "in", "--paced") == 1 and "running or paused already" in shell.err


def test_what_if_plans_the_last_events_again_by_a_file(shell, failing):
    contact = failing.hubspot(by_name(failing, "in").hubspot).list_page(["firstname"]).contacts[0].id
    now_ms = failing.clock()
    row = {
        "message_id": "e1",
        "generation": 0,
        "direction": "incoming",
        "outcome": "error",
        "cause": "event",
        "occurred_at_ms": now_ms,
        "accepted_at_ms": now_ms,
        "finished_at_ms": now_ms,
        "hubspot_account_id": 1,
        "instance_id": by_name(failing, "in").id,
        "hubspot_id": contact,
    }
    with failing.database.transaction() as session:
        record(session, [OutcomeRow(**row)])
    told = shell.json("what-if", "in", "--json")
    assert (told["events"], told["turns"][0]["before"]) == (2, "error") and "At most" in shell.err
    file = shell.file(FILE.replace("values: [lead]", "values: [customer]"), "other.yaml")
    told = shell.json("what-if", "in", "--with", file, "--json")
    assert [one["after"] for one in told["turns"]] == ["filtered"]
    assert shell("what-if", "in", "--with", file) == 0 and "lifecyclestage is not customer" in shell.out
    other = shell.file(FILE.replace("name: in\n", "name: elsewhere\n"), "more.yaml")
    assert shell("what-if", "in", "--with", other) == 1 and "has no instance 'in'" in shell.err
