"""Values, by contract.md §6: each type both ways, options, blanks, what can't be carried over."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.rules_kit import (
    ANA,
    BEN,
    NAMES,
    Bench,
    bench,
    configuration,
)
from tests.end_to_end.scene import HTTP

ROWS = (
    NAMES
    + """
      - {mainstay: custom.GPA, hubspot: gpa}
      - {mainstay: custom.First Generation, hubspot: first_generation}
      - {mainstay: custom.Birth Date, hubspot: date_of_birth}
      - {mainstay: custom.Program, hubspot: program}
      - {mainstay: custom.Interests, hubspot: interests}
      - {mainstay: custom.Parent Phone, hubspot: mobilephone}
      - {mainstay: custom.Portfolio, hubspot: website}
      - {mainstay: custom.High School, hubspot: housing}
      - {mainstay: custom.Application Status, hubspot: application_status}
"""
)
CLEARING = ROWS.replace("}\n", ", when_empty: clear}\n")


@pytest.fixture
def incoming(tmp_path: Path) -> Iterator[Bench]:
    """HubSpot → Mainstay with a row of every type."""
    with bench(tmp_path, configuration("incoming", rows=ROWS)) as one:
        yield one


@pytest.fixture
def outgoing(tmp_path: Path) -> Iterator[Bench]:
    """Mainstay → HubSpot with a row of every type."""
    with bench(tmp_path, configuration("outgoing", rows=ROWS)) as one:
        yield one


def in_mainstay(one: Bench, contact: str, label: str) -> Any:
    """A custom field as Mainstay holds it."""
    return one.contact(contact)["custom"].get(label)


class TestIncoming:
    @pytest.mark.parametrize(
        "name, value, label, arrived",
        [
            ("gpa", "3.70", "GPA", 3.7),
            ("gpa", "4", "GPA", 4),
            ("first_generation", "true", "First Generation", True),
            ("first_generation", "false", "First Generation", False),
            ("date_of_birth", "2004-02-29", "Birth Date", "2004-02-29"),
            ("date_of_birth", "1078012800000", "Birth Date", "2004-02-29"),
            ("program", "nursing_bsn", "Program", "Nursing"),
            ("program", "computer_science", "Program", "Computer Science"),
            ("interests", "music", "Interests", "Music"),
            ("mobilephone", "+1 (617) 555-0155", "Parent Phone", "6175550155"),
            ("website", "https://example.edu/ana?x=1", "Portfolio", "https://example.edu/ana?x=1"),
            ("housing", "on_campus", "High School", "on_campus"),
            (
                "application_status",
                "  Admitted – €5 \U0001f393 ",
                "Application Status",
                "Admitted – €5 \U0001f393",
            ),
        ],
    )
    def test_a_value_arrives_and_is_not_written_twice(
        self, incoming: Bench, name: str, value: str, label: str, arrived: Any
    ) -> None:
        record = incoming.hubspot(**ANA, **{name: value})
        told = incoming.foreseen("incoming", record)
        assert (told.outcome, told.log) == ("created", [])
        [contact] = incoming.scene.mainstay.all()
        assert contact["custom"] == {label: arrived}
        assert incoming.foreseen("incoming", record).short == ("unchanged", [], {})

    @pytest.mark.parametrize(
        "name, value, label, code",
        [
            ("mobilephone", "+44 20 7946 0958", "Parent Phone", "invalid-phone"),
            ("mobilephone", "ask mum", "Parent Phone", "invalid-phone"),
            ("website", "my page", "Portfolio", "invalid-value"),
            ("program", "astrology", "Program", "unknown-option"),
            ("interests", "music;chess", "Interests", "unknown-option"),
        ],
    )
    def test_one_that_can_not_be_carried_over_is_left_out(
        self, incoming: Bench, name: str, value: str, label: str, code: str
    ) -> None:
        _options(incoming, "program", "astrology")
        _options(incoming, "interests", "music", "chess")
        record = incoming.hubspot(**ANA, **{name: value})
        told = incoming.foreseen("incoming", record)
        assert (told.outcome, told.log) == ("created", [(code, f"custom.{label}")])
        [contact] = incoming.scene.mainstay.all()
        assert contact["custom"] == {}
        assert value not in incoming.scene.log()[0].message
        again = incoming.sync("incoming", record)
        assert (again.outcome, again.writes) == ("error", {})
        assert [one["action"] for one in again.preview["changes"]] == ["left out"]

    def test_several_bad_ones_are_told_each(self, incoming: Bench) -> None:
        _options(incoming, "program", "astrology")
        record = incoming.hubspot(**ANA, program="astrology", mobilephone="x", gpa="3")
        told = incoming.foreseen("incoming", record)
        assert told.outcome == "created"
        assert sorted(told.log) == [
            ("invalid-phone", "custom.Parent Phone"),
            ("unknown-option", "custom.Program"),
        ]
        [contact] = incoming.scene.mainstay.all()
        assert contact["custom"] == {"GPA": 3}

    def test_only_what_differs_is_written(self, incoming: Bench) -> None:
        record = incoming.hubspot(**ANA, gpa="3.7", program="biology")
        incoming.sync("incoming", record)
        [contact] = incoming.scene.mainstay.all()
        incoming.scene.hubspot.edit(record, gpa="3.70", phone="617.555.0100", email="ANA@example.edu")
        assert incoming.foreseen("incoming", record).short == ("unchanged", [], {})
        incoming.scene.hubspot.edit(record, gpa="3.8")
        told = incoming.foreseen("incoming", record)
        assert told.short == ("updated", [], {("mainstay", contact["id"]): {"custom.GPA"}})
        assert in_mainstay(incoming, contact["id"], "Program") == "Biology"

    def test_mainstay_refuses_a_field_and_gets_the_rest(self, incoming: Bench) -> None:
        record = incoming.hubspot(**ANA, website="ftp.example.edu/me", gpa="3")
        told = incoming.sync("incoming", record)
        assert (told.outcome, told.log) == ("created", [("invalid-value", "custom.Portfolio")])
        [contact] = incoming.scene.mainstay.all()
        assert contact["custom"] == {"GPA": 3}
        incoming.scene.hubspot.edit(record, gpa="4", lastname="Vega")
        told = incoming.sync("incoming", record)
        assert told.outcome == "updated"
        assert in_mainstay(incoming, contact["id"], "GPA") == 4

    def test_a_custom_field_that_is_gone(self, incoming: Bench) -> None:
        record = incoming.hubspot(**ANA, gpa="3", program="biology")
        url = f"{incoming.scene.mainstay.url}/_sandbox/custom-fields/GPA"
        assert HTTP.request("DELETE", url).status == 204
        told = incoming.sync("incoming", record)
        assert (told.outcome, told.log) == ("created", [("missing-field", "custom.GPA")])
        [contact] = incoming.scene.mainstay.all()
        assert contact["custom"] == {"Program": "Biology"}

    def test_a_blank_is_kept(self, incoming: Bench) -> None:
        record = incoming.hubspot(**ANA, gpa="3")
        incoming.sync("incoming", record)
        [contact] = incoming.scene.mainstay.all()
        incoming.scene.hubspot.edit(record, gpa="", email="")
        assert incoming.foreseen("incoming", record).short == ("unchanged", [], {})
        assert in_mainstay(incoming, contact["id"], "GPA") == 3
        assert incoming.contact(contact["id"])["email"] == "ana@example.edu"

    def test_or_cleared_where_the_row_says_so(self, tmp_path: Path) -> None:
        with bench(tmp_path, configuration("incoming", rows=CLEARING)) as one:
            record = one.hubspot(**ANA, gpa="3", program="biology", first_generation="true")
            one.sync("incoming", record)
            [contact] = one.scene.mainstay.all()
            one.scene.hubspot.edit(record, gpa="", email="", program="", first_generation="")
            told = one.foreseen("incoming", record)
            assert (told.outcome, told.log) == ("updated", [])
            assert one.contact(contact["id"])["custom"] == {}
            assert one.contact(contact["id"])["email"] is None
            assert one.foreseen("incoming", record).short == ("unchanged", [], {})


class TestOutgoing:
    @pytest.mark.parametrize(
        "label, value, name, arrived",
        [
            ("GPA", 3.7, "gpa", "3.7"),
            ("GPA", 1e3, "gpa", "1000"),
            ("First Generation", True, "first_generation", "true"),
            ("First Generation", False, "first_generation", "false"),
            ("Birth Date", "2004-02-29", "date_of_birth", "2004-02-29"),
            ("Program", "Nursing", "program", "nursing_bsn"),
            ("Interests", "Music", "interests", "music"),
            ("Parent Phone", "6175550155", "mobilephone", "+16175550155"),
            ("Portfolio", "https://example.edu/ben", "website", "https://example.edu/ben"),
            ("High School", "On campus", "housing", "on_campus"),
            ("High School", "OFF_CAMPUS", "housing", "off_campus"),
            ("Application Status", " Admitted ", "application_status", "Admitted"),
        ],
    )
    def test_a_value_arrives_and_is_not_written_twice(
        self, outgoing: Bench, label: str, value: Any, name: str, arrived: str
    ) -> None:
        contact = outgoing.mainstay(**BEN, custom={label: value})
        told = outgoing.foreseen("outgoing", contact)
        assert (told.outcome, told.log) == ("created", [])
        [record] = outgoing.scene.hubspot.all()
        assert record[name] == arrived
        assert outgoing.foreseen("outgoing", contact).short == ("unchanged", [], {})

    def test_an_option_that_hubspot_does_not_have(self, outgoing: Bench) -> None:
        contact = outgoing.mainstay(**BEN, custom={"High School": "Central High", "GPA": 3})
        told = outgoing.foreseen("outgoing", contact)
        assert (told.outcome, told.log) == ("created", [("unknown-option", "housing")])
        [record] = outgoing.scene.hubspot.all()
        assert (record["gpa"], "housing" in record) == ("3", False)

    def test_an_option_that_hubspot_lost_since_the_mapping_was_saved(self, outgoing: Bench) -> None:
        _options(outgoing, "program", "history")
        contact = outgoing.mainstay(**BEN, custom={"Program": "Biology", "GPA": 3})
        told = outgoing.sync("outgoing", contact)
        assert (told.outcome, told.log) == ("created", [("unknown-option", "program")])
        [record] = outgoing.scene.hubspot.all()
        assert record["gpa"] == "3"

    @pytest.mark.parametrize("value", ["2004-02-30", "someday", "02/2004"])
    def test_a_date_that_is_none(self, outgoing: Bench, value: str) -> None:
        outgoing.scene.mainstay.post("custom-fields", name="Birth Date", type="Text")
        contact = outgoing.mainstay(**BEN, custom={"Birth Date": value})
        told = outgoing.foreseen("outgoing", contact)
        assert (told.outcome, told.log) == ("created", [("invalid-value", "date_of_birth")])

    def test_a_blank_is_kept_or_cleared(self, outgoing: Bench) -> None:
        contact = outgoing.mainstay(**BEN, custom={"GPA": 3, "Birth Date": "2004-02-29"})
        outgoing.sync("outgoing", contact)
        [record] = outgoing.links()
        outgoing.scene.mainstay.edit(contact, last_name=None, custom={"GPA": None})
        assert outgoing.foreseen("outgoing", contact).short == ("unchanged", [], {})
        outgoing.scene.apply(configuration("outgoing", rows=CLEARING))
        told = outgoing.foreseen("outgoing", contact)
        assert told.short == ("updated", [], {("hubspot", record): {"lastname", "gpa"}})
        assert "gpa" not in outgoing.record(record)
        assert outgoing.record(record)["date_of_birth"] == "2004-02-29"

    @pytest.mark.parametrize("rows", [ROWS, CLEARING])
    def test_a_field_that_is_gone_from_the_source_clears_nothing(self, tmp_path: Path, rows: str) -> None:
        with bench(tmp_path, configuration("outgoing", rows=rows)) as one:
            contact = one.mainstay(**BEN, custom={"GPA": 3})
            one.sync("outgoing", contact)
            [record] = one.links()
            url = f"{one.scene.mainstay.url}/_sandbox/custom-fields/GPA"
            assert HTTP.request("DELETE", url).status == 204
            one.scene.mainstay.edit(contact, last_name="O")
            told = one.foreseen("outgoing", contact)
            assert told.short == (
                "updated",
                [("missing-field", "custom.GPA")],
                {("hubspot", record): {"lastname"}},
            )
            assert one.record(record)["gpa"] == "3"

    def test_a_phone_is_compared_by_its_number(self, outgoing: Bench) -> None:
        record = outgoing.hubspot(
            firstname="Ben", lastname="Okafor", email="ben@example.edu", phone="1 (617) 555-0123"
        )
        contact = outgoing.mainstay(**BEN, crm_id=record)
        assert outgoing.foreseen("outgoing", contact).short == ("unchanged", [], {})

    def test_a_number_that_hubspot_holds_in_another_form(self, outgoing: Bench) -> None:
        record = outgoing.hubspot(firstname="Ben", lastname="Okafor", email="ben@example.edu", gpa="3.50")
        contact = outgoing.mainstay(**{**BEN, "phone": None}, crm_id=record, custom={"GPA": 3.5})
        assert outgoing.foreseen("outgoing", contact).short == ("unchanged", [], {})


class TestRowOptions:
    ROW = """
      - {mainstay: custom.Program, hubspot: program, options: {Nursing: biology, History: education}}
