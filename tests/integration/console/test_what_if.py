"""What if: a contact by the mapping in use or by a draft; the last events planned again; nothing written."""

import re

import pytest

from console import what_if
from console.access import Role
from core.domain.codes import Code
from core.domain.fields import Platform
from core.store import models, outcomes
from core.store.outcomes import OutcomeRow
from tests.integration.console import history


@pytest.fixture
def past(scene):
    """An incoming instance; an event of each of its twelve contacts, and what else came in between."""
    scene.connect_both()
    owner = scene.browser(Role.OWNER)
    owner.post("/integrations/hubspot/new", direction="incoming")
    wizard = owner.path.removesuffix("/details")
    owner.post(f"{wizard}/details", name="Leads in", do="next")
    owner.post(f"{wizard}/preview", do="finish")
    for number, contact in enumerate(ids(scene)):
        happened(scene, number, contact, "updated")
    scene.wiring.digest_key()  # made once, at the first use of all
    return scene.instance("Leads in")


def ids(scene):
    page = scene.wiring.hubspot(scene.instance("Leads in").hubspot).list_page(["firstname"])
    return [one.id for one in page.contacts]


def happened(scene, number, contact, outcome, cause="event", code=None):
    now_ms = scene.wiring.clock() + number
    row = OutcomeRow(
        message_id=f"e{number}",
        generation=0,
        direction="incoming",
        outcome=outcome,
        cause=cause,
        occurred_at_ms=now_ms,
        accepted_at_ms=now_ms,
        finished_at_ms=now_ms,
        hubspot_account_id=1,
        mainstay_account_id=2,
        instance_id=1,
        hubspot_id=contact,
        code=code,
    )
    with scene.wiring.database.transaction() as session:
        outcomes.record(session, [row])


def outgoing_event(scene, number, contact):
    now_ms = scene.wiring.clock() + number
    row = OutcomeRow(
        message_id=f"o{number}",
        generation=0,
        direction="outgoing",
        outcome="updated",
        cause="event",
        occurred_at_ms=now_ms,
        accepted_at_ms=now_ms,
        finished_at_ms=now_ms,
        hubspot_account_id=1,
        mainstay_account_id=2,
        instance_id=2,
        mainstay_id=contact,
    )
    with scene.wiring.database.transaction() as session:
        outcomes.record(session, [row])


def everything(scene):
    """All rows of all tables, but for the budgets that calls are taken from."""
    with scene.wiring.database.reading() as session:
        return {
            table.name: sorted(map(repr, session.execute(table.select()).all()))
            for table in models.Base.metadata.sorted_tables
            if table.name not in ("budgets",)
        }


def counted(scene, what):
    """Calls or writes that the platforms counted."""
    return {one: scene.control(one, "GET", "counters")["total"][f"total_{what}"] for one in Platform}


def email_of(scene, contact):
    answer = scene.wiring.hubspot(scene.instance("Leads in").hubspot).read([contact], ["email"])[contact]
    return answer.values["email"]


def draft_of(browser, rows, filters=None):
    """A draft of the instance with these rows."""
    browser.post("/integrations/hubspot/instances/1/edit")
    number = browser.path.split("/")[2]
    form = {"do": "next", "rows": [str(n) for n in range(len(rows))], "filters": []}
    for n, (mainstay, hubspot) in enumerate(rows):
        form |= {f"row-{n}-mainstay": mainstay, f"row-{n}-hubspot": hubspot}
    if filters:
        form |= {"filters": ["0"], "filter-0-field": filters[0], "filter-0-values": filters[1]}
    browser.send(f"/wizard/{number}/mapping", form)
    return number


ROWS = [("first_name", "firstname"), ("last_name", "lastname"), ("phone", "phone"), ("email", "email")]


def test_a_contact_is_previewed_and_masked_by_role(scene, past):
    viewer, admin = scene.browser(Role.VIEWER), scene.browser(Role.ADMIN)
    contact = ids(scene)[0]
    admin.get(f"/what-if?of=1&contact=hubspot:{contact}")
    assert "A new contact would be created" in admin.words() and "masked" not in admin.words()
    email = email_of(scene, contact)
    assert email in admin.page
    viewer.get(f"/what-if?mapping=live:1&contact=hubspot:{contact}")
    words = viewer.words()
    assert "A new contact would be created" in words and "Values are masked for your role" in words
    assert email not in viewer.page
    assert "Name a contact by its id" in viewer.get("/what-if?of=1&contact=ana@river.edu")
    assert viewer.client.get("/what-if?mapping=live:99").status_code == 404
    assert viewer.client.get("/what-if?mapping=draft:1").status_code == 404
    assert viewer.client.get("/what-if?mapping=x").status_code == 404


def test_somebody_is_found_by_what_is_typed_and_it_stands_in_no_address(scene, past):
    browser = scene.browser(Role.ADMIN)
    browser.get("/what-if?of=1")
    contact = ids(scene)[3]
    browser.post("/what-if?mapping=live:1", find=contact)
    assert browser.answer.request.args["contact"] == f"hubspot:{contact}"
    browser.get("/what-if?of=1")
    browser.post("/what-if?mapping=live:1", find=email_of(scene, contact))
    assert browser.answer.request.args.to_dict() == {"mapping": "live:1", "contact": f"hubspot:{contact}"}
    assert "Field by field" in browser.words()
    browser.post("/what-if?mapping=live:1", find="nobody@nowhere.example")
    assert "Nobody fits" in browser.words()


