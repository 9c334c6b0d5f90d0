"""Every page for every role: no axe violation (WCAG 2.2 AA), no console error, no sideways scrolling."""

import re
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe

from console.access import Role
from consumers import giving_up, single
from core.domain.codes import Code
from core.domain.fields import Platform
from core.domain.messages import Address, Lane, Message
from core.store import accounts, activity, jobs, outcomes
from tests.integration.console.kit import Scene

pytestmark = pytest.mark.browser

_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_ROWS = [("first_name", "firstname"), ("last_name", "gone_field"), ("phone", "phone"), ("email", "email")]
# The width and the colours take turns, so that each page is seen in each of them by some role.
LOOKS = {
    Role.VIEWER: (1280, "dark"),
    Role.ADMIN: (360, "light"),
    Role.OPERATOR: (360, "dark"),
    Role.OWNER: (1280, "light"),
}


# What a browser never shows as a page of its own: redirects, and what a page fetches to refresh itself.
NO_PAGES = {
    "wizard",
    "configured",
    "home_live",
    "jobs_live",
    "job_live",
    "health_live",
    "sync_log_news",
    "activity_news",
    "connect_latest",
    "connect_hubspot",
    "favicon",
    "healthz",
}


@pytest.fixture(scope="module")
def filled(shared_site):
    """Two instances (one on and held), drafts of all who may have some, a broken mapping among them."""
    scene: Scene = shared_site.scene
    hubspot_id, _ = scene.connect_both()
    owner = scene.browser(Role.OWNER)
    for direction in ("incoming", "outgoing"):
        owner.post("/integrations/hubspot/new", direction=direction)
        wizard = owner.path.removesuffix("/details")
        owner.post(f"{wizard}/details", name=f"Students {direction}", description="For tests", do="next")
        owner.post(f"{wizard}/preview", do="finish")
    owner.post("/integrations/hubspot/instances/1/enable", since="now")
    incoming = scene.instance("Students incoming")
    assert incoming is not None
    some = scene.control(Platform.HUBSPOT, "GET", "contacts")["contacts"]
    single.sync_some(scene.wiring, incoming, [one["id"] for one in some[:2]])
    owner.post("/tokens", name="A script", role="viewer")
    with scene.wiring.database.transaction() as session:
        accounts.hold(session, hubspot_id, 1, "authentication-failed", "refused", scene.wiring.clock())
        now_ms, counts = scene.wiring.clock(), {"created": 3, "error": 1}
        job = jobs.start(session, kind="backfill", instance_id=1, owner="x", now_ms=now_ms, author="olga")
        letter = Message("d", Address(Lane.INCOMING, 1), "7", 1, 1)
        giving_up.give_up(session, letter, Code.RATE_LIMITED, "why", now_ms)
        newest = activity.page(session, activity.Search(), 1)[0][0]
        event = replace(newest, message_id="e", cause="event", outcome="error", code=Code.INVALID_PHONE)
        outcomes.record(session, [event])
        jobs.beat(session, replace(job, total=9, queued=9, counts=counts, per_minute=2), "x", now_ms)
    return shared_site


