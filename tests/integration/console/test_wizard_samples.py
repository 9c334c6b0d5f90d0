"""The mapping tried on real contacts: a pinned one's values beside the rows, and a count of who passes."""

import re

import pytest

from console.access import Role
from core.domain.fields import Platform
from tests.integration.console.test_wizard import ROWS, begun, finished, mapping

CUSTOMERS = [("lifecyclestage", ["customer"])]


@pytest.fixture
def wizard(scene):
    """A draft's mapping page; Ana is in HubSpot as a customer."""
    scene.connect_both()
    ana = {"firstname": "Ana", "lastname": "Quill", "phone": "(617) 555-9731", "email": "Ana@Quill.example"}
    ana |= {"lifecyclestage": "customer", "program": "nursing_bsn"}
    scene.control(Platform.HUBSPOT, "POST", "contacts", {"contacts": [{"properties": ana}]})
    return begun(scene)


def press(browser, do, **more):
    return browser.send(f"{browser.wizard}/mapping", mapping(do, **more))


def test_a_sample_contact_shows_its_values_and_what_they_become(wizard):
    rows = [*ROWS, ("custom.GPA", "program"), ("custom.Interests", "interests")]
    press(wizard, "find", rows=rows, find="Ana Quill", row__4__type="number")
    words = wizard.words()
    assert "Sample contact: Ana Quill" in words
    assert ("+16175559731" in words and "Ana@quill.example" in words) or "ana@quill.example" in words
    assert "is left out" in words  # a program is no number
    assert "Sample empty" in words
    wizard.get(wizard.path)
    assert "Sample contact: Ana Quill" in wizard.words()
    wizard.get(f"{wizard.wizard}/preview")
    assert "Ana" in wizard.words() and "Matching" in wizard.words()  # the pinned one is previewed
    press(wizard, "unpin")
    assert "Show the values of a sample contact" in wizard.words()


def test_several_that_fit_are_offered_and_nobody_is_told(wizard):
    press(wizard, "find", find="")
    assert "13 contacts" in wizard.words()
    contact = re.search(r'<select id="contact".*?<option value="(\d+)"', wizard.page, re.DOTALL)[1]
    press(wizard, "pin", contact=contact)
    assert "Sample contact:" in wizard.words()
    press(wizard, "unpin")
    press(wizard, "check", find="nobody at all")  # Enter in the box
    assert "Nobody fits “nobody at all”" in wizard.words()


def test_a_sample_contact_that_is_gone_or_out_of_reach_holds_nothing_up(scene, wizard):
    press(wizard, "pin", contact="999999")
    assert "HubSpot has this contact no more" in wizard.words()
    scene.control(Platform.HUBSPOT, "POST", "faults", {"kind": "503"})
    press(wizard, "check")
    assert wizard.status == 200 and "HubSpot does not answer just now" in wizard.words()
    press(wizard, "unpin")
    press(wizard, "find", find="ana")
    assert wizard.status == 200 and "HubSpot can't be asked" in wizard.words()


def test_how_many_pass_without_a_script(wizard):
    press(wizard, "count", filters=CUSTOMERS)
    words = wizard.words()
    found = re.search(r"(\d+) of 13 pass\.", words)
    assert found and int(found[1]) == 1
    assert "Pass: " in words and "Do not pass: " in words and "Lifecycle Stage is" in words
    press(wizard, "count", filters=[("lifecyclestage", [])])
    assert "Choose a field and its values first" in wizard.words()


def test_how_many_pass_step_by_step(scene, wizard, monkeypatch):
    from console.web import filter_counting

    monkeypatch.setattr(filter_counting, "STEP_S", 0.0)
    people = [{"properties": {"firstname": f"P{n}", "lifecyclestage": "customer"}} for n in range(100)]
    scene.control(Platform.HUBSPOT, "POST", "contacts", {"contacts": people})
    form = {"form_token": wizard.token(), **mapping("", filters=CUSTOMERS)}
    steps = []
    cursor = ""
    while not steps or cursor:
        step = wizard.client.post(f"{wizard.wizard}/count", data={**form, "cursor": cursor}).json
        cursor = step["cursor"]
        steps.append(step)
    assert [one["looked_at"] for one in steps] == [100, 13] and steps[0]["total"] == 113
    assert sum(one["passed"] for one in steps) == 101
    assert len(steps[0]["passing"]) <= 5 and all(one["why"] for one in steps[0]["failing"])
    nothing = wizard.client.post(f"{wizard.wizard}/count", data={**form, "filter-0-values": ""}).json
    assert nothing["filters"] == 0
    scene.control(Platform.HUBSPOT, "POST", "faults", {"kind": "503"})
    away = wizard.client.post(f"{wizard.wizard}/count", data=form)
    assert away.status_code == 503 and "HubSpot" in away.json["problem"]


def test_archived_contacts_of_mainstay_do_not_pass(scene):
    scene.connect_both()
    people = [{"first_name": "Zoe", "last_name": "Old", "phone": "6175559000", "archived": True}]
    scene.control(Platform.MAINSTAY, "POST", "contacts", {"contacts": people})
    browser = begun(scene, "outgoing")
    press(browser, "count", filters=[("first_name", ["Zoe"])])
    assert "0 of 13 pass" in browser.words()


def test_what_is_not_mapped_is_told_for_both_sides(wizard):
    press(wizard, "check")
    words = wizard.words()
    assert re.search(r"Not mapped: \d+ HubSpot fields", words)
    assert re.search(r"Not mapped: \d+ Mainstay fields that could be written", words)


def test_a_copy_is_a_new_draft_with_everything_but_the_name(scene):
    scene.connect_both()
    finished(scene, filters=CUSTOMERS)
    browser = scene.browser(Role.ADMIN)
    for name in ("Leads (copy)", "Leads (copy 2)"):
        browser.post("/integrations/hubspot/instances/1/duplicate")
        wizard = browser.path.removesuffix("/details")
        assert f'value="{name}"' in browser.page and "This is a copy of Leads" in browser.words()
        browser.post(f"{wizard}/details", name=name, do="next")
        browser.post(f"{wizard}/authentication", do="next")  # another account could be chosen
        browser.post(f"{wizard}/preview", do="finish")
        copy, original = scene.instance(name), scene.instance("Leads")
        assert copy.mapping == original.mapping and copy.id != original.id and not copy.enabled
