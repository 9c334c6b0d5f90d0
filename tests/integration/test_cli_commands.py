"""Every command on SQLite, against both platforms in miniature over real HTTP; no consumer runs."""

import json
import uuid
from dataclasses import replace
from types import SimpleNamespace

import pytest

from console.cli import processes
from core.domain.messages import Address, Lane, Message
from core.store import accounts, audit
from core.store.outcomes import OutcomeRow, record
from tests.integration.shell import FILE, NOW_MS, by_name, put_dead, waiting


def test_help_and_version(bare):
    assert bare("--help") == 0
    assert "preview" in bare.out
    assert bare("--version") == 0
    assert bare() == 2
    for command in ("demo", "serve", "migrate", "settings", "consume", "schedule", "instances", "accounts"):
        assert bare(command, "--help") == 0
    for command in ("preview", "sync", "sweep", "contact", "log", "dead", "status"):
        assert bare(command, "--help") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("log", "--since", "soon"),
        ("log", "--direction", "sideways"),
        ("log", "--code", "nope"),
        ("log", "--format", "xml"),
        ("consume", "sideways"),
        ("instances", "apply", "/does/not/exist.yaml"),
        ("contact", "salesforce:7"),
        ("contact", "hubspot:"),
        ("dead", "list", "--limit", "0"),
        ("preview", "in"),
        ("accounts", "test", "nobody"),
    ],
)
def test_wrong_use_is_2(shell, arguments):
    assert shell(*arguments) == 2
    assert shell.out == ""
    assert "Error" in shell.err


def test_settings_are_masked_with_their_origin(bare):
    told = {one["name"]: one for one in bare.json("settings", "--json")}
    assert told["CROSSWALK_SECRET_KEY"] == {
        "name": "CROSSWALK_SECRET_KEY",
        "value": "•••ts",
        "from": "environment",
    }
    assert told["CROSSWALK_HUBSPOT_RATE"]["from"] == "default"
    assert told["CROSSWALK_BROKER_URL"]["from"] == "not set"


def test_every_settings_problem_is_listed_at_once(bare):
    bare.environment |= {"CROSSWALK_HUBSPOT_RATE": "fast", "CROSSWALK_SWEEP_EVRY": "1m"}
    del bare.environment["CROSSWALK_SECRET_KEY"]
    for command in (("status",), ("migrate",), ("consume", "incoming"), ("settings",)):
        assert bare(*command) == 2
        assert "CROSSWALK_SECRET_KEY is missing" in bare.err
        assert "CROSSWALK_HUBSPOT_RATE: 'fast' can't be read" in bare.err
        assert "CROSSWALK_SWEEP_EVRY is no setting" in bare.err
    assert "CROSSWALK_SWEEP_EVERY" in bare.out  # `settings` lists them all the same


def test_what_only_looks_like_a_setting_stops_nothing_and_is_told(bare):
    bare.environment["CROSSWALK_WEB_SERVICE_HOST"] = "10.0.0.7"  # Kubernetes, beside a service of that name
    assert bare("settings") == 0
    assert "CROSSWALK_WEB_SERVICE_HOST is no setting of Crosswalk and is ignored" in bare.err
    assert "10.0.0.7" not in bare.out + bare.err


def test_a_password_with_an_at_sign_is_masked_whole(bare):
    bare.environment["CROSSWALK_REDIS_URL"] = "redis://u:first@second@127.0.0.1/0"
    bare("settings")
    assert "first" not in bare.out and "second" not in bare.out


def test_serve_needs_what_the_receiver_needs(bare):
    assert bare("serve") == 2
    assert "CROSSWALK_PUBLIC_URL" in bare.err and "CROSSWALK_HUBSPOT_CLIENT_SECRET" in bare.err


def test_an_unmigrated_database_says_so(bare):
    for command in (("status",), ("log",), ("instances", "list"), ("consume", "incoming"), ("schedule",)):
        assert bare(*command) == 1
        assert "crosswalk migrate" in bare.err


@pytest.mark.parametrize("path", ["/dev/null/crosswalk.db", "{folder}/no.db"])
def test_a_database_that_can_not_be_is_told_in_words(bare, path):
    (bare.folder / "no.db").write_text("a letter to the registrar, and no database at all\n" * 40)
    bare.environment["CROSSWALK_DATABASE_URL"] = f"sqlite:///{path.format(folder=bare.folder)}"
    for command in ("status", "migrate"):
        assert bare(command) == 1
        assert bare.err.startswith("The database")
        assert "fault in Crosswalk" not in bare.err


