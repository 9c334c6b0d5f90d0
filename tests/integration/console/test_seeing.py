"""Home, Sync Log, Problems, All activity, Help: what they say, their filters, downloads, who may do what."""

import csv
import io
import json
import re
from dataclasses import replace
from urllib.parse import quote, quote_plus

import pytest

from console import home
from console.access import Role
from console.home import Standing, Step, Way, sentence
from core.coordination.redis import RedisBudgets, open_redis
from core.domain.codes import Code
from core.domain.fields import Direction
from core.domain.outcomes import Problem
from core.store import accounts, audit, links, problems, sync_log
from core.store.counts import NONE, Count
from core.store.links import Link, Pair
from core.store.problems import Key
from tests.integration.console import history


@pytest.fixture
def past(scene):
    made = history.make(scene)
    history.work(scene)
    return made


def test_home_begins_with_the_first_steps(scene):
    browser = scene.browser(Role.OWNER)
    browser.get("/")
    words = browser.words()
    assert "Nothing is set up yet." in words and "First steps" in words
    assert "Connect HubSpot and Mainstay" in words and "See the first change arrive" in words


def test_home_says_what_is_true(scene, past):
    browser = scene.browser(Role.VIEWER)
    browser.get("/")
    words = browser.words()
    assert "6 contacts need you." in words and "First steps" not in words
    assert "1 excluded" in words and "6 failing" in words and "0 waiting" in words
    assert "Changes arrive after 4.0 s" in words
    assert "No webhook told of a change in the last 24 hours" in words
    assert browser.client.get("/home/live").status_code == 200
    with scene.wiring.database.transaction() as session:
        accounts.hold(session, 1, 1, "authentication-failed", "refused", scene.wiring.clock())
    assert "does not let us in" in browser.get("/")


def test_only_linked_contacts_with_something_open_are_not_in_sync(scene, past):
    """Six contacts fail, of whom one is linked; ids of another portal are none of them."""
    with scene.wiring.database.transaction() as session:
        for hubspot_id, mainstay_id in (("1001", "ms1001"), ("1002", "ms1002"), ("1004", "ms1004")):
            links.create(session, Pair(1, 2), Link(hubspot_id, mainstay_id), scene.wiring.clock())
    found = home.look(scene.wiring)
    assert (found.linked, found.failing, found.in_sync) == (Count(3), Count(6), Count(2))


def test_a_platform_that_is_away_is_not_said_to_refuse_us(scene, past):
    with scene.wiring.database.transaction() as session:
        accounts.hold(session, 2, 1, "platform-unavailable", "status 500", scene.wiring.clock())
    browser = scene.browser(Role.VIEWER)
    browser.get("/")
    assert "can't be reached: changes wait until it answers." in browser.words()


def test_nobody_is_at_work_is_said_before_anything_else(scene):
    history.make(scene)
    browser = scene.browser(Role.VIEWER)
    browser.get("/")
    assert "Nothing is carried over from HubSpot to Mainstay and from Mainstay to HubSpot" in browser.words()


def test_redis_away_is_said_and_the_page_comes(scene, past, monkeypatch):
    settings = replace(scene.wiring.settings, redis_url="redis://127.0.0.1:9")
    monkeypatch.setattr(scene.wiring, "settings", settings)
    monkeypatch.setattr(scene.wiring, "budgets", RedisBudgets(open_redis("redis://127.0.0.1:9")))
    browser = scene.browser(Role.VIEWER)
    browser.get("/")
    assert "Redis does not answer: changes wait until it does." in browser.words()


