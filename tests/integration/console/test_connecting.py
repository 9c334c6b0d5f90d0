"""Connecting HubSpot by its sign-in page, and keeping the token fresh."""

import threading
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from console.access import Role
from core.domain.fields import Platform
from core.platforms.errors import AuthenticationFailed, Unavailable
from core.platforms.hubspot.oauth import HubSpotOAuth
from core.platforms.hubspot.refreshing import EARLY_MS, Refreshing
from core.store import accounts, drafts, users
from core.store.database import DatabaseUnavailable
from tests.integration.console.kit import Browser, Scene

HTTP = urllib3.PoolManager(retries=False)


def sent_to(browser: Browser, path: str) -> dict[str, str]:
    """Off to HubSpot; what it was asked."""
    answer = browser.client.get(path)
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}


def decide(scene: Scene, wanted: dict[str, str], decision: str = "allow") -> str:
    """Press a button on HubSpot's page; the path that it sends the browser back to."""
    answer = HTTP.request_encode_body(
        "POST",
        f"{scene.hubspot_url}/oauth/authorize",
        fields={**wanted, "portal": "62515", "decision": decision},
        encode_multipart=False,
        redirect=False,
    )
    assert answer.status == 302, answer.data
    back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}" == "http://localhost"
    return f"{back.path}?{back.query}"


def connected(scene: Scene, browser: Browser, path: str = "/connect/hubspot") -> str:
    return browser.get(decide(scene, sent_to(browser, path)))


def stored(scene: Scene):
    with scene.wiring.database.reading() as session:
        account = next(one for one in accounts.all_accounts(session) if one.platform is Platform.HUBSPOT)
        return account, accounts.credentials(session, scene.wiring.sealer, account.id)


def test_the_request_carries_state_pkce_and_the_scopes(scene):
    wanted = sent_to(scene.browser(Role.ADMIN), "/connect/hubspot")
    assert wanted["redirect_uri"] == "http://localhost/connect/hubspot/callback"
    assert wanted["code_challenge_method"] == "S256" and len(wanted["state"]) > 30
    assert "crm.objects.contacts.write" in wanted["scope"].split()


def test_an_account_is_connected_and_the_draft_takes_it(scene):
    browser = scene.browser(Role.ADMIN)
    browser.post("/integrations/hubspot/new", direction="incoming")
    connected(scene, browser, "/connect/hubspot?draft=1")
    assert "Portal 62515 is connected" in browser.words() and 'data-connected="connected"' in browser.page
    account, credentials = stored(scene)
    assert credentials.refresh_token and credentials.expires_at_ms > scene.wiring.clock()
    assert "oauth" in credentials.values["scopes"]
    with scene.wiring.database.reading() as session:
        user = users.by_email(session, scene.user(Role.ADMIN))
        assert drafts.get(session, 1, user.id).document["hubspot_id"] == account.id
    answer = browser.client.get("/connect/hubspot/latest?draft=1&since=0").json
    assert answer["status"] == "connected"
    assert scene.wiring.hubspot(account).external_id() == "62515"


def test_the_same_account_again_renews_its_connection_and_ends_the_hold(scene):
    browser = scene.browser(Role.ADMIN)
    connected(scene, browser)
    account, before = stored(scene)
    with scene.wiring.database.transaction() as session:
        assert accounts.hold(session, account.id, before.version, "authentication-failed", "401", 1)
    connected(scene, browser)
    assert "was connected already" in browser.words()
    again, after = stored(scene)
    assert again.id == account.id and after.version == before.version + 1
    with scene.wiring.database.reading() as session:
        assert accounts.held(session) == []


def test_a_refusal_in_hubspot_is_said_and_nothing_is_stored(scene):
    browser = scene.browser(Role.ADMIN)
    browser.get(decide(scene, sent_to(browser, "/connect/hubspot"), "deny"))
    assert "the request was refused there" in browser.words() and "Not connected" in browser.words()
    with scene.wiring.database.reading() as session:
        assert accounts.all_accounts(session) == []


def test_too_few_permissions_are_named_and_nothing_is_stored(scene):
    browser = scene.browser(Role.ADMIN)
    wanted = sent_to(browser, "/connect/hubspot") | {"scope": "oauth crm.objects.contacts.read"}
    browser.get(decide(scene, wanted))
    assert "create and update contacts" in browser.words()
    assert "crm.objects.contacts.write" in browser.words()
    with scene.wiring.database.reading() as session:
        assert accounts.all_accounts(session) == []


def test_an_answer_works_once_and_for_its_user_only(scene):
    browser, other = scene.browser(Role.ADMIN), scene.browser(Role.OWNER)
    back = decide(scene, sent_to(browser, "/connect/hubspot"))
    other.get(back)
    assert other.status == 400 and "belongs to no open request" in other.page
    browser.get(back)
    assert "is connected" in browser.words()
    browser.get(back)
    assert browser.status == 400


def test_an_answer_with_another_state_is_refused(scene):
    browser = scene.browser(Role.ADMIN)
    sent_to(browser, "/connect/hubspot")
    browser.get("/connect/hubspot/callback?code=stolen&state=guessed")
    assert browser.status == 400


