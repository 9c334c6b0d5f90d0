"""What is true of every route: who may see it, its headers, its markup."""

import re

import pytest

from console.access import Role
from consumers import giving_up
from core.domain.codes import Code
from core.domain.messages import Address, Lane, Message
from core.store import jobs
from tests.integration.console.kit import Scene

_INLINE = re.compile(r"""<[^>]*\s(style|on[a-z]+)\s*=""")


@pytest.fixture
def filled(scene: Scene) -> Scene:
    """With an instance (1), a draft of each role who may have one, and both accounts."""
    scene.connect_both()
    browser = scene.browser(Role.OWNER)
    browser.post("/integrations/hubspot/new", direction="incoming")
    browser.post("/wizard/1/details", name="Leads", do="next")
    browser.post("/wizard/1/preview", do="finish")
    assert scene.instance("Leads") is not None
    browser.post("/integrations/hubspot/new", direction="outgoing")
    browser.post("/wizard/2/details", name="Back", do="next")
    with scene.wiring.database.transaction() as session:
        jobs.ask(session, kind="backfill", instance_id=1, now_ms=scene.wiring.clock())
        letter = Message("d", Address(Lane.INCOMING, 1), "7", 1, 1)
        giving_up.give_up(session, letter, Code.RATE_LIMITED, "why", scene.wiring.clock())
    return scene


def paths(scene: Scene, method: str):
    for page in scene.app.extensions["pages"]:
        if method in page.methods:
            path = page.path
            for name, value in (
                ("<int:instance_id>", "1"),
                ("<int:draft_id>", "2"),
                ("<int:account_id>", "1"),
                ("<int:number>", "1"),
                ("<int:job_id>", "1"),
                ("<int:dead_id>", "1"),
                ("<int:destination_id>", "1"),
                ("<int:user_id>", "1"),
                ("<int:token_id>", "1"),
                ("<code>", "invalid-phone"),
                ("<platform>", "hubspot"),
                ("<contact_id>", "4711"),
                ("<flow_id>", "x"),
                ("<token>", "x"),
            ):
                path = path.replace(name, value)
            yield page, path


def test_every_route_of_the_application_was_registered_with_its_right(scene):
    known = {page.endpoint for page in scene.app.extensions["pages"]} | {"static"}
    others = {rule.endpoint for rule in scene.app.url_map.iter_rules()} - known
    assert all(one.startswith(("api_", "api-docs.")) for one in others), others


@pytest.mark.parametrize("role", [None, *Role])
def test_every_page_answers_those_who_may_see_it_and_nobody_else(filled, role):
    browser = filled.browser(role)
    for page, path in paths(filled, "GET"):
        answer = browser.client.get(path)
        if page.right is None:
            assert answer.status_code in (200, 302, 303, 410), path
        elif role is None:
            assert answer.status_code == 303 and "/sign-in" in answer.headers["Location"], path
        elif not role.may(page.right):
            assert answer.status_code == 403, path
        else:
            # a draft is its user's own: others do not find it
            allowed = (200, 302, 303, 400, 404) if "/wizard/" in path or "/connect/" in path else (200, 303)
            assert answer.status_code in allowed, (path, answer.status_code)


@pytest.mark.parametrize("role", [None, *Role])
def test_nobody_changes_what_they_may_not(filled, role):
    browser = filled.browser(role)
    token = browser.token() if role is not None else ""
    for page, path in paths(filled, "POST"):
        if page.right is None or (role is not None and role.may(page.right)):
            continue
        answer = browser.client.post(path, data={"form_token": token})
        assert answer.status_code == (400 if role is None else 403), path


def test_every_answer_carries_the_headers_and_no_inline_code(filled):
    browser = filled.browser(Role.OWNER)
    for _, path in [*paths(filled, "GET"), (None, "/nothing/here")]:
        answer = browser.client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy and "default-src 'none'" in policy, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Referrer-Policy"] == "same-origin", path
        assert answer.headers["Cache-Control"] == "no-store", path
        assert "Strict-Transport-Security" not in answer.headers  # reached by http here
        assert not _INLINE.search(answer.text), path
        assert "<script>" not in answer.text, path


def test_behind_https_cookies_are_bound_to_the_host_and_transport_is_pinned(tmp_path):
    from tests.integration.console import kit

    with kit.scene(tmp_path, CROSSWALK_CONSOLE_URL="https://sync.example.edu") as scene:
        answer = scene.app.test_client().get("/sign-in", base_url="https://sync.example.edu")
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-crosswalk-browser=")
        assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))


def test_a_fault_of_ours_shows_a_reference_and_no_details(scene, monkeypatch):
    from console.web.pages import integrations

    def broken(*_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(integrations.overview, "standings", broken)
    browser = scene.browser(Role.VIEWER)
    page = browser.get("/integrations")
    assert browser.status == 500 and "secret detail" not in page and "Reference" in page
