"""The console's main paths on PostgreSQL: sign-in, wizard, versions, switching, tokens, audit."""

import pytest

from console.access import Role
from core.store import accounts, users
from tests.integration.console import kit
from tests.integration.console.test_connecting import connected, stored
from tests.integration.console.test_signing_in import sign_in
from tests.integration.console.test_wizard import ROWS, finished, mapping
from tests.integration.test_cli_configuration import postgresql

pytestmark = pytest.mark.services


@pytest.fixture
def scene(tmp_path):
    with postgresql() as url:
        address = url.render_as_string(hide_password=False)
        with kit.scene(tmp_path, CROSSWALK_DATABASE_URL=address) as one:
            yield one


def test_from_the_first_user_to_a_restored_version(scene):
    assert sign_in(scene, scene.user(Role.OWNER), "wrong").status == 401
    assert sign_in(scene, scene.user(Role.OWNER), kit.PASSWORD).path == "/"
    owner = scene.browser(Role.OWNER)
    connected(scene, owner)
    account, _ = stored(scene)
    assert account.external_id == "62515"
    scene.connect_both()
    browser = finished(scene)
    browser.post(browser.path, since="all", max_creates="5")
    base = f"/integrations/hubspot/instances/{scene.instance('Leads').id}"
    browser.post(f"{base}/edit")
    wizard = browser.path.removesuffix("/details")
    browser.send(f"{wizard}/mapping", mapping("next", [*ROWS, ("custom.GPA", "gpa")]))
    browser.post(f"{wizard}/preview", do="finish")
    browser.post(f"{base}/versions/1/restore")
    browser.post(browser.path, do="finish")
    assert scene.instance("Leads").mapping_version == 3
    browser.get("/integrations/hubspot")
    assert browser.status == 200 and "Leads" in browser.words()
    owner.post("/users", email="new@river.example", role="viewer")
    owner.post("/users", email="new@river.example", role="viewer")
    assert owner.status == 400 and "is a user already" in owner.page
    owner.post("/tokens", name="A script", role="viewer")
    token = owner.page.split('<code class="key">')[1].split("<")[0]
    answer = scene.app.test_client().get("/api/v1/instances", headers={"Authorization": f"Bearer {token}"})
    assert answer.json[0]["mapping_version"] == 3
    assert "Instance changed" in owner.get("/audit")
    with scene.wiring.database.reading() as session:
        assert len(accounts.all_accounts(session)) == 2
        assert users.owners(session) == 1
