"""Who gets in, and how others are kept out."""

import pyotp
import pytest

from console import passwords
from console.access import Right, Role
from core.store import audit, users
from core.store.rotation import reseal_all
from core.store.sealing import Sealer
from tests.integration.console.kit import PASSWORD, Browser, Scene


def sign_in(scene: Scene, email: str, password: str) -> Browser:
    browser = scene.browser()
    browser.get("/sign-in")
    browser.post("/sign-in", email=email, password=password)
    return browser


def test_a_user_signs_in_and_out(scene):
    browser = sign_in(scene, scene.user(Role.OWNER).upper(), PASSWORD)
    assert (browser.status, browser.path) == (200, "/")
    with scene.wiring.database.reading() as session:
        assert audit.entries(session)[0].action == "sign-in"
    browser.post("/sign-out")
    assert browser.path == "/sign-in"
    browser.get("/integrations")
    assert browser.path == "/sign-in"


def test_a_wrong_password_is_refused_at_its_field_and_keeps_the_email(scene):
    browser = sign_in(scene, scene.user(Role.OWNER), "wrong")
    assert browser.status == 401
    assert "don’t fit" in browser.page or "don&#39;t fit together" in browser.page
    assert 'value="owner@river.example"' in browser.page
    assert browser.page.startswith("<!doctype html>") and "<title>Error: Sign in" in browser.page


def test_an_unknown_user_gets_the_same_answer(scene):
    known = sign_in(scene, scene.user(Role.OWNER), "wrong").words().replace("owner@river.example", "")
    unknown = sign_in(scene, "nobody@river.example", "wrong").words().replace("nobody@river.example", "")
    assert known == unknown


def test_guessing_is_slowed_down(scene):
    email, now_ms = scene.user(Role.OWNER), scene.wiring.clock()
    scene.wiring.clock = lambda: now_ms  # a slow machine would outwait the second's wait
    for _ in range(5):
        sign_in(scene, email, "wrong")
    browser = sign_in(scene, email, PASSWORD)
    assert browser.status == 429 and "Too many failed tries" in browser.page


def test_a_disabled_user_is_out_at_once(scene):
    browser = scene.browser(Role.VIEWER)
    assert "Browse Available" in browser.get("/integrations")
    with scene.wiring.database.transaction() as session:
        user = users.by_email(session, scene.user(Role.VIEWER))
        users.change(session, user.id, disabled_at_ms=scene.wiring.clock())
    browser.get("/integrations")
    assert browser.path == "/sign-in"
    assert sign_in(scene, scene.user(Role.VIEWER), PASSWORD).status == 401


def test_a_session_ends_when_it_was_idle_and_after_a_week(scene):
    now_ms = scene.wiring.clock()
    with scene.wiring.database.transaction() as session:
        user = users.by_email(session, scene.user(Role.VIEWER))
        token = users.start_session(session, user, now_ms)
        assert users.of_session(session, token, now_ms + users.IDLE_MS - 1)[0] is not None
        assert users.of_session(session, token, now_ms + users.IDLE_MS + 1)[0] is None
        users.seen(session, token, now_ms + users.ABSOLUTE_MS - 1)
        assert users.of_session(session, token, now_ms + users.ABSOLUTE_MS + 1)[0] is None


def test_a_form_without_its_token_or_with_another_browsers_does_nothing(scene):
    browser, other = scene.browser(Role.OWNER), scene.browser(Role.OWNER)
    browser.get("/users")
    browser.post("/users", token=False, email="x@y.example", role="owner")
    assert browser.status == 400 and "expired" in browser.page
    other.get("/users")
    browser.post("/users", form_token=other.token(), email="x@y.example", role="owner")
    assert browser.status == 400
    with scene.wiring.database.reading() as session:
        assert users.by_email(session, "x@y.example") is None