def test_migrate_twice(bare):
    assert bare("migrate") == 0
    assert "empty" in bare.err
    assert bare("migrate") == 0
    assert "as before" in bare.err


def test_migrate_waits_for_a_database_that_comes_late(bare, monkeypatch):
    database = bare.folder / "crosswalk.db"
    database.write_text("not yet a database\n" * 100)
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            database.unlink()

    monkeypatch.setattr(processes, "time", SimpleNamespace(sleep=sleep))
    assert bare("migrate") == 1
    assert looks == []
    assert bare("migrate", "--wait") == 0
    assert looks == [processes.WAIT_S] * 3
    assert bare.err.count("The database can't be read") == bare.err.count("Waiting for it.") == 1
    assert bare.err.endswith("(was empty).\n")


def test_apply_tells_its_plan_and_is_idempotent(bare):
    bare("migrate")
    path = bare.file()
    dry = bare.json("instances", "apply", path, "--dry-run", "--json")
    assert [one["verb"] for one in dry["changes"]] == ["create"] * 4
    assert bare.json("instances", "list", "--json") == []
    assert bare("instances", "apply", path) == 0
    assert bare.out.splitlines() == [
        "create    account portal",
        "create    account river",
        "create    instance in",
        "create    instance out",
    ]
    assert bare("instances", "apply", path) == 0
    assert "Nothing to do" in bare.err


def test_apply_refuses_and_changes_nothing(shell):
    before = shell.json("instances", "list", "--json")
    path = shell.file(
        FILE.replace("hubspot: firstname", "hubspot: given").replace("enabled: true", "enabled: false")
    )
    assert shell("instances", "apply", path) == 1
    assert shell.out == ""
    assert "Nothing was changed" in shell.err
    assert "mappings row 1 (given → first_name)" in shell.err
    assert shell.json("instances", "list", "--json") == before


def test_apply_refuses_what_is_no_text(shell):
    path = shell.folder / "binary.yaml"
    path.write_bytes(b"accounts: \xff\xfe")
    assert shell("instances", "apply", path) == 1
    assert "is not UTF-8 text" in shell.err


def test_a_platform_that_is_away_is_a_refusal(shell):
    shell.environment["CROSSWALK_HUBSPOT_API_URL"] = "http://127.0.0.1:9"
    assert shell("instances", "apply", shell.file()) == 1
    assert "HubSpot can't be asked" in shell.err


def test_export_applied_again_has_nothing_to_do(shell):
    assert shell("instances", "export") == 0
    assert "token" not in shell.out.replace("access_token, api_token", "")
    path = shell.file(shell.out, "exported.yaml")
    assert shell("instances", "apply", path) == 0
    assert "Nothing to do" in shell.err


def test_an_export_as_json_is_a_file_too(shell):
    path = shell.file(json.dumps(shell.json("instances", "export", "--json")))
    assert shell("instances", "apply", path) == 0
    assert "Nothing to do" in shell.err


def test_list_and_show(shell):
    told = shell.json("instances", "list", "--json")
    assert [(one["name"], one["direction"], one["enabled"]) for one in told] == [
        ("in", "incoming", True),
        ("out", "outgoing", True),
    ]
    one = shell.json("instances", "show", "in", "--json")
    assert one["mappings"][0] == {"mainstay": "first_name", "hubspot": "firstname"}
    assert one["filters"] == [{"field": "lifecyclestage", "values": ["lead"]}]
    assert shell("instances", "show", "in") == 0
    assert "crm_id ↔ hs_object_id" in shell.out
    assert shell("instances", "show", "nobody") == 1
    assert "there are: in, out" in shell.err


def test_disable_enable_delete(shell):
    assert shell("instances", "disable", "in") == 0
    assert shell.json("instances", "show", "in", "--json")["enabled"] is False
    assert shell("instances", "disable", "in") == 0
    assert "already" in shell.err
    assert shell("sweep", "in") == 1
    assert "is disabled" in shell.err
    assert shell("instances", "enable", "in") == 0
    assert "crosswalk sweep 'in' --since 20" in shell.err
    assert shell("instances", "delete", "out") == 0
    assert [one["name"] for one in shell.json("instances", "list", "--json")] == ["in"]
    assert shell("instances", "delete", "out") == 1


