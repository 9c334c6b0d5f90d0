"""The whole wizard in a real browser: both ways, HubSpot's sign-in in a pop-up, and by keyboard only."""

import re
import time

import pytest
from playwright.sync_api import expect

from console.access import Role
from tests.integration.console.kit import MAINSTAY_TOKEN

pytestmark = pytest.mark.browser


def add_new(page, direction):
    page.goto("/integrations")
    page.get_by_role("link", name="Learn More about HubSpot").click()
    page.get_by_role("button", name=re.compile(f"Add New.*{direction}")).click()
    expect(page.get_by_role("heading", name="Instance Details")).to_be_visible()


def details(page, name):
    page.get_by_label("Display name").fill(name)
    page.get_by_label("Description").fill("For tests")
    page.get_by_role("button", name="Next: Authentication").click()


def connect_hubspot(page, decision="Allow"):
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Add account").click()
    popup = opened.value
    popup.get_by_role("button", name=decision).click()
    return popup


def connect_mainstay(page):
    page.get_by_label("API token").fill(MAINSTAY_TOKEN)
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("It belongs to the organisation river")).to_be_visible()
    page.get_by_label("API token").fill(MAINSTAY_TOKEN)
    page.get_by_role("button", name="Add this account").last.click()
    expect(page.get_by_role("radio", name=re.compile("organisation river"))).to_be_checked()


def until(condition, page, deadline_s=8.0):
    end_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end_s, "the condition did not come true in time"
        page.wait_for_timeout(50)


def choose(page, label, typed, option):
    box = page.get_by_role("combobox", name=label)
    box.fill(typed)
    page.get_by_role("option", name=option).first.click()


@pytest.mark.parametrize("direction", ["HubSpot → Mainstay", "Mainstay → HubSpot"])
def test_the_whole_wizard_with_the_sign_in_of_hubspot_in_a_pop_up(site, opened, direction):
    page = opened(site, Role.ADMIN)
    incoming = direction.startswith("HubSpot")
    add_new(page, direction)
    details(page, "Students")
    popup = connect_hubspot(page)
    expect(page.get_by_text("Portal 62515 is connected as")).to_be_visible()
    expect(page.get_by_role("radio", name=re.compile("Portal 62515"))).to_be_checked()
    until(popup.is_closed, page)
    connect_mainstay(page)
    page.get_by_role("button", name="Next: Data Mapping").click()

    page.get_by_role("button", name="Add a field").click()
    choose(page, "Mainstay field of row 5", "gpa", "GPA")
    choose(page, "HubSpot field of row 5", "gpa", "GPA")
    page.get_by_label("Show the values of a sample contact").fill("maya rossi" if incoming else "owen")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Sample contact: ")).to_be_visible()
    row = page.get_by_role("group", name="Row 5")
    expect(row.get_by_text("becomes")).to_be_visible()
    page.get_by_role("button", name="Add a filter").click()
    source = "HubSpot" if incoming else "Mainstay"
    if incoming:
        choose(page, f"{source} field of filter 1", "lifecycle", "Lifecycle Stage")
        page.get_by_role("checkbox", name="Lead", exact=True).check()
        page.get_by_role("checkbox", name="Opportunity").check()
    else:
        choose(page, f"{source} field of filter 1", "custom.program", "Program")
        page.get_by_label("is any of").fill("Nursing\nBiology")
    expect(page.get_by_text(re.compile(r"^\d+ of 12 pass\.$"))).to_be_visible()  # counted as it is typed
    page.get_by_role("button", name="Next: Preview & Finish").click()

    page.get_by_label("Find by email, phone, name or id").fill("maya rossi" if incoming else "")
    page.get_by_role("button", name="Find").click()
    if not incoming:
        page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.get_by_role("heading", name="Matching")).to_be_visible()
    page.get_by_role("link", name="Count over 100 contacts").click()
    expect(page.get_by_role("listitem").filter(has_text="would be created")).to_be_visible()
    page.get_by_role("button", name="Finish").click()

    expect(page.get_by_role("heading", name="Switch Students on")).to_be_visible()
    page.get_by_role("radio", name=re.compile("Only changes from now on")).check()
    page.get_by_role("button", name="Switch on").click()
    switch = page.get_by_role("switch", name="Students")
    expect(switch).to_be_checked()
    switch.click()
    expect(page.get_by_role("switch", name="Students")).not_to_be_checked()
    page.get_by_role("button", name="Edit Students").click()
    expect(page.get_by_label("Display name")).to_have_value("Students")
    page.goto("/integrations/hubspot")
    page.get_by_role("link", name="Delete Students").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text("Nothing is configured yet")).to_be_visible()


