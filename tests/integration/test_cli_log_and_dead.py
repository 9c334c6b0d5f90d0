"""The Sync Log and the dead letters by command."""

import csv
import io

import pytest

from core.domain.codes import Code
from core.domain.messages import Lane
from core.domain.outcomes import Problem
from core.store import dead_letters, sync_log
from tests.integration.shell import NOW_MS, by_name, put_dead


def log_entry(wiring, message, *, instance="in", code=Code.INVALID_PHONE, at_ms=NOW_MS, contact="101"):
    about = sync_log.About(
        instance_id=by_name(wiring, instance).id,
        direction="incoming" if instance == "in" else "outgoing",
        contact=f"hubspot:{contact}",
        hubspot_id=contact,
        mainstay_id=f"ah{contact}",
    )
    with wiring.database.transaction() as session:
        sync_log.tell(session, about, [Problem(code, message)], at_ms)


def test_the_log_in_the_contracts_shape(shell, wiring):
    log_entry(wiring, "first")
    (entry,) = shell.json("log", "--json")
    assert entry == {
        "timestamp": "2026-11-23T10:00:00.123Z",
        "id": entry["id"],
        "integration": "HubSpot",
        "instance": "in",
        "direction": "incoming",
        "contact": {"hubspot_id": "101", "mainstay_id": "ah101", "url": None},
        "code": "invalid-phone",
        "message": "first",
    }
    assert shell.json("log", "--format", "json") == [entry]
    shell.environment["CROSSWALK_MAINSTAY_CONTACT_URL"] = "https://app.mainstay.com/c/{id}"
    assert shell.json("log", "--json")[0]["contact"]["url"] == "https://app.mainstay.com/c/ah101"


def test_the_log_is_narrowed_by_every_option(shell, wiring):
    log_entry(wiring, "old", at_ms=NOW_MS - 86_400_000 * 3, contact="1")
    log_entry(wiring, "email", code=Code.INVALID_EMAIL, contact="2")
    log_entry(wiring, "out", instance="out", contact="3")

    def messages(*options):
        return [one["message"] for one in shell.json("log", "--json", *options)]

    assert messages() == ["out", "email", "old"]
    assert messages("--since", "2026-11-23") == ["out", "email"]
    assert messages("--until", "2026-11-20") == ["old"]
    assert messages("--since", "2026-11-23T10:00:00.124Z") == []
    assert messages("--code", "invalid-email") == ["email"]
    assert messages("--instance", "out") == ["out"]
    assert messages("--direction", "outgoing") == ["out"]
    assert messages("--contact", "2") == ["email"]
    assert messages("--contact", "mainstay:ah3") == ["out"]
    assert messages("--contact", "hubspot:1") == ["old"]


def test_the_download_is_csv(shell, wiring):
    log_entry(wiring, '=cmd|"/C calc"!A0, and more')
    assert shell("log", "--format", "csv") == 0
    head, row = csv.reader(io.StringIO(shell.out))
    assert head == [
        *("timestamp", "id", "integration", "instance", "direction"),
        *("hubspot_id", "mainstay_id", "url", "code", "message"),
    ]
    assert row[0] == "2026-11-23T10:00:00.123Z"
    assert row[-1] == '\'=cmd|"/C calc"!A0, and more'
    assert shell("log") == 0
    assert "invalid-phone" in shell.out


def test_dead_letters_in_the_contracts_shape(shell, wiring):
    put_dead(wiring)
    (letter,) = shell.json("dead", "list", "--json")
    assert letter == {
        "id": letter["id"],
        "instance": "in",
        "direction": "incoming",
        "contact": "hubspot:101",
        "code": "platform-unavailable",
        "message": "no answer",
        "attempts": 6,
        "first_failed_at": "2026-11-23T10:00:00.118Z",
        "last_failed_at": "2026-11-23T10:00:00.123Z",
    }
    told = shell.json("dead", "show", letter["id"], "--json")
    assert told["next_step"] and told["state"] == "dead"
    assert shell("dead", "show", 4711) == 1


