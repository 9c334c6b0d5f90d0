"""What the wizard says about bad input: in the page's own words, at its field, with nothing lost."""

import re

import pytest

from console.access import Role
from core.domain.fields import Platform
from core.store import accounts
from tests.integration.console.test_wizard import ROWS, begun, mapping


@pytest.fixture
def wizard(scene):
    scene.connect_both()
    return begun(scene)


def summary(browser):
    return re.search(r'<div class="summary".*?</div>', browser.page, re.DOTALL)[0]


def test_a_mapping_that_lacks_everything_is_told_what_to_press(wizard):
    wizard.send(f"{wizard.wizard}/mapping", mapping("next", []))
    told = summary(wizard)
    assert told.count("<li>") == 4 and told.count("Press Add a field") == 4
    assert "Mainstay&#39;s First name is not mapped" in told and "{mainstay" not in told


def test_an_unknown_field_is_told_with_the_next_step(wizard):
    wizard.send(
        f"{wizard.wizard}/mapping", mapping("next", [*ROWS, ("custom.GPA", "gone"), ("crm_id", "city")])
    )
    told = summary(wizard)
    assert "Row 5: HubSpot has no property &#39;gone&#39;. Choose another one, remove the row" in told
    assert "Row 6: crm_id and hs_object_id" in told
    assert 'href="#row-4-hubspot"' in told


def test_names_and_descriptions_have_an_end_and_no_control_characters(wizard):
    path = f"{wizard.wizard}/details"
    wizard.post(path, name="N\x00\x07ame", description="x" * 2001, do="next")
    assert wizard.status == 400 and 'href="#description"' in summary(wizard)
    assert 'id="description-problem"' in wizard.page and "x" * 2001 in wizard.page
    assert 'value="Name"' in wizard.page


@pytest.mark.parametrize("platform", Platform)
def test_a_token_is_kept_in_its_field_while_the_platform_is_away(scene, wizard, platform):
    scene.control(platform, "POST", "faults", {"kind": "503"})
    wizard.send(f"{wizard.wizard}/authentication", {"do": f"{platform}-token", f"{platform}_token": "typed"})
    assert wizard.status == 400 and f"{platform.title} can&#39;t be asked" in summary(wizard)
    assert 'value="typed"' in wizard.page


def test_a_held_account_is_told_in_plain_words(scene, wizard):
    with scene.wiring.database.transaction() as session:
        known = accounts.all_accounts(session)[0]
        accounts.hold(session, known.id, 1, "authentication-failed", "refused", scene.wiring.clock())
    for path in (f"{wizard.wizard}/authentication", "/accounts", f"/accounts/{known.id}"):
        browser = wizard if "wizard" in path else scene.browser(Role.VIEWER)
        browser.get(path)
        assert "The connection has expired or was revoked" in browser.words(), path
