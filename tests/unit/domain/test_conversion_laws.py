"""Laws of conversion, for any row and any value."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.domain import scalars, values
from core.domain.conversion import NotConvertible, convert, convertible, same
from core.domain.fields import Direction, Field, FieldType, Option, Platform, Row
from core.domain.phones import national_ten

_TYPES = st.sampled_from(FieldType)
_DIRECTIONS = st.sampled_from(Direction)
_MARK = "zqzq"  # in every value of the test about texts that must not leak
_RAW = st.sampled_from(
    ["true", "No", "1", "0", "2026", "1752559200000", "2026-01-02", "01/02/2026", "2026-01-02T03:04:05+02:00",
     "617 555 0100", "+44 20 7946 0958", "617 555 0100 x5", "a", "B", "a;b", "b, c", "Label c", "d",
     "A@B.edu", "www.b.edu", "1e5", "-0.50", "0.12345678901234567890123", True, 7, 3.25, ["a", "c"]]
) | st.text(max_size=8)  # fmt: skip


@st.composite
def _options(draw: st.DrawFn) -> tuple[Option, ...]:
    """Options of which no two share a name: a name then means one thing on its side."""
    names = draw(st.lists(st.sampled_from("abcdefg"), unique=True, max_size=5))
    label = draw(st.sampled_from(["Label {}", "{}"]))
    return tuple(Option(name, label.format(name)) for name in names)


@st.composite
def _rows(draw: st.DrawFn) -> Row:
    mainstay = Field("m", "M", draw(_TYPES), draw(_options()))
    hubspot = Field("h", "H", draw(_TYPES), draw(_options()))
    pairs: dict[str, str] = {}
    paired = draw(st.booleans())
    if paired and mainstay.options and hubspot.options:
        names = st.sampled_from([one.value for one in mainstay.options])
        others = st.sampled_from([one.value for one in hubspot.options])
        pairs = draw(st.dictionaries(names, others, max_size=3))
    return Row(mainstay, hubspot, options=tuple(pairs.items()))


def _carried(row: Row, direction: Direction, value: str) -> str | None:
    try:
        return convert(row, direction, value, "US")
    except NotConvertible:
        return None


def _canonical(row: Row, platform: Platform, raw: Any) -> str:
    return values.canonical(row.side(platform), platform, raw, "US")


@given(_rows(), _DIRECTIONS, _RAW)
def test_conversion_gives_one_answer_in_the_targets_own_form(
    row: Row, direction: Direction, raw: Any
) -> None:
    value = _canonical(row, direction.source, raw)
    result = _carried(row, direction, value)
    assert _carried(row, direction, value) == result
    if result is None:
        assert value
        return
    target = row.side(direction.target)
    assert values.canonical(target, direction.target, result, "US") == result
    assert values.fits(target, result) or not result
    sent = values.wire(target, direction.target, result)
    assert values.canonical(target, direction.target, sent, "US") == result


@given(_rows(), _DIRECTIONS, _RAW)
def test_what_was_carried_settles_after_one_way_back(row: Row, direction: Direction, raw: Any) -> None:
    seen = [_carried(row, direction, _canonical(row, direction.source, raw))]
    back: str | None = ""
    for _ in range(2):
        back = _carried(row, direction.opposite, seen[-1] or "")
        if not back:
            return
        seen.append(_carried(row, direction, back))
    assert seen[2] == seen[1] is not None
    others = [other for _, other in row.options]
    if len(set(others)) == len(others):  # else two Mainstay options mean one, and the first stands for it
        assert seen[1] == seen[0]
    assert same(row, direction, back or "", seen[2] or "", "US")


@given(_rows(), _DIRECTIONS, _RAW)
def test_only_convertible_types_are_converted(row: Row, direction: Direction, raw: Any) -> None:
    value = _canonical(row, direction.source, raw)
    if value and convertible(row.side(direction.source), row.side(direction.target)):
        assert _carried(row, direction, value) is None


@given(_rows(), _RAW)
def test_mainstay_is_given_only_what_it_can_hold(row: Row, raw: Any) -> None:
    result = _carried(row, Direction.INCOMING, _canonical(row, Platform.HUBSPOT, raw))
    if not result:
        return
    if row.mainstay.type is FieldType.PHONE:
        assert national_ten(result, "US")
    if row.mainstay.type is FieldType.NUMBER:
        assert scalars.json_number(result) is not None
    if row.mainstay.type is FieldType.CHOICE and row.mainstay.options:
        assert result in {option.value for option in row.mainstay.options}


@given(_rows(), _DIRECTIONS, st.text(max_size=8))
def test_a_refusal_never_tells_the_value(row: Row, direction: Direction, text: str) -> None:
    value = _canonical(row, direction.source, f"{text}{_MARK}{text}")
    try:
        convert(row, direction, value, "US")
    except NotConvertible as refusal:
        assert _MARK not in repr(refusal) and _MARK not in str(refusal) and refusal.why


@given(_rows(), _DIRECTIONS, _RAW, _RAW)
def test_same_looks_alike_from_both_sides(row: Row, direction: Direction, one: Any, other: Any) -> None:
    source, target = _canonical(row, direction.source, one), _canonical(row, direction.target, other)
    assert same(row, direction, source, target, "US") == same(row, direction.opposite, target, source, "US")