def test_what_commands_change_stands_in_the_audit_log(shell):
    shell("instances", "disable", "in")
    shell("instances", "disable", "in")
    shell("instances", "enable", "in")
    shell("sweep", "in")
    shell("sync", "in", "4711")
    shell("secrets", "rotate")
    shell("instances", "delete", "out")
    wiring = shell.store()
    with wiring.database.reading() as session:
        noted = audit.entries(session)
    assert " ".join(one.action for one in reversed(noted)) == (
        "account.connected account.connected instance.created instance.created"
        " instance.disabled instance.enabled sweep.done contact.synced secrets.rotated instance.deleted"
    )
    assert not any("4711" in detail for one in noted for detail in one.details)
    assert all(one.who.endswith(", from the command line") for one in noted)
    wiring.database.engine.dispose()


def test_enabling_a_second_source_of_one_target_is_refused(shell):
    text = FILE.replace(
        "instances:\n", "    - {name: ocean, org_id: ocean, api_token: ocean-token}\ninstances:\n"
    )
    out = text[text.index("  - name: out") :].replace("name: out", "name: ocean-out")
    out = out.replace("mainstay: river", "mainstay: ocean").replace("enabled: true", "enabled: false")
    assert shell("instances", "apply", shell.file(text + out)) == 0, shell.err
    assert shell("instances", "enable", "ocean-out") == 1
    assert "'out' and 'ocean-out' would both write the HubSpot account 'portal'" in shell.err
    assert shell.json("instances", "show", "ocean-out", "--json")["enabled"] is False
    assert shell("instances", "disable", "out") == 0
    assert shell("instances", "enable", "ocean-out") == 0


def test_accounts_list_and_test(shell, wiring):
    told = shell.json("accounts", "list", "--json")
    assert told[0] == {
        "platform": "HubSpot",
        "name": "portal",
        "portal_id": "62515",
        "instances": ["in", "out"],
        "held": None,
    }
    assert [one["ok"] for one in shell.json("accounts", "test", "--json")] == [True, True]
    with wiring.database.transaction() as session:
        account = accounts.all_accounts(session)[1]
        accounts.replace_credentials(session, wiring.sealer, account.id, {"api_token": "wrong"})
        accounts.hold(session, account.id, 2, "authentication-failed", "401", NOW_MS)
    assert shell("accounts", "test", "--json") == 1
    answers = json.loads(shell.out)
    assert [one["ok"] for one in answers] == [True, False]
    assert "the token is refused" in answers[1]["problem"]
    assert shell.json("accounts", "list", "--json")[1]["held"]["since"] == "2026-11-23T10:00:00.123Z"
    assert shell.json("status", "--json")["platforms"][1]["held"] == "authentication-failed"


def test_status_is_idle_exactly_when_nothing_waits(shell, wiring):
    told = shell.json("status", "--json")
    assert told["idle"] is True
    assert told["queues"] == {
        "incoming": 0,
        "outgoing": 0,
        "retry": 0,
        "dead.incoming": 0,
        "dead.outgoing": 0,
    }
    put_dead(wiring)
    told = shell.json("status", "--json")
    assert (told["idle"], told["queues"]["dead.incoming"]) == (True, 1)
    instance = by_name(wiring, "out")
    address = Address(Lane.OUTGOING, instance.id)
    wiring.queue.publisher().publish([Message(uuid.uuid4().hex, address, "m1", NOW_MS, NOW_MS)])
    told = shell.json("status", "--json")
    assert (told["idle"], told["queues"]["outgoing"]) == (False, 1)
    assert shell("status") == 0
    assert "At work." in shell.out


def test_a_platform_that_does_not_answer_is_a_failure_in_one_document(shell):
    shell.environment["CROSSWALK_MAINSTAY_API_URL"] = "http://127.0.0.1:1"
    assert shell("reconcile", "in", "--json") == 1
    assert json.loads(shell.out)["error"]["code"] == "platform-unavailable"
    assert shell("backfill", "in", "--dry-run", "--json") == 1
    assert "accounts test" in shell.err
    shell.environment["CROSSWALK_HUBSPOT_API_URL"] = "http://127.0.0.1:1"
    assert shell("preview", "in", "1", "--json") == 1
    told = json.loads(shell.out)
    assert (told["outcome"], told["code"], told["filter"]["passed"]) == (
        "error",
        "platform-unavailable",
        None,
    )
    assert shell("preview", "in", "1") == 1
    assert "Filter" not in shell.out


