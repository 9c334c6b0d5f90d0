"""What becomes of one field: every line of contract.md §6 (Writing, Two-way fields) as a table, and laws."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.codes import Code
from core.domain.digests import digest as keyed
from core.domain.fields import Direction, Field, FieldType, Option, Platform, Row, WhenEmpty
from core.domain.merging import Agreed, RowState, Times, decide
from core.domain.outcomes import Action, FieldVerdict

IN, OUT = Direction.INCOMING, Direction.OUTGOING
KEEP, CLEAR = WhenEmpty.KEEP, WhenEmpty.CLEAR
TEXT = Row(Field("city", "City", max_length=8), Field("town", "Town"))
CLEARING = replace(TEXT, when_empty=CLEAR)
PROGRAMS = (Option("nursing_bsn", "Nursing"), Option("biology", "Biology"))
CHOICE = Row(
    Field(
        "custom.Program", "Program", FieldType.CHOICE, (Option("Nursing", "Nursing"), Option("Art", "Art"))
    ),
    Field("program", "Program", FieldType.CHOICE, PROGRAMS),
)


def digest(platform: Platform, name: str, value: str) -> str:
    """As the product's own, under a key of the tests."""
    return keyed(b"key", platform, name, value)


def agreed(row: Row, mainstay: str, hubspot: str) -> Agreed:
    """Both sides had these values."""
    return Agreed(
        digest(Platform.MAINSTAY, row.mainstay.name, mainstay),
        digest(Platform.HUBSPOT, row.hubspot.name, hubspot),
    )


def verdict(
    source: str, target: str, direction: Direction = IN, row: Row = TEXT, **known: Any
) -> FieldVerdict:
    """The verdict on a row. ``was``: the value that both sides had when they agreed."""
    was = known.pop("was", None)
    if was is not None:
        known["agreed"] = agreed(row, was, was)
    return decide(RowState(row, direction, source, target, **known), digest, "US")


HUBSPOT_LATER, MAINSTAY_LATER, TIE = Times(1, 2), Times(2, 1), Times(1, 1)

ONE_WAY: list[tuple[str, dict[str, Any], Action, str]] = [
    ("equal", {"source": "a", "target": "a"}, Action.SAME, "a"),
    ("both blank", {"source": "", "target": ""}, Action.SAME, ""),
    ("new", {"source": "a", "target": ""}, Action.WRITE, "a"),
    ("different", {"source": "a", "target": "b"}, Action.WRITE, "a"),
    (
        "the target was changed: the source asserts",
        {"source": "a", "target": "b", "was": "a"},
        Action.WRITE,
        "a",
    ),
    ("blank, kept", {"source": "", "target": "b"}, Action.KEPT, "b"),
    ("blank, cleared", {"source": "", "target": "b", "row": CLEARING}, Action.WRITE, ""),
    ("too long, never cut", {"source": "a" * 9, "target": "b"}, Action.LEFT_OUT, "b"),
]


@pytest.mark.parametrize("given_, action, after", [pytest.param(g, a, b, id=n) for n, g, a, b in ONE_WAY])
def test_one_way(given_: dict[str, Any], action: Action, after: str) -> None:
    found = verdict(**given_)
    assert (found.action, found.after) == (action, after)
    assert found.reason


def test_what_a_platform_made_of_a_value_is_not_written_again() -> None:
    """Both sides agreed on "a" here and "A!" there: nobody changed it since."""
    found = verdict("a", "A!", agreed=agreed(TEXT, "A!", "a"))
    assert (found.action, found.reason) == (Action.SAME, "unchanged since both sides agreed")


TWO_WAY: list[tuple[str, dict[str, Any], Action, str]] = [
    ("never agreed: who is handled", {"source": "a", "target": "b"}, Action.WRITE, "a"),
    ("never agreed: a blank yields", {"source": "", "target": "b"}, Action.YIELD, "b"),
    (
        "never agreed: it yields under clear too",
        {"source": "", "target": "b", "row": CLEARING},
        Action.YIELD,
        "b",
    ),
    ("never agreed: a filled one goes", {"source": "a", "target": ""}, Action.WRITE, "a"),
    ("the source changed", {"source": "a", "target": "b", "was": "b"}, Action.WRITE, "a"),
    ("the target changed", {"source": "a", "target": "b", "was": "a"}, Action.YIELD, "b"),
    ("the source went blank", {"source": "", "target": "b", "was": "b"}, Action.KEPT, "b"),
    ("the source was cleared", {"source": "", "target": "b", "was": "b", "row": CLEARING}, Action.WRITE, ""),
    ("the target went blank", {"source": "a", "target": "", "was": "a"}, Action.KEPT, ""),
    ("it was cleared", {"source": "a", "target": "", "was": "a", "two_way": CLEAR}, Action.YIELD, ""),
    ("both changed", {"source": "a", "target": "b", "was": "c"}, Action.TIMES, "b"),
    (
        "the source later",
        {"source": "a", "target": "b", "was": "c", "times": HUBSPOT_LATER},
        Action.WRITE,
        "a",
    ),
    (
        "the target later",
        {"source": "a", "target": "b", "was": "c", "times": MAINSTAY_LATER},
        Action.YIELD,
        "b",
    ),
    ("a tie goes to HubSpot", {"source": "a", "target": "b", "was": "c", "times": TIE}, Action.WRITE, "a"),
    (
        "a tie goes to HubSpot, outgoing too",
        {"source": "a", "target": "b", "was": "c", "times": TIE, "direction": OUT},
        Action.YIELD,
        "b",
    ),
    ("both to the same", {"source": "a", "target": "a", "was": "c"}, Action.SAME, "a"),
    ("a change that does not fit", {"source": "a" * 9, "target": "b", "was": "b"}, Action.LEFT_OUT, "b"),
]


