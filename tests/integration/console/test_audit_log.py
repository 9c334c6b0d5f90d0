"""The audit log's filters and downloads: on its page, by ``crosswalk audit`` and by the API."""

import csv
import io
import json

import pytest

from console.access import Role
from console.cli.main import run
from console.cli.start import Start
from core.store import audit, users
from tests.integration.console.test_api import Caller

HOUR_MS = 3_600_000


@pytest.fixture
def olga(scene):
    """An owner with two entries, one of them two hours old, beside somebody else's: her number."""
    email, now_ms = scene.user(Role.OWNER), scene.wiring.clock()
    with scene.wiring.database.transaction() as session:
        audit.record(session, now_ms - 2 * HOUR_MS, email, "contact.linked", "contact 1", ["=SUM(1)"])
        audit.record(session, now_ms - 1_000, email, "user.role", "a@b.example", ["Viewer → Owner"])
        audit.record(session, now_ms - 500, "API token x", "contacts.other", "kept apart")
        user = users.by_email(session, email)
        assert user is not None
        return user.id


@pytest.fixture
def shell(scene, capsys):
    def call(*arguments):
        start = Start({}, connect=lambda _: scene.wiring)
        start._wiring = scene.wiring
        assert run(list(arguments), start) == 0
        return capsys.readouterr().out

    return call


def test_the_page_is_narrowed_without_an_email_in_its_address(scene, olga):
    owner = scene.browser(Role.OWNER)
    owner.get("/audit")
    assert "Contact linked" in owner.words() and "kept apart" in owner.words()
    owner.post("/audit", action="contact", user=str(olga), range="24h")
    address = owner.answer.request.full_path
    assert f"user={olga}" in address and "action=contact" in address and "@" not in address
    assert "Contact linked" in owner.words() and "a@b.example" not in owner.words()
    assert "kept apart" not in owner.words(), "contacts.other is no kind of contact"
    owner.get("/audit?since=1h")
    assert "a@b.example" in owner.words() and "Contact linked" not in owner.words()
    owner.get("/audit?user=999999999999999999")
    assert owner.status == 200 and "Nothing fits these filters." in owner.words()
    owner.get("/audit?action=%27x")
    assert owner.status == 400 and "Choose an action of the list." in owner.words()


def test_the_page_is_downloaded_and_says_so_itself(scene, olga):
    owner = scene.browser(Role.OWNER)
    rows = list(csv.DictReader(io.StringIO(owner.post("/audit/download", do="csv", action="contact"))))
    assert [one["action"] for one in rows] == ["contact.linked"] and rows[0]["details"] == "'=SUM(1)"
    assert owner.answer.headers["Content-Disposition"].endswith('.csv"')
    lines = owner.post("/audit/download", do="jsonl", user=str(olga)).splitlines()
    assert json.loads(lines[-1])["details"] == ["=SUM(1)"]
    with scene.wiring.database.reading() as session:
        noted = audit.newest(session, "audit.downloaded")
    assert noted is not None and "@" not in "".join(noted.details)
    for role in (Role.VIEWER, Role.ADMIN, Role.OPERATOR):
        other = scene.browser(role)
        other.post("/audit/download", do="csv")
        assert other.status == 403


def test_a_command_tells_it(scene, olga, shell):
    assert "contact.linked" in shell("audit") and "kept apart" in shell("audit", "--action", "contacts.other")
    told = json.loads(shell("audit", "--json", "--who", "Owner@river.example", "--since", "1h"))
    assert [one["action"] for one in told] == ["user.role"]
    assert (
        json.loads(shell("audit", "--json", "--action", "contact.", "--until", "1h"))[0]["subject"]
        == "contact 1"
    )
    assert next(csv.DictReader(io.StringIO(shell("audit", "--format", "csv"))))["who"] == "API token x"
    assert len(json.loads(shell("audit", "--json", "--limit", "2"))) == 2


def test_the_api_tells_it_to_owners(scene, olga):
    owner = Caller(scene, Role.OWNER)
    for role in (Role.VIEWER, Role.ADMIN, Role.OPERATOR):
        assert Caller(scene, role)("GET", "/audit").status_code == 403
    first = owner("GET", "/audit?limit=1").json
    assert first["entries"][0]["who"] == "API token x" and first["older"] == first["entries"][0]["id"]
    rest = owner("GET", f"/audit?before={first['older']}").json
    assert [one["action"] for one in rest["entries"]] == ["user.role", "contact.linked"]
    assert rest["older"] is None
    mine = owner("GET", f"/audit?user={olga}&action=contact&since=3h").json["entries"]
    assert [one["action"] for one in mine] == ["contact.linked"]
    assert owner("GET", "/audit?user=999").status_code == 422
    assert owner("GET", "/audit?who=a@b.example").status_code == 422
