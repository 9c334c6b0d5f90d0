"""``crosswalk tokens``: what the console's page does, from the command line."""

import json

import click
import pytest

from console.access import Role
from console.cli import tokens as command
from console.cli.failing import Failed
from console.cli.start import Start
from core.store import api_tokens, audit


@pytest.fixture
def run(scene, capsys):
    def call(*arguments: str) -> str:
        start = Start({}, connect=lambda _: scene.wiring)
        start._wiring = scene.wiring
        command.tokens.main(list(arguments), standalone_mode=False, obj=start)
        return capsys.readouterr().out

    return call


def asked(scene, token, path="/api/v1/instances"):
    headers = {"Authorization": f"Bearer {token}"}
    return scene.app.test_client().get(path, headers=headers).status_code


def noted(scene):
    with scene.wiring.database.reading() as session:
        return [(one.action, one.subject, tuple(one.details)) for one in audit.entries(session)]


def test_a_token_works_until_it_is_revoked_and_both_are_noted(scene, run):
    token = run("add", " nightly export ", "--role", "operator").strip()
    assert token.startswith("cw_") and asked(scene, token) == 200
    [one] = json.loads(run("list", "--json"))
    assert (one["name"], one["role"], one["revoked_at"]) == ("nightly export", "operator", None)
    assert one["author"].endswith("from the command line") and one["used_at"]
    assert run("revoke", str(one["id"])) == "" and asked(scene, token) == 401
    assert noted(scene)[:2] == [
        ("api-token.revoked", "nightly export", ()),
        ("api-token.created", "nightly export", ("role Operator",)),
    ]
    table = run("list")
    assert "nightly export" in table and "revoked" in table


def test_a_token_is_told_once_and_is_a_viewers_by_default(scene, run):
    made = json.loads(run("add", "script", "--json"))
    assert (made["role"], asked(scene, made["token"])) == ("viewer", 200)
    assert made["token"] not in run("list") + run("list", "--json") + str(noted(scene))
    revoked = json.loads(run("revoke", str(made["id"]), "--json"))
    assert revoked["revoked_at"] and "token" not in revoked


def test_the_page_shows_what_the_command_made(scene, run):
    run("add", "from the shell")
    browser = scene.browser(Role.OWNER)
    browser.get("/tokens")
    assert "from the shell" in browser.page


def test_what_can_not_be_done(scene, run):
    with pytest.raises(Failed, match="there is no token 77"):
        run("revoke", "77")
    for name in ("  ", "x" * (api_tokens.LONGEST_NAME + 1)):
        with pytest.raises(click.UsageError, match="1 to 200 characters"):
            run("add", name)
    with pytest.raises(click.UsageError):
        run("add", "x", "--role", "king")
    assert run("list", "--json").strip() == "[]"
