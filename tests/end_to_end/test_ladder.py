"""What is tried again, how often, and what then becomes of it; neighbours get through meanwhile."""

from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.scene import Outside, configuration, scene, until
from tests.end_to_end.test_holds import attempts, crowd, held

FEW = [
    ("hubspot", {"kind": "500"}, "platform-unavailable"),
    ("mainstay", {"kind": "reset"}, "platform-unavailable"),
    ("mainstay", {"kind": "garbage"}, "unexpected-answer"),
]


@pytest.mark.parametrize(("platform", "rule", "code"), FEW)
def test_a_few_failing_contacts_climb_and_end_as_dead_letters(
    tmp_path: Path, platform: str, rule: dict[str, Any], code: str
) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        broken: Outside = getattr(one, platform)
        broken.fault(**rule)
        one.start("incoming")
        records = crowd(one, 3)
        one.settle()
        dead = one.dead()
        assert {letter.contact for letter in dead} == {f"hubspot:{record}" for record in records}
        assert {(letter.code, letter.attempts) for letter in dead} == {(code, 3)}
        assert one.codes() == [code] * 3
        assert one.outcomes() == {"dead": 3}
        assert held(one) == {}


@pytest.mark.parametrize("linked", [False, True], ids=["create", "update"])
@pytest.mark.parametrize("direction", ["incoming", "outgoing"])
def test_one_bad_contact_does_not_stop_its_neighbours(tmp_path: Path, direction: str, linked: bool) -> None:
    with scene(tmp_path, ladder="0.5s,0.5s,0.5s") as one:
        one.apply(configuration(direction))
        source, target = (one.hubspot, one.mainstay)[:: 1 if direction == "incoming" else -1]
        first, last = ("firstname", "lastname") if direction == "incoming" else ("first_name", "last_name")
        rows = [
            {first: "Ana", last: f"Ruiz{n}", "phone": f"61755502{n:02}", "email": f"a{n}@example.edu"}
            for n in range(30)
        ]
        ids = [source.create(**row) for row in rows]
        if linked:
            one.start(direction)
            one.settle()
            one.stop()
        for number, contact in enumerate(ids):
            source.edit(contact, **{last: "Culprit" if number == 13 else f"Changed{number}"})
        until(source.quiet)
        for method in ("POST", "PATCH"):
            target.fault(kind="500", contains="Culprit", method=method)
        one.start(direction)
        one.settle(40.0)
        their_last = "last_name" if direction == "incoming" else "lastname"
        names = sorted(contact[their_last] for contact in target.all())
        through = sorted(f"Changed{number}" for number in range(30) if number != 13)
        assert names == sorted([*through, *(["Ruiz13"] if linked else [])])
        assert {letter.contact.split(":")[1] for letter in one.dead()} == {ids[13]}
        assert {letter.code for letter in one.dead()} == {"platform-unavailable"}
        assert one.codes() == ["platform-unavailable"] and one.log()[0].contact.endswith(ids[13])
        assert held(one) == {}


@pytest.mark.parametrize("platform", ["hubspot", "mainstay"])
@pytest.mark.parametrize("retry_after", [1.0, None])
def test_a_limit_costs_no_try(tmp_path: Path, platform: str, retry_after: float | None) -> None:
    with scene(tmp_path, ladder="0.2s") as one:
        one.apply(configuration("incoming"))
        told = {} if retry_after is None else {"retry_after_s": retry_after}
        getattr(one, platform).fault(kind="429", times=3 if retry_after else 1, **told)
        one.start("incoming")
        crowd(one, 6)
        one.settle(40.0)
        assert len(one.mainstay.all()) == 6
        assert one.codes() == [] and one.dead() == [] and attempts(one) == {0}


def test_a_problem_is_told_once_and_again_after_a_change(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        record = one.hubspot.create(firstname="Eve", lastname="Lee", phone="12", email="eve@example.edu")
        one.settle()
        one.hubspot.edit(record, city="Boston")  # nothing that is mapped
        one.settle()
        assert one.codes() == ["invalid-phone"]
        one.hubspot.edit(record, phone="13")
        one.settle()
        assert one.codes() == ["invalid-phone"] * 2
        one.hubspot.edit(record, phone="6175550123")
        one.settle()
        assert one.codes() == ["invalid-phone"] * 2
        assert all(entry.resolved_at_ms for entry in one.log())
        assert len(one.mainstay.all()) == 1


def test_a_second_dead_letter_is_told_again_if_the_contact_changed(tmp_path: Path) -> None:
    with scene(tmp_path, ladder="0.1s") as one:
        one.apply(configuration("incoming"))
        one.mainstay.fault(kind="500")
        one.start("incoming")
        [record] = crowd(one, 1)
        one.settle()
        assert one.codes() == ["platform-unavailable"]
        one.hubspot.edit(record, lastname="Vega")
        one.settle()
        assert one.codes() == ["platform-unavailable"] * 2 and len(one.dead()) == 2
        one.mainstay.mend()
        one.hubspot.edit(record, lastname="Luna")
        one.settle()
        assert [entry.resolved_at_ms is not None for entry in one.log()] == [True, True]