"""

    def test_they_go_before_names_in_both_directions(self, tmp_path: Path) -> None:
        with bench(tmp_path, configuration("incoming", "outgoing", rows=NAMES + self.ROW)) as one:
            record = one.hubspot(**ANA, program="biology")
            contact = one.mainstay(**BEN, custom={"Program": "History"})
            assert one.foreseen("incoming", record).outcome == "created"
            assert one.foreseen("outgoing", contact).outcome == "created"
            ana = next(c for c in one.scene.mainstay.all() if c["crm_id"] == record)
            assert ana["custom"] == {"Program": "Nursing"}
            ben = one.record(one.contact(contact)["crm_id"])
            assert ben["program"] == "education"
            one.quiet("outgoing", ana["id"])
            one.quiet("incoming", ben["id"])

    def test_all_others_by_value_or_label(self, tmp_path: Path) -> None:
        with bench(tmp_path, configuration("incoming", rows=NAMES + self.ROW)) as one:
            record = one.hubspot(**ANA, program="computer_science")
            one.foreseen("incoming", record)
            [contact] = one.scene.mainstay.all()
            assert contact["custom"] == {"Program": "Computer Science"}


def _options(one: Bench, name: str, *values: str) -> None:
    """Give a HubSpot property these options."""
    url = f"{one.scene.hubspot.url}/_sandbox/properties/{name}"
    assert HTTP.request("PATCH", url, json={"options": [{"value": value} for value in values]}).status == 200
