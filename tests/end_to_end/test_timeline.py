"""A contact's timeline says why each value is what it is: who won, when the loser changed it, who was passed
over, what failed."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from console.cli.main import crosswalk
from console.cli.start import Start
from console.timelines import decided, look_up
from core.domain.codes import Code
from core.domain.fields import Platform
from core.store import dead_letters
from tests.end_to_end.clockwork import contact, record
from tests.end_to_end.scene import Scene, configuration, scene, until

MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def told(one: Scene, contact_id: str, platform: Platform | None = None) -> dict[str, Any]:
    return look_up(one.wiring.database, (platform, contact_id)).to_json()


def text(one: Scene, contact_id: str) -> str:
    answer = CliRunner().invoke(
        crosswalk, ["contact", contact_id], obj=Start(one.env()), standalone_mode=False
    )
    assert answer.exception is None, answer.exception
    return answer.stdout


def decision(document: dict[str, Any], side: str, field: str) -> dict[str, Any]:
    [found] = [one for one in document["decisions"] if (one["side"], one["field"]) == (side, field)]
    return found


def test_of_a_conflict_it_names_the_winner_and_both_times(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start()
        known = one.hubspot.create(**record(1))
        one.settle()
        one.stop()
        [person] = one.mainstay.all()
        one.hubspot.edit(known, lastname="Vega")
        until(one.hubspot.quiet)
        one.mainstay.edit(person["id"], last_name="Ortiz")
        one.start()
        one.settle()
        assert one.hubspot.get(known)["lastname"] == "Ortiz"
        document = told(one, known, Platform.HUBSPOT)
        won = decision(document, "hubspot", "lastname")
        assert won["did"] == "write"
        assert re.fullmatch(
            r"changed on both sides; Mainstay changed it [\d.]+ s later"
            rf" \(HubSpot: {MOMENT}, Mainstay: {MOMENT}\)",
            won["reason"],
        )
        assert document == told(one, person["id"], Platform.MAINSTAY) == told(one, known)
        assert won["reason"] in text(one, f"hubspot:{known}")
        assert not re.search(r"\d{13}(?!\d|\.)", won["reason"]), "no raw milliseconds"


def test_it_tells_the_losing_candidates_and_the_steps(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("outgoing"))
        one.hubspot.set(webhooks=False)
        loser = one.hubspot.create(**record(1, phone="6175559999", email="other@example.edu"))
        winner = one.hubspot.create(**record(1, email="third@example.edu"))
        one.start("outgoing")
        person = one.mainstay.create(**contact(1))
        one.settle()
        entries = told(one, person)["timeline"]
        [step] = [s for e in entries for s in e["matching"] if s["rule"] == "name and phone"]
        assert step["result"] == "matched"
        assert set(step["candidates"]) == {loser, winner}
        shown = text(one, person)
        assert f"matching: name and phone: matched: HubSpot record {winner} (looked at" in shown
        assert "matching: email: nothing: no HubSpot record has this email" in shown


def test_filters_problems_and_dead_letters_stand_in_it(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        filters = {"incoming": "[{field: lifecyclestage, values: [lead]}]"}
        one.apply(configuration("incoming", filters=filters))
        one.start("incoming")
        known = one.hubspot.create(**record(1, phone="12", lifecyclestage="subscriber"))
        one.settle()
        one.hubspot.edit(known, lifecyclestage="lead")
        one.settle()
        one.mainstay.fault(kind="500", contains="6175550001", times=3)
        other = one.hubspot.create(**record(1, lifecyclestage="lead", email="b@example.edu"))
        one.settle()
        document = told(one, known)
        assert [entry["outcome"] for entry in document["timeline"]] == ["error", "filtered"]
        [problem] = document["problems"]
        assert (problem["code"], problem["resolved_at"]) == ("invalid-phone", None)
        shown = text(one, known)
        assert "filtered: lifecyclestage is not lead" in shown
        assert "Sync Log: invalid-phone:" in shown and "still open" in shown
        [letter] = told(one, other)["dead_letters"]
        assert (letter["code"], letter["state"]) == (str(Code.PLATFORM_UNAVAILABLE), "dead")
        with one.wiring.database.transaction() as session:
            dead_letters.settle(session, [letter["id"]], "discarded", one.wiring.clock())
        assert "(discarded): platform-unavailable" in text(one, other)


def test_the_link_says_what_is_agreed_and_no_value_is_shown(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        known = one.hubspot.create(**record(1))
        one.settle()
        document = told(one, known)
        [link] = document["links"]
        assert set(link["agreed"]) == {"first_name", "last_name", "phone", "email"}
        assert (link["hubspot_id"], link["writing_to"]) == (known, None)
        shown = text(one, known)
        assert "both sides agree on " in shown
        for value in ("Ruiz1", "Ana", "ana1@example.edu", "6175550001"):
            assert value not in shown and value not in str(document)


@pytest.mark.parametrize("outcome, fields", [("error", []), ("updated", [("mainstay", "email")])])
def test_only_what_was_written_counts_as_written(outcome: str, fields: list[tuple[str, str]]) -> None:
    entry = {
        "direction": "incoming",
        "outcome": outcome,
        "at": "2026-11-23T10:00:00.000Z",
        "instance": "in",
        "fields": [
            {"field": "email", "did": "write", "reason": "changed in HubSpot"},
            {"field": "phone", "did": "same", "reason": ""},
        ],
    }
    assert [(one["side"], one["field"]) for one in decided([entry])] == fields
