"""What a browser can be made to do, and what people write into names: none of it becomes code or a way in."""

import csv
import io
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from console import passwords
from console.access import Role
from console.cli.output import print_csv
from console.web.site import safe_path
from core.store import models, users
from tests.integration.console.kit import PASSWORD, Scene
from tests.integration.console.test_every_page import filled, paths

__all__ = ["filled"]
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"
AWAY = (
    "https://evil.example/",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "http:evil.example",
    "/\x00//evil.example",
)


@pytest.mark.parametrize("onward", AWAY)
def test_no_address_leads_away(scene: Scene, onward: str) -> None:
    assert safe_path(onward, "/") == "/"
    scene.user(Role.OWNER)
    browser = scene.browser()
    browser.get("/sign-in")
    browser.post("/sign-in", follow=False, next=onward, email="owner@river.example", password=PASSWORD)
    assert browser.answer.headers["Location"] == "/"


def test_a_cookie_that_was_planted_before_the_sign_in_is_no_session_after_it(scene: Scene) -> None:
    scene.user(Role.OWNER)
    browser = scene.browser()
    browser.client.set_cookie("crosswalk", "planted-by-somebody")
    browser.get("/sign-in")
    browser.post("/sign-in", email="owner@river.example", password=PASSWORD)
    cookie = browser.client.get_cookie("crosswalk")
    assert cookie is not None and cookie.value != "planted-by-somebody" and len(cookie.value) > 40
    other = scene.browser()
    other.client.set_cookie("crosswalk", "planted-by-somebody")
    other.get("/integrations")
    assert other.path == "/sign-in"


def test_the_session_before_ends_with_the_sign_in(scene: Scene) -> None:
    browser = scene.browser(Role.VIEWER)
    before = browser.client.get_cookie("crosswalk").value
    scene.user(Role.OWNER)
    browser.post("/sign-in", email="owner@river.example", password=PASSWORD)
    with scene.wiring.database.reading() as session:
        assert users.of_session(session, before, scene.wiring.clock())[0] is None