@pytest.mark.parametrize("given_, action, after", [pytest.param(g, a, b, id=n) for n, g, a, b in TWO_WAY])
def test_two_way(given_: dict[str, Any], action: Action, after: str) -> None:
    found = verdict(**{"two_way": KEEP, **given_})
    assert (found.action, found.after) == (action, after)
    assert found.reason


@pytest.mark.parametrize(
    "times, words",
    [
        (
            Times(1000, 3500),
            (
                "HubSpot changed it 2.5 s later"
                " (HubSpot: 1970-01-01T00:00:03.500Z, Mainstay: 1970-01-01T00:00:01.000Z)"
            ),
        ),
        (TIE, "at the same time (1970-01-01T00:00:00.001Z), and then HubSpot's value holds"),
    ],
)
def test_the_timeline_says_who_was_later(times: Times, words: str) -> None:
    found = verdict("a", "b", was="c", two_way=KEEP, times=times)
    assert found.reason == f"changed on both sides; {words}"


@pytest.mark.parametrize(
    "row, source, code",
    [(CHOICE, "biology", Code.UNKNOWN_OPTION), (TEXT, "x" * 9, Code.INVALID_VALUE)],
)
def test_a_problem_names_the_target_field_and_no_value(row: Row, source: str, code: Code) -> None:
    problem = verdict(source, "", row=row).problem
    assert problem is not None
    assert (problem.code, problem.field) == (code, row.mainstay.name)
    assert source not in problem.message


values = st.sampled_from(["", "a", "b", "c", "toolongforit"])
states = st.builds(
    RowState,
    row=st.sampled_from([TEXT, CLEARING]),
    direction=st.sampled_from(Direction),
    source=values,
    target=values,
    agreed=st.none() | st.builds(agreed, st.just(TEXT), values, values),
    two_way=st.none() | st.sampled_from(WhenEmpty),
    times=st.builds(Times, st.integers(0, 3), st.integers(0, 3)),
)


@given(states)
def test_only_a_write_changes_the_target(state: RowState) -> None:
    found = decide(state, digest, "US")
    assert found.action is not Action.TIMES, "the times are known"
    assert found.before == state.target
    if found.action is Action.WRITE:
        assert found.after != state.target
        assert found.after == state.source
    else:
        assert found.after == state.target


@given(states)
def test_deciding_on_its_own_result_gives_no_write(state: RowState) -> None:
    found = decide(state, digest, "US")
    after = _after(state, found)
    assert decide(after, digest, "US").action is not Action.WRITE


def _after(state: RowState, found: FieldVerdict) -> RowState:
    """What is known once a verdict was carried out."""
    if found.action in (Action.WRITE, Action.SAME):
        sides = (found.after, state.source) if state.direction is IN else (state.source, found.after)
        return replace(state, target=found.after, agreed=agreed(state.row, *sides))
    return state


edits = st.lists(
    st.one_of(
        st.tuples(st.just("hubspot"), st.sampled_from(["", "a", "b", "c"])),
        st.tuples(st.just("mainstay"), st.sampled_from(["", "a", "b", "c"])),
        st.tuples(st.just("sync"), st.sampled_from(Direction)),
    ),
    max_size=12,
)


@settings(max_examples=400)
@given(edits, st.sampled_from(WhenEmpty), st.sampled_from(Direction))
def test_two_sides_edited_at_random_converge_and_fall_silent(
    steps: list[tuple[str, Any]], when_empty: WhenEmpty, first: Direction
) -> None:
    sides = _Sides(replace(TEXT, when_empty=when_empty), when_empty)
    for who, what in steps:
        if who == "sync":
            sides.sync(what)
        else:
            sides.edit(who, what)
    for direction in (first, first.opposite, first, first.opposite):
        sides.sync(direction)
    writes = sides.writes
    assert not sides.sync(first) and not sides.sync(first.opposite), "nothing has to travel any more"
    assert sides.writes == writes, "and nothing is written"
    hubspot, mainstay = sides.values["hubspot"], sides.values["mainstay"]
    if when_empty is CLEAR or (hubspot and mainstay):
        assert hubspot == mainstay


class _Sides:
    """One two-way field of one contact on both platforms, and what a link would remember."""

    def __init__(self, row: Row, when_empty: WhenEmpty) -> None:
        self.row, self.when_empty = row, when_empty
        self.values = {"hubspot": "", "mainstay": ""}
        self.changed = {"hubspot": 0, "mainstay": 0}
        self.agreed: Agreed | None = None
        self.clock = self.writes = 0

    def edit(self, side: str, value: str) -> None:
        self.clock += 1
        self.values[side], self.changed[side] = value, self.clock

    def sync(self, direction: Direction) -> bool:
        """Whether anything has to travel the other way afterwards."""
        source, target = direction.source, direction.target
        state = RowState(
            self.row,
            direction,
            self.values[source],
            self.values[target],
            self.agreed,
            self.when_empty,
            Times(self.changed["mainstay"], self.changed["hubspot"]),
        )
        found = decide(state, digest, "US")
        if found.action is Action.WRITE:
            self.edit(target, found.after)
            self.writes += 1
        self.agreed = _after(state, found).agreed
        return found.action is Action.YIELD
