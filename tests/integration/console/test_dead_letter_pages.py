"""Dead letters: causes, filters, one letter, the plan before a replay, discarding with a reason."""

import csv
import io
import re

import pytest

from console.access import Role
from consumers import giving_up
from consumers.jobs import replaying
from core.domain.codes import Code
from core.domain.messages import Address, Lane, Message
from core.queue.port import QueueUnavailable
from core.store import accounts, audit, dead_letters, jobs, outcomes
from core.store.dead_letters import Search
from core.store.outcomes import OutcomeRow
from tests.integration.console import history

MINUTE_MS = history.MINUTE_MS


@pytest.fixture
def past(scene):
    """Five dead letters: three of "Leads in" (two codes), one of "Students out", one unreadable."""
    made = history.make(scene)
    incoming, outgoing = Address(Lane.INCOMING, made.incoming), Address(Lane.OUTGOING, made.outgoing)
    given = [
        (incoming, "2001", Code.PLATFORM_UNAVAILABLE, 300),
        (incoming, "2002", Code.PLATFORM_UNAVAILABLE, 60),
        (incoming, "2003", Code.UNEXPECTED_ANSWER, 30),
        (outgoing, "ms9", Code.UNEXPECTED_ANSWER, 20),
    ]
    with scene.wiring.database.transaction() as session:
        for address, contact, code, minutes in given:
            at_ms = made.now_ms - minutes * MINUTE_MS
            letter = Message(f"d{contact}", address, contact, at_ms, at_ms, attempt=7)
            giving_up.give_up(session, letter, code, f"{code}: no luck", at_ms)
        giving_up.give_up_unreadable(session, incoming, b"\x00", "no message of ours", made.now_ms)
    return made


def letters(scene, **wanted):
    with scene.wiring.database.reading() as session:
        return dead_letters.search(session, Search(**wanted))


def number(scene, contact, state="dead"):
    return letters(scene, contacts=(contact,), state=state)[0].id


def through(scene, past, contact, minutes, outcome="updated", cause="event", code=None):
    at_ms = past.now_ms - minutes * MINUTE_MS
    row = OutcomeRow(
        message_id=f"later-{contact}-{minutes}",
        generation=0,
        direction="incoming",
        outcome=outcome,
        cause=cause,
        occurred_at_ms=at_ms,
        accepted_at_ms=at_ms,
        finished_at_ms=at_ms,
        hubspot_account_id=1,
        mainstay_account_id=2,
        instance_id=past.incoming,
        hubspot_id=contact,
        code=code,
    )
    with scene.wiring.database.transaction() as session:
        outcomes.record(session, [row])


def test_causes_and_letters_are_told_to_everybody_and_acted_on_by_operators(scene, past):
    browser = scene.browser(Role.VIEWER)
    page = browser.get("/dead-letters")
    words = browser.words()
    assert "5 letters, newest first" in words and page.count("letter </span>") == 0
    assert page.count('href="/dead-letters?instance=') == 4  # the causes
    assert "/contacts/62515/record/0-1/2001" in page and "platform-unavailable: no luck" in words
    assert "Replay" not in words.replace("Replayed", "") and 'type="checkbox"' not in page
    page = scene.browser(Role.OPERATOR).get("/dead-letters")
    assert page.count('type="checkbox"') == 5 and "Replay all 5" in page


def test_filters_stand_in_the_address(scene, past):
    browser = scene.browser(Role.VIEWER)
    for form, count in (
        ({"code": "platform-unavailable"}, 2),
        ({"instance": "Students out"}, 1),
        ({"direction": "incoming"}, 4),
        ({"contact": "2003"}, 1),
        ({"contact": "hubspot:2003", "range": "1h"}, 1),
        ({"contact": "mainstay:2003"}, 0),
        ({"range": "1h"}, 3),
        ({"state": "discarded"}, 0),
        ({"state": "all"}, 5),
    ):
        page = browser.post("/dead-letters", **form)
        assert browser.path == "/dead-letters" and browser.answer.request.args, form
        assert page.count(">letter ") == count, form
    browser.post("/dead-letters", contact="ana@river.edu")
    assert browser.status == 400 and not browser.answer.request.args


