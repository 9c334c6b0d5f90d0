"""The canonical text of raw values, type by type, and the form in which each platform takes it."""

import json
from typing import Any

import pytest

from core.domain import values
from core.domain.fields import Field, FieldType, Option, Platform

H, M = Platform.HUBSPOT, Platform.MAINSTAY
PROGRAM = (Option("nursing_bsn", "Nursing"), Option("biology", "Biology"), Option("law", "Law, Politics"))


def field(type_: FieldType, options: tuple[Option, ...] = ()) -> Field:
    return Field("f", "F", type_, options)


def read(type_: FieldType, raw: Any, platform: Platform = H, options: tuple[Option, ...] = ()) -> str:
    one = field(type_, options)
    text = values.canonical(one, platform, raw, "US")
    assert values.canonical(one, platform, text, "US") == text
    return text


@pytest.mark.parametrize("type_", list(FieldType))
@pytest.mark.parametrize("platform", [H, M])
@pytest.mark.parametrize("blank", [None, "", " \t\r\n", [], {}, [None], ["", " "], [[]]])
def test_every_blank_is_the_empty_text(type_: FieldType, platform: Platform, blank: Any) -> None:
    assert read(type_, blank, platform) == ""


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (" Ada ", "Ada"),
        ("Jose\u0301", "José"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("03", "03"),
        (3.0, "3"),
        (True, "true"),
        (["b", "a"], "b;a"),
        ({"b": 1, "a": None}, '{"a":null,"b":1}'),
    ],
)
def test_text(raw: Any, expected: str) -> None:
    assert read(FieldType.TEXT, raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("3.50", "3.5"),
        (3.5, "3.5"),
        ("3.5", "3.5"),
        (" 7 ", "7"),
        ("007", "7"),
        ("+7.", "7"),
        (".5", "0.5"),
        ("-0.0", "0"),
        (-0.0, "0"),
        ("1e3", "1000"),
        (1e22, "1" + "0" * 22),
        ("1.50E-2", "0.015"),
        ("0e99999", "0"),
        (10**20, "1" + "0" * 20),
        ("12345678901234567890.10", "12345678901234567890.1"),
    ],
)
def test_number(raw: Any, expected: str) -> None:
    assert read(FieldType.NUMBER, raw) == expected
    assert values.fits(field(FieldType.NUMBER), expected)


@pytest.mark.parametrize(
    "raw", ["NaN", "inf", "-Infinity", "1e99999", "1,234", "$5", "1 2", "٣", "0x10", "1_0"]
)
def test_what_is_no_number_stays_text(raw: str) -> None:
    assert read(FieldType.NUMBER, raw) == raw
    assert not values.fits(field(FieldType.NUMBER), raw)


def test_numbers_out_of_all_proportion_do_not_raise() -> None:
    assert read(FieldType.NUMBER, 10**6000) == "1" + "0" * 6000
    assert read(FieldType.NUMBER, float("nan")) == "nan"
    assert read(FieldType.NUMBER, float("inf")) == "inf"
    assert values.wire(field(FieldType.NUMBER), M, "1" + "0" * 6000) == "1" + "0" * 6000


@pytest.mark.parametrize("raw", [True, "true", "True", "YES", "yes", "1", 1, 1.0, "y", "on"])
def test_true(raw: Any) -> None:
    assert read(FieldType.BOOL, raw) == "true"


@pytest.mark.parametrize("raw", [False, "false", "False", "No", "0", 0, "n", "off"])
def test_false(raw: Any) -> None:
    assert read(FieldType.BOOL, raw) == "false"


def test_a_checkbox_is_read_by_its_labels_too() -> None:
    options = (Option("true", "Agreed"), Option("false", "Declined"))
    assert read(FieldType.BOOL, "agreed", H, options) == "true"
    assert read(FieldType.BOOL, "perhaps", H, options) == "perhaps"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("nursing_bsn", "nursing_bsn"),
        ("NURSING_BSN", "nursing_bsn"),
        (" nursing ", "nursing_bsn"),
        (["Nursing"], "nursing_bsn"),
        ("Chemistry", "Chemistry"),
    ],
)
def test_choice(raw: Any, expected: str) -> None:
    assert read(FieldType.CHOICE, raw, M, PROGRAM) == expected


def test_a_choice_prefers_the_exact_spelling() -> None:
    options = (Option("a", "B"), Option("A", "b"), Option("B", "x"))
    assert read(FieldType.CHOICE, "A", H, options) == "A"
    assert read(FieldType.CHOICE, "B", H, options) == "B"
    assert read(FieldType.CHOICE, "b", H, options) == "A"  # the exact label before any other case


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("biology;nursing_bsn", "biology;nursing_bsn"),
        ("nursing_bsn;biology", "biology;nursing_bsn"),
        (";biology", "biology"),
        ("Biology; NURSING ;biology", "biology;nursing_bsn"),
        (["Nursing", "Biology"], "biology;nursing_bsn"),
        ("Chess;biology", "Chess;biology"),
        ("Biology, Nursing", "biology;nursing_bsn"),
        ("Law, Politics", "law"),  # an option's own comma
        ("Biology, Chess", "Biology, Chess"),  # not two known options: one unknown choice
        (["Law, Politics", "biology"], "biology;law"),
    ],
)
def test_choices(raw: Any, expected: str) -> None:
    assert read(FieldType.CHOICES, raw, M, PROGRAM) == expected


def test_hubspot_does_not_part_choices_at_commas() -> None:
    assert read(FieldType.CHOICES, "biology, nursing", H, PROGRAM) == "biology, nursing"


