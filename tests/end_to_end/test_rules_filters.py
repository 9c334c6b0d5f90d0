"""Filters, by contract.md §6: they look at the source; all must hold, each by any of its values."""

from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.rules_kit import NAMES, bench, configuration

ANA: dict[str, Any] = {
    "firstname": "Ana",
    "lastname": "Ruiz",
    "phone": "6175550100",
    "email": "ana@example.edu",
}
BEN: dict[str, Any] = {"first_name": "Ben", "last_name": "Okafor", "phone": "6175550123"}
STAGE = "{field: lifecyclestage, values: [lead, opportunity]}"


@pytest.mark.parametrize(
    "filters, values, passes",
    [
        (STAGE, {"lifecyclestage": "lead"}, True),
        (STAGE, {"lifecyclestage": "opportunity"}, True),
        (STAGE, {"lifecyclestage": "customer"}, False),
        (STAGE, {}, False),
        ("{field: lifecyclestage, values: [Lead]}", {"lifecyclestage": "lead"}, True),
        ("{field: program, values: [NURSING]}", {"program": "nursing_bsn"}, True),
        ("{field: city, values: [boston]}", {"city": " BOSTON "}, True),
        ("{field: city, values: [Boston]}", {"city": "East Boston"}, False),
        ("{field: city, values: [Straße]}", {"city": "STRASSE"}, True),
        ("{field: interests, values: [music]}", {"interests": "sports;music"}, True),
        ("{field: interests, values: [Music]}", {"interests": "sports"}, False),
        ("{field: interests, values: ['music;sports']}", {"interests": "music;research;sports"}, True),
        ("{field: interests, values: ['music;sports']}", {"interests": "music"}, False),
        ("{field: first_generation, values: [true]}", {"first_generation": "true"}, True),
        ("{field: first_generation, values: ['Yes']}", {"first_generation": "false"}, False),
        ("{field: gpa, values: ['3.5']}", {"gpa": "3.50"}, True),
        ("{field: date_of_birth, values: ['2004-02-29']}", {"date_of_birth": "1078012800000"}, True),
        ("{field: phone, values: ['(617) 555-0100']}", {}, True),
        (STAGE + ", {field: city, values: [Boston]}", {"lifecyclestage": "lead", "city": "Boston"}, True),
        (STAGE + ", {field: city, values: [Boston]}", {"lifecyclestage": "lead", "city": "Salem"}, False),
        (STAGE + ", {field: city, values: [Boston]}", {"city": "Boston"}, False),
    ],
)
def test_incoming(tmp_path: Path, filters: str, values: dict[str, str], passes: bool) -> None:
    with bench(tmp_path, configuration("incoming", filters=f"[{filters}]")) as one:
        record = one.hubspot(**ANA, **values)
        told = one.foreseen("incoming", record)
        assert told.outcome == ("created" if passes else "filtered")
        assert told.preview["filter"]["passed"] is passes
        assert len(one.scene.mainstay.all()) == passes
        assert told.log == [], "a contact that is filtered out is no error"
        assert [one_filter["held"] for one_filter in told.story["filter"]].count(False) == (
            0 if passes else 1
        )


@pytest.mark.parametrize(
    "filters, custom, passes",
    [
        ("{field: custom.Program, values: [biology]}", {"Program": "Biology"}, True),
        ("{field: custom.Program, values: [biology]}", {"Program": "History"}, False),
        ("{field: custom.Race/Ethnicity, values: [Any]}", {"Race/Ethnicity": "any"}, True),
        ("{field: custom.Race/Ethnicity, values: [Any]}", {}, False),
        ("{field: custom.First Generation, values: [true]}", {"First Generation": True}, True),
        ("{field: custom.GPA, values: ['4']}", {"GPA": 4.0}, True),
    ],
)
def test_outgoing(tmp_path: Path, filters: str, custom: dict[str, Any], passes: bool) -> None:
    with bench(tmp_path, configuration("outgoing", filters=f"[{filters}]")) as one:
        contact = one.mainstay(**BEN, custom=custom)
        told = one.foreseen("outgoing", contact)
        assert told.outcome == ("created" if passes else "filtered")
        assert told.log == []
        assert len(one.scene.hubspot.all()) == passes


def test_a_contact_is_neither_matched_nor_looked_up_on_the_other_side(tmp_path: Path) -> None:
    with bench(tmp_path, configuration("incoming", filters=f"[{STAGE}]")) as one:
        record = one.hubspot(**ANA)
        before = one.scene.mainstay.calls()
        told = one.foreseen("incoming", record)
        assert (told.outcome, told.steps) == ("filtered", [])
        assert one.scene.mainstay.calls() == before
        assert one.links() == {}


def test_a_filter_looks_at_the_source_alone(tmp_path: Path) -> None:
    with bench(tmp_path, configuration("incoming", filters="[{field: lastname, values: [Ruiz]}]")) as one:
        record = one.hubspot(**ANA)
        contact = one.mainstay(first_name="Ana", last_name="Other", phone="6175550100")
        assert one.foreseen("incoming", record).writes == {("mainstay", contact): {"last_name", "email"}}


def test_a_synced_contact_that_leaves_the_filter_stays_as_it_is(tmp_path: Path) -> None:
    with bench(tmp_path, configuration("incoming", filters=f"[{STAGE}]")) as one:
        record = one.hubspot(**ANA, lifecyclestage="lead")
        one.sync("incoming", record)
        one.scene.hubspot.edit(record, lifecyclestage="customer", lastname="Vega")
        assert one.foreseen("incoming", record).short == ("filtered", [], {})
        assert one.scene.mainstay.all()[0]["last_name"] == "Ruiz"
        assert len(one.links()) == 1


def test_leaving_the_filter_resolves_what_was_told(tmp_path: Path) -> None:
    with bench(tmp_path, configuration("incoming", filters=f"[{STAGE}]")) as one:
        record = one.hubspot(**{**ANA, "phone": ""}, lifecyclestage="lead")
        assert one.sync("incoming", record).log == [("blank-required-data-in-record", "")]
        one.scene.hubspot.edit(record, lifecyclestage="customer")
        one.sync("incoming", record)
        assert [entry.resolved_at_ms is None for entry in one.scene.log()] == [False]


def test_the_timeline_names_the_filter_and_no_value_of_the_contact(tmp_path: Path) -> None:
    rows = NAMES + "      - {mainstay: custom.High School, hubspot: city}\n"
    config = configuration("incoming", rows=rows, filters="[{field: city, values: [Boston]}]")
    with bench(tmp_path, config) as one:
        told = one.foreseen("incoming", one.hubspot(**ANA, city="Salem"))
        assert told.story["filter"] == [{"field": "city", "wanted": ["Boston"], "held": False}]
        assert told.preview["filter"]["reasons"][0]["actual"] == "Salem", "the preview shows it, live"
