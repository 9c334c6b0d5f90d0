"""Phones: what counts as one, what Mainstay can hold of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import phones

US = "+16175550100"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6175550100", US),
        ("(617) 555-0100", US),
        ("(617)555-0100", US),
        ("617.555.0100", US),
        ("617/555-0100", US),
        ("617\u2011555\u20130100", US),  # typographic hyphens
        ("617\u00a0555\u00a00100", US),  # spaces that don't break
        ("６１７５５５０１００", US),  # full-width digits
        ("1-617-555-0100", US),
        ("+1 (617) 555-0100", US),
        ("(+1) 617 555 0100", US),
        ("tel:+1-617-555-0100", US),
        ("555-010-9999", "+15550109999"),  # not given out by anybody, and held all the same
        ("617-555-0100 x5", f"{US};ext=5"),
        ("617-555-0100 ext. 05", f"{US};ext=05"),
        ("617-555-0100, extension 12", f"{US};ext=12"),
        ("+1 617 555 0100 #12", f"{US};ext=12"),
        ("+16175550100;ext=5", f"{US};ext=5"),
        ("+44 20 7946 0958", "+442079460958"),
        ("011 44 20 7946 0958", "+442079460958"),
    ],
)
def test_reads_the_usual_ways_to_write_a_number(text: str, expected: str) -> None:
    assert phones.e164(text, "US") == expected
    assert phones.is_phone(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "555-0100",  # without area code
        "61755501001",  # a digit too many
        "617555010",
        "911",
        "+1",
        "+1+6175550100",
        "+999 617 555 0100",
        "1-800-FLOWERS",
        "call 617-555-0100",
        "617-555-0100 (mother)",
        "617-555-0100 or 617-555-0101",
        "617-555-0100 / 617-555-0101",
        "617-555-0100;617-555-0101",
        "617-555-0100 x5 x6",
        "6" * 5000,
        "(" * 5000,
        "617\ud800555",
    ],
)
def test_anything_else_is_no_phone_and_never_cut_down_to_one(text: str) -> None:
    assert phones.e164(text, "US") is None
    assert not phones.is_phone(text)


def test_a_national_number_needs_a_region() -> None:
    assert phones.e164("6175550100", "ZZ") is None
    assert phones.e164("+16175550100", "ZZ") == US
    assert phones.e164("020 7946 0958", "GB") == "+442079460958"


@pytest.mark.parametrize(
    ("canonical", "region", "expected"),
    [
        (US, "US", "6175550100"),
        ("+14165550100", "US", "4165550100"),  # Canada shares the plan
        ("+15550109999", "US", "5550109999"),
        (f"{US};ext=5", "US", None),
        ("+442079460958", "US", None),  # ten digits of another country
        ("+442079460958", "GB", "2079460958"),
        ("+33123456789", "FR", None),  # nine digits
        (US, "GB", None),
        ("617-555-0100", "US", None),  # not canonical
        ("soon", "US", None),
        ("", "US", None),
    ],
)
def test_mainstay_holds_ten_digits_of_its_own_region(
    canonical: str, region: str, expected: str | None
) -> None:
    assert phones.national_ten(canonical, region) == expected


def test_an_extension_is_written_so_that_people_and_the_reader_know_it() -> None:
    assert phones.readable(f"{US};ext=5") == f"{US} ext 5"
    assert phones.e164(phones.readable(f"{US};ext=5"), "ZZ") == f"{US};ext=5"


@given(st.text("0123456789+-() .x#tel:;=/", max_size=24), st.sampled_from(["US", "GB", "FR", "ZZ"]))
def test_a_canonical_phone_is_its_own_canonical_phone(text: str, region: str) -> None:
    found = phones.e164(text, region)
    if found is not None:
        assert phones.e164(found, region) == phones.e164(found, "ZZ") == found
        assert set(found) <= set("+0123456789;ext=")


@given(st.from_regex(r"[2-9][0-9]{9}", fullmatch=True))
def test_ten_digits_survive_the_way_there_and_back(digits: str) -> None:
    found = phones.e164(digits, "US")
    assert found == f"+1{digits}"
    assert phones.national_ten(found, "US") == digits


@given(st.from_regex(r"(\+1)?[2-9][0-9]{9}", fullmatch=True), st.sampled_from(["US", "CA", "GB", "ZZ"]))
def test_what_is_known_by_its_form_is_what_the_library_reads(text: str, region: str) -> None:
    assert phones.e164(text, region) == phones.read(text, region)