def test_an_error_comes_with_its_next_step(shell):
    shell("sweep", "in", "--since", "60d")
    shell.environment["CROSSWALK_MAINSTAY_AUTH_SCHEME"] = "Unknown"
    assert shell("preview", "in", waiting(shell)[0]) == 1
    assert "authentication-failed" in shell.out
    assert "Next step: Connect the account again with a new token." in shell.out


def test_a_sync_of_nobody_has_failed(shell):
    assert shell("preview", "in", "999999") == 1
    assert shell("sync", "in", "999999") == 1
    assert shell.out == "gone: no longer in HubSpot\n"


def test_preview_and_sync_and_the_timeline(shell):
    assert shell("preview", "in", "hubspot:1", "--json") == 1
    assert (shell.out, shell.err) == ("", "There is no contact 1 in HubSpot.\n")
    swept = shell.json("sweep", "in", "--since", "60d", "--json")
    assert swept == {"queued": 3}
    record_id = waiting(shell)[0]
    told = shell.json("preview", "in", record_id, "--json")
    assert set(told) >= {"outcome", "code", "filter", "matching", "changes", "fields"}
    assert told["outcome"] in ("create", "update")
    assert {"field", "before", "after", "reason"} <= set(told["changes"][0])
    assert {one["action"] for one in told["changes"]} == {"write"}
    assert all(one in told["fields"] for one in told["changes"])
    assert shell("preview", "in", f"hubspot:{record_id}") == 0
    assert shell("sync", "in", f"hubspot:{record_id}", "--json") == 0
    assert json.loads(shell.out)["outcome"] in ("created", "updated")
    after = shell.json("preview", "in", record_id, "--json")
    assert (after["outcome"], after["changes"]) == ("unchanged", [])
    assert {one["action"] for one in after["fields"]} == {"same"}
    assert shell("preview", "in", record_id) == 0 and "both sides have the same value" in shell.out
    timeline = shell.json("contact", record_id, "--json")
    linked = timeline["links"][0]
    assert linked["hubspot_id"] == record_id
    assert timeline["timeline"][0]["outcome"] in ("created", "updated")
    other = f"mainstay:{linked['mainstay_id']}"
    assert shell.json("contact", other, "--json") == timeline
    assert shell.json("preview", "in", other, "--json")["outcome"] == "unchanged"
    assert shell("contact", record_id) == 0
    assert "wrote" in shell.out
    assert shell("preview", "in", "mainstay:nobody") == 1
    assert "not tied to a HubSpot contact yet" in shell.err


def test_a_timeline_of_an_unknown_contact(shell):
    told = shell.json("contact", "hubspot:404", "--json")
    parts = ("links", "decisions", "timeline", "problems", "dead_letters")
    assert told == {part: [] for part in parts}
    assert shell("contact", "404") == 0
    assert "Nothing is known" in shell.err


def test_a_bare_id_is_looked_for_on_both_sides(shell, wiring):
    instance = by_name(wiring, "out")
    row = OutcomeRow(
        message_id="a",
        generation=0,
        direction="outgoing",
        outcome="filtered",
        cause="event",
        occurred_at_ms=NOW_MS,
        accepted_at_ms=NOW_MS,
        finished_at_ms=NOW_MS,
        hubspot_account_id=instance.hubspot.id,
        mainstay_account_id=instance.mainstay.id,
        instance_id=instance.id,
        mainstay_id="same",
        story={"filter": [{"field": "custom.Program", "wanted": ["Law"], "held": False}]},
    )
    with wiring.database.transaction() as session:
        record(session, [row, replace(row, message_id="b", hubspot_id="same", mainstay_id=None)])
    assert len(shell.json("contact", "same", "--json")["timeline"]) == 2
    assert len(shell.json("contact", "mainstay:same", "--json")["timeline"]) == 1
    assert shell("contact", "same") == 0
    assert "custom.Program is not Law" in shell.out


def test_a_wrong_secret_key_says_so(shell):
    shell.environment["CROSSWALK_SECRET_KEY"] = "another"
    assert shell("instances", "export") == 1
    assert "CROSSWALK_SECRET_KEY (new,old)" in shell.err