def test_a_form_from_another_site_does_nothing(scene):
    browser = scene.browser(Role.OWNER)
    browser.get("/users")
    answer = browser.client.post(
        "/users",
        data={"form_token": browser.token(), "email": "x@y.example", "role": "viewer"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("onward", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil"])
def test_nobody_is_led_away_after_signing_in(scene, onward):
    scene.user(Role.OWNER)
    browser = scene.browser()
    browser.get("/sign-in")
    browser.post("/sign-in", follow=False, next=onward, email="owner@river.example", password=PASSWORD)
    assert browser.answer.headers["Location"] == "/"


def test_signing_in_goes_on_where_it_began(scene):
    scene.user(Role.OWNER)
    browser = scene.browser()
    browser.get("/audit?before=7")
    assert browser.path == "/sign-in" and 'name="next" value="/audit?before=7"' in browser.page


def test_a_link_sets_a_password_once(scene):
    with scene.wiring.database.transaction() as session:
        user = users.add(session, email="new@river.example", role=Role.VIEWER, now_ms=1)
        token = users.make_link(session, user.id, "password", scene.wiring.clock() + 1000_000)
    browser = scene.browser()
    browser.get(f"/sign-in/link/{token}")
    browser.post(f"/sign-in/link/{token}", password="short", again="short")
    assert browser.status == 400 and "at least 12" in browser.page
    browser.post(f"/sign-in/link/{token}", password="a long enough one", again="a long enough one")
    assert browser.path == "/"
    browser.get(f"/sign-in/link/{token}")
    assert browser.status == 410
    assert sign_in(scene, "new@river.example", "a long enough one").path == "/"


def test_links_that_would_set_a_password_end_with_a_newer_one_a_password_and_disabling(scene):
    def link(session, user):
        return users.make_link(session, user.id, "password", scene.wiring.clock() + 1000_000)

    def good(token):
        with scene.wiring.database.reading() as session:
            return users.of_link(session, token, scene.wiring.clock())[0] is not None

    with scene.wiring.database.transaction() as session:
        user = users.add(session, email="new@river.example", role=Role.VIEWER, now_ms=1)
        other = users.add(session, email="other@river.example", role=Role.VIEWER, now_ms=1)
        first, others = link(session, user), link(session, other)
        second = link(session, user)
    assert [good(one) for one in (first, second, others)] == [False, True, True]
    with scene.wiring.database.transaction() as session:
        users.change(session, user.id, password="a hash")
    assert not good(second) and good(others)
    with scene.wiring.database.transaction() as session:
        third = link(session, user)
        users.change(session, user.id, disabled_at_ms=1)
        users.enable(session, user.id)
    assert not good(third) and good(others)


def test_whoever_finds_a_browser_signed_in_sets_no_second_factor_of_their_own(scene):
    browser = scene.browser(Role.VIEWER)
    browser.get("/me/authenticator")
    assert "Current password" in browser.page

    def post(secret, current):
        code = pyotp.TOTP(secret).at(scene.wiring.clock() // 1000)
        browser.post("/me/authenticator", secret=secret, code=code, current=current)
        with scene.wiring.database.reading() as session:
            sealed = users.by_email(session, scene.user(Role.VIEWER)).totp
        return sealed and scene.wiring.sealer.open(sealed)["secret"]

    mine, theirs = passwords.new_secret(), passwords.new_secret()
    assert post(theirs, "a guess") is None and browser.status == 400
    assert "not your current password" in browser.page
    assert post(mine, PASSWORD) == mine
    assert post(theirs, "") == mine, "nor one in place of the owner's"


def test_a_sign_in_that_waits_for_its_code_ends_with_the_password_it_began_with(scene):
    browser = scene.browser(Role.VIEWER)
    secret = passwords.new_secret()
    with scene.wiring.database.transaction() as session:
        user = users.by_email(session, scene.user(Role.VIEWER))
        users.set_totp(session, user.id, scene.wiring.sealer.seal({"secret": secret}))
    waiting = sign_in(scene, scene.user(Role.VIEWER), PASSWORD)
    ticket = waiting.page.split('name="ticket" value="')[1].split('"')[0]
    new = "another good password"
    browser.get("/me")
    browser.post("/me/password", current=PASSWORD, new=new, again=new)
    waiting.post("/sign-in/code", ticket=ticket, code=pyotp.TOTP(secret).at(scene.wiring.clock() // 1000))
    assert waiting.path == "/sign-in"


def test_the_authenticator_app_is_asked_for_and_a_code_works_once(scene):
    browser = scene.browser(Role.VIEWER)
    page = browser.get("/me/authenticator")
    secret = page.split('name="secret" value="')[1].split('"')[0]
    browser.post("/me/authenticator", secret=secret, code="000000", current=PASSWORD)
    assert browser.status == 400
    now_s = scene.wiring.clock() // 1000
    browser.post("/me/authenticator", secret=secret, code=pyotp.TOTP(secret).at(now_s - 30), current=PASSWORD)
    assert browser.path == "/me"
    other = sign_in(scene, scene.user(Role.VIEWER), PASSWORD)
    assert "Enter your code" in other.page
    ticket = other.page.split('name="ticket" value="')[1].split('"')[0]
    code = pyotp.TOTP(secret).at(scene.wiring.clock() // 1000)
    other.post("/sign-in/code", ticket=ticket, code=code)
    assert other.path == "/"
    again = scene.browser()
    again.get("/sign-in")
    again.post("/sign-in/code", ticket=ticket, code=code)
    assert again.status == 401


def test_signing_out_everywhere_ends_every_session(scene):
    one, other = scene.browser(Role.VIEWER), scene.browser(Role.VIEWER)
    one.get("/me")
    one.post("/me/sign-out-everywhere")
    other.get("/integrations")
    assert other.path == "/sign-in"


def test_the_last_owner_stays(scene):
    browser = scene.browser(Role.OWNER)
    with scene.wiring.database.reading() as session:
        owner = users.by_email(session, scene.user(Role.OWNER))
    browser.get("/users")
    for form in ({"do": "disable"}, {"do": "role", "role": "viewer"}):
        browser.post(f"/users/{owner.id}", **form)
        assert "only owner left" in browser.page
    with scene.wiring.database.reading() as session:
        assert users.owners(session) == 1


def test_roles_mean_what_they_say():
    assert {role: {right for right in Right if role.may(right)} for role in Role} == {
        Role.VIEWER: {Right.VIEW},
        Role.ADMIN: {Right.VIEW, Right.PERSONAL, Right.TRIAGE, Right.CONFIGURE},
        Role.OPERATOR: {Right.VIEW, Right.PERSONAL, Right.TRIAGE, Right.OPERATE},
        Role.OWNER: set(Right),
    }


def test_the_authenticator_survives_a_rotation_of_the_secret_key(scene):
    email = scene.user(Role.VIEWER)
    with scene.wiring.database.transaction() as session:
        user = users.by_email(session, email)
        users.set_totp(session, user.id, scene.wiring.sealer.seal({"secret": "ABC"}))
    both = Sealer(["a new key", "a-secret-key-of-the-tests-only"])
    assert dict(reseal_all(scene.wiring.database, both))["users"] == 1
    with scene.wiring.database.reading() as session:
        sealed = users.by_email(session, email).totp
    assert Sealer(["a new key"]).open(sealed) == {"secret": "ABC"}


def test_times_are_shown_in_ones_own_zone(scene):
    browser = scene.browser(Role.VIEWER)
    assert "America/New_York" in browser.get("/me")
    browser.post("/me/time-zone", zone="Mars/Olympus")
    assert browser.status == 400 and "Choose a time zone of the list" in browser.page
    browser.post("/me/time-zone", zone="Asia/Tokyo")
    assert browser.status == 200 and "<option selected>Asia/Tokyo</option>" in browser.page
    assert "<option selected>UTC</option>" in scene.browser(Role.OWNER).get("/me")