CALM = Standing(
    waiting=0,
    redis_away=False,
    linked=Count(10),
    excluded=NONE,
    failing=NONE,
    tended=NONE,
    troubled=0,
    dead=0,
    problems=(),
    held=(),
    away=(),
    missing=(),
    ways=(Way(Direction.INCOMING, 1, 1, 1, 1, 2_000, 2_000),),
    steps=(Step("x", True, "home"),),
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "Everything is in sync."),
        ({"waiting": 1}, "1 change is on the way."),
        ({"waiting": 1_200}, "1,200 changes are on the way."),
        ({"waiting": None}, "The queue does not answer: changes can't be taken at the moment."),
        (
            {"redis_away": True, "failing": Count(1)},
            "Redis does not answer: changes wait until it does.",
        ),
        ({"tended": Count(3)}, "Everything is in sync but for 3 contacts that somebody looks after."),
        ({"dead": 2}, "2 changes were given up: see the dead letters."),
        ({"failing": Count(1), "dead": 1}, "1 contact needs you."),
        ({"failing": Count(10_000, more=True)}, "More than 10,000 contacts need you."),
        (
            {"held": ("HubSpot account a",), "waiting": 3},
            "HubSpot account a does not let us in: 3 changes wait until it does.",
        ),
        (
            {"held": ("Mainstay account b",), "away": ("Mainstay account b",), "waiting": 1},
            "Mainstay account b can't be reached: 1 change waits until it answers.",
        ),
        (
            {"missing": ("from HubSpot to Mainstay",)},
            "Nothing is carried over from HubSpot to Mainstay: no process is at work on it.",
        ),
        (
            {"ways": (Way(Direction.INCOMING, 1, 0, 0, 0, 0, 0),)},
            "Every integration is off: nothing is carried over.",
        ),
        ({"ways": (Way(Direction.INCOMING, 0, 0, 0, 0, 0, 0),)}, "Nothing is set up yet."),
    ],
)
def test_the_sentence_is_the_worst_thing_that_is_true(change, said):
    assert sentence(replace(CALM, **change)) == said


def test_in_sync_is_what_is_linked_and_not_open():
    assert replace(CALM, failing=Count(2), tended=Count(1), troubled=3).in_sync == Count(7)
    assert str(replace(CALM, linked=Count(1_000_000, about=True)).in_sync) == "about 1,000,000"
    assert home.told(CALM.ways[0]) == "Changes arrive after 2.0 s."


def test_the_sync_log_has_the_columns_of_the_article(scene, past):
    browser = scene.browser(Role.VIEWER)
    page = browser.get("/sync-log")
    columns = re.findall(r'<th scope="col">([^<]+)</th>', page)
    assert [one.partition(" (")[0] for one in columns] == [
        "Timestamp",
        "Id",
        "Integration",
        "Direction",
        "Contact",
        "Log message",
    ]
    assert page.count("<tr id=") == 6
    assert "/contacts/62515/record/0-1/1004" in page and "https://app.mainstay.com/contacts/ms7" in page
    assert '/help/errors/invalid-phone"' in page


def test_filters_stand_in_the_address_and_nothing_personal_can_get_there(scene, past):
    browser = scene.browser(Role.VIEWER)
    browser.post("/sync-log", code="invalid-phone", range="24h", state="open", instance="Leads in")
    assert browser.path == "/sync-log" and browser.answer.request.args.to_dict() == {
        "since": "24h",
        "instance": "Leads in",
        "code": "invalid-phone",
        "state": "open",
    }
    assert browser.page.count("<tr id=") == 2
    browser.post("/sync-log", contact="mainstay:ms7")
    assert browser.page.count("<tr id=") == 1
    browser.post("/sync-log", text="NO SUCH option")
    assert browser.page.count("<tr id=") == 2
    for form in (
        {"contact": "ana@river.edu"},
        {"contact": "617-555-0100"},
        {"text": "ana@river.edu"},
        {"text": "+1 617 555 0100"},
    ):
        browser.post("/sync-log", **form)
        assert browser.status == 400 and not browser.answer.request.args, form
        assert "Look people up by email, phone or name under Contacts" in browser.words()
        (typed,) = form.values()
        assert f'type="text" value="{typed}"' in browser.page  # to be mended where it was typed
        addresses = "".join(re.findall('(?:href|src|action)="[^"]*"', browser.page))
        assert typed not in addresses and quote(typed) not in addresses and quote_plus(typed) not in addresses
    answer = browser.client.get("/sync-log?text=ana@river.edu")
    assert answer.status_code == 400 and "ana@river.edu" not in answer.text
    browser.post("/sync-log", range="between", to="tomorrowish", **{"from": "2026-01-01T00:00"})
    assert browser.status == 400 and "Enter a date and a time" in browser.page