def test_the_list_is_paged_and_downloaded(scene, past):
    queue = Address(Lane.INCOMING, past.incoming)
    with scene.wiring.database.transaction() as session:
        for n in range(55):
            letter = Message(f"more{n}", queue, f"30{n:02}", 1, 1)
            giving_up.give_up(session, letter, Code.RATE_LIMITED, "=1+1", past.now_ms)
    browser = scene.browser(Role.VIEWER)
    page = browser.get("/dead-letters?code=rate-limited")
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert page.count(">letter ") == 50 and older is not None
    assert browser.get(older[1].replace("&amp;", "&")).count(">letter ") == 5
    form = {"form_token": browser.token(), "code": "rate-limited", "do": "csv"}
    answer = browser.client.post("/dead-letters/download", data=form)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 55 and rows[0]["message"] == "'=1+1" and rows[0]["contact"] == "hubspot:3000"
    with scene.wiring.database.reading() as session:
        told = audit.entries(session)[0]
    assert (told.action, list(told.details)) == ("dead-letters.downloaded", ["code: rate-limited"])


def test_a_letter_tells_what_was_tried_and_what_became_of_its_contact(scene, past):
    browser = scene.browser(Role.OPERATOR)
    one = number(scene, "hubspot:2001")
    browser.get(f"/dead-letters/{one}")
    words = browser.words()
    assert "contact, asked for by event" in words and "7 tries, from" in words
    assert "/help/errors/platform-unavailable" in browser.page and "since" not in words.split("Contact")[0]
    through(scene, past, "2001", 400)  # before it was given up: says nothing
    assert "is through" not in browser.get(f"/dead-letters/{one}")
    through(scene, past, "2001", 5)
    browser.get(f"/dead-letters/{one}")
    assert "The contact changed since and is through: updated, 2026" in browser.words()
    through(scene, past, "2002", 5, "error", "replay", Code.INVALID_PHONE)
    browser.get("/dead-letters")
    words = browser.words()
    assert "The contact changed since and is through: updated." in words
    assert "The contact was tried again since, and failed: invalid-phone." in words
    assert browser.client.get("/dead-letters/999").status_code == 404


def test_a_replay_shows_its_plan_first_and_becomes_a_job(scene, past):
    browser = scene.browser(Role.OPERATOR)
    ids = [number(scene, "hubspot:2001"), number(scene, "mainstay:ms9")]
    browser.get(f"/dead-letters/replay?id={ids[0]}&id={ids[1]}")
    words = browser.words()
    assert "2 dead letters 2 contacts" in words and "5 calls to Mainstay" in words and "1 min" in words
    assert "No scheduler runs at the moment" in words and len(letters(scene)) == 5
    browser.post("/dead-letters/replay", id=ids)
    assert browser.path == "/jobs/1" and "Replay of 2 dead letters" in browser.words()
    with scene.wiring.database.reading() as session:
        job = jobs.get(session, 1)
        told = audit.entries(session)[0]
    assert (job.options["ids"], job.total, job.author) == (ids, 2, "operator@river.example")
    assert (told.action, list(told.details)) == ("dead-letters.replayed", ["2 dead letters", "job 1"])
    browser.get(f"/dead-letters/{ids[0]}")
    assert "It is being replayed: job 1" in browser.words()


def test_a_replay_by_filter_never_names_a_contact_and_everything_has_to_be_said(scene, past):
    browser = scene.browser(Role.OPERATOR)
    browser.post("/dead-letters/replay", contact="hubspot:2003")
    with scene.wiring.database.reading() as session:
        job = jobs.get(session, 1)
    assert job.options["ids"] == [number(scene, "hubspot:2003")] and "contacts" not in job.options
    browser.get("/dead-letters/replay")
    assert browser.path == "/dead-letters" and "Choose dead letters first" in browser.words()
    browser.get("/dead-letters/replay?everything=yes&limit=5")
    assert "5 dead letters" in browser.words() and "One can’t be read, so it stays" in browser.words()
    browser.get("/dead-letters/replay?code=invalid-email")
    assert "None of these waits any more" in browser.words()


