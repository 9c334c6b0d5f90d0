"""``crosswalk doctor`` and ``crosswalk app-files`` against running processes and both sandboxes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli.main import run
from console.cli.start import Start
from core.store import accounts
from tests.end_to_end.processes import Deployment, deployment
from tests.end_to_end.scene import MAINSTAY_SECRET, configuration

pytestmark = pytest.mark.processes

FILES = "hubspot-app"


class Doctor:
    """The command, in this process, with the deployment's settings and those of a case."""

    def __init__(self, one: Deployment, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._one, self._capsys, self.files = one, capsys, folder / FILES

    def __call__(self, expected: int, **settings: str) -> dict[tuple[str, str], list[str]]:
        """{(check, state): [subject: detail]} of one look."""
        seen: dict[tuple[str, str], list[str]] = {}
        for one in self.findings(expected, **settings):
            seen.setdefault((one["check"], one["state"]), []).append(f"{one['subject']}: {one['detail']}")
        return seen

    def findings(self, expected: int, **settings: str) -> list[dict[str, str]]:
        """What one look tells."""
        told = self.run(expected, "doctor", "--json", "--app-files", str(self.files), **settings)
        for one in told["findings"]:
            assert set(one) == {"check", "subject", "state", "detail", "next_step"}
            assert bool(one["next_step"]) == (one["state"] != "ok"), one
        assert told["ok"] == (expected == 0)
        return list(told["findings"])

    def settings(self) -> dict[str, str]:
        """What the processes run with."""
        return self._one.env()

    def run(self, expected: int, *arguments: str, **settings: str):
        start = Start(self._one.env() | {f"CROSSWALK_{name}": value for name, value in settings.items()})
        status = run(arguments, start)
        if start._wiring:
            start._wiring.database.engine.dispose()
        out, err = self._capsys.readouterr()
        assert status == expected, out + err
        for secret in ("hubspot-client-secret", MAINSTAY_SECRET, "pat-na1-sandbox", "sandbox-token"):
            assert secret not in out + err
        return json.loads(out) if "--json" in arguments else out


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployment(tmp_path_factory.mktemp("doctor")) as one:
        one.environment["CROSSWALK_PUBLIC_URL"] = f"http://127.0.0.1:{one.ports['web']}"
        one.apply(configuration("incoming", "outgoing"))
        one.start("web", "incoming", "outgoing")
        yield one


@pytest.fixture
def doctor(one: Deployment, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Doctor]:
    yield Doctor(one, capsys, tmp_path)
    one.hubspot.mend()
    one.mainstay.mend()


def test_all_is_well_but_for_the_scheduler_that_does_not_run(doctor: Doctor) -> None:
    doctor.run(0, "app-files", "--out", str(doctor.files))
    seen = doctor(0)
    assert "embedded, in the database: takes and confirms messages" in seen["queue", "ok"]
    assert seen["processes", "warning"] == ["scheduler: none has shown itself for a minute"]
    states = {state for _, state in seen}
    assert states == {"ok", "warning"}
    assert {check for check, _ in seen} == {
        *("settings", "database", "migrations", "queue", "processes", "clock", "public-url", "mapping"),
        *("hubspot-signature", "mainstay-signature", "hubspot-token", "hubspot-scopes", "mainstay-token"),
        "subscriptions",
    }


def test_nothing_is_written_anywhere(doctor: Doctor, one: Deployment) -> None:
    before = [side.counters()["total"]["total_writes"] for side in (one.hubspot, one.mainstay)]
    doctor(0)
    assert before == [side.counters()["total"]["total_writes"] for side in (one.hubspot, one.mainstay)]
    assert one.depths().queues and not any(one.depths().queues.values())


def test_settings_are_told_all_at_once(doctor: Doctor) -> None:
    seen = doctor(2, PUBLIC_URL="ftp://x", RETRY_LADDER="soon")
    assert len(seen["settings", "problem"]) == 2 and len(seen) == 1


def test_a_receiver_with_other_secrets(doctor: Doctor) -> None:
    seen = doctor(1, HUBSPOT_CLIENT_SECRET="another", MAINSTAY_WEBHOOK_SECRET="whsec_YW5vdGhlcg==")
    assert "refused" in seen["hubspot-signature", "problem"][0]
    assert "refused" in seen["mainstay-signature", "problem"][0]


def test_a_public_url_that_leads_nowhere(doctor: Doctor, one: Deployment) -> None:
    seen = doctor(1, PUBLIC_URL="http://127.0.0.1:9")
    assert "no connection" in seen["public-url", "problem"][0]
    seen = doctor(1, PUBLIC_URL=f"http://127.0.0.1:{one.ports['hubspot']}")
    assert any("instead of 401" in told for told in seen["hubspot-signature", "problem"])


def test_a_refused_token_and_a_lost_one(doctor: Doctor, one: Deployment) -> None:
    one.hubspot.fault(kind="401")
    one.mainstay.fault(kind="503")
    seen = doctor(1)
    assert "refused" in seen["hubspot-token", "problem"][0]
    assert "platform-unavailable" in seen["mainstay-token", "problem"][0]
    assert len(seen["mapping", "skipped"]) == 2


def test_a_held_account_says_what_its_code_needs(doctor: Doctor, one: Deployment) -> None:
    for code, step in (
        ("platform-unavailable", "Nothing to do while"),
        ("authentication-failed", "new token"),
    ):
        with one.wiring.database.transaction() as session:
            accounts.hold(session, 1, 1, code, "why", 1)
        found = doctor.findings(1)
        with one.wiring.database.transaction() as session:
            accounts.release(session, 1)
        [hold] = [each for each in found if each["check"] == "hold"]
        assert hold["detail"] == f"held: {code}" and step in hold["next_step"]


def test_a_token_that_may_not_read_the_properties(doctor: Doctor, one: Deployment) -> None:
    token = {"portal": "62515", "tokens": ["pat-na1-sandbox"]}
    contacts = ["crm.objects.contacts.read", "crm.objects.contacts.write"]
    one.hubspot.ask("POST", "portals", token | {"scopes": contacts})
    found = doctor.findings(1)
    one.hubspot.ask("POST", "portals", token | {"scopes": [*contacts, "crm.schemas.contacts.read"]})
    [told] = [each for each in found if each["check"] == "hubspot-token" and each["state"] == "problem"]
    assert "crm.schemas.contacts.read" in told["detail"] and "Add them to the app" in told["next_step"]


def test_while_secrets_are_rotated_each_is_tried(doctor: Doctor) -> None:
    both = {"HUBSPOT_CLIENT_SECRET": "another,{}", "MAINSTAY_WEBHOOK_SECRET": "whsec_YW5vdGhlcg==,{}"}
    now = doctor.settings()
    seen = doctor(1, **{name: text.format(now[f"CROSSWALK_{name}"]) for name, text in both.items()})
    for platform in ("hubspot", "mainstay"):
        [refused] = seen[f"{platform}-signature", "problem"]
        assert "(number 2)" not in refused
        assert any("(number 2): accepted" in told for told in seen[f"{platform}-signature", "ok"])


def test_missing_scopes(doctor: Doctor, one: Deployment) -> None:
    scopes = ["crm.objects.contacts.read", "crm.schemas.contacts.read"]
    everything = [*scopes, "crm.objects.contacts.write"]
    token = {"portal": "62515", "tokens": ["pat-na1-sandbox"]}
    one.hubspot.ask("POST", "portals", token | {"scopes": scopes})
    seen = doctor(1)
    one.hubspot.ask("POST", "portals", token | {"scopes": everything})
    assert seen["hubspot-scopes", "problem"] == ["portal (62515): missing: crm.objects.contacts.write"]


def test_a_mapped_property_that_is_gone(doctor: Doctor, one: Deployment) -> None:
    one.hubspot.ask("PATCH", "properties/lastname", {"archived": True})
    seen = doctor(1)
    one.hubspot.ask("PATCH", "properties/lastname", {"archived": False})
    assert len(seen["mapping", "problem"]) >= 2 and "lastname" in seen["mapping", "problem"][0]


def test_a_lost_database_and_a_lost_redis(doctor: Doctor) -> None:
    url = "postgresql://nobody@127.0.0.1:9/nothing"
    seen = doctor(1, DATABASE_URL=url, REDIS_URL="redis://127.0.0.1:9")
    assert ("database", "problem") in seen and ("redis", "problem") in seen and ("queue", "skipped") in seen


def test_a_database_file_that_is_not_there_is_told_and_not_made(doctor: Doctor, tmp_path: Path) -> None:
    seen = doctor(1, DATABASE_URL=f"sqlite:///{tmp_path}/mistyped/crosswalk.db")
    assert "there is no such file" in seen["database", "problem"][0]
    assert {check for check, state in seen if state == "skipped"} == {"queue", "accounts", "signatures"}
    assert not (tmp_path / "mistyped").exists()


def test_another_secret_key(doctor: Doctor) -> None:
    assert "another key" in doctor(1, SECRET_KEY="another")["secret-key", "problem"][0]


def test_the_app_files_ask_for_exactly_what_is_mapped(doctor: Doctor) -> None:
    doctor.run(0, "app-files", "--out", str(doctor.files))
    path = doctor.files / "src/app/webhooks/webhooks-hsmeta.json"
    told = json.loads(path.read_text())
    asked = told["config"]["subscriptions"]["crmObjects"]
    changes = {one["propertyName"] for one in asked if one["subscriptionType"] == "object.propertyChange"}
    assert {"firstname", "lastname", "phone", "email"} <= changes and "hs_object_id" not in changes
    assert {one["subscriptionType"] for one in asked} == {
        *("object.creation", "object.propertyChange", "object.deletion", "object.merge", "object.restore")
    }
    assert all(one["active"] is True and one["objectType"] == "contact" for one in asked)
    assert told["config"]["settings"]["targetUrl"].endswith("/webhooks/hubspot")
    app = json.loads((doctor.files / "src/app/app-hsmeta.json").read_text())
    assert "crm.objects.contacts.write" in app["config"]["auth"]["requiredScopes"]

    asked[-1]["propertyName"] = "favourite_color"
    path.write_text(json.dumps(told))
    seen = doctor(1)
    assert "lacks object.propertyChange" in seen["subscriptions", "problem"][0]
    assert "favourite_color, which nothing maps" in seen["subscriptions", "warning"][0]

    (doctor.files / "hsproject.json").write_text("{}")
    assert "hsproject.json: kept" in doctor.run(0, "app-files", "--out", str(doctor.files))
    doctor(0)
