"""Finding, linking, unlinking, exporting and erasing by the command line and by the API."""

import io
import itertools
import json

import pytest

from console.access import Role
from console.cli.main import run
from console.cli.start import Start
from core.domain.fields import Platform
from core.store import audit, links
from core.store.links import Pair
from tests.integration.console import history, kit
from tests.integration.console.test_api import Caller

PAIR = Pair(1, 2)
_NUMBERS = itertools.count(1_000)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Two integrations, and two people who are linked with nobody."""
    with kit.scene(tmp_path_factory.mktemp("twins")) as scene:
        history.make(scene)
        yield scene


@pytest.fixture
def two(here):
    """A HubSpot record and a Mainstay contact of this test: their ids."""
    n = next(_NUMBERS)
    record = {
        "firstname": "Hana",
        "lastname": f"Twin{n}",
        "phone": f"+1617444{n}",
        "email": f"h{n}@t.example",
    }
    person = {"first_name": "Hanna", "last_name": f"Twin{n}", "phone": f"617445{n}"}
    made = [
        here.control(Platform.HUBSPOT, "POST", "contacts", {"properties": record}),
        here.control(Platform.MAINSTAY, "POST", "contacts", person),
    ]
    return str(made[0]["id"]), str(made[1]["id"]), record["email"]


@pytest.fixture
def shell(here, capsys):
    """Runs a command over the scene: (status, stdout, stderr)."""

    def call(*arguments):
        start = Start({}, connect=lambda _: here.wiring)
        start._wiring = here.wiring
        status = run([str(one) for one in arguments], start)
        return status, *capsys.readouterr()

    return call


def linked(here, record):
    with here.wiring.database.reading() as session:
        return [one.mainstay_id for one in links.find(session, PAIR, hubspot_ids=[record])]


def newest(here, action):
    with here.wiring.database.reading() as session:
        return audit.newest(session, action)


def test_somebody_is_found_by_an_email_that_stands_in_no_address(here, two, shell, monkeypatch):
    record, _, email = two
    status, out, _ = shell("find", email, "--json")
    assert status == 0 and [one["id"] for one in json.loads(out)["contacts"]] == [record]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{email}\n"))
    status, out, _ = shell("find", "-")
    assert status == 0 and f"hubspot:{record}" in out and email in out
    assert shell("find", " ")[0] == 2
    [found] = Caller(here, Role.ADMIN)("POST", "/contacts/find", {"text": email}).json["contacts"]
    assert (found["platform"], found["id"], found["email"]) == ("hubspot", record, email)
    viewer = Caller(here, Role.VIEWER)
    masked = viewer("POST", "/contacts/find", {"text": email})
    assert masked.json["contacts"][0]["id"] == record and email not in masked.text
    assert viewer("POST", "/contacts/find", {"text": "  "}).status_code == 422
    assert viewer("GET", "/contacts/find").status_code == 405


def test_two_are_linked_and_unlinked_by_commands(here, two, shell):
    record, person, email = two
    status, out, _ = shell("link", record, person, "--dry-run")
    assert status == 0 and "count as one contact" in out and linked(here, record) == []
    assert shell("link", record, person, "--yes")[0] == 0 and linked(here, record) == [person]
    assert "command line" in newest(here, "contact.linked").who
    status, _, err = shell("link", record, person, "--yes")
    assert status == 1 and "linked already" in err
    status, _, err = shell("link", email, person)
    assert status == 1 and "by its id" in err
    status, _, err = shell("link", record, person, "--hubspot", "nowhere")
    assert status == 1 and "no account 'nowhere'" in err
    assert shell("unlink", record, person, "--yes")[0] == 0 and linked(here, record) == []
    status, _, err = shell("unlink", record, person, "--yes")
    assert status == 1 and "not linked" in err


def test_two_are_linked_and_unlinked_by_the_api(here, two):
    record, person, _ = two
    couple, admin = {"hubspot_id": record, "mainstay_id": person}, Caller(here, Role.ADMIN)
    for role in (Role.VIEWER, Role.OPERATOR):
        for path in ("/contacts/link", "/contacts/unlink"):
            assert Caller(here, role)("POST", path, couple).status_code == 403
    assert admin("POST", "/contacts/link", {**couple, "dry_run": True}).json["done"] is False
    assert linked(here, record) == []
    assert admin("POST", "/contacts/link", couple).json["done"] is True and linked(here, record) == [person]
    assert newest(here, "contact.linked").who == "API token integration-admin script"
    refused = admin("POST", "/contacts/link", {**couple, "mainstay_id": "other"})
    assert (refused.status_code, refused.json["code"]) == (409, "already-linked")
    assert admin("POST", "/contacts/unlink", couple).json["done"] is True and linked(here, record) == []
    assert admin("POST", "/contacts/unlink", couple).status_code == 409


def test_what_is_kept_is_taken_away_and_erased(here, two, shell):
    record, person, _ = two
    assert shell("link", record, person, "--yes")[0] == 0
    status, out, _ = shell("privacy", "export", f"hubspot:{record}")
    assert status == 0 and json.loads(out)["links"][0]["mainstay_id"] == person
    assert "command line" in newest(here, "contact.exported").who
    whom, admin, viewer = (
        {"contact": f"mainstay:{person}"},
        Caller(here, Role.ADMIN),
        Caller(here, Role.VIEWER),
    )
    assert Caller(here, Role.OPERATOR)("POST", "/contacts/export", whom).json["contact"]["id"] == person
    for path in ("/contacts/export", "/contacts/erase"):
        assert viewer("POST", path, whom).status_code == 403
    assert Caller(here, Role.OPERATOR)("POST", "/contacts/erase", whom).status_code == 403
    told = admin("POST", "/contacts/erase", {**whom, "dry_run": True}).json
    assert {one["id"] for one in told["contacts"]} == {record, person} and not told["done"]
    status, out, _ = shell("privacy", "erase", f"mainstay:{person}", "--dry-run")
    assert status == 0 and record in out and linked(here, record) == [person]
    told = admin("POST", "/contacts/erase", whom).json
    assert told["done"] and told["rows"] > 0 and linked(here, record) == []
    assert newest(here, "contact.erased").who == "API token integration-admin script"
    status, out, err = shell("privacy", "erase", f"hubspot:{record}", "--yes")
    assert status == 0 and "Erased: " in err


def test_a_contact_that_could_be_two_is_not_guessed(here, shell):
    status, _, err = shell("privacy", "export", "424242")
    assert status == 1 and "name the platform and the account" in err
    answer = Caller(here, Role.ADMIN)("POST", "/contacts/export", {"contact": "ana@river.example"})
    assert answer.status_code == 422 and "ana@river" not in answer.text