def test_what_a_replay_would_wait_for_is_said(scene, past, monkeypatch):
    history.work(scene)
    with scene.wiring.database.transaction() as session:
        accounts.hold(session, 1, 1, "authentication-failed", "refused", scene.wiring.clock())
    scene.browser(Role.OWNER).post(f"/integrations/hubspot/instances/{past.outgoing}/switch", to="off")

    def away(_):
        raise QueueUnavailable("gone")

    monkeypatch.setattr(type(scene.wiring.queue), "depths", lambda *_: away(_))
    browser = scene.browser(Role.OPERATOR)
    browser.get("/dead-letters/replay?everything=yes")
    words = browser.words()
    assert "is held (" in words and "The queue does not answer at the moment" in words
    assert "Students out is off: its 1 would end there" in words and "No incoming consumer" not in words
    browser.post("/dead-letters/replay", everything="yes")
    assert browser.status == 200 and len(letters(scene)) == 5  # the job waits, nothing is lost


def test_discarding_names_its_effect_and_asks_why(scene, past):
    browser = scene.browser(Role.OPERATOR)
    address = "/dead-letters/discard?code=platform-unavailable"
    browser.get(address)
    words = browser.words()
    assert "Discard 2 dead letters?" in words and "given up for good" in words
    browser.post("/dead-letters/discard", code="platform-unavailable", reason=" ")
    assert browser.status == 400 and "Say why" in browser.page and len(letters(scene)) == 5
    browser.post("/dead-letters/discard", code="platform-unavailable", reason="ana@river.edu left")
    assert browser.status == 400 and "Leave personal data out" in browser.page
    browser.post("/dead-letters/discard", code="platform-unavailable", reason="an old outage")
    assert "2 dead letters are discarded." in browser.words() and len(letters(scene)) == 3
    gone = letters(scene, state="discarded")
    assert {(one.settled_by, one.reason) for one in gone} == {("operator@river.example", "an old outage")}
    browser.get(f"/dead-letters/{gone[0].id}")
    assert "Discarded by operator@river.example" in browser.words() and "an old outage" in browser.words()
    assert "Replay …" not in browser.words()


def test_discarding_everything_is_typed_and_spares_what_came_meanwhile(scene, past):
    browser = scene.browser(Role.OPERATOR)
    page = browser.get("/dead-letters/discard?everything=yes")
    newest = re.search(r'name="up_to_id" value="(\d+)"', page)
    assert newest is not None
    form = {"everything": "yes", "reason": "tests", "up_to_id": newest[1]}
    browser.post("/dead-letters/discard", **form)
    assert browser.status == 400 and len(letters(scene)) == 5
    with scene.wiring.database.transaction() as session:
        late = Message("late", Address(Lane.INCOMING, past.incoming), "2999", 1, 1)
        giving_up.give_up(session, late, Code.RATE_LIMITED, "late", past.now_ms)
    browser.post("/dead-letters/discard", **form, sure="everything")
    assert [one.contact for one in letters(scene)] == ["hubspot:2999"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
def test_who_does_not_operate_can_neither_replay_nor_discard(scene, past, role):
    browser = scene.browser(role)
    for what in ("replay", "discard"):
        assert browser.client.get(f"/dead-letters/{what}?everything=yes").status_code == 403
        browser.post(f"/dead-letters/{what}", everything="yes", reason="x", sure="everything")
        assert browser.status == 403
    assert len(letters(scene)) == 5


def test_a_replay_at_once_ends_where_its_job_is_stopped(scene, past, monkeypatch):
    monkeypatch.setattr(replaying, "_CHUNK", 2)

    def stop(done):
        with scene.wiring.database.transaction() as session:
            jobs.finish(session, done.job, "stopped", scene.wiring.clock(), "stopped by olga")

    done = replaying.replay(scene.wiring, Search(), "olga", stop)
    with scene.wiring.database.reading() as session:
        job = jobs.get(session, done.job)
    # What was in the queue when the word came is marked; the next look finds the job stopped.
    assert (job.state, job.note, done.queued) == ("stopped", "stopped by olga", 4)
    assert len(letters(scene)) == 1