def test_times_of_a_form_are_the_readers_own(scene, past):
    browser = scene.browser(Role.VIEWER)
    browser.post("/me/time-zone", zone="America/New_York")
    browser.post("/sync-log", range="between", to="", **{"from": "2026-11-23T10:00"})
    assert browser.answer.request.args["since"] == "2026-11-23T15:00Z"
    assert 'value="2026-11-23T10:00"' in browser.page and "EST" in browser.page


def test_a_typed_time_counts_though_the_choice_above_it_was_left_alone(scene, past):
    browser = scene.browser(Role.VIEWER)
    typed = {"from": "2026-11-23T10:00", "to": "", "range-was": ""}
    browser.post("/sync-log", range="", **typed)
    assert browser.answer.request.args["since"] == "2026-11-23T10:00Z"
    browser.post("/sync-log", range="24h", **typed)  # chosen anew: the choice counts
    assert browser.answer.request.args["since"] == "24h"
    browser.post("/sync-log", range="", **{**typed, "range-was": "between"})  # taken away
    assert "since" not in browser.answer.request.args
    assert 'name="range-was" value=""' in browser.page


def test_the_log_is_paged_and_announces_what_is_new(scene, past):
    for n in range(55):
        history.tell(scene, past.incoming, str(5000 + n), Code.INVALID_EMAIL, "email", past.now_ms + n)
    browser = scene.browser(Role.VIEWER)
    page = browser.get("/sync-log?code=invalid-email")
    assert page.count("<tr id=") == 50
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older is not None
    assert (
        browser.get(older[1].replace("&amp;", "&")).count("<tr id=") == 5 and "data-news" not in browser.page
    )
    news = re.search(r'data-news="([^"]+)"', page)
    assert news is not None
    address = news[1].replace("&amp;", "&")
    assert browser.client.get(address).json == {"new": 0, "more": False}
    history.tell(scene, past.incoming, "9", Code.INVALID_EMAIL, "email", past.now_ms + 99)
    history.tell(scene, past.incoming, "9", Code.INVALID_PHONE, "phone", past.now_ms + 99)
    assert browser.client.get(address).json == {"new": 1, "more": False}


def test_logs_are_counted_first_then_downloaded_and_the_download_is_noted(scene, past):
    history.tell(scene, past.incoming, "9", Code.INVALID_EMAIL, "=HYPERLINK(1)", past.now_ms)
    browser = scene.browser(Role.VIEWER)
    assert "7 entries" in browser.get("/sync-log/download")
    browser.post("/sync-log/download", range="1h", code="invalid-email")
    assert "1 entry" in browser.page and browser.answer.request.args["since"] == "1h"
    answer = browser.client.post(
        "/sync-log/download", data={"form_token": browser.token(), "do": "csv", "since": "30d"}
    )
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 7 and rows[0]["message"] == "'=HYPERLINK(1)" and rows[0]["hubspot_id"] == "9"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="sync-log-')
    answer = browser.client.post(
        "/sync-log/download", data={"form_token": browser.token(), "do": "jsonl", "code": "unknown-option"}
    )
    told = [json.loads(line) for line in answer.text.splitlines()]
    assert [one["code"] for one in told] == ["unknown-option"] * 2 and told[0]["contact"][
        "mainstay_id"
    ] == "ms8"
    with scene.wiring.database.reading() as session:
        noted = [one for one in audit.entries(session) if one.action == "sync-log.downloaded"]
    assert [one.details for one in noted] == [("code: unknown-option",), ("since: 30d",)]