def test_the_last_events_are_planned_again_within_the_calls_that_were_told(scene, past):
    happened(scene, 100, ids(scene)[0], "updated")  # a second event of the same contact
    happened(scene, 101, "4711", "error", code=Code.INVALID_PHONE)  # gone since
    happened(scene, 102, "4712", "updated", cause="backfill")  # no event
    browser = scene.browser(Role.VIEWER)
    browser.get("/what-if?of=1")
    assert "25 events at most 6 calls to HubSpot, 75 calls to Mainstay; about 1 min" in browser.words()
    before, stored = counted(scene, "calls"), everything(scene)
    browser.get("/what-if?mapping=live:1&last=25")
    words = browser.words()
    assert "14 events of 13 contacts" in words and "6 the same" in words
    assert "6 updated → created" in words and "1 failing → excluded" in words
    assert f"hubspot:{ids(scene)[5]}" in words and "hubspot:4712" not in words
    told = what_if.cost(scene.wiring, past.direction, 25, 1).calls
    after = counted(scene, "calls")
    assert all(0 < after[one] - before[one] <= told[one] for one in Platform)
    assert everything(scene) == stored and counted(scene, "writes") == dict.fromkeys(Platform, 0)


def test_a_draft_is_compared_with_the_mapping_in_use(scene, past):
    browser = scene.browser(Role.ADMIN)
    number = draft_of(browser, ROWS, ("lifecyclestage", "customer"))
    stored = everything(scene)
    browser.get(f"/what-if?mapping=draft:{number}&last=50")
    words = browser.words()
    assert "0 the same" in words and "Lifecyclestage is not customer" in words
    assert "6 unchanged → excluded" in words and "6 created → excluded" in words
    assert everything(scene) == stored and counted(scene, "writes") == dict.fromkeys(Platform, 0)
    browser.get(f"/what-if?mapping=draft:{number}&contact=hubspot:{ids(scene)[0]}")
    assert "By the mapping in use it would be created" in browser.words()
    assert "Filtered out: nothing would be written" in browser.words()


def test_other_fields_count_as_different_even_where_the_outcome_is_the_same(scene, past):
    browser = scene.browser(Role.ADMIN)
    swapped = [("first_name", "lastname"), ("last_name", "firstname"), *ROWS[2:]]
    browser.get(f"/what-if?mapping=draft:{draft_of(browser, swapped)}&last=50")
    words = browser.words()
    assert "6 unchanged → updated" in words and "6 created → other fields or code" in words
    assert "Writes otherwise: First Name, Last Name" in words


def test_what_there_was_no_time_for_is_left_for_the_next_look(scene, past, monkeypatch):
    monkeypatch.setattr(what_if, "PATIENCE_S", 0.0)
    monkeypatch.setattr(what_if, "_PORTION", 5)
    browser = scene.browser(Role.VIEWER)
    page = browser.get("/what-if?of=1&mapping=live:1&last=25")
    assert "7 are left" in browser.words() and "looked at 1 to 5" in browser.words()
    link = re.search(r'href="([^"]+skip=5[^"]*)"', page)
    assert link is not None
    browser.get(link[1].replace("&amp;", "&"))
    assert "looked at 6 to 10" in browser.words() and "2 are left" in browser.words()


def test_a_platform_that_is_away_is_said(scene, past):
    browser = scene.browser(Role.VIEWER)
    scene.control(Platform.HUBSPOT, "POST", "faults", {"kind": "500"})
    browser.get("/what-if?of=1&mapping=live:1&last=25")
    assert browser.status == 200 and "12 could not be asked" in browser.words()
    browser.post("/what-if?mapping=live:1", find="ana")
    assert browser.status == 200 and "HubSpot can’t be asked" in browser.words().replace("'", "’")


def test_a_draft_that_is_not_complete_or_new_says_what_to_do(scene, past):
    browser = scene.browser(Role.ADMIN)
    number = draft_of(browser, ROWS[:2])
    browser.get(f"/what-if?mapping=draft:{number}")
    assert "The draft is not complete yet" in browser.words()
    browser.post("/integrations/hubspot/new", direction="outgoing")
    fresh = browser.path.split("/")[2]
    browser.post(f"/wizard/{fresh}/details", name="New one", do="next")
    browser.get(f"/what-if?mapping=draft:{fresh}")
    assert "This draft is of a new integration" in browser.words()
    assert scene.browser(Role.OWNER).client.get(f"/what-if?mapping=draft:{fresh}").status_code == 404


def test_our_own_write_that_came_back_is_no_difference_where_nothing_would_be_written(scene, past):
    happened(scene, 200, "4711", "unchanged")  # gone since: nothing would be written
    browser = scene.browser(Role.VIEWER)
    browser.get("/what-if?mapping=live:1&last=10")
    words = browser.words()
    assert "unchanged → excluded" not in words and "1 excluded" in words


def test_outgoing_keeps_to_the_calls_that_were_told_too(scene):
    past = history.make(scene)
    found = scene.instance("Students out")
    some = scene.wiring.mainstay(found.mainstay).modified_page(0).contacts
    for number, one in enumerate(some):
        outgoing_event(scene, number, one.id)
    before = counted(scene, "calls")
    events, rows = what_if.last_events(scene.wiring, found, 50)
    diff = what_if.compare(scene.wiring, found, found, rows)
    after, told = counted(scene, "calls"), what_if.cost(scene.wiring, found.direction, len(rows), 2).calls
    assert events == diff.looked_at == len(some) > 10 and past.outgoing == 2
    assert diff.different == [] and not diff.unasked
    assert all(0 < after[one] - before[one] <= told[one] for one in Platform)
    assert counted(scene, "writes") == dict.fromkeys(Platform, 0)
