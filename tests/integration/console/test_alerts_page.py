"""The Alerts page and its twins: rules, destinations, the test button, who may what, and the audit log."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from console.access import Role
from console.cli.main import crosswalk
from console.cli.start import Start
from core.domain.alerts import RULES, Finding, Rule
from core.platforms.mainstay.signature import speakers
from core.store import alert_settings, alerts, api_tokens, audit
from tests.integration.console import kit
from tests.services.smtp import MailServer, mail_server


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def scene(tmp_path: Path, mail: MailServer) -> Iterator[kit.Scene]:
    environment = {
        "CROSSWALK_SMTP_URL": mail.url,
        "CROSSWALK_ALERTS_FROM": "crosswalk@river.example",
        "CROSSWALK_ALERTS_NETWORKS": "127.0.0.0/8",
    }
    with kit.scene(tmp_path, **environment) as one:
        yield one


@pytest.fixture
def hook() -> Iterator[Any]:
    """A webhook's receiver: ``calls`` are (headers, body)."""
    calls: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.calls, server.url = calls, f"http://127.0.0.1:{server.server_address[1]}/x"  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def opened(scene: kit.Scene) -> None:
    with scene.wiring.database.transaction() as session:
        for number in (1, 2):
            finding = Finding(Rule.HELD, str(number), f"Account {number} is held", "Why.", "/accounts")
            alerts.open_(session, finding, scene.wiring.clock())
        alerts.resolve(session, [2], scene.wiring.clock())


def noted(scene: kit.Scene) -> list[tuple[str, str]]:
    with scene.wiring.database.reading() as session:
        found = audit.entries(session)
    return [(one.action, one.subject) for one in found if one.action.startswith("alerts.")][::-1]


def test_all_look_and_operators_see_whom_is_told(scene):
    opened(scene)
    with scene.wiring.database.transaction() as session:
        alert_settings.add(session, scene.wiring.sealer, "email", "oncall@river.example", "", 1)
    for role in Role:
        browser = scene.browser(role)
        page = browser.get("/alerts")
        assert "Account 1 is held" in browser.words() and "Account 2 is held" in browser.words()
        assert ("oncall@river.example" in page) is (role in (Role.OPERATOR, Role.OWNER))
        assert ("Save the rules" in page) is (role in (Role.OPERATOR, Role.OWNER))


def form_of(**changes: str) -> dict[str, str]:
    form = {}
    for rule, text in RULES.items():
        form |= {f"{rule}-on": "on", f"{rule}-threshold": str(text.threshold)}
    return {name: value for name, value in {**form, **changes}.items() if value}


def test_rules_are_changed_and_noted(scene):
    browser = scene.browser(Role.OPERATOR)
    browser.get("/alerts")
    browser.send("/alerts/rules", form_of(**{"silence-on": "", "backlog-threshold": "40"}))
    assert "2 rules were changed." in browser.words()
    with scene.wiring.database.reading() as session:
        now = alert_settings.settings(session)
    assert not now[Rule.SILENCE].enabled and now[Rule.BACKLOG].threshold == 40
    assert noted(scene) == [("alerts.rules-changed", "")]


@pytest.mark.parametrize("wrong", ["0", "", "-1", "1e3", "1000001", "ten", "१"])
def test_a_wrong_threshold_is_told_at_its_field_and_nothing_changes(scene, wrong):
    browser = scene.browser(Role.OPERATOR)
    browser.get("/alerts")
    page = browser.send(
        "/alerts/rules", form_of(**{"silence-threshold": wrong or " ", "backlog-threshold": "40"})
    )
    assert browser.status == 400 and 'href="#silence-threshold"' in page and noted(scene) == []
    assert 'name="backlog-threshold" inputmode="numeric" maxlength="6" value="40"' in page


def test_an_email_destination_is_added_tested_switched_and_removed(scene, mail):
    browser = scene.browser(Role.OPERATOR)
    browser.get("/alerts")
    browser.post("/alerts/destinations", kind="email", address=" oncall@river.example ")
    assert "oncall@river.example will be told" in browser.words()
    browser.post("/alerts/destinations", kind="email", address="oncall@river.example")
    assert browser.status == 400 and "This destination is there already." in browser.words()
    browser.post("/alerts/destinations/1", do="test")
    assert "The test was taken." in browser.words()
    assert mail.messages[0]["Subject"] == "Crosswalk: a test of the alerts"
    mail.refuse = "550 no"
    browser.post("/alerts/destinations/1", do="test")
    assert "The test was not taken: the mail server refused the recipient." in browser.words()
    browser.send("/alerts/destinations/1", {"do": "rules", "rules": ["held-account", "nonsense"]})
    assert "Hears of 1 of 8 rules" in browser.words()
    browser.post("/alerts/destinations/1", do="off")
    browser.post("/alerts/destinations/1", do="remove")
    assert "Nobody is told yet." in browser.words()
    browser.post("/alerts/destinations/1", do="test")
    assert browser.status == 404
    assert [action for action, _ in noted(scene)] == [
        "alerts.destination-added",
        "alerts.tested",
        "alerts.tested",
        "alerts.destination-changed",
        "alerts.destination-changed",
        "alerts.destination-removed",
    ]