def test_a_refusal_in_the_pop_up_is_said_in_the_wizard(site, opened):
    page = opened(site, Role.ADMIN)
    add_new(page, "HubSpot → Mainstay")
    details(page, "Students")
    connect_hubspot(page, "Deny")
    expect(page.get_by_text("the request was refused there")).to_be_visible()


def test_a_blocked_pop_up_leads_through_the_same_tab(site, opened):
    page = opened(site, Role.ADMIN)
    page.add_init_script("window.open = () => null")
    add_new(page, "HubSpot → Mainstay")
    details(page, "Students")
    page.get_by_role("link", name="Add account").click()
    expect(page.get_by_text("Your browser blocked the window")).to_be_visible()
    page.get_by_role("link", name="Continue in this tab").click()
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("link", name="Go on in Crosswalk").click()
    expect(page.get_by_role("radio", name=re.compile("Portal 62515"))).to_be_checked()


def test_the_wizard_hears_of_the_connection_without_a_message_of_the_pop_up(site, opened):
    page = opened(site, Role.ADMIN)
    page.context.add_init_script("window.BroadcastChannel = class { postMessage() {} close() {} }")
    add_new(page, "HubSpot → Mainstay")
    details(page, "Students")
    connect_hubspot(page)
    expect(page.get_by_role("radio", name=re.compile("Portal 62515"))).to_be_checked()


def test_a_window_that_is_closed_is_noticed(site, opened):
    page = opened(site, Role.ADMIN)
    add_new(page, "HubSpot → Mainstay")
    details(page, "Students")
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Add account").click()
    popup.value.close()
    expect(page.get_by_text("was closed before HubSpot answered")).to_be_visible()


def test_the_wizard_by_keyboard_only(site, opened):
    site.scene.connect_both()
    page = opened(site, Role.ADMIN)
    page.goto("/integrations/hubspot")

    def tab_to(locator):
        for _ in range(120):
            if locator.evaluate("one => one === document.activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {locator}")

    def press(role, name, key="Enter"):
        tab_to(page.get_by_role(role, name=name))
        page.keyboard.press(key)

    press("button", re.compile("Add New.*HubSpot → Mainstay"))
    expect(page.get_by_role("heading", name="Instance Details")).to_be_visible()
    tab_to(page.get_by_label("Display name"))
    page.keyboard.type("Typed")
    press("button", "Next: Authentication")
    expect(page.get_by_role("heading", name="Authentication")).to_be_visible()
    press("button", "Next: Data Mapping")
    expect(page.get_by_role("heading", name="Data Mapping")).to_be_visible()
    press("button", "Add a field")
    box = page.get_by_role("combobox", name="HubSpot field of row 5")
    expect(box).to_be_visible()
    tab_to(box)
    page.keyboard.type("grad")
    page.keyboard.press("Enter")
    expect(box).to_have_value("Graduation Date · graduation_date")
    tab_to(page.get_by_role("combobox", name="Mainstay field of row 5"))
    page.keyboard.type("appl stat")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    press("button", "Remove row 5")
    expect(box).to_have_count(0)
    press("button", "Next: Preview & Finish")
    expect(page.get_by_role("heading", name="Preview & Finish")).to_be_visible()
    press("button", "Finish")
    expect(page.get_by_role("heading", name="Switch Typed on")).to_be_visible()
    press("button", "Switch on")
    expect(page.get_by_role("switch", name="Typed")).to_be_checked()
    press("switch", "Typed", "Space")
    expect(page.get_by_role("switch", name="Typed")).not_to_be_checked()


def test_errors_take_the_focus_and_lead_to_their_fields(site, opened):
    site.scene.connect_both()
    page = opened(site, Role.ADMIN, allowed="status of 400")  # how the server says it
    add_new(page, "HubSpot → Mainstay")
    details(page, "Students")
    page.get_by_role("button", name="Next: Data Mapping").click()
    page.get_by_role("button", name="Remove row 3").click()
    page.get_by_role("button", name="Add a field").click()
    choose(page, "HubSpot field of row 4", "city", "City")
    page.get_by_role("button", name="Next: Preview & Finish").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name=re.compile("Row 4")).click()
    expect(page.get_by_role("combobox", name="Mainstay field of row 4")).to_be_focused()
    expect(page).to_have_title(re.compile("^Error: "))