def test_an_option_may_hold_a_semicolon() -> None:
    options = (Option("x;y", "XY"), Option("z", "Z"))
    assert read(FieldType.CHOICES, ["z", "x;y"], M, options) == "x;y;z"
    assert read(FieldType.CHOICES, "z;y", M, options) == "y;z"
    assert values.wire(field(FieldType.CHOICES, options), M, "x;y;z") == ["x;y", "z"]


@pytest.mark.parametrize(
    ("raw", "platform", "expected"),
    [
        ("2026-07-15", H, "2026-07-15"),
        ("1752559200000", H, "2025-07-15"),  # a webhook's form, not midnight: its UTC day
        (1752537600000, H, "2025-07-15"),
        ("0", H, "1970-01-01"),
        ("-86400000", H, "1969-12-31"),
        ("1752537600000", M, "2025-07-15"),
        (1752537600000.0, M, "2025-07-15"),
        ("07/15/2026", M, "2026-07-15"),
        ("7/5/2026", M, "2026-07-05"),
        ("20260715", M, "2026-07-15"),
        ("2026-07-15T00:00:00Z", M, "2026-07-15"),
        ("2026-07-15 00:00", M, "2026-07-15"),
        ("2026-07-15T00:00:00-05:00", M, "2026-07-15"),  # midnight there: the day that was meant
        ("2026-07-15T23:00:00-05:00", M, "2026-07-16"),
    ],
)
def test_date(raw: Any, platform: Platform, expected: str) -> None:
    assert read(FieldType.DATE, raw, platform) == expected


@pytest.mark.parametrize(
    "raw", ["soon", "2026-02-30", "13/45/2026", "2026", "0001", "2026-7-1", "9" * 16, "2026-07-15T25:00:00Z"]
)
def test_what_is_no_date_stays_text(raw: str) -> None:
    assert read(FieldType.DATE, raw, M) == raw
    assert not values.fits(field(FieldType.DATE), raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"),
        ("2026-01-02T03:04:05.6789Z", "2026-01-02T03:04:05.678Z"),
        ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05.000Z"),
        ("2026-01-02T03:04:05-0500", "2026-01-02T08:04:05.000Z"),
        ("2026-01-02 03:04", "2026-01-02T03:04:00.000Z"),
        ("2026-01-02", "2026-01-02T00:00:00.000Z"),
        ("1767323045000", "2026-01-02T03:04:05.000Z"),
        (1767323045000, "2026-01-02T03:04:05.000Z"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),  # before the first year: stays text
    ],
)
def test_datetime(raw: Any, expected: str) -> None:
    assert read(FieldType.DATETIME, raw) == expected


def test_phone_email_url() -> None:
    assert read(FieldType.PHONE, "(617) 555-0100") == "+16175550100"
    assert read(FieldType.PHONE, 6175550100) == "+16175550100"
    assert read(FieldType.PHONE, " ask mother ") == "ask mother"
    assert values.is_phone("+16175550100") and not values.is_phone("ask mother")
    assert read(FieldType.EMAIL, " Ada@Example.EDU ") == "ada@example.edu"
    assert read(FieldType.URL, " https://Example.edu/A ") == "https://Example.edu/A"


@pytest.mark.parametrize(
    ("type_", "value", "hubspot", "mainstay"),
    [
        (FieldType.TEXT, "Ada", "Ada", "Ada"),
        (FieldType.NUMBER, "3", "3", 3),
        (FieldType.NUMBER, "3.5", "3.5", 3.5),
        (FieldType.NUMBER, "many", "many", "many"),
        (FieldType.BOOL, "true", "true", True),
        (FieldType.BOOL, "false", "false", False),
        (FieldType.CHOICE, "nursing_bsn", "nursing_bsn", "nursing_bsn"),
        (FieldType.CHOICES, "biology;nursing_bsn", "biology;nursing_bsn", ["biology", "nursing_bsn"]),
        (FieldType.CHOICES, "biology", "biology", "biology"),
        (FieldType.DATE, "2026-07-15", "2026-07-15", "2026-07-15"),
        (
            FieldType.DATETIME,
            "2026-01-02T03:04:05.000Z",
            "2026-01-02T03:04:05.000Z",
            "2026-01-02T03:04:05.000Z",
        ),
        (FieldType.PHONE, "+16175550100", "+16175550100", "6175550100"),
        (FieldType.EMAIL, "ada@example.edu", "ada@example.edu", "ada@example.edu"),
    ],
)
def test_each_platform_gets_its_own_form(type_: FieldType, value: str, hubspot: Any, mainstay: Any) -> None:
    one = field(type_, PROGRAM if type_ in (FieldType.CHOICE, FieldType.CHOICES) else ())
    assert values.wire(one, H, value) == hubspot
    assert values.wire(one, M, value) == mainstay
    assert type(values.wire(one, M, value)) is type(mainstay)


@pytest.mark.parametrize("type_", list(FieldType))
def test_a_blank_clears(type_: FieldType) -> None:
    assert values.wire(field(type_), H, "") == ""
    assert values.wire(field(type_), M, "") is None


def test_a_json_number_says_exactly_the_value() -> None:
    assert values.wire(field(FieldType.NUMBER), M, "0.1") == 0.1
    too_fine = "0.12345678901234567890123"
    assert values.wire(field(FieldType.NUMBER), M, too_fine) == too_fine
    assert (
        json.dumps(values.wire(field(FieldType.NUMBER), M, "12345678901234567890")) == "12345678901234567890"
    )
