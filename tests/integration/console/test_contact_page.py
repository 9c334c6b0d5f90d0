"""A contact's page: both sides, what is open, the timeline; masked by role; two portals' same ids apart."""

import json
import re
from dataclasses import dataclass, replace

import pytest

from console.access import Role
from console.timelines import look_up
from consumers import single
from core.domain.codes import Code
from core.domain.fields import Platform
from core.store import accounts, audit, outcomes
from core.store.outcomes import OutcomeRow
from tests.integration.console import history, kit

SECOND = 70001


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Two integrations, three contacts carried over, and a second portal that has records of the same ids."""
    with kit.scene(tmp_path_factory.mktemp("contact")) as scene:
        history.make(scene)
        leads = scene.instance("Leads in")
        people = scene.control(Platform.HUBSPOT, "GET", "contacts")["contacts"]
        single.sync_some(scene.wiring, leads, [one["id"] for one in people[:3]])
        scene.control(Platform.HUBSPOT, "POST", "portals", {"portal": SECOND, "tokens": ["second-token"]})
        with scene.wiring.database.transaction() as session:
            second = accounts.create(
                session,
                scene.wiring.sealer,
                platform=Platform.HUBSPOT,
                name="Second portal",
                external_id=str(SECOND),
                values={"access_token": "second-token"},
                now_ms=scene.wiring.clock(),
            )
            row = OutcomeRow("other", 0, "incoming", "updated", "event", 1, 1, 1, second.id)
            told = {"notes": ["of the second portal"]}
            outcomes.record(session, [replace(row, hubspot_id=people[0]["id"], story=told)])
        yield Here(scene, people, second.id)


@dataclass(frozen=True, slots=True)
class Here:
    """A scene, HubSpot's people, and the id of the second portal's account."""

    scene: kit.Scene
    people: list
    second: int

    def __getattr__(self, name):
        return getattr(self.scene, name)


@pytest.fixture
def person(here):
    """Somebody whose values stand on both sides: id and HubSpot's values."""
    return here.people[0]["id"], here.people[0]["properties"]


def page_of(contact_id, account=1, platform="hubspot"):
    return f"/contacts/{platform}/{account}/{contact_id}"


def test_both_sides_stand_side_by_side_with_who_wrote_what(here, person):
    contact_id, values = person
    browser = here.browser(Role.OPERATOR)
    browser.get(page_of(contact_id))
    words = browser.words()
    assert browser.status == 200 and values["email"] in words and values["firstname"] in words
    assert words.count(values["email"]) == 2, "on both sides"
    assert "by an import" in words and "written by Leads in" in words and "agreed" in words
    assert "Matching Mainstay ID : skipped" in words and "first_name : written" in words
    mainstay_id = look_up(here.wiring.database, (Platform.HUBSPOT, contact_id)).links[0]["mainstay_id"]
    assert f"/record/0-1/{contact_id}" in browser.page and mainstay_id in words
    browser.get(page_of(mainstay_id, 2, "mainstay"))
    assert values["email"] in browser.words() and "Created" in browser.words()


def test_a_viewer_sees_masked_values_and_nobody_s_stand_in_titles_or_addresses(here, person):
    contact_id, values = person
    personal = [values["email"], values["firstname"], values["lastname"], values["phone"][-7:]]
    viewer = here.browser(Role.VIEWER)
    viewer.get(page_of(contact_id))
    assert [one for one in personal if one in viewer.page] == []
    assert "•••@•••" in viewer.page and "Values are masked for your role." in viewer.words()
    viewer.get("/contacts")
    viewer.post("/contacts", find=values["lastname"])
    shown = viewer.page.replace(f'value="{values["lastname"]}"', "")  # what was typed
    assert values["email"] not in shown and values["firstname"] not in shown
    operator = here.browser(Role.OPERATOR)
    page = operator.get(page_of(contact_id))
    titles = re.findall(r"<title>(.*?)</title>", page)
    addresses = re.findall(r'(?:href|action|src)="([^"]*)"', page)
    assert titles == [f"HubSpot {contact_id} · Crosswalk"]
    assert [one for one in addresses for value in personal if value in one] == []


@pytest.mark.parametrize("what", ["id", "email", "phone", "name", "mainstay id"])
def test_somebody_is_found_by_anything_and_nothing_typed_stands_in_an_address(here, person, what):
    contact_id, values = person
    text = {
        "id": contact_id,
        "email": values["email"],
        "phone": values["phone"],
        "name": f"{values['firstname']} {values['lastname']}",
        "mainstay id": look_up(here.wiring.database, (None, contact_id)).links[0]["mainstay_id"],
    }[what]
    browser = here.browser(Role.ADMIN)
    browser.get("/contacts")
    answer = browser.client.post("/contacts", data={"form_token": browser.token(), "find": text})
    if answer.status_code == 303:
        assert contact_id in answer.headers["Location"] or what == "mainstay id"
        assert "?" not in answer.headers["Location"]
    else:
        assert answer.status_code == 200 and page_of(contact_id) in answer.text


