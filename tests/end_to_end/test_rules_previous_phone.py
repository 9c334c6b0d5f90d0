"""A phone that Mainstay changed and HubSpot still has, and one that HubSpot changed (contract.md §6)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.rules_kit import (
    ANA,
    ANA_HERE,
    NAMES,
    Bench,
    bench,
    configuration,
)
from tests.end_to_end.scene import scene

CONFLICT = [("crm-id-phone-conflict", "")]


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Bench]:
    """One incoming instance, no Mainstay ID mapped."""
    with bench(tmp_path, configuration("incoming")) as made:
        yield made


class TestPreviousPhone:
    def linked(self, one: Bench) -> tuple[str, str]:
        """A synced pair, whose phone was then changed in Mainstay."""
        record = one.hubspot(**ANA)
        contact = next(iter(one.sync("incoming", record).writes))[1]
        one.scene.mainstay.edit(contact, phone="6175550188")
        return record, contact

    def test_the_phone_stays_the_rest_is_updated_and_it_is_told(self, one: Bench) -> None:
        record, contact = self.linked(one)
        one.scene.hubspot.edit(record, lastname="Vega")
        told = one.foreseen("incoming", record)
        assert told.short == (
            "updated",
            [("contact-out-of-sync", "phone")],
            {("mainstay", contact): {"last_name"}},
        )
        assert one.contact(contact)["phone"] == "6175550188"
        one.quiet("incoming", record)

    def test_it_is_so_after_a_second_change_too(self, one: Bench) -> None:
        record, contact = self.linked(one)
        one.sync("incoming", record)
        one.scene.mainstay.edit(contact, phone="6175550189")
        one.scene.hubspot.edit(record, lastname="Vega")
        told = one.sync("incoming", record)
        assert told.log == [("contact-out-of-sync", "phone")]
        assert told.writes == {("mainstay", contact): {"last_name"}}

    def test_it_is_resolved_when_hubspot_follows(self, one: Bench) -> None:
        record, _ = self.linked(one)
        one.sync("incoming", record)
        one.scene.hubspot.edit(record, phone="6175550188")
        assert one.sync("incoming", record).short == ("unchanged", [], {})
        assert [entry.resolved_at_ms is None for entry in one.scene.log()] == [False]

    def test_mainstay_itself_may_tell_the_previous_phone(self, one: Bench) -> None:
        one.scene.mainstay.set(show_previous_phone=True)
        record = one.hubspot(**ANA)
        contact = one.mainstay(**{**ANA_HERE, "first_name": "Anna"}, crm_id=record)
        one.scene.mainstay.edit(contact, phone="6175550188")
        told = one.foreseen("incoming", record)
        assert told.short == (
            "updated",
            [("contact-out-of-sync", "phone")],
            {("mainstay", contact): {"first_name"}},
        )

    def test_no_error_where_an_outgoing_instance_carries_the_phone(self, tmp_path: Path) -> None:
        with bench(tmp_path, configuration("incoming", "outgoing")) as one:
            record, contact = self.linked(one)
            one.scene.hubspot.edit(record, lastname="Vega")
            told = one.foreseen("incoming", record)
            assert told.short == ("updated", [], {("mainstay", contact): {"last_name"}})
            assert one.sync("outgoing", contact).writes == {("hubspot", record): {"phone"}}
            one.quiet("incoming", record)
            one.quiet("outgoing", contact)

    def test_an_error_where_the_outgoing_instance_carries_another_phone(self, tmp_path: Path) -> None:
        rows = NAMES.replace("hubspot: phone}", "hubspot: mobilephone}")
        with bench(tmp_path, configuration("incoming", "outgoing", outgoing_rows=rows)) as one:
            record, _ = self.linked(one)
            assert one.sync("incoming", record).log == [("contact-out-of-sync", "phone")]

    def test_it_is_so_where_the_phone_stands_in_a_property_of_text(self, tmp_path: Path) -> None:
        config = configuration("incoming", rows=NAMES.replace("hubspot: phone", "hubspot: city"))
        with bench(tmp_path, config) as one:
            record = one.hubspot(**{**ANA, "phone": ""}, city="617 555 0100")
            contact = next(iter(one.sync("incoming", record).writes))[1]
            one.scene.mainstay.edit(contact, phone="6175550188")
            one.scene.hubspot.edit(record, lastname="Vega")
            assert one.foreseen("incoming", record).short == (
                "updated",
                [("contact-out-of-sync", "phone")],
                {("mainstay", contact): {"last_name"}},
            )

    def test_a_phone_edited_in_hubspot_stays_a_conflict(self, one: Bench) -> None:
        record = one.hubspot(**ANA)
        contact = next(iter(one.sync("incoming", record).writes))[1]
        one.scene.hubspot.edit(record, phone="6175550188", lastname="Vega")
        assert one.foreseen("incoming", record).short == ("error", CONFLICT, {})
        assert one.contact(contact)["last_name"] == "Ruiz"

    def test_so_does_one_set_back_in_hubspot_to_the_previous_one(self, tmp_path: Path) -> None:
        with bench(tmp_path, configuration("incoming", "outgoing")) as one:
            record, contact = self.linked(one)
            one.sync("outgoing", contact)
            assert one.record(record)["phone"] == "+16175550188"
            one.scene.hubspot.edit(record, phone="6175550100")
            assert one.foreseen("incoming", record).short == ("error", CONFLICT, {})

    def test_and_the_two_directions_do_not_wake_each_other_for_ever(self, tmp_path: Path) -> None:
        with scene(tmp_path) as whole:
            whole.apply(configuration("incoming", "outgoing"))
            whole.start()
            record = whole.hubspot.create(**ANA)
            whole.settle()
            [contact] = whole.mainstay.all()
            whole.mainstay.edit(contact["id"], phone="6175550188")
            whole.settle()
            assert whole.hubspot.get(record)["phone"] == "+16175550188"
            whole.hubspot.edit(record, phone="6175550100")
            whole.settle()
            assert whole.codes() == ["crm-id-phone-conflict"]
            whole.mainstay.edit(contact["id"], phone="6175550199")
            whole.settle()
            assert whole.hubspot.get(record)["phone"] == "+16175550199", "one edited in Mainstay travels"
            assert [entry.resolved_at_ms is None for entry in whole.log()] == [False]
