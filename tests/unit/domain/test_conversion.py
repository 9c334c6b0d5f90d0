"""Carrying values over a row: every pair of types, options, and what is refused with which code."""

import pytest

from core.domain import values
from core.domain.codes import Code
from core.domain.conversion import NotConvertible, convert, convertible, same
from core.domain.fields import Direction, Field, FieldType, Option, Platform, Row

IN, OUT = Direction.INCOMING, Direction.OUTGOING
T = FieldType
MAINSTAY_PROGRAMS = (Option("Nursing", "Nursing"), Option("Biology", "Biology"), Option("Art", "Fine Art"))
HUBSPOT_PROGRAMS = (Option("nursing_bsn", "BSN"), Option("bio", "biology"), Option("art", "Arts"))
PAIRS = (("Nursing", "nursing_bsn"),)


def field(type_: FieldType, options: tuple[Option, ...] = (), max_length: int | None = None) -> Field:
    return Field("f", "F", type_, options, max_length=max_length)


def row(mainstay: Field, hubspot: Field, pairs: tuple[tuple[str, str], ...] = ()) -> Row:
    return Row(mainstay, hubspot, options=pairs)


def carried(source: Field, target: Field, value: str, direction: Direction = IN) -> str:
    one = row(target, source) if direction is IN else row(source, target)
    return convert(one, direction, value, "US")


def refused(source: Field, target: Field, value: str, direction: Direction = IN) -> Code:
    with pytest.raises(NotConvertible) as caught:
        carried(source, target, value, direction)
    assert value == "true" or value not in str(caught.value)  # "true/false" is a type's name
    return caught.value.code


SAMPLES = {
    T.TEXT: "Ada",
    T.NUMBER: "3.5",
    T.BOOL: "true",
    T.CHOICE: "chess",
    T.CHOICES: "chess;go",
    T.DATE: "2026-07-15",
    T.DATETIME: "2026-07-15T10:00:00.000Z",
    T.PHONE: "+16175550100",
    T.EMAIL: "ada@example.edu",
    T.URL: "https://example.edu",
}
# Source, target, value, what comes out; every pair that is not here can't be mapped.
PAIRS_OF_TYPES = [
    *((type_, type_, SAMPLES[type_], SAMPLES[type_]) for type_ in T),
    *((type_, T.TEXT, SAMPLES[type_], SAMPLES[type_]) for type_ in T if type_ is not T.TEXT),
    (T.TEXT, T.NUMBER, "3.50", "3.5"),
    (T.TEXT, T.BOOL, "Yes", "true"),
    (T.TEXT, T.CHOICE, "Ada", "Ada"),
    (T.TEXT, T.CHOICES, "b;a", "a;b"),
    (T.TEXT, T.DATE, "07/15/2026", "2026-07-15"),
    (T.TEXT, T.DATETIME, "2026-07-15T10:00:00Z", "2026-07-15T10:00:00.000Z"),
    (T.TEXT, T.PHONE, "(617) 555-0100", "+16175550100"),
    (T.TEXT, T.EMAIL, "Ada@Example.edu", "ada@example.edu"),
    (T.TEXT, T.URL, "www.example.edu", "www.example.edu"),
    (T.NUMBER, T.CHOICE, "2026", "2026"),
    (T.BOOL, T.CHOICE, "true", "true"),
    (T.CHOICE, T.NUMBER, "2026", "2026"),
    (T.CHOICE, T.BOOL, "No", "false"),
    (T.CHOICE, T.CHOICES, "a", "a"),
    (T.CHOICES, T.CHOICE, "a", "a"),
    (T.DATE, T.DATETIME, "2026-07-15", "2026-07-15T00:00:00.000Z"),
    (T.DATETIME, T.DATE, "2026-07-15T23:00:00.000Z", "2026-07-15"),
]
CONVERTIBLE = {(source, target) for source, target, _, _ in PAIRS_OF_TYPES}


@pytest.mark.parametrize(("source", "target", "value", "expected"), PAIRS_OF_TYPES)
@pytest.mark.parametrize("direction", list(Direction))
def test_types_that_fit(
    source: FieldType, target: FieldType, value: str, expected: str, direction: Direction
) -> None:
    assert convertible(field(source), field(target)) == ""
    assert carried(field(source), field(target), value, direction) == expected


