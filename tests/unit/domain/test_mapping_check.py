"""Every refusal of a mapping, each told with its row and what to do next."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.fields import Direction, Field, FieldType, Filter, Mapping, Option, Row, WhenEmpty
from core.domain.mapping_check import RawFilter, RawRow, problems

IN, OUT = Direction.INCOMING, Direction.OUTGOING
T = FieldType
STAGES = (Option("lead", "Lead"), Option("opportunity", "Opportunity"))
PROGRAMS = (Option("nursing_bsn", "Nursing (BSN)"), Option("biology", "Biology"))

MAINSTAY = [
    Field("id", "Mainstay ID", read_only="Mainstay gives it"),
    Field("crm_id", "CRM ID"),
    Field("first_name", "First Name", max_length=64),
    Field("last_name", "Last Name", max_length=64),
    Field("phone", "Phone", T.PHONE),
    Field("email", "Email", T.EMAIL),
    Field("created", "Date Added", T.DATETIME, read_only="Mainstay sets it"),
    Field("texting_status", "Texting", read_only="consent"),
    Field("can_text", "Can Text", T.BOOL),
    Field("custom.Application Status", "Application Status"),
    Field(
        "custom.Program", "Program", T.CHOICE, (Option("Nursing", "Nursing"), Option("Biology", "Biology"))
    ),
    Field("custom.Alt Email", "Alt Email", T.EMAIL),
    Field("custom.Birth Date", "Birth Date", T.DATE),
    Field("custom.Opted In To Newsletter", "Opted In To Newsletter", T.BOOL),
]
HUBSPOT = [
    Field("hs_object_id", "Record ID", T.NUMBER, read_only="HubSpot gives it"),
    Field("firstname", "First Name"),
    Field("lastname", "Last Name"),
    Field("phone", "Phone Number", T.PHONE),
    Field("email", "Email", T.EMAIL),
    Field("admithub_id", "Mainstay ID", unique=True),
    Field("old_id", "Old ID", read_only="calculated"),
    Field("application_status", "Application Status"),
    Field("program", "Program", T.CHOICE, PROGRAMS),
    Field("lifecyclestage", "Lifecycle Stage", T.CHOICE, STAGES),
    Field("gpa", "GPA", T.NUMBER),
    Field("first_generation", "First generation student", T.BOOL),
    Field("createdate", "Create Date", T.DATETIME, read_only="HubSpot sets it"),
    Field("hs_email_optout", "Unsubscribed from all email", T.BOOL),
]
NEEDED = [
    RawRow("first_name", "firstname"),
    RawRow("last_name", "lastname"),
    RawRow("phone", "phone"),
    RawRow("email", "email"),
]


def told(direction: Direction, *rows: RawRow, filters: tuple[RawFilter, ...] = ()) -> list[str]:
    """What is said about the needed rows and ``rows``; the mapping is there exactly when nothing is."""
    mapping, said = problems(direction, [*NEEDED, *rows], filters, MAINSTAY, HUBSPOT)
    assert (mapping is None) == bool(said)
    return said


def the_one(direction: Direction, *rows: RawRow, filters: tuple[RawFilter, ...] = ()) -> str:
    said = told(direction, *rows, filters=filters)
    assert len(said) == 1, said
    return said[0]


def named(fields: list[Field], name: str) -> Field:
    return next(one for one in fields if one.name == name)


def test_the_contracts_example_is_taken() -> None:
    rows = [
        *NEEDED,
        RawRow("id", "admithub_id"),
        RawRow("custom.Application Status", "application_status", "clear"),
        RawRow("custom.Program", "program", options={"Nursing": "nursing_bsn"}),
    ]
    filters = [RawFilter("lifecyclestage", ("lead", "opportunity"))]
    mapping, said = problems(IN, rows, filters, MAINSTAY, HUBSPOT)
    assert said == []
    assert mapping == Mapping(
        (
            *(Row(named(MAINSTAY, row.mainstay), named(HUBSPOT, row.hubspot)) for row in [*NEEDED, rows[4]]),
            Row(
                named(MAINSTAY, "custom.Application Status"),
                named(HUBSPOT, "application_status"),
                WhenEmpty.CLEAR,
            ),
            Row(
                named(MAINSTAY, "custom.Program"),
                named(HUBSPOT, "program"),
                options=(("Nursing", "nursing_bsn"),),
            ),
        ),
        (Filter(named(HUBSPOT, "lifecyclestage"), ("lead", "opportunity")),),
    )
    assert told(OUT, *rows[4:]) == []


@pytest.mark.parametrize("name", ["first_name", "last_name", "phone"])
@pytest.mark.parametrize("direction", list(Direction))
def test_every_mainstay_contact_needs_three_fields(direction: Direction, name: str) -> None:
    rows = [row for row in NEEDED if row.mainstay != name]
    mapping, said = problems(direction, rows, (), MAINSTAY, HUBSPOT)
    assert mapping is None and len(said) == 1
    assert f"Mainstay's {name} is not mapped" in said[0] and f"{{mainstay: {name}, hubspot:" in said[0]


def test_an_empty_mapping_lacks_four_rows() -> None:
    assert len(problems(IN, (), (), MAINSTAY, HUBSPOT)[1]) == 4


def test_an_unknown_field_on_the_email_row_is_told_once() -> None:
    said = problems(IN, [*NEEDED[:3], RawRow("custom.Private Mail", "email")], (), MAINSTAY, HUBSPOT)[1]
    assert len(said) == 1 and "Mainstay has no field 'custom.Private Mail'" in said[0]


@pytest.mark.parametrize("direction", list(Direction))
def test_hubspot_needs_an_email_from_an_email_field(direction: Direction) -> None:
    rest = NEEDED[:3]
    for custom in ("custom.Alt Email", "email"):
        assert problems(direction, [*rest, RawRow(custom, "email")], (), MAINSTAY, HUBSPOT)[1] == []
    said = problems(direction, [*rest, RawRow("custom.Application Status", "email")], (), MAINSTAY, HUBSPOT)[
        1
    ]
    assert len(said) == 1
    assert said[0].startswith("mappings row 4 (") and "of type email" in said[0] and "field_types" in said[0]
    said = problems(direction, rest, (), MAINSTAY, HUBSPOT)[1]
    assert len(said) == 1
    assert said[0].startswith("mappings: HubSpot's email is not mapped, and HubSpot needs it; add a row")


def test_a_target_is_written_by_one_row_only() -> None:
    twice = RawRow("custom.Application Status", "lastname")
    assert "HubSpot's lastname is the target of row 2 already" in the_one(OUT, twice)
    assert told(IN, twice) == []  # incoming it is one source for two targets
    also = RawRow("first_name", "application_status")
    assert "Mainstay's first_name is the target of row 1 already" in the_one(IN, also)
    assert told(OUT, also) == []


@pytest.mark.parametrize(
    ("row", "part"),
    [
        (RawRow("custom.Programme", "program"), "no field 'custom.Programme'; did you mean custom.Program?"),
        (RawRow("Alt Email", "application_status"), "did you mean custom.Alt Email?"),  # its label
        (RawRow("custom.Shoe Size", "gpa"), "create it in Mainstay first"),
        (RawRow("custom.Application Status", "aplication_status"), "did you mean application_status?"),
        (RawRow("custom.Application Status", "shoe_size"), "HubSpot has no property 'shoe_size'"),
        (RawRow("custom.Application Status", ""), "the HubSpot property is blank"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("direction", list(Direction))
def test_a_field_that_the_platform_lacks(direction: Direction, row: RawRow, part: str) -> None:
    said = the_one(direction, row)
    arrow = f"{row.mainstay} → {row.hubspot}" if direction is OUT else f"{row.hubspot} → {row.mainstay}"
    assert said.startswith(f"mappings row 5 ({arrow}): ") and part in said


def test_both_sides_of_a_row_may_be_wrong_at_once() -> None:
    assert len(told(IN, RawRow("custom.X", "y"))) == 2


def test_a_read_only_target_is_refused_but_may_be_read() -> None:
    assert "HubSpot's createdate is read-only (HubSpot sets it)" in the_one(
        OUT, RawRow("created", "createdate")
    )
    assert "Mainstay's created is read-only" in the_one(IN, RawRow("created", "createdate"))
    assert told(IN, RawRow("custom.Birth Date", "createdate")) == []
    assert told(OUT, RawRow("created", "application_status")) == []


def test_types_that_never_fit() -> None:
    assert the_one(IN, RawRow("custom.Birth Date", "gpa")) == (
        "mappings row 5 (gpa → custom.Birth Date): a value of type number can't become one of type date;"
        " choose two fields whose types fit, or a text field"
    )
    assert "date can't become one of type true/false" in the_one(
        OUT, RawRow("custom.Birth Date", "first_generation")
    )
    rows = [*NEEDED[:2], RawRow("phone", "email"), NEEDED[3]]
    said = problems(IN, rows, (), MAINSTAY, HUBSPOT)[1]
    assert len(said) == 1 and "type email can't become one of type phone" in said[0]


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize(
    "row", [RawRow("crm_id", "admithub_id"), RawRow("id", "hs_object_id"), RawRow("crm_id", "hs_object_id")]
)
def test_the_record_id_is_locked(direction: Direction, row: RawRow) -> None:
    assert "always mapped to each other; remove this row" in the_one(direction, row)


def test_the_mainstay_ids_old_name_is_not_taken() -> None:
    assert "write id" in the_one(IN, RawRow("admithub_id", "admithub_id"))


@pytest.mark.parametrize(
    "name",
    [
        "texting_status",
        "can_text",
        "permitted_user_status",
        "archived",
        "send_intro_campaign",
        "test_user",
        "opted_out",
        "opt_in_status",
        "sms_opted_in",
    ],
)
def test_consent_permission_and_archive_are_never_targets(name: str) -> None:
    catalogue = [*MAINSTAY, Field(name, name)] if name not in {one.name for one in MAINSTAY} else MAINSTAY
    rows = [*NEEDED, RawRow(name, "application_status")]
    said = problems(IN, rows, (), catalogue, HUBSPOT)[1]
    assert len(said) == 1 and "opt-in, permission or archive field" in said[0]
    assert problems(OUT, rows, (), catalogue, HUBSPOT)[1] == []  # read, it may be told to HubSpot


def test_hubspots_own_consent_is_no_target_either() -> None:
    row = RawRow("custom.Opted In To Newsletter", "hs_email_optout")
    assert "opt-in" in the_one(OUT, row)
    assert told(IN, row) == []  # a partner's own custom field is the partner's


def test_the_mainstay_id_lives_in_a_text_property() -> None:
    assert told(IN, RawRow("id", "admithub_id")) == told(OUT, RawRow("id", "admithub_id")) == []
    assert told(IN, RawRow("id", "old_id")) == []  # only read as a key
    assert "HubSpot's old_id is read-only" in the_one(OUT, RawRow("id", "old_id"))
    for direction in Direction:
        assert "needs a text property" in the_one(direction, RawRow("id", "gpa"))
        assert "has no options" in the_one(direction, RawRow("id", "admithub_id", options={"a": "b"}))
    without = [one for one in MAINSTAY if one.name != "id"]  # a catalogue that doesn't list it
    mapping, said = problems(IN, [*NEEDED, RawRow("id", "admithub_id")], (), without, HUBSPOT)
    assert said == [] and mapping is not None and mapping.id_row is not None


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"Nursin": "biology"}, "Mainstay's custom.Program doesn't have; did you mean 'Nursing'?"),
        ({"Nursing": "chemistry"}, "'chemistry', which HubSpot's program doesn't have; correct it"),
        ({"Nursing": "biology", "NURSING": "nursing_bsn"}, "twice (as 'Nursing' too)"),
        ({"Nursing": " "}, "HubSpot's program doesn't have"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("direction", list(Direction))
def test_options_name_what_both_sides_have(direction: Direction, options: dict[str, str], part: str) -> None:
    assert part in the_one(direction, RawRow("custom.Program", "program", options=options))


def test_options_by_label_for_text_and_for_checkboxes() -> None:
    assert told(IN, RawRow("custom.Program", "program", options={"nursing": "Nursing (BSN)"})) == []
    assert told(OUT, RawRow("custom.Application Status", "program", options={"whatever": "biology"})) == []
    yes = RawRow("custom.Application Status", "first_generation", options={"First in family": "true"})
    assert told(IN, yes) == told(OUT, yes) == []
    assert "write true or false" in the_one(IN, replace(yes, options={"First in family": "perhaps"}))
    assert "options are for choices" in the_one(
        IN, RawRow("custom.Application Status", "gpa", options={"a": "1"})
    )


@pytest.mark.parametrize("word", ["keep", "clear"])
def test_when_empty(word: str) -> None:
    assert told(IN, RawRow("custom.Application Status", "application_status", word)) == []


def test_when_empty_knows_two_words() -> None:
    said = the_one(IN, RawRow("custom.Application Status", "application_status", "erase"))
    assert "when_empty is 'erase'; write keep (the default) or clear" in said


@pytest.mark.parametrize(
    ("direction", "one", "part"),
    [
        (IN, RawFilter("lifecyclestage", ()), "filters row 1 (lifecyclestage): no values"),
        (IN, RawFilter("lifecyclestage", ("lead", " ")), "a value is blank"),
        (IN, RawFilter("lifecyclestage", (None,)), "a value is blank"),
        (IN, RawFilter("lifecycle", ("lead",)), "HubSpot has no property 'lifecycle'"),
        (IN, RawFilter("custom.Program", ("Nursing",)), "(Mainstay has, but filters look at the source)"),
        (OUT, RawFilter("lifecyclestage", ("lead",)), "Mainstay has no field 'lifecyclestage'"),
        (OUT, RawFilter("", ("x",)), "the Mainstay field is blank"),
    ],
)
def test_filters_that_are_refused(direction: Direction, one: RawFilter, part: str) -> None:
    assert part in the_one(direction, filters=(one,))


def test_filter_values_are_kept_as_text() -> None:
    filters = [
        RawFilter("first_generation", (True,)),
        RawFilter("gpa", (4, 3.5)),
        RawFilter("hs_object_id", ("1",)),
    ]
    mapping, said = problems(IN, NEEDED, filters, MAINSTAY, HUBSPOT)
    assert said == [] and mapping is not None
    assert [one.values for one in mapping.filters] == [("true",), ("4", "3.5"), ("1",)]


def test_all_problems_are_told_at_once() -> None:
    rows = [
        RawRow("crm_id", "hs_object_id"),
        RawRow("custom.X", "firstname"),
        RawRow("created", "createdate", "never"),
    ]
    said = problems(IN, rows, [RawFilter("x", ())], MAINSTAY, HUBSPOT)[1]
    assert [sentence.split(":")[0].split(" (")[0] for sentence in said] == [
        "mappings row 1",
        "mappings row 2",
        "mappings row 3",
        "mappings row 3",
        "mappings",
        "mappings",
        "mappings",
        "mappings",
        "filters row 1",
        "filters row 1",
    ]


_NAMES = st.sampled_from([one.name for one in MAINSTAY]) | st.text(max_size=6)
_PROPERTIES = st.sampled_from([one.name for one in HUBSPOT]) | st.text(max_size=6)
_ROWS = st.builds(
    RawRow,
    _NAMES,
    _PROPERTIES,
    st.sampled_from(["keep", "clear", "x"]),
    st.dictionaries(
        st.sampled_from(["Nursing", "x", ""]), st.sampled_from(["biology", "true", ""]), max_size=2
    ),
)
_FILTERS = st.builds(RawFilter, _NAMES | _PROPERTIES, st.lists(st.text(max_size=3), max_size=2).map(tuple))


@given(st.sampled_from(Direction), st.lists(_ROWS, max_size=4), st.lists(_FILTERS, max_size=2))
def test_there_is_a_mapping_exactly_when_nothing_is_said(
    direction: Direction, rows: list[RawRow], filters: list[RawFilter]
) -> None:
    mapping, said = problems(direction, [*NEEDED, *rows], filters, MAINSTAY, HUBSPOT)
    assert (mapping is None) == bool(said)
    assert all(sentence.strip() and sentence.startswith(("mappings", "filters row ")) for sentence in said)
    if mapping is not None:
        targets = [row.side(direction.target) for row in mapping.rows if row.mainstay.name != "id"]
        assert len({target.name for target in targets}) == len(targets)
        assert not any(target.read_only for target in targets)