def test_without_the_app_the_page_names_the_missing_settings(tmp_path):
    from tests.integration.console import kit

    with kit.scene(tmp_path, CROSSWALK_HUBSPOT_CLIENT_ID="") as scene:
        browser = scene.browser(Role.ADMIN)
        browser.get("/connect/hubspot")
        assert browser.status == 503 and "CROSSWALK_HUBSPOT_CLIENT_ID" in browser.page


def refreshing(scene: Scene, clock, owner: str = "me") -> Refreshing:
    oauth = HubSpotOAuth(scene.wiring.settings, "", clock)
    wiring = scene.wiring
    return Refreshing(wiring.database, wiring.sealer, wiring.leases, owner, oauth, clock)


def test_a_token_is_renewed_before_it_runs_out_and_once(scene):
    connected(scene, scene.browser(Role.ADMIN))
    account, before = stored(scene)
    early_ms = before.expires_at_ms - EARLY_MS - 1000
    assert refreshing(scene, lambda: early_ms).fresh(account.id).token == before.token
    late_ms = before.expires_at_ms - 1000
    found: list[str] = []
    threads = [
        threading.Thread(
            target=lambda n=n: found.append(
                refreshing(scene, lambda: late_ms, str(n)).fresh(account.id).token
            )
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    _, after = stored(scene)
    assert len(found) == 4 and set(found) <= {before.token, after.token}
    assert after.version == before.version + 1 and after.token != before.token


def test_a_renewed_token_does_not_end_a_hold(scene):
    connected(scene, scene.browser(Role.ADMIN))
    account, before = stored(scene)
    with scene.wiring.database.transaction() as session:
        accounts.hold(session, account.id, before.version, "platform-unavailable", "down", 1)
    refreshing(scene, lambda: before.expires_at_ms).fresh(account.id)
    with scene.wiring.database.reading() as session:
        assert len(accounts.held(session)) == 1


def test_a_revoked_grant_is_broken_authentication_of_this_credential_version(scene):
    connected(scene, scene.browser(Role.ADMIN))
    account, before = stored(scene)
    scene.hubspot.world.refresh_tokens.clear()
    with pytest.raises(AuthenticationFailed, match="revoked") as error:
        refreshing(scene, lambda: before.expires_at_ms).fresh(account.id)
    assert error.value.credential_version == before.version
    assert before.token not in str(error.value) and before.refresh_token not in str(error.value)


def test_a_renewed_token_is_stored_though_the_database_ends_the_first_try(scene, monkeypatch):
    connected(scene, scene.browser(Role.ADMIN))
    account, before = stored(scene)
    replace, tries = accounts.replace_credentials, []

    def deadlocked_once(*args, **options):
        tries.append(1)
        if len(tries) == 1:
            raise DatabaseUnavailable("deadlock detected")
        return replace(*args, **options)

    monkeypatch.setattr(accounts, "replace_credentials", deadlocked_once)
    fresh = refreshing(scene, lambda: before.expires_at_ms).fresh(account.id)
    assert fresh.token == stored(scene)[1].token != before.token and len(tries) == 2


def test_a_grant_that_was_replaced_while_it_was_refused_is_no_broken_authentication(scene):
    connected(scene, scene.browser(Role.ADMIN))
    account, before = stored(scene)
    renewing = refreshing(scene, lambda: before.expires_at_ms)

    class Reconnected:
        def refresh(self, refresh_token):
            with scene.wiring.database.transaction() as session:
                changes = {"access_token": "of the new grant", "refresh_token": "new"}
                accounts.replace_credentials(session, scene.wiring.sealer, account.id, changes)
            raise AuthenticationFailed(Platform.HUBSPOT, "the connection was revoked", status=400)

    renewing._oauth = Reconnected()
    assert renewing.fresh(account.id).token == "of the new grant"


def test_the_old_token_goes_on_while_hubspot_cannot_renew_it(scene):
    connected(scene, scene.browser(Role.ADMIN))
    account, before = stored(scene)
    scene.hubspot.faults.add({"kind": "500", "path": "/oauth/"})
    assert refreshing(scene, lambda: before.expires_at_ms - 1000).fresh(account.id).token == before.token
    with pytest.raises(Unavailable):
        refreshing(scene, lambda: before.expires_at_ms + 1000).fresh(account.id)


def test_a_new_token_of_another_portal_is_refused(scene):
    _, mainstay_id = scene.connect_both()
    browser = scene.browser(Role.ADMIN)
    browser.get(f"/accounts/{mainstay_id}")
    browser.send(f"/accounts/{mainstay_id}/change", {"do": "token", "token": "nonsense"})
    assert browser.status == 400 and "does not accept this token" in browser.page
    browser.post(f"/accounts/{mainstay_id}/change", do="test")
    assert "the token is good" in browser.page
    browser.post(f"/accounts/{mainstay_id}/change", do="describe", name="River", webhook_secret="nonsense")
    assert browser.status == 400 and "no webhook secret" in browser.page
    browser.post(
        f"/accounts/{mainstay_id}/change",
        do="describe",
        name="River",
        webhook_secret="whsec_c2VjcmV0c2VjcmV0",
    )
    assert browser.path == f"/accounts/{mainstay_id}" and "River" in browser.words()
    with scene.wiring.database.reading() as session:
        held = accounts.credentials(session, scene.wiring.sealer, mainstay_id)
        assert held.webhook_secrets == ("whsec_c2VjcmV0c2VjcmV0",)