def test_replay_queues_the_next_generation_once(shell, wiring):
    sent = put_dead(wiring)
    put_dead(wiring, instance="out", contact="m1")
    assert shell("dead", "replay", "--instance", "in", "--dry-run") == 0
    assert "1 would be replayed" in shell.err
    assert len(shell.json("dead", "list", "--json")) == 2
    assert shell("dead", "replay", "--instance", "in") == 0, shell.err
    assert "1 queued again" in shell.err
    assert [one["instance"] for one in shell.json("dead", "list", "--json")] == ["out"]
    address = sent.address
    (delivery,) = wiring.queue.consumer().receive([address], 10, 1.0)
    message = delivery.message
    assert (message.id, message.generation, message.attempt) == (sent.id, 1, 0)
    assert (message.cause, message.changes, message.first_failed_at_ms) == ("replay", {}, 0)
    assert shell("dead", "replay", "--instance", "in") == 0, shell.err
    assert "no such dead letters" in shell.err


def test_replay_of_many_and_of_what_cannot_be_read(shell, wiring):
    for number in range(230):
        put_dead(wiring, contact=str(number))
    with wiring.database.transaction() as session:
        dead_letters.store_unreadable(
            session,
            lane=Lane.INCOMING,
            address_id=1,
            message_id="x",
            body=b"\xff",
            why="no JSON",
            now_ms=NOW_MS,
        )
    told = shell.json("dead", "replay", "--json")
    assert (told["queued"], told["unreadable"]) == (230, 1) and told["job"]
    assert "200 of 231 …" in shell.err
    assert "1 can't be read" in shell.err
    assert [one["code"] for one in shell.json("dead", "list", "--json")] == ["unreadable-message"]


def test_a_limit_replays_the_oldest(shell, wiring):
    letters = [put_dead(wiring, contact=str(number)) for number in range(5)]
    assert shell("dead", "replay", "--limit", "2") == 0
    left = [one["contact"] for one in shell.json("dead", "list", "--json")]
    assert left == [f"hubspot:{one.contact}" for one in letters[2:]]


def test_discard_narrowed(shell, wiring):
    put_dead(wiring, at_ms=NOW_MS - 86_400_000, contact="old")
    put_dead(wiring, code=Code.UNEXPECTED_ANSWER, contact="odd")
    put_dead(wiring, contact="new")
    assert shell("dead", "discard", "--since", "2026-11-23", "--code", "platform-unavailable") == 0
    assert "1 discarded" in shell.err
    assert [one["contact"] for one in shell.json("dead", "list", "--json")] == ["hubspot:old", "hubspot:odd"]
    assert shell.json("dead", "discard", "--json") == {"count": 2, "discarded": 2, "dry_run": False}
    assert shell.json("dead", "list", "--json") == []


def test_one_letter_is_chosen_by_its_id(shell, wiring):
    for contact in ("first", "second", "third"):
        put_dead(wiring, contact=contact)
    first, second, third = (one["id"] for one in shell.json("dead", "list", "--json"))
    assert [one["id"] for one in shell.json("dead", "list", "--id", second, "--json")] == [second]
    told = shell.json("dead", "discard", "--id", second, "--json")
    assert told == {"count": 1, "discarded": 1, "dry_run": False}
    assert shell("dead", "replay", "--id", third, "--id", second) == 1, "one of them is no longer dead"
    assert f"There is no dead letter {second} (any more)" in shell.err
    assert shell.json("dead", "replay", "--id", third, "--json")["queued"] == 1
    assert [one["id"] for one in shell.json("dead", "list", "--json")] == [first]
    assert shell("dead", "discard", "--id", 4711) == 1 and "no dead letter 4711" in shell.err


@pytest.mark.parametrize("command", ["dead show", "dead replay --id", "jobs show", "activity --limit"])
@pytest.mark.parametrize("number", ["0", "99999999999999999999", "x"])
def test_a_number_that_no_database_holds_is_wrong_use(shell, command, number):
    assert shell(*command.split(), number) == 2
    assert "Invalid value" in shell.err


@pytest.mark.parametrize("command", ["log", "activity", "dead list", "dead replay", "dead discard"])
def test_a_name_that_no_instance_ever_had_is_not_nothing_found(shell, wiring, command):
    put_dead(wiring)
    assert shell(*command.split(), "--instance", "inn") == 1
    assert "There is no instance 'inn'" in shell.err
    assert len(shell.json("dead", "list", "--json")) == 1


@pytest.mark.parametrize("command", ["log", "activity", "dead list"])
def test_a_deleted_instance_can_still_be_asked_for(shell, wiring, command):
    number = by_name(wiring, "in").id
    assert shell("instances", "delete", "in") == 0
    assert shell(*command.split(), "--instance", f"in (deleted {number})") == 0
