"""What people do with one contact by hand: preview and sync, link and unlink, with every refusal."""

import itertools
import re

import pytest

from console.access import Role
from console.contacts import leased
from console.timelines import look_up
from consumers.leasing import lease_key
from core.domain.fields import Platform
from core.store import accounts, audit, intents, links
from core.store.intents import Intent
from core.store.links import Link, Pair
from tests.integration.console import history, kit

PAIR = Pair(1, 2)
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Two integrations; nobody is linked yet."""
    with kit.scene(tmp_path_factory.mktemp("by-hand")) as scene:
        history.make(scene)
        yield scene


@pytest.fixture
def two(here):
    """A new HubSpot record and a new Mainstay contact, each with a phone of its own: their ids."""
    n = next(_NUMBERS)
    phones = f"+1617444{n:04}", f"617444{n + 500:04}"
    props = {"firstname": "Hana", "lastname": f"Byhand{n}", "phone": phones[0], "email": f"h{n}@hand.example"}
    values = {"first_name": "Hanna", "last_name": f"Byhand{n}", "phone": phones[1]}
    return make(here, Platform.HUBSPOT, {"properties": props}), make(here, Platform.MAINSTAY, values)


def make(here, platform, contact):
    return str(here.control(platform, "POST", "contacts", contact)["id"])


def linked(here, hubspot_id):
    with here.wiring.database.reading() as session:
        return [one.mainstay_id for one in links.find(session, PAIR, hubspot_ids=[hubspot_id])]


def newest(here, action):
    with here.wiring.database.reading() as session:
        return audit.newest(session, action)


def link(here, hubspot_id, mainstay_id):
    with here.wiring.database.transaction() as session:
        links.create(session, PAIR, Link(hubspot_id, mainstay_id), here.wiring.clock())


def page_of(contact_id, what=""):
    return f"/contacts/hubspot/1/{contact_id}{what}"


def test_a_sync_is_previewed_then_done_and_its_end_is_told(here, two):
    admin, viewer = here.browser(Role.ADMIN), here.browser(Role.VIEWER)
    viewer.get(page_of(two[0], "/sync/1"))
    assert "A new contact would be created" in viewer.words() and "Hana" not in viewer.page
    assert "Sync now" not in viewer.words(), "a viewer looks only"
    viewer.post(page_of(two[0], "/sync/1/now"))
    assert viewer.status == 403 and linked(here, two[0]) == []
    admin.get(page_of(two[0], "/sync/1"))
    assert "A new contact would be created" in admin.words() and "Hana" in admin.page
    assert linked(here, two[0]) == [], "looking writes nothing"
    admin.post(page_of(two[0], "/sync/1/now"))
    words = admin.words()
    assert "Synced by Leads in: created: wrote first_name" in words and admin.path == page_of(two[0])
    assert len(linked(here, two[0])) == 1
    noted = newest(here, "contact.synced")
    assert noted is not None and noted.who == "integration-admin@river.example"
    assert two[0] not in noted.subject + "".join(noted.details)


def test_a_sync_that_fails_says_the_code_and_an_unlinked_one_what_is_missing(here):
    lone = make(here, Platform.HUBSPOT, {"properties": {"firstname": "No", "lastname": "Phone"}})
    admin = here.browser(Role.ADMIN)
    admin.get(page_of(lone))
    admin.post(page_of(lone, "/sync/1/now"))
    assert "Synced by Leads in: failed (blank-required-data-in-record)" in admin.words()
    assert "What is open" in admin.words() and "Preview and try again" in admin.words()
    admin.get(page_of(lone, "/sync/2"))
    assert "is not tied to a Mainstay contact yet" in admin.words()
    admin.post(page_of(lone, "/sync/2/now"))
    assert "Not synced: the contact hubspot:" in admin.words()


@pytest.mark.parametrize("path", ["/contacts/hubspot/1/1/sync/99", "/contacts/hubspot/9/1/sync/1"])
def test_an_integration_of_nobody_is_not_there(here, path):
    admin = here.browser(Role.ADMIN)
    admin.get(path)
    assert admin.status == 404


def test_two_records_are_linked_after_a_look_at_both(here, two):
    admin = here.browser(Role.ADMIN)
    admin.get(page_of(two[0], "/link"))
    admin.post(page_of(two[0], "/link"), do="ask", other_account="2", other=two[1])
    words = admin.words()
    assert "Make these two one contact?" in words and "Hanna" in words
    assert "changes in HubSpot are carried to Mainstay by Leads in" in words
    assert "These fields differ" in words and "The phones differ" in words
    assert "@hand.example" not in admin.answer.request.query_string.decode()
    assert linked(here, two[0]) == []
    admin.post(page_of(two[0], "/link"), do="link", other_account="2", other=two[1])
    assert "Linked. Nothing was written yet" in admin.words() and "linked by hand" in admin.words()
    assert linked(here, two[0]) == [two[1]]
    with here.wiring.database.reading() as session:
        [made] = links.find(session, PAIR, hubspot_ids=[two[0]])
    assert made.agreed == {} and made.sent == {}, "nothing is agreed yet"
    noted = newest(here, "contact.linked")
    assert noted is not None and two[0] not in str(noted) and two[1] not in str(noted)
    admin.get(page_of(two[0], "/sync/1"))
    assert "CRM ID and phone don't belong together" in admin.words(), "as the confirmation said"


def test_a_link_is_taken_apart_and_the_crm_id_with_it(here, two):
    link(here, *two)
    here.control(Platform.MAINSTAY, "PATCH", f"contacts/{two[1]}", {"crm_id": two[0]})
    admin = here.browser(Role.ADMIN)
    admin.get(page_of(two[0]))
    unlink = re.search(r'href="([^"]+/unlink[^"]*)"', admin.page)
    assert unlink is not None
    admin.get(unlink[1].replace("&amp;", "&"))
    words = admin.words()
    assert "Take this link apart?" in words and "the next sync links the two again" in words
    assert linked(here, two[0]) == [two[1]]
    admin.post(page_of(two[0], "/unlink"), other_account="2", take_ids="yes")
    assert "Unlinked. The timeline stays." in admin.words() and linked(here, two[0]) == []
    kept = here.control(Platform.MAINSTAY, "GET", f"contacts/{two[1]}")
    assert not (kept.get("contact") or kept).get("crm_id")
    assert newest(here, "contact.unlinked") is not None
    admin.post(page_of(two[0], "/unlink"), other_account="2")
    assert "They are not linked (any more)." in admin.words()


def refused(here, hubspot_id, mainstay_id, why, browser=None):
    admin = browser or here.browser(Role.ADMIN)
    before = linked(here, hubspot_id)
    for do in ("link", "ask"):
        admin.post(page_of(hubspot_id, "/link"), do=do, other_account="2", other=mainstay_id)
        assert admin.status == 400 and why in admin.words(), admin.words()
    assert linked(here, hubspot_id) == before


def test_whoever_belongs_to_somebody_else_is_not_linked(here, two):
    other = make(here, Platform.MAINSTAY, {"first_name": "A", "last_name": "B", "phone": "6175550001"})
    link(here, "90001", two[1])
    refused(here, two[0], two[1], "HubSpot 90001 is linked with Mainstay")
    here.control(Platform.MAINSTAY, "PATCH", f"contacts/{other}", {"crm_id": "90002"})
    refused(here, two[0], other, "carries the CRM ID of HubSpot record 90002. (already-linked)")
    here.control(Platform.MAINSTAY, "PATCH", f"contacts/{other}", {"crm_id": two[0]})
    third = make(here, Platform.MAINSTAY, {"first_name": "C", "last_name": "D", "phone": "6175550002"})
    refused(here, two[0], third, f"Mainstay {other} carries the CRM ID of this record. (already-linked)")


def test_one_that_is_linked_already_has_no_place_for_another(here, two):
    link(here, *two)
    admin = here.browser(Role.ADMIN)
    admin.get(page_of(two[0], "/link?other_account=2&other=x"))
    assert "There is no account left to link it with" in admin.words()


def test_who_is_not_there_or_of_another_account_is_not_linked(here, two):
    refused(here, two[0], "nobodyatall", "Mainstay account river has no contact nobodyatall.")
    refused(here, "4711", two[1], "HubSpot account Portal 62515 has no contact 4711.")
    admin = here.browser(Role.ADMIN)
    admin.post(page_of(two[0], "/link"), do="link", other_account="1", other="1")
    assert admin.status == 400 and linked(here, two[0]) == [], "HubSpot's own account is no counterpart"
    admin.post(page_of(two[0], "/link"), do="ask", other_account="2", other="h@hand.example")
    assert admin.status == 400 and "Look people up by email" in admin.words()


def test_a_contact_that_never_travels_or_is_being_created_is_not_linked(here, two):
    test = make(
        here,
        Platform.MAINSTAY,
        {"first_name": "T", "last_name": "U", "phone": "6175550003", "test_user": True},
    )
    refused(here, two[0], test, "it never travels")
    with here.wiring.database.transaction() as session:
        wanted = [Intent(two[0], {"phone": "x"}, here.wiring.clock())]
        intents.open_(session, here.wiring.sealer, 1, 2, wanted)
    refused(here, two[0], two[1], "A new contact is being created")


def test_a_running_batch_is_not_raced(here, two, monkeypatch):
    monkeypatch.setattr(leased, "PATIENCE_S", 0.0)
    key = lease_key(Platform.MAINSTAY, 2, two[1])
    assert here.wiring.leases.acquire([[key]], "a batch", 30.0) == [True]
    admin = here.browser(Role.ADMIN)
    admin.post(page_of(two[0], "/link"), do="link", other_account="2", other=two[1])
    assert "is being synced just now" in admin.words() and linked(here, two[0]) == []
    link(here, *two)
    admin.post(page_of(two[0], "/unlink"), other_account="2")
    assert "is being synced just now" in admin.words() and linked(here, two[0]) == [two[1]]
    here.wiring.leases.release([key], "a batch")


def test_without_a_look_at_both_nobody_is_linked_but_a_link_can_be_taken_apart(here, two):
    with here.wiring.database.transaction() as session:
        accounts.hold(session, 2, 1, "authentication-failed", "refused", here.wiring.clock())
    try:
        refused(here, two[0], two[1], "Two records are only linked after a look at both.")
        link(here, *two)
        admin = here.browser(Role.ADMIN)
        admin.get(page_of(two[0], "/unlink?other_account=2"))
        assert "it can't be said whether a sync would link them again" in admin.words()
        admin.post(page_of(two[0], "/unlink"), other_account="2")
        assert linked(here, two[0]) == []
    finally:
        with here.wiring.database.transaction() as session:
            accounts.release(session, 2)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_who_may_not_configure_sees_no_buttons_and_changes_nothing(here, two, role):
    browser = here.browser(role)
    browser.get(page_of(two[0]))
    assert "/link" not in browser.page and "/erase" not in browser.page
    browser.post(page_of(two[0], "/link"), do="link", other_account="2", other=two[1])
    assert browser.status == 403 and linked(here, two[0]) == []


def test_the_timeline_tells_of_the_link(here, two):
    link(here, *two)
    told = look_up(here.wiring.database, (Platform.MAINSTAY, two[1])).to_json()
    assert told["links"][0]["hubspot_id"] == two[0]