def test_all_activity_shows_excluded_and_unchanged_as_states(scene, past):
    browser = scene.browser(Role.VIEWER)
    browser.get("/activity")
    words = browser.words()
    for state in ("Created", "Updated", "Unchanged", "Excluded", "Failed", "Given up"):
        assert state in words
    assert "lifecyclestage is not lead" in words and "wrote email" in words
    assert browser.get("/activity?state=excluded").count('<td data-label="Contact"') == 1
    assert browser.get("/activity?state=failing&direction=incoming").count('<td data-label="Contact"') == 3
    assert browser.get("/activity?contact=hubspot:1002").count('<td data-label="Contact"') == 2
    assert browser.get("/activity?instance=Students+out").count("Nothing fits these filters") == 1
    answer = browser.client.post(
        "/activity/download", data={"form_token": browser.token(), "do": "csv", "state": "unchanged"}
    )
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(one["outcome"], one["hubspot_id"]) for one in rows] == [("unchanged", "1002")]
    assert browser.client.get("/activity/news?after=1").json == {"new": 7, "more": False}


PHONE = "/problems/1/0/invalid-phone"


def test_problems_stand_by_cause_with_who_acts_and_what_helps(scene, past):
    viewer = scene.browser(Role.VIEWER)
    viewer.get("/problems")
    words = viewer.words()
    assert "6 contacts in 4 problems" in words
    assert "Needs a HubSpot or Mainstay admin" in words and "Needs you" in words and "For operators" in words
    assert "Try again" not in words and "Open the mapping" not in words
    admin = scene.browser(Role.ADMIN)
    admin.get("/problems")
    assert "Try again" in admin.words() and "Open the mapping" in admin.words()
    admin.get(PHONE)
    assert (
        "Try 2 first" in admin.words() and "Retry all 2" in admin.words() and "HubSpot 1008" in admin.words()
    )
    assert viewer.client.post(f"{PHONE}/try", data={"form_token": viewer.token()}).status_code == 403


def test_a_problem_can_be_acknowledged_and_snoozed_and_opens_again(scene, past):
    admin = scene.browser(Role.ADMIN)
    admin.post(f"{PHONE}/state", do="acknowledge", note="asked the registrar")
    assert "Acknowledged by integration-admin@river.example: asked the registrar" in admin.words()
    assert "4 contacts need you." in scene.browser(Role.VIEWER).get("/")
    admin.post(f"{PHONE}/state", do="snooze", until="at", at="2020-01-01T00:00")
    assert admin.status == 400 and "Enter a time to come" in admin.page
    admin.post(f"{PHONE}/state", do="snooze", until="1d", until_contacts="2")
    assert "Snoozed by" in admin.words() and "or more than 2 contacts" in admin.words()
    history.tell(scene, past.incoming, "1009", Code.INVALID_PHONE, "phone", past.now_ms)
    assert "Snoozed by" not in admin.get("/problems")
    admin.post(f"{PHONE}/state", do="acknowledge")
    admin.post(f"{PHONE}/state", do="reopen")
    assert "Acknowledged by" not in admin.get("/problems")
    with scene.wiring.database.reading() as session:
        actions = [one.action for one in audit.entries(session)]
    assert actions[:4] == [
        "problem.reopened",
        "problem.acknowledged",
        "problem.snoozed",
        "problem.acknowledged",
    ]


