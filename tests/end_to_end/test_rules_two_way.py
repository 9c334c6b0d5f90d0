"""Two-way fields, by contract.md §6: whose value holds, and that both sides then fall silent."""

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
def both(tmp_path: Path) -> Iterator[Bench]:
    """Both directions with the same rows."""
    with bench(tmp_path, configuration("incoming", "outgoing", rows=ROWS)) as one:
        yield one


def in_mainstay(one: Bench, contact: str, label: str) -> Any:
    """A custom field as Mainstay holds it."""
    return one.contact(contact)["custom"].get(label)


class TestTwoWay:
    def pair(self, one: Bench) -> tuple[str, str]:
        """A record and a contact in step."""
        record = one.hubspot(**ANA, gpa="3", application_status="Applied")
        one.sync("incoming", record)
        [contact] = one.links().values()
        one.quiet("outgoing", contact)
        return record, contact

    def settled(self, one: Bench, record: str, contact: str) -> None:
        """Both directions, then nothing more: the sides agree."""
        for _ in range(2):
            one.sync("incoming", record)
            one.sync("outgoing", contact)
        one.quiet("incoming", record)
        one.quiet("outgoing", contact)

    @pytest.mark.parametrize("first", ["incoming", "outgoing"])
    def test_each_field_follows_the_side_that_changed_it(self, both: Bench, first: str) -> None:
        record, contact = self.pair(both)
        both.scene.hubspot.edit(record, lastname="Vega")
        both.scene.mainstay.edit(contact, first_name="Anna", phone="6175550111")
        order = [("incoming", record), ("outgoing", contact)]
        for direction, one_id in order if first == "incoming" else order[::-1]:
            both.foreseen(direction, one_id)
        for direction, one_id in order:
            both.quiet(direction, one_id)
        there, here = both.record(record), both.contact(contact)
        assert (there["firstname"], there["lastname"], there["phone"]) == ("Anna", "Vega", "+16175550111")
        assert (here["first_name"], here["last_name"]) == ("Anna", "Vega")

    @pytest.mark.parametrize("first", ["incoming", "outgoing"])
    @pytest.mark.parametrize("later", ["hubspot", "mainstay", "tie"])
    def test_both_changed_it_the_later_change_wins(self, both: Bench, first: str, later: str) -> None:
        record, contact = self.pair(both)
        base = both.scene.wiring.clock()
        theirs, ours = {"hubspot": (2000, 1000), "mainstay": (1000, 2000), "tie": (1000, 1000)}[later]
        _edit_at(both, "hubspot", record, base + theirs, {"application_status": "There"})
        _edit_at(both, "mainstay", contact, base + ours, {"custom": {"Application Status": "Here"}})
        order = [("incoming", record), ("outgoing", contact)]
        told = []
        for direction, one_id in order if first == "incoming" else order[::-1]:
            told.append(both.sync(direction, one_id))
        winner = "Here" if later == "mainstay" else "There"
        assert both.record(record)["application_status"] == winner
        assert in_mainstay(both, contact, "Application Status") == winner
        reasons = [field["reason"] for one in told for field in one.story["fields"]]
        assert any("changed on both sides" in reason for reason in reasons), "the timeline says so"
        self.settled(both, record, contact)

    def test_without_an_agreed_value_a_blank_yields(self, both: Bench) -> None:
        record = both.hubspot(firstname="Ana", lastname="Ruiz", email="ana@example.edu", gpa="3")
        contact = both.mainstay(
            first_name="Ana", phone="6175550100", crm_id=record, custom={"Application Status": "Applied"}
        )
        both.sync("incoming", record)
        both.sync("outgoing", contact)
        assert both.record(record)["application_status"] == "Applied"
        assert both.record(record)["phone"] == "+16175550100"
        assert in_mainstay(both, contact, "GPA") == 3
        assert both.contact(contact)["last_name"] == "Ruiz"
        self.settled(both, record, contact)

    @pytest.mark.parametrize("handled", ["incoming", "outgoing"])
    def test_else_the_side_being_handled_wins(self, both: Bench, handled: str) -> None:
        record = both.hubspot(**{**ANA, "phone": ""}, application_status="There")
        contact = both.mainstay(
            first_name="Ana", last_name="Ruiz", crm_id=record, custom={"Application Status": "Here"}
        )
        both.foreseen(handled, record if handled == "incoming" else contact)
        winner = "There" if handled == "incoming" else "Here"
        assert both.record(record)["application_status"] == winner
        assert in_mainstay(both, contact, "Application Status") == winner
        self.settled(both, record, contact)

    def test_under_keep_a_blank_does_not_travel(self, both: Bench) -> None:
        record, contact = self.pair(both)
        both.scene.hubspot.edit(record, gpa="")
        assert both.sync("incoming", record).writes == {}
        assert both.sync("outgoing", contact).writes == {}
        assert in_mainstay(both, contact, "GPA") == 3
        assert "gpa" not in both.record(record)

    def test_under_clear_it_does(self, tmp_path: Path) -> None:
        with bench(tmp_path, configuration("incoming", "outgoing", rows=CLEARING)) as one:
            record, contact = self.pair(one)
            one.scene.mainstay.edit(contact, custom={"GPA": None})
            assert one.sync("incoming", record).writes == {}, "it has to travel the other way"
            assert one.sync("outgoing", contact).writes == {("hubspot", record): {"gpa"}}
            one.scene.hubspot.edit(record, application_status="")
            one.sync("incoming", record)
            assert in_mainstay(one, contact, "Application Status") is None
            self.settled(one, record, contact)

    def test_a_contact_that_fails_the_other_filter_is_one_way(self, tmp_path: Path) -> None:
        config = configuration(
            "outgoing", "incoming", rows=ROWS, filters="[{field: custom.Program, values: [Biology]}]"
        )
        with bench(tmp_path, config) as one:
            record = one.hubspot(**ANA, application_status="There")
            one.sync("incoming", record)
            [contact] = one.links().values()
            one.scene.mainstay.edit(contact, custom={"Application Status": "Here"})
            assert one.sync("outgoing", contact).outcome == "filtered"
            one.sync("incoming", record)
            assert in_mainstay(one, contact, "Application Status") == "There", "a one-way field is asserted"

    def test_an_invalid_value_on_the_side_that_changed_stays_where_it_is(self, both: Bench) -> None:
        record, contact = self.pair(both)
        both.scene.hubspot.edit(record, mobilephone="ask mum")
        told = both.sync("incoming", record)
        assert told.short == ("error", [("invalid-phone", "custom.Parent Phone")], {})
        assert both.sync("outgoing", contact).writes == {}
        both.quiet("incoming", record)
        assert both.record(record)["mobilephone"] == "ask mum"

    def test_a_platform_that_rewrites_what_it_is_given(self, both: Bench) -> None:
        both.scene.hubspot.set(rewrite_phone=True, rewrite_lowercase_email=True)
        contact = both.mainstay(**{**BEN, "email": "Ben@Example.edu"})
        both.sync("outgoing", contact)
        [record] = both.links()
        self.settled(both, record, contact)
        assert both.record(record)["phone"] == "+1 617-555-0123"

    def test_a_step_back_that_hubspot_drops_in_silence(self, tmp_path: Path) -> None:
        rows = NAMES + "      - {mainstay: custom.Application Status, hubspot: lifecyclestage}\n"
        with bench(tmp_path, configuration("incoming", "outgoing", rows=rows)) as one:
            record = one.hubspot(**ANA, lifecyclestage="customer")
            one.sync("incoming", record)
            [contact] = one.links().values()
            one.scene.mainstay.edit(contact, custom={"Application Status": "lead"})
            one.sync("outgoing", contact)
            assert one.record(record)["lifecyclestage"] == "customer"
            self.settled(one, record, contact)


def _edit_at(one: Bench, side: str, contact: str, at_ms: int, values: dict[str, Any]) -> None:
    """An outside edit that is dated."""
    outside = one.scene.hubspot if side == "hubspot" else one.scene.mainstay
    body = {"properties": values, "at_ms": at_ms} if side == "hubspot" else {**values, "at_ms": at_ms}
    url = f"{outside.url}/_sandbox/contacts/{contact}"
    assert HTTP.request("PATCH", url, json=body).status == 200