def pages_of(site, role):
    """The addresses that a role can see; its own draft among them where it may have one."""
    scene, browser = site.scene, site.scene.browser(role)
    one = {
        "<int:instance_id>": "1",
        "<int:account_id>": "1",
        "<int:job_id>": "1",
        "<int:dead_id>": "1",
        "<flow_id>": "none",
        "<token>": "none",
        "<code>": "invalid-phone",
        "<platform>": "hubspot",
        "<contact_id>": scene.control(Platform.HUBSPOT, "GET", "contacts")["contacts"][0]["id"],
    }
    if role in (Role.ADMIN, Role.OWNER):
        with scene.wiring.database.transaction() as session:
            accounts.release(session, 1)
        browser.post("/integrations/hubspot/instances/2/edit")
        one["<int:draft_id>"] = browser.path.split("/")[2]
        form = {"do": "suggest", "rows": [str(n) for n in range(4)], "filters": ["0", "1"]}
        for n, (mainstay, hubspot) in enumerate(_ROWS):
            form |= {f"row-{n}-mainstay": mainstay, f"row-{n}-hubspot": hubspot}
        form |= {"filter-0-field": "email", "filter-0-values": "a@b.co", "filter-1-field": ""}
        browser.send(f"/wizard/{one['<int:draft_id>']}/mapping", form)
    for page in scene.app.extensions["pages"]:
        if "GET" not in page.methods or page.endpoint in NO_PAGES:
            continue
        if page.right is not None and not role.may(page.right):
            continue
        path = page.path
        for name, value in one.items():
            path = path.replace(name, value)
        yield path
    yield "/integrations/hubspot/instances/2/enable?sample=1"
    yield "/integrations/hubspot/instances/1/versions?from=1&to=1"
    yield f"/what-if?mapping=live:1&last=10&contact=hubspot:{one['<contact_id>']}"
    if role in (Role.OPERATOR, Role.OWNER):
        yield "/dead-letters/replay?id=1"
        yield "/dead-letters/discard?everything=yes"
    if role in (Role.ADMIN, Role.OWNER):
        of = f"/contacts/hubspot/1/{one['<contact_id>']}"
        yield f"{of}/unlink?other_account=2"
        yield f"{of.replace(one['<contact_id>'], 'none')}/link?other_account=2&other=nobody"
    yield "/nothing/here"


@pytest.mark.parametrize("role", list(Role))
def test_every_page_has_no_barrier(filled, opened, role):
    width, colours = LOOKS[role]
    page = opened(filled, role, allowed="status of 4", viewport={"width": width, "height": 800})
    page.emulate_media(color_scheme=colours)
    axe, found, seen = Axe(), [], 0
    for path in pages_of(filled, role):
        answer = page.goto(path)
        assert answer is not None and answer.status in (200, 400, 403, 404, 410), (path, answer.status)
        for details in page.locator("main details").all():
            details.evaluate("one => { one.open = true }")
        result = axe.run(page, options={"runOnly": _TAGS})
        found += [
            f"{path}: {one['id']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
            for one in result.response["violations"]
        ]
        scrolled = page.evaluate("document.documentElement.scrollWidth")
        assert scrolled <= width, f"{path} is {scrolled} px wide"
        seen += 1
    assert not found, "\n".join(found)
    assert seen > 10


def test_the_sign_in_has_no_barrier_and_works(filled, opened):
    filled.scene.user(Role.OWNER)
    page = opened(filled, viewport={"width": 360, "height": 700})
    page.goto("/sign-in")
    assert not Axe().run(page, options={"runOnly": _TAGS}).response["violations"]
    page.get_by_label("Email").fill(filled.scene.user(Role.OWNER))
    page.get_by_label("Password").fill("four words make passwords")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Nothing is carried over").wait_for()
    page.get_by_text("Menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()


def test_an_open_list_of_fields_has_no_barrier_and_filters_as_one_types(filled, opened):
    list(pages_of(filled, Role.OWNER))
    page = opened(filled, Role.OWNER)
    page.goto("/integrations/hubspot")
    page.get_by_role("button", name=re.compile("Edit Students outgoing")).click()
    page.goto(page.url.replace("details", "mapping"))
    box = page.get_by_role("combobox", name="HubSpot field of row 1", exact=True)
    box.click()
    options = page.get_by_role("listbox", name="HubSpot field of row 1", exact=True).get_by_role("option")
    assert options.count() > 25
    assert options.filter(has_text="read-only").first.get_attribute("aria-disabled") == "true"
    assert not Axe().run(page, options={"runOnly": _TAGS}).response["violations"]
    box.fill("jobtitle")
    assert options.count() == 1
    page.keyboard.press("Escape")
    assert box.input_value() == "First Name · firstname"


def test_the_configured_list_keeps_itself_up_to_date(filled, opened):
    with filled.scene.wiring.database.transaction() as session:
        accounts.release(session, 1)
    page = opened(filled, Role.VIEWER)
    page.goto("/integrations/hubspot")
    page.get_by_role("cell", name="On", exact=True).wait_for()
    with filled.scene.wiring.database.transaction() as session:
        accounts.hold(session, 1, 1, "authentication-failed", "refused", filled.scene.wiring.clock())
    page.get_by_text("The connection has expired or was revoked").wait_for()