def test_a_webhooks_secret_is_shown_once_and_signs_what_is_sent(scene, hook):
    browser = scene.browser(Role.OPERATOR)
    browser.get("/alerts")
    page = browser.post("/alerts/destinations", kind="webhook", address=hook.url)
    secret = page.split('<code class="key">')[1].split("<")[0]
    assert secret.startswith("whsec_") and secret not in browser.get("/alerts")
    browser.post("/alerts/destinations/1", do="test")
    headers, body = hook.calls[0]
    now_s = scene.wiring.clock() // 1000
    assert speakers(headers, body, secrets={1: (secret,)}, now_s=now_s) == (frozenset({1}), "")
    assert json.loads(body)["type"] == "alerts.test"
    assert noted(scene)[0] == ("alerts.destination-added", f"webhook 1 at {hook.url.split('/')[2]}")


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("email", "nobody"),
        ("email", "a@b, c@d"),
        ("email", "a@b\r\nBcc: c@d"),
        ("webhook", "javascript:alert(1)"),
        ("webhook", "https://user:pw@x.example/"),
        ("webhook", ""),
        ("pigeon", "a@b.example"),
    ],
)
def test_what_can_be_told_nothing_is_refused(scene, kind, address):
    browser = scene.browser(Role.OPERATOR)
    browser.get("/alerts")
    browser.post("/alerts/destinations", kind=kind, address=address)
    assert browser.status == 400 and "There is a problem" in browser.words() and noted(scene) == []


def test_those_who_may_only_look_change_nothing(scene):
    for role in (Role.VIEWER, Role.ADMIN):
        browser = scene.browser(role)
        browser.get("/me")
        for path in ("/alerts/rules", "/alerts/destinations", "/alerts/destinations/1"):
            browser.post(path)
            assert browser.status == 403, (role, path)


class Api:
    def __init__(self, scene: kit.Scene, role: Role) -> None:
        with scene.wiring.database.transaction() as session:
            _, token = api_tokens.create(session, name="t", role=role, author="test", now_ms=1)
        self.client, self.headers = scene.app.test_client(), {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        return self.client.open(f"/api/v1/alerts{path}", method=method, headers=self.headers, json=body)


def test_the_api_does_the_same(scene, mail):
    opened(scene)
    api = Api(scene, Role.OPERATOR)
    assert [one["state"] for one in api("GET", "").json] == ["open", "resolved"]
    assert len(api("GET", "?open=true").json) == 1
    assert api("GET", "/rules").json[0]["rule"] == "new-cause"
    assert api("PUT", "/rules/silence", {"enabled": False, "threshold": 5}).json["threshold"] == 5
    assert api("PUT", "/rules/silence", {"enabled": True, "threshold": 0}).status_code == 422
    assert api("PUT", "/rules/nonsense", {"enabled": True, "threshold": 1}).status_code == 404
    made = api("POST", "/destinations", {"kind": "email", "address": "a@river.example"})
    assert made.status_code == 201 and "secret" not in made.json
    assert api("POST", "/destinations", {"kind": "email", "address": "nobody"}).status_code == 422
    hook = api("POST", "/destinations", {"kind": "webhook", "address": "https://x.example/"}).json
    assert hook["secret"].startswith("whsec_")
    assert "secret" not in json.dumps(api("GET", "/destinations").json)
    assert api("POST", "/destinations/1/test").json == {"taken": True, "problem": None}
    mail.refuse = "550 no"
    assert api("POST", "/destinations/1/test").json["taken"] is False
    assert api("PATCH", "/destinations/1", {"rules": ["silence"]}).json["rules"] == ["silence"]
    assert api("PATCH", "/destinations/1", {"rules": ["nonsense"]}).status_code == 422
    assert api("DELETE", "/destinations/1").status_code == 204
    assert api("DELETE", "/destinations/1").status_code == 404
    assert Api(scene, Role.ADMIN)("GET", "/destinations").status_code == 403


def command(scene: kit.Scene, *words: str) -> Any:
    start = Start({}, lambda _: scene.wiring)
    start._wiring = scene.wiring
    return CliRunner().invoke(crosswalk, ["alerts", *words], obj=start)


def test_the_command_does_the_same(scene, mail):
    opened(scene)
    assert [one["state"] for one in json.loads(command(scene, "list", "--json").output)] == [
        "open",
        "resolved",
    ]
    assert "Account 1 is held" in command(scene, "list", "--open").output
    assert "silence is off, from 5 hours." in command(scene, "set", "silence", "--off", "--from", "5").output
    assert json.loads(command(scene, "rules", "--json").output)[4]["threshold"] == 5
    assert command(scene, "test").exit_code == 1
    assert command(scene, "add", "email", "nobody").exit_code == 2
    assert command(scene, "add", "email", "oncall@river.example").exit_code == 0
    assert "taken" in command(scene, "test").output and len(mail.messages) == 1
    mail.refuse = "550 no"
    assert command(scene, "test", "1").exit_code == 1
    assert command(scene, "change", "1", "--rules", "silence,held-account", "--off").exit_code == 0
    assert json.loads(command(scene, "destinations", "--json").output)[0]["enabled"] is False
    assert command(scene, "change", "1", "--rules", "nonsense").exit_code == 2
    assert "whsec_" in command(scene, "add", "webhook", "https://alerts.river.example/x").output
    assert command(scene, "remove", "1").exit_code == 0
    assert command(scene, "remove", "1").exit_code == 1
    with scene.wiring.database.reading() as session:
        assert all(one.who.endswith("from the command line") for one in audit.entries(session))