@pytest.mark.parametrize(
    ("source", "target"), [(s, t) for s in T for t in T if (s, t) not in CONVERTIBLE], ids=str
)
def test_types_that_never_fit(source: FieldType, target: FieldType) -> None:
    why = convertible(field(source), field(target))
    assert source.value in why and target.value in why
    assert refused(field(source), field(target), SAMPLES[source]) is Code.INVALID_VALUE


@pytest.mark.parametrize("source", list(T))
@pytest.mark.parametrize("target", list(T))
def test_a_blank_stays_blank(source: FieldType, target: FieldType) -> None:
    assert carried(field(source), field(target), "") == ""


@pytest.mark.parametrize(
    ("source", "target", "value"),
    [
        (T.TEXT, T.NUMBER, "many"),
        (T.TEXT, T.NUMBER, "1,234"),
        (T.TEXT, T.BOOL, "maybe"),
        (T.TEXT, T.DATE, "soon"),
        (T.TEXT, T.DATE, "31/12/2026"),
        (T.TEXT, T.DATETIME, "noon"),
        (T.TEXT, T.URL, "https://example.edu/a b"),
        (T.NUMBER, T.NUMBER, "NaN"),  # the platform's own value isn't one of its type
        (T.DATE, T.DATE, "soon"),
        (T.BOOL, T.BOOL, "perhaps"),
        (T.CHOICE, T.NUMBER, "Freshman"),
        (T.CHOICES, T.CHOICE, "chess;go"),
    ],
)
def test_what_does_not_parse_is_an_invalid_value(source: FieldType, target: FieldType, value: str) -> None:
    assert refused(field(source), field(target), value) is Code.INVALID_VALUE


def test_text_takes_even_what_its_source_could_not_parse() -> None:
    assert carried(field(T.DATE), field(T.TEXT), "in spring") == "in spring"
    assert carried(field(T.PHONE), field(T.TEXT), "ask mother") == "ask mother"
    assert carried(field(T.PHONE), field(T.TEXT), "+16175550100;ext=5") == "+16175550100 ext 5"


@pytest.mark.parametrize(
    "value", ["555-0100", "+442079460958", "+16175550100;ext=5", "ask mother", "+1617555010"]
)
@pytest.mark.parametrize("source", [T.PHONE, T.TEXT])
def test_a_phone_that_mainstay_cannot_hold(source: FieldType, value: str) -> None:
    assert refused(field(source), field(T.PHONE), value) is Code.INVALID_PHONE


def test_hubspot_holds_any_phone_that_is_one() -> None:
    assert carried(field(T.PHONE), field(T.PHONE), "+442079460958", OUT) == "+442079460958"
    assert carried(field(T.TEXT), field(T.PHONE), "617 555 0100 x5", OUT) == "+16175550100;ext=5"
    assert refused(field(T.TEXT), field(T.PHONE), "ask mother", OUT) is Code.INVALID_PHONE


@pytest.mark.parametrize(
    "value",
    [
        "ada@example.edu",
        "o'brien+x@sub.example.co",
        "a@b-c.io",
        "ümit@exämple.de",
        "a_b.c@x.museum",
        "1@2.de",
    ],
)
def test_addresses_that_are_one(value: str) -> None:
    assert carried(field(T.EMAIL), field(T.EMAIL), value, OUT) == value


@pytest.mark.parametrize(
    "value",
    [
        "ada",
        "ada@",
        "@example.edu",
        "ada@example",
        "ada@@example.edu",
        "a b@example.edu",
        "ada@exa mple.edu",
        "ada@example..edu",
        "ada@-example.edu",
        ".ada@example.edu",
        "ada.@example.edu",
        "a..b@example.edu",
        "a@b.edu;c@d.edu",
        "a@b.edu,c@d.edu",
        "<ada@example.edu>",
        "mailto:ada@example.edu",
        "ada@127.0.0.1",
        f"{'a' * 65}@example.edu",
        f"a@{'b' * 64}.edu",
        f"a@{'b.' * 130}edu",
        "ada@example.edu\nx",
    ],
)
@pytest.mark.parametrize("source", [T.EMAIL, T.TEXT])
def test_addresses_that_are_none(source: FieldType, value: str) -> None:
    assert refused(field(source), field(T.EMAIL), value, OUT) is Code.INVALID_EMAIL


