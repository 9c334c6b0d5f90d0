"""A mapped field that a platform took away: the scheduler notices, the pages say so, nothing else stops."""

import pytest

from console.access import Role
from consumers.chores.field_lists import LOOK_MS, OLD_MS, FieldLists
from consumers.directory import Directory
from core.domain.fields import Platform
from core.store import accounts
from tests.integration.console.test_wizard import ROWS, finished


@pytest.fixture
def enabled(scene):
    scene.connect_both()
    browser = finished(scene, rows=[*ROWS, ("custom.Program", "program")])
    browser.post(browser.path, since="now")
    assert scene.instance("Leads").enabled
    return scene


def test_a_field_that_went_is_shown_in_red_with_the_next_step(enabled, monkeypatch):
    now_ms = enabled.wiring.clock()
    monkeypatch.setattr(enabled.wiring, "clock", lambda: now_ms)
    lists = FieldLists(enabled.wiring)
    assert lists.run(Directory.load(enabled.wiring)) == 0  # fresh from the wizard
    enabled.control(Platform.MAINSTAY, "DELETE", "custom-fields/Program")
    now_ms += OLD_MS
    enabled.control(Platform.HUBSPOT, "POST", "faults", {"kind": "503"})
    assert lists.run(Directory.load(enabled.wiring)) == 1  # HubSpot's list stays as it is
    for role, step in ((Role.ADMIN, "Press Edit"), (Role.VIEWER, "An integration admin")):
        browser = enabled.browser(role)
        browser.get("/integrations/hubspot/instances/1")
        assert "Mainstay no longer has Program" in browser.words() and step in browser.words()
        assert '<tr class="wrong">' in browser.page
        browser.get("/integrations/hubspot")
        assert "Mainstay no longer has Program" in browser.words()


def test_held_and_unused_accounts_are_left_alone(enabled, monkeypatch):
    now_ms = enabled.wiring.clock() + OLD_MS
    monkeypatch.setattr(enabled.wiring, "clock", lambda: now_ms)
    with enabled.wiring.database.transaction() as session:
        hubspot = enabled.instance("Leads").hubspot
        accounts.hold(session, hubspot.id, 1, "platform-unavailable", "503", now_ms)
    lists = FieldLists(enabled.wiring)
    assert lists.run(Directory.load(enabled.wiring)) == 1
    enabled.browser(Role.ADMIN).post("/integrations/hubspot/instances/1/switch", to="off")
    now_ms += OLD_MS + LOOK_MS
    assert lists.run(Directory.load(enabled.wiring)) == 0