def test_nobody_is_said_and_a_platform_that_is_away_too(here):
    browser = here.browser(Role.VIEWER)
    browser.get("/contacts")
    browser.post("/contacts", find="nobody at all")
    assert "Nobody fits “nobody at all”." in browser.words()
    with here.wiring.database.transaction() as session:
        accounts.hold(session, 2, 1, "authentication-failed", "refused", here.wiring.clock())
    try:
        browser.post("/contacts", find="nobody at all")
        assert "Mainstay account river is held" in browser.words()
        browser.get(page_of(here.people[0]["id"]))
        words = browser.words()
        assert browser.status == 200 and "Mainstay account river is held" in words and "Created" in words
        assert "not known" in words and "•••@•••" in browser.page, "HubSpot's side still shows"
    finally:
        with here.wiring.database.transaction() as session:
            accounts.release(session, 2)


def test_an_outage_takes_its_side_only(here, person):
    here.control(Platform.HUBSPOT, "POST", "faults", {"kind": "503"})
    try:
        browser = here.browser(Role.OPERATOR)
        browser.get(page_of(person[0]))
        words = browser.words()
        assert browser.status == 200 and "HubSpot can't be asked at the moment" in words
        assert person[1]["email"] in words and "Created" in words
    finally:
        here.control(Platform.HUBSPOT, "DELETE", "faults")


def test_another_portals_contact_of_the_same_id_is_another_contact(here, person):
    contact_id = person[0]
    browser = here.browser(Role.OWNER)
    browser.get(page_of(contact_id))
    assert "of the second portal" not in browser.words() and "Created" in browser.words()
    browser.get(page_of(contact_id, here.second))
    words = browser.words()
    assert "of the second portal" in words and "Created" not in words
    assert person[1]["email"] not in words, "no link and no value of the other portal's"
    browser.get(f"/contacts/hubspot/{contact_id}")
    assert "Whose is meant?" in browser.words() and "Second portal" in browser.words()
    told = look_up(here.wiring.database, (Platform.HUBSPOT, contact_id)).to_json()
    assert {one["hubspot_account"] for one in told["timeline"]} == {"Portal 62515", "Second portal"}
    alone = look_up(here.wiring.database, (Platform.HUBSPOT, contact_id), account="Second portal").to_json()
    assert [one["notes"] for one in alone["timeline"]] == [["of the second portal"]]
    assert alone["links"] == [] and alone["decisions"] == []


def test_what_is_open_names_its_next_step(here):
    browser = here.browser(Role.VIEWER)
    browser.get(page_of("1004"))
    words = browser.words()
    assert "What is open" in words and "The phone number isn't valid" in words and "Next step." in words
    assert "/help/errors/invalid-phone" in browser.page and "/problems/1/0/invalid-phone" in browser.page
    assert "HubSpot has no such contact (any more)." in words
    browser.get(page_of("1002"))
    assert "What is open" not in browser.words()


def test_the_timeline_is_filtered_paged_and_taken_away(here, monkeypatch):
    from console.web.pages import contact

    browser = here.browser(Role.OPERATOR)
    browser.get(page_of("1002"))
    browser.post(page_of("1002"), state="unchanged", follow=True)
    assert browser.answer.request.query_string == b"state=unchanged"
    words = browser.words()
    assert "Unchanged Leads in" in words and "Updated Leads in" not in words
    monkeypatch.setattr(contact, "PAGE", 1)
    browser.get(page_of("1002"))
    older = re.search(r'rel="next" href="([^"]+)"', browser.page)
    assert older is not None and "Unchanged Leads in" in browser.words()
    browser.get(older[1].replace("&amp;", "&"))
    assert "Updated Leads in" in browser.words() and "Unchanged Leads in" not in browser.words()
    csv = browser.post(f"{page_of('1002')}/download", do="csv", state="unchanged")
    assert csv.count("\n") == 2 and ",unchanged," in csv
    lines = browser.post(f"{page_of('1002')}/download", do="jsonl").splitlines()
    assert [json.loads(one)["outcome"] for one in lines] == ["unchanged", "updated"]
    with here.wiring.database.reading() as session:
        noted = audit.newest(session, "contact.timeline-downloaded")
    assert noted is not None and "1002" not in noted.subject and noted.subject.startswith("contact ")


@pytest.mark.parametrize(
    "path",
    [
        "/contacts/hubspot/99/1",
        "/contacts/mainstay/1/1",
        "/contacts/nowhere/1",
        "/contacts/hubspot/1/a@b.co",
        "/contacts/hubspot/1/617-555-0100",
    ],
)
def test_what_is_no_contact_of_an_account_is_not_there(here, path):
    browser = here.browser(Role.OWNER)
    browser.get(path)
    assert browser.status == 404


def test_lists_lead_to_the_page(here):
    browser = here.browser(Role.VIEWER)
    browser.get("/sync-log")
    assert (
        f'href="{page_of("1004")}"' in browser.page
        and f'href="{page_of("ms7", 2, "mainstay")}"' in browser.page
    )
    browser.get(f"/problems/1/0/{Code.INVALID_PHONE}")
    assert f'href="{page_of("1004")}"' in browser.page