def test_every_form_asks_for_this_browsers_token(filled: Scene) -> None:
    browser = filled.browser(Role.OWNER)
    for page, path in paths(filled, "POST"):
        for form in ({}, {"form_token": "0" * 64}, {"form_token": "\ud800é"}):
            answer = browser.client.post(
                path, data={k: v.encode("utf-8", "replace") for k, v in form.items()}
            )
            assert answer.status_code == 400, (page.endpoint, form)
    assert filled.instance("Leads") is not None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_sent_from_elsewhere_is_refused_even_with_a_token(filled: Scene, site: str) -> None:
    browser = filled.browser(Role.OWNER)
    token = browser.token()
    for page, path in paths(filled, "POST"):
        answer = browser.client.post(path, data={"form_token": token}, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 400, page.endpoint


class _Code(HTMLParser):
    """Collects what a browser would run: handlers, inline scripts, script addresses, odd links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if (
                name.startswith("on")
                or name == "style"
                or (value or "").strip().lower().startswith("javascript:")
            ):
                self.found.append(f"{tag} {name}")
        self._script = tag == "script" and not dict(attrs).get("src")
        if tag == "img" and dict(attrs).get("src") == "x":
            self.found.append("img")

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.found.append("inline script")

    def handle_endtag(self, tag: str) -> None:
        self._script = False


def test_names_never_become_code(filled: Scene) -> None:
    """Every name that people can give is an attack; then every page is looked at as a browser would."""
    browser = filled.browser(Role.OWNER)
    browser.post("/users", email="<b>x</b>@river.example", role="viewer", name=EVIL)
    browser.post("/tokens", name=EVIL, role="viewer")
    browser.post("/accounts/1/change", do="describe", name=EVIL)
    browser.post("/wizard/2/details", name=EVIL, description=EVIL, do="next")
    browser.post("/integrations/hubspot/instances/1/edit", follow=True)
    browser.post(browser.path, name=f"Leads {EVIL}", description=EVIL, do="next")
    browser.post(f"{browser.path.rsplit('/', 1)[0]}/preview", do="finish")
    now_ms = filled.wiring.clock()
    with filled.wiring.database.transaction() as session:
        session.add(
            models.SyncLogEntry(
                at_ms=now_ms, instance_id=1, direction="incoming", contact=f"hubspot:{EVIL}"[:80],
                code="invalid-phone", field=EVIL, message=EVIL, hubspot_id=EVIL[:60], url="https://x.example/?a=b",
            )
        )  # fmt: skip
    seen = 0
    for page, path in paths(filled, "GET"):
        for address in (
            path,
            f"{path}?{'&'.join(f'{name}={EVIL}' for name in ('next', 'q', 'contact', 'find'))}",
        ):
            answer = browser.client.get(address)
            if "html" not in answer.content_type:
                continue
            parser = _Code()
            parser.feed(answer.text)
            assert parser.found == [], (page.endpoint, parser.found)
            assert "<script>alert" not in answer.text and "onerror=alert(2)>" not in answer.text, (
                page.endpoint
            )
            seen += "alert(1)" in answer.text
    assert seen > 5, "the names stand on the pages, as text"


def odd_paths(scene: Scene) -> list[str]:
    numbers = ("0", "9" * 30, str(2**63), "00", "1e3")
    found = []
    for page in scene.app.extensions["pages"]:
        if "GET" in page.methods and "<" in page.path:
            found += [re.sub(r"<int:\w+>", number, page.path) for number in numbers]
    found = [re.sub(r"<(?:path:)?\w+>", "%00%ff<", path) for path in found]
    huge = "&".join(
        f"{name}={'9' * 30}" for name in ("before", "after", "page", "since", "draft", "from", "to")
    )
    texts = "&".join(
        f"{name}=%00%ed%a0%80" for name in ("q", "contact", "code", "instance", "direction", "zone")
    )
    plain = [path for _, path in paths(scene, "GET") if "<" not in path]
    return found + [f"{path}?{query}" for path in plain for query in (huge, texts)]


def test_odd_addresses_find_nothing_and_break_nothing(filled: Scene) -> None:
    browser = filled.browser(Role.OWNER)
    for path in odd_paths(filled):
        status = browser.client.get(path).status_code
        assert status < 500, (path, status)


def test_odd_values_in_forms_break_nothing(filled: Scene) -> None:
    browser = filled.browser(Role.OWNER)
    for page, path in paths(filled, "POST"):
        if page.endpoint in ("sign_out", "sign_out_everywhere", "delete", "switch"):
            continue
        for odd in ("\0", "9" * 400, "\u202e\u0000", "a" * 100_000):
            names = (
                "name",
                "email",
                "password",
                "token",
                "code",
                "role",
                "do",
                "since",
                "max_creates",
                "contact",
            )
            form: dict[str, Any] = dict.fromkeys(names, odd) | {"form_token": browser.token()}
            status = browser.client.post(path, data=form).status_code
            assert status < 500, (page.endpoint, odd[:5], status)


def test_the_host_that_was_asked_for_stands_nowhere(filled: Scene) -> None:
    browser = filled.browser(Role.OWNER)
    token = browser.token()
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    form = {"form_token": token, "email": "new@river.example", "role": "viewer"}
    answer = browser.client.post("/users", data=form, headers=headers, base_url="http://localhost")
    assert "evil.example" not in answer.text
    away = browser.client.get("/connect/hubspot", headers=headers)
    assert "evil.example" not in away.headers.get("Location", "")


def test_a_line_break_makes_no_header(filled: Scene) -> None:
    browser = filled.browser(Role.OWNER)
    for page, path in paths(filled, "GET"):
        answer = browser.client.get(
            f"{path}?next=%0d%0aX-Evil:%201&contact=%0d%0aX-Evil:%201&name=%0d%0aX-Evil:%201"
        )
        assert "X-Evil" not in answer.headers, page.endpoint


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "＝", "＠"])
def test_no_cell_of_a_download_is_a_formula(start: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_csv(["a"], [[start + "cmd|' /C calc'!A0"]])
    _, row = csv.reader(io.StringIO(capsys.readouterr().out, newline=""))
    assert row[0].startswith("'"), row


def test_an_unknown_user_costs_as_much_as_a_known_one(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = passwords._HASHER.__class__.verify

    def verify(self: object, hashed: str, password: str) -> bool:
        asked.append(hashed)
        return bool(real(self, hashed, password))

    monkeypatch.setattr(passwords._HASHER.__class__, "verify", verify)
    scene.user(Role.VIEWER)
    for email in ("viewer@river.example", "nobody@river.example"):
        browser = scene.browser()
        browser.get("/sign-in")
        browser.post("/sign-in", email=email, password="wrong")
        assert browser.status == 401
    assert len(asked) == 2
