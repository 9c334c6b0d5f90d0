"""``crosswalk users``: the first owner comes from the command line."""

import json

import pytest

from console.access import Role
from console.cli import users as command
from console.cli.failing import Failed
from console.cli.start import Start
from core.store import audit, users
from tests.integration.console.test_api import Caller


@pytest.fixture
def run(scene, capsys):
    def call(*arguments: str) -> str:
        start = Start({}, connect=lambda _: scene.wiring)
        start._wiring = scene.wiring
        command.users.main(list(arguments), standalone_mode=False, obj=start)
        return capsys.readouterr().out

    return call


def test_an_owner_is_added_and_signs_in_by_the_link(scene, run):
    link = run("add", "Ana@River.example", "--role", "owner").strip()
    assert link.startswith("http://localhost/sign-in/link/")
    browser = scene.browser()
    path = link.removeprefix("http://localhost")
    browser.get(path)
    browser.post(path, password="several words in a row", again="several words in a row")
    assert browser.path == "/" and "Audit log" in browser.page
    told = json.loads(run("list", "--json"))
    assert [(one["email"], one["role"], one["disabled_at"]) for one in told] == [
        ("ana@river.example", "owner", None)
    ]


def test_a_disabled_user_may_sign_in_again_with_the_new_link(scene, run):
    run("add", "ana@river.example")
    run("disable", "ana@river.example")
    run("add", "ana@river.example")
    assert json.loads(run("list", "--json"))[0]["disabled_at"] is None


def test_a_second_time_gives_a_new_link_and_never_another_role(scene, run):
    run("add", "ana@river.example", "--role", "viewer")
    assert "/sign-in/link/" in run("add", "ana@river.example", "--role", "viewer")
    with pytest.raises(Failed, match="a user already"):
        run("add", "ana@river.example", "--role", "owner")


def test_disabling(scene, run):
    run("add", "ana@river.example")
    run("disable", "ana@river.example")
    with scene.wiring.database.reading() as session:
        assert users.by_email(session, "ana@river.example").disabled_at_ms
    with pytest.raises(Failed, match="no user"):
        run("disable", "eve@river.example")


def test_another_role_and_enabling_again(scene, run):
    run("add", "ana@river.example", "--role", "owner")
    with pytest.raises(Failed, match="only owner left"):
        run("role", "ana@river.example", "viewer")
    with pytest.raises(Failed, match="only owner left"):
        run("disable", "ana@river.example")
    run("add", "eve@river.example")
    run("role", "Eve@river.example", "owner")
    run("role", "ana@river.example", "operator")
    run("disable", "ana@river.example")
    run("enable", "ana@river.example")
    told = {one["email"]: one for one in json.loads(run("list", "--json"))}
    assert (told["eve@river.example"]["role"], told["ana@river.example"]["role"]) == ("owner", "operator")
    assert told["ana@river.example"]["disabled_at"] is None
    with scene.wiring.database.reading() as session:
        noted = [one.action for one in audit.entries(session)]
    assert noted[:3] == ["user.enabled", "user.disabled", "user.role"]
    with pytest.raises(Failed, match="no user"):
        run("role", "nobody@river.example", "viewer")


def test_the_api_does_the_same_for_owners(scene):
    owner = Caller(scene, Role.OWNER)
    for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):
        other = Caller(scene, role)
        assert other("GET", "/users").status_code == other("POST", "/users", {}).status_code == 403
    made = owner("POST", "/users", {"email": "Ana@River.example", "role": "owner"})
    assert made.status_code == 201 and made.json["email"] == "ana@river.example"
    assert scene.app.test_client().get(made.json["link"]).status_code == 200
    ana = f"/users/{made.json['id']}"
    assert owner("POST", "/users", {"email": "ana@river.example"}).status_code == 409
    assert owner("POST", "/users", {"email": "no address"}).status_code == 422
    assert owner("POST", f"{ana}/role", {"role": "viewer"}).status_code == 409
    assert owner("POST", f"{ana}/disable").status_code == 409
    eve = owner("POST", "/users", {"email": "eve@river.example"}).json["id"]
    assert owner("POST", f"/users/{eve}/role", {"role": "owner"}).json["role"] == "owner"
    assert owner("POST", f"{ana}/disable").json["disabled_at"]
    assert owner("POST", f"{ana}/enable").json["disabled_at"] is None
    assert "/sign-in/link/" in owner("POST", f"{ana}/link").json["link"]
    assert [one["email"] for one in owner("GET", "/users").json] == ["ana@river.example", "eve@river.example"]
    assert owner("POST", "/users/99/disable").status_code == 404
    with scene.wiring.database.reading() as session:
        assert audit.newest(session, "user.role").who == "API token owner script"
