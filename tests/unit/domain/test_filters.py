"""Filters: all must hold, each by any of its values, judged by type on the source's raw values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import filters
from core.domain.fields import Field, FieldType, Filter, Mapping, Option, Platform

H, M = Platform.HUBSPOT, Platform.MAINSTAY
T = FieldType
STAGES = (Option("lead", "Lead"), Option("opportunity", "Opportunity"), Option("mql", "Marketing Qualified"))


def verdict(
    type_: FieldType, raw: Any, *wanted: str, options: tuple[Option, ...] = (), platform: Platform = H
) -> bool:
    mapping = Mapping((), (Filter(Field("stage", "Stage", type_, options), wanted),))
    return filters.check(mapping, {"stage": raw}, platform, "US").passed


@pytest.mark.parametrize(
    ("type_", "raw", "wanted", "passed"),
    [
        (T.TEXT, "Freshman", ("freshman",), True),
        (T.TEXT, "  FRESHMAN ", ("freshman",), True),
        (T.TEXT, "freshman", (" Freshman ",), True),
        (T.TEXT, "freshmen", ("freshman",), False),
        (T.TEXT, "b", ("a", "b"), True),
        (T.TEXT, "c", ("a", "b"), False),
        (T.TEXT, "", ("a",), False),
        (T.TEXT, None, ("a",), False),
        (T.TEXT, True, ("True",), True),
        (T.TEXT, ["Chess", "Music"], ("music",), True),  # an untold type that holds several
        (T.TEXT, ["Chess", "Music"], ("sports",), False),
        (T.NUMBER, "3.50", ("3.5",), True),
        (T.NUMBER, 3.5, ("3.50",), True),
        (T.NUMBER, "3.51", ("3.5",), False),
        (T.BOOL, "true", ("Yes",), True),
        (T.BOOL, False, ("true",), False),
        (T.BOOL, None, ("false",), False),  # a blank is neither
        (T.DATE, "1752537600000", ("2025-07-15",), True),
        (T.DATE, "2025-07-15", ("07/15/2025",), True),
        (T.DATE, "2025-07-16", ("2025-07-15",), False),
        (T.DATETIME, "2025-07-15T10:00:00Z", ("2025-07-15",), True),
        (T.DATETIME, "2025-07-15T10:00:00Z", ("7/15/2025",), True),
        (T.DATETIME, "2025-07-15T10:00:00Z", ("2025-07-16",), False),
        (T.DATETIME, "2025-07-15T10:00:00Z", ("2025-07-15T10:00:00+00:00",), True),
        (T.DATETIME, "2025-07-15T10:00:00Z", ("2025-07-15T11:00:00Z",), False),
        (T.DATETIME, "soon", ("soon",), True),
        (T.PHONE, "(617) 555-0100", ("+1 617 555 0100",), True),
        (T.EMAIL, "Ada@Example.edu", ("ada@example.EDU",), True),
        (T.URL, "https://example.edu", ("HTTPS://example.edu",), True),
    ],
)
@pytest.mark.parametrize("platform", [H, M])
def test_one_filter(
    type_: FieldType, raw: Any, wanted: tuple[str, ...], passed: bool, platform: Platform
) -> None:
    assert verdict(type_, raw, *wanted, platform=platform) is passed


@pytest.mark.parametrize("wanted", ["mql", "MQL", "Marketing Qualified", " marketing qualified "])
def test_a_choice_is_meant_by_its_value_or_its_label(wanted: str) -> None:
    assert verdict(T.CHOICE, "mql", wanted, options=STAGES)
    assert verdict(T.CHOICE, "Marketing Qualified", wanted, options=STAGES, platform=M)
    assert not verdict(T.CHOICE, "lead", wanted, options=STAGES)


@pytest.mark.parametrize(
    ("raw", "wanted", "passed"),
    [
        ("lead;mql", ("Marketing Qualified",), True),
        (";mql", ("mql",), True),
        ("lead;opportunity", ("mql", "LEAD"), True),
        ("lead;opportunity", ("mql",), False),
        ("opportunity", ("opp",), False),  # containment of choices, not of letters
        ("lead;mql", ("mql;lead",), True),
        ("lead", ("mql;lead",), False),
        ("Chess;lead", ("chess",), True),  # an option that the catalogue lacks
        ("", ("lead",), False),
    ],
)
def test_several_choices_are_judged_by_containment(raw: str, wanted: tuple[str, ...], passed: bool) -> None:
    assert verdict(T.CHOICES, raw, *wanted, options=STAGES) is passed


def test_all_filters_must_hold_and_all_are_told() -> None:
    stage, city = Field("stage", "Stage", T.CHOICE, STAGES), Field("city", "City")
    mapping = Mapping((), (Filter(stage, ("lead", "mql")), Filter(city, ("Boston",))))
    both = filters.check(mapping, {"stage": "Lead", "city": "boston", "x": 1}, H, "US")
    assert both.passed
    assert [reason.held for reason in both.reasons] == [True, True]
    one = filters.check(mapping, {"stage": "opportunity", "city": "Boston"}, H, "US")
    assert not one.passed
    assert [reason.held for reason in one.reasons] == [False, True]
    assert one.described() == ("stage is not one of lead, mql", "city is Boston")
    assert filters.check(mapping, {}, H, "US").reasons[1].actual == ""


def test_no_filters_pass_everybody() -> None:
    assert filters.check(Mapping(()), {}, M, "US") == filters.FilterVerdict(True)


def test_the_contacts_value_is_for_the_preview_only() -> None:
    mapping = Mapping((), (Filter(Field("city", "City"), ("Boston",)),))
    found = filters.check(mapping, {"city": "Secretville"}, H, "US")
    assert found.reasons[0].actual == "Secretville"
    assert "Secretville" not in repr(found) + str(found) + "".join(found.described())


_TEXT = st.text(max_size=5)
_RAW = st.none() | st.booleans() | st.floats() | _TEXT | st.lists(_TEXT, max_size=3)
_FIELDS = st.builds(
    Field, st.sampled_from("ab"), st.just("F"), st.sampled_from(FieldType), st.sampled_from([(), STAGES])
)
_FILTERS = st.lists(
    st.builds(Filter, _FIELDS, st.lists(_TEXT, min_size=1, max_size=3).map(tuple)), max_size=4
)


@given(_FILTERS, st.dictionaries(st.sampled_from("ab"), _RAW), st.sampled_from(Platform))
def test_order_does_not_matter_and_one_more_filter_never_lets_in(
    given_filters: list[Filter], held: dict[str, Any], platform: Platform
) -> None:
    found = filters.check(Mapping((), tuple(given_filters)), held, platform, "US")
    turned = filters.check(Mapping((), tuple(reversed(given_filters))), held, platform, "US")
    fewer = filters.check(Mapping((), tuple(given_filters[1:])), held, platform, "US")
    assert found.passed == turned.passed == all(reason.held for reason in found.reasons)
    assert fewer.passed or not found.passed


@given(_FIELDS, st.text(min_size=1, max_size=8).filter(str.strip), st.sampled_from(Platform))
def test_a_contact_passes_the_filter_on_its_own_value(field: Field, raw: str, platform: Platform) -> None:
    mapping = Mapping((), (Filter(field, (raw,)),))
    assert filters.check(mapping, {field.name: raw}, platform, "US").passed