def test_what_somebody_looks_after_stays_so_though_it_is_tried_again_and_fails(scene, past):
    admin = scene.browser(Role.ADMIN)
    admin.post(f"{PHONE}/state", do="acknowledge")
    before = admin.get("/sync-log?code=invalid-phone").count("resolved</span>")
    now_ms = scene.wiring.clock() + 1
    for contact in ("1004", "1008"):
        history.tell(scene, past.incoming, contact, Code.INVALID_PHONE, "phone", now_ms, again=True)
    assert "Acknowledged by" in admin.get("/problems")
    log = admin.get("/sync-log?code=invalid-phone")
    assert log.count("told again") == 2 and log.count("resolved</span>") == before
    assert "Told again" in admin.words() and "in an entry of its own" in admin.words()
    for contact in ("1004", "1008"):
        resolve(scene, past.incoming, contact, now_ms + 1)
    history.tell(scene, past.incoming, "1009", Code.INVALID_PHONE, "phone", now_ms + 2)
    assert "Acknowledged by" not in admin.get("/problems")  # nothing that was open then goes on


def resolve(scene, instance_id, contact, at_ms):
    about = sync_log.About(instance_id, "incoming", f"hubspot:{contact}", hubspot_id=contact)
    with scene.wiring.database.transaction() as session:
        sync_log.tell(session, about, [], at_ms)


def test_a_snooze_that_is_refused_keeps_what_was_typed(scene, past):
    admin = scene.browser(Role.ADMIN)
    typed = {"note": "asked the registrar", "until": "4h", "until_contacts": "many", "at": ""}
    admin.post(f"{PHONE}/state", do="snooze", **typed)
    assert admin.status == 400
    assert 'value="asked the registrar"' in admin.page and 'value="many"' in admin.page
    assert '<option value="4h" selected>' in admin.page
    admin.post(f"{PHONE}/state", do="snooze", **{**typed, "until_contacts": "", "at": "2020-01-01T00:00"})
    assert admin.status == 400 and "Enter a time to come." in admin.page


def test_the_next_step_of_what_was_given_up_is_a_replay(scene, past):
    """Its code says that it is tried again by itself; in the log it stands because that is over."""
    browser = scene.browser(Role.VIEWER)
    for path in ("/sync-log?code=unexpected-answer", "/contacts/hubspot/1/1007"):
        browser.get(path)
        assert "All tries are used up: replay the dead letters" in browser.words(), path
    with scene.wiring.database.transaction() as session:
        accounts.hold(session, 2, 1, "platform-unavailable", "status 500", scene.wiring.clock())
        about = sync_log.About(0, "incoming", "", account_id=2)
        told = Problem(Code.PLATFORM_UNAVAILABLE, "held")
        sync_log.tell(session, about, [told], scene.wiring.clock())
    for path in ("/sync-log?code=platform-unavailable", "/problems"):
        browser.get(path)
        assert "its changes wait, and go on by themselves" in browser.words(), path


def test_trying_a_few_first_tells_how_each_one_ended_and_who_got_through_leaves(scene, past):
    admin = scene.browser(Role.ADMIN)
    admin.post(f"{PHONE}/try")
    assert admin.status == 200 and "Tried again" in admin.words()
    with scene.wiring.database.reading() as session:
        left = problems.group(session, Key(1, 0, "invalid-phone"), scene.wiring.clock())
    assert left is None or left.contacts.number < 2
    admin.get(PHONE)
    assert left is not None or "Nothing is open under invalid-phone" in admin.words()


def test_help_has_a_page_per_code_with_its_example_and_the_count_open_now(scene, past):
    browser = scene.browser(Role.VIEWER)
    browser.get("/help/errors")
    assert "Mainstay's own" in browser.words() and "Import Error Dictionary" in browser.words()
    for code in Code:
        browser.get(f"/help/errors/{code}")
        assert browser.status == 200 and "Example" in browser.words() and "Next step" in browser.words()
    browser.get("/help/errors/invalid-phone")
    assert re.search(r">2</a>", browser.page) and "state=open" in browser.page
    browser.get("/help/errors/duplicate-contact")
    assert "Mainstay's own" in browser.words() and "none" in browser.words()
    assert browser.client.get("/help/errors/no-such").status_code == 404