def test_nothing_is_cut_to_fit() -> None:
    name = field(T.TEXT, max_length=64)
    assert carried(field(T.TEXT), name, "x" * 64) == "x" * 64
    assert refused(field(T.TEXT), name, "x" * 65) is Code.INVALID_VALUE
    assert carried(field(T.TEXT), field(T.TEXT), "x" * 65_536, OUT) == "x" * 65_536
    assert refused(field(T.TEXT), field(T.TEXT), "x" * 65_537, OUT) is Code.INVALID_VALUE
    assert carried(field(T.TEXT), field(T.TEXT), "x" * 65_537, IN) == "x" * 65_537  # no limit is known


def test_a_phones_length_is_not_its_canonical_texts() -> None:
    assert carried(field(T.PHONE), field(T.PHONE, max_length=10), "+16175550100") == "+16175550100"


def test_a_number_that_json_cannot_say_is_not_rounded() -> None:
    fine = "0.12345678901234567890123"
    assert refused(field(T.NUMBER), field(T.NUMBER), fine) is Code.INVALID_VALUE
    assert carried(field(T.NUMBER), field(T.NUMBER), fine, OUT) == fine


PROGRAM = row(field(T.CHOICE, MAINSTAY_PROGRAMS), field(T.CHOICE, HUBSPOT_PROGRAMS), PAIRS)


@pytest.mark.parametrize(
    ("direction", "value", "expected"),
    [
        (OUT, "Nursing", "nursing_bsn"),  # the row's options
        (OUT, "NURSING", "nursing_bsn"),  # without regard to case
        (OUT, "Biology", "bio"),  # its value is the other's label
        (OUT, "Art", "art"),  # by value
        (IN, "nursing_bsn", "Nursing"),
        (IN, "bio", "Biology"),
        (IN, "art", "Art"),
    ],
)
def test_a_choice_is_found_by_options_value_or_label(direction: Direction, value: str, expected: str) -> None:
    assert convert(PROGRAM, direction, value, "US") == expected


def test_the_rows_options_come_before_equal_names() -> None:
    swapped = (("Nursing", "bio"), ("Biology", "BSN"))  # the other side by label
    one = row(field(T.CHOICE, MAINSTAY_PROGRAMS), field(T.CHOICE, HUBSPOT_PROGRAMS), swapped)
    assert convert(one, OUT, "Biology", "US") == "nursing_bsn"
    assert convert(one, IN, "bio", "US") == "Nursing"


@pytest.mark.parametrize("direction", list(Direction))
def test_an_option_that_the_other_side_lacks(direction: Direction) -> None:
    with pytest.raises(NotConvertible) as caught:
        convert(PROGRAM, direction, "Chemistry", "US")
    assert caught.value.code is Code.UNKNOWN_OPTION
    assert "Chemistry" not in caught.value.why


def test_without_known_options_any_choice_goes() -> None:
    assert carried(field(T.CHOICE, HUBSPOT_PROGRAMS), field(T.CHOICE), "bio") == "bio"
    assert carried(field(T.TEXT), field(T.CHOICE), "Chemistry") == "Chemistry"


def test_a_choice_to_text_carries_the_known_value_or_its_own() -> None:
    known = field(T.TEXT, (Option("Biology", "Biology"),))
    assert carried(field(T.CHOICE, HUBSPOT_PROGRAMS), known, "bio") == "Biology"
    assert carried(field(T.CHOICE, HUBSPOT_PROGRAMS), known, "art") == "art"
    assert carried(field(T.CHOICE, HUBSPOT_PROGRAMS), field(T.TEXT), "bio") == "bio"


def test_a_text_field_uses_the_rows_options_both_ways() -> None:
    one = row(field(T.TEXT), field(T.CHOICE, HUBSPOT_PROGRAMS), PAIRS)
    assert convert(one, OUT, "nursing", "US") == "nursing_bsn"
    assert convert(one, OUT, "Biology", "US") == "bio"
    assert convert(one, IN, "nursing_bsn", "US") == "Nursing"


def test_plain_text_keeps_its_case_whatever_values_were_seen() -> None:
    seen = field(T.TEXT, (Option("Boston", "Boston"),))
    assert carried(field(T.TEXT), seen, "boston") == "boston"
    assert carried(seen, field(T.TEXT), "boston", OUT) == "boston"


