"""``crosswalk users``: the first owner comes from the command line."""

import json

import pytest

from console.cli import users as command
from console.cli.failing import Failed
from console.cli.start import Start
from core.store import users


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