INTERESTS = (Option("music", "Music"), Option("sports", "Sports"), Option("arts", "Arts, Crafts"))


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        (T.CHOICES, "Sports;Music", "music;sports"),
        (T.TEXT, "Sports; Music", "music;sports"),
        (T.TEXT, "Sports, Music", "music;sports"),
        (T.TEXT, "Arts, Crafts", "arts"),
        (T.TEXT, "Arts, Crafts; Music", "arts;music"),
        (T.TEXT, " ; ", ""),
        (T.CHOICE, "MUSIC", "music"),
    ],
)
def test_several_choices_are_each_converted(source: FieldType, value: str, expected: str) -> None:
    assert carried(field(source), field(T.CHOICES, INTERESTS), value, OUT) == expected


def test_one_unknown_choice_refuses_the_value() -> None:
    assert refused(field(T.CHOICES), field(T.CHOICES, INTERESTS), "music;chess", OUT) is Code.UNKNOWN_OPTION
    assert refused(field(T.TEXT), field(T.CHOICES, INTERESTS), "Music, Chess", OUT) is Code.UNKNOWN_OPTION


def test_several_choices_in_a_single_field_or_a_text() -> None:
    pairs = (("Music", "arts"),)
    one = row(field(T.CHOICES, (Option("Music", "Music"),)), field(T.CHOICE, INTERESTS), pairs)
    assert convert(one, OUT, "Music", "US") == "arts"
    text = row(field(T.TEXT), field(T.CHOICES, INTERESTS), pairs)
    assert convert(text, IN, "arts;sports", "US") == "Music;sports"


@pytest.mark.parametrize(
    ("options", "value", "expected"),
    [
        ((Option("Yes", "Yes"), Option("No", "No")), "true", "Yes"),
        ((Option("Y", "ja"), Option("N", "nein")), "false", "N"),
        ((Option("1", "an"), Option("0", "aus")), "true", "1"),
    ],
)
def test_true_and_false_find_their_option(options: tuple[Option, ...], value: str, expected: str) -> None:
    choice = field(T.CHOICE, options)
    assert carried(field(T.BOOL), choice, value) == expected
    assert carried(choice, field(T.BOOL), expected, OUT) == value


def test_options_pair_a_checkbox_with_words() -> None:
    words = field(T.CHOICE, (Option("enrolled", "Enrolled"), Option("gone", "Gone")))
    one = row(words, field(T.BOOL), (("Enrolled", "true"), ("Gone", "false")))
    assert convert(one, OUT, "gone", "US") == "false"
    assert convert(one, IN, "true", "US") == "enrolled"


def test_a_value_of_its_own_label() -> None:
    years = field(T.CHOICE, (Option("y1", "2026"),))
    assert carried(years, field(T.NUMBER), "y1") == "2026"


@pytest.mark.parametrize(
    ("mainstay", "hubspot", "at_mainstay", "at_hubspot", "expected"),
    [
        (field(T.TEXT), field(T.DATE), "7/15/2026", "2026-07-15", True),
        (field(T.DATE), field(T.DATETIME), "2026-07-15", "2026-07-15T10:00:00.000Z", True),
        (field(T.DATE), field(T.DATETIME), "2026-07-15", "2026-07-16T10:00:00.000Z", False),
        (field(T.TEXT), field(T.BOOL), "Yes", "true", True),
        (field(T.TEXT), field(T.CHOICE, HUBSPOT_PROGRAMS), "BSN", "nursing_bsn", True),
        (field(T.TEXT), field(T.PHONE), "617-555-0100", "+16175550100", True),
        (field(T.TEXT), field(T.TEXT), "ada", "Ada", False),
        (field(T.TEXT), field(T.NUMBER), "", "", True),
        (field(T.TEXT), field(T.NUMBER), "0", "", False),
        (field(T.NUMBER), field(T.DATE), "1", "2026-07-15", False),
    ],
)
@pytest.mark.parametrize("direction", list(Direction))
def test_same_is_judged_by_type(
    mainstay: Field, hubspot: Field, at_mainstay: str, at_hubspot: str, expected: bool, direction: Direction
) -> None:
    source, target = (at_hubspot, at_mainstay) if direction is IN else (at_mainstay, at_hubspot)
    assert same(row(mainstay, hubspot), direction, source, target, "US") is expected


def test_what_conversion_gives_is_what_the_platforms_take() -> None:
    one = row(field(T.PHONE), field(T.PHONE))
    text = values.canonical(one.hubspot, Platform.HUBSPOT, "(617) 555-0100", "US")
    assert values.wire(one.mainstay, Platform.MAINSTAY, convert(one, IN, text, "US")) == "6175550100"
