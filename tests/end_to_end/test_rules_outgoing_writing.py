"""Mainstay → HubSpot, by contract.md §6: creating, the Mainstay ID, refusals, who never travels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.rules_kit import (
    BEN,
    BEN_THERE,
    ID_ROW,
    NAMES,
    Bench,
    bench,
    configuration,
)
from tests.end_to_end.scene import HTTP

CREATED = {"firstname", "lastname", "phone", "email"}


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Bench]:
    """One outgoing instance, no Mainstay ID mapped."""
    with bench(tmp_path, configuration("outgoing")) as made:
        yield made


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Bench]:
    """One outgoing instance that keeps the Mainstay ID in HubSpot."""
    with bench(tmp_path, configuration("outgoing", rows=NAMES + ID_ROW)) as made:
        yield made


class TestCreate:
    def test_all_mapped_fields_and_then_the_crm_id(self, one: Bench) -> None:
        contact = one.mainstay(**BEN)
        told = one.foreseen("outgoing", contact)
        [record] = one.scene.hubspot.all()
        assert told.short == (
            "created",
            [],
            {("hubspot", record["id"]): CREATED, ("mainstay", contact): {"crm_id"}},
        )
        assert (record["firstname"], record["phone"]) == ("Ben", "+16175550123")
        assert one.contact(contact)["crm_id"] == record["id"]
        one.quiet("outgoing", contact)

    def test_one_name_is_enough(self, one: Bench) -> None:
        contact = one.mainstay(first_name="Ben")
        assert one.foreseen("outgoing", contact).outcome == "created"

    def test_hubspot_wants_a_name_or_an_email(self, one: Bench) -> None:
        contact = one.mainstay(phone="6175550123")
        told = one.sync("outgoing", contact)
        assert told.short == ("error", [("invalid-value", "")], {})

    def test_a_409_with_an_existing_id_counts_as_an_email_match(self, one: Bench) -> None:
        """The read by email does not see the record (an additional email, a lag): the create tells of it."""
        record = one.hubspot(firstname="Benjamin", lastname="O", email="ben@example.edu")
        contact = one.mainstay(**BEN)
        one.scene.hubspot.fault(kind="404", method="POST", path="/batch/read", times=2)
        told = one.sync("outgoing", contact)
        assert told.short == (
            "updated",
            [],
            {("mainstay", contact): {"crm_id"}, ("hubspot", record): {"firstname", "lastname", "phone"}},
        )
        assert len(one.scene.hubspot.all()) == 1

    @pytest.mark.parametrize("alone", [True, False])
    def test_a_409_that_names_nobody(self, one: Bench, alone: bool) -> None:
        """An additional email that the batch read doesn't know: the single read finds it, else the search."""
        first = one.hubspot(firstname="Benjamin", lastname="O", email="primary@example.edu")
        second = one.hubspot(firstname="B", email="ben@example.edu")
        record = str(one.scene.hubspot.post("merge", primary=first, other=second)["id"])
        contact = one.mainstay(**BEN)
        one.scene.hubspot.fault(kind="404", method="POST", path="/batch/read", times=3)
        one.scene.hubspot.fault(kind="409", method="POST", path="/batch/create", times=1)
        if not alone:
            one.scene.hubspot.fault(kind="404", method="GET", times=1)
        told = one.sync("outgoing", contact)
        assert told.outcome == "updated"
        assert told.log == []
        assert told.steps == [("CRM ID", "skipped"), ("email", "matched")]
        assert one.contact(contact)["crm_id"] == record
        assert len(one.scene.hubspot.all()) == 1

    def test_a_409_whose_record_belongs_to_another_contact(self, one: Bench) -> None:
        record = one.hubspot(firstname="Benjamin", email="ben@example.edu")
        one.mainstay(first_name="Carl", last_name="C", crm_id=record)
        contact = one.mainstay(**BEN)
        one.scene.hubspot.fault(kind="404", method="POST", path="/batch/read", times=2)
        assert one.sync("outgoing", contact).short == ("error", [("already-linked", "")], {})
        assert one.record(record)["firstname"] == "Benjamin"

    @pytest.mark.parametrize("kind", ["503", "empty"])
    def test_a_crm_id_that_mainstay_does_not_take_at_once(self, tmp_path: Path, kind: str) -> None:
        """The write-back fails, or does nothing: it is tried again, and nothing is created twice."""
        with bench(tmp_path, configuration("outgoing")) as one:
            contact = one.mainstay(**BEN)
            one.scene.mainstay.fault(kind=kind, method="PATCH", times=1)
            told = one.sync("outgoing", contact)
            assert told.outcome == "waiting"
            told = one.sync("outgoing", contact)
            [record] = one.scene.hubspot.all()
            assert told.writes == {("mainstay", contact): {"crm_id"}}
            assert one.contact(contact)["crm_id"] == record["id"]

    def test_no_claim_no_update(self, one: Bench) -> None:
        """Mainstay does not take the CRM ID of a record found by email: HubSpot is left alone meanwhile."""
        record = one.hubspot(**BEN_THERE)
        contact = one.mainstay(**{**BEN, "last_name": "Lindqvist"})
        one.scene.mainstay.fault(kind="empty", method="PATCH", times=1)
        assert one.sync("outgoing", contact).outcome == "waiting"
        assert one.record(record)["lastname"] == BEN_THERE["lastname"]
        assert one.sync("outgoing", contact).outcome == "updated"
        assert one.contact(contact)["crm_id"] == record

    def test_a_lost_answer_makes_no_second_record(self, tmp_path: Path) -> None:
        for number, values in enumerate((BEN, {**BEN, "email": None})):
            folder = tmp_path / str(number)
            folder.mkdir()
            options = {"environment": {"CROSSWALK_HUBSPOT_SEARCH_LAG": "0s"}}
            with bench(folder, configuration("outgoing"), **options) as one:
                contact = one.mainstay(**values)
                one.scene.hubspot.fault(kind="apply-then-reset", method="POST", path="/batch/create", times=1)
                assert one.sync("outgoing", contact).outcome == "waiting"
                assert one.sync("outgoing", contact).outcome == "updated"
                [record] = one.scene.hubspot.all()
                assert one.contact(contact)["crm_id"] == record["id"]


class TestMainstayIdRow:
    def test_it_is_written_where_the_property_is_blank(self, keyed: Bench) -> None:
        contact = keyed.mainstay(**BEN)
        keyed.foreseen("outgoing", contact)
        [record] = keyed.scene.hubspot.all()
        assert record["admithub_id"] == contact
        keyed.quiet("outgoing", contact)
        keyed.scene.hubspot.edit(record["id"], admithub_id="")
        told = keyed.foreseen("outgoing", contact)
        assert told.short == ("updated", [], {("hubspot", record["id"]): {"admithub_id"}})

    def test_it_never_replaces_another(self, keyed: Bench) -> None:
        record = keyed.hubspot(**BEN_THERE, admithub_id="ah000000000000000")
        contact = keyed.mainstay(**BEN, crm_id=record)
        told = keyed.foreseen("outgoing", contact)
        assert told.short == ("unchanged", [], {})
        assert told.change("admithub_id")["action"] == "kept"
        assert keyed.record(record)["admithub_id"] == "ah000000000000000"

    def test_no_row_for_crm_id_is_ever_written_to_hubspot(self, keyed: Bench) -> None:
        contact = keyed.mainstay(**BEN)
        told = keyed.foreseen("outgoing", contact)
        assert "hs_object_id" not in set().union(*told.writes.values())

    def test_a_unique_property_makes_creating_idempotent(self, tmp_path: Path) -> None:
        options = {"hubspot_options": {"unique_admithub_id": True}}
        with bench(tmp_path, configuration("outgoing", rows=NAMES + ID_ROW), **options) as one:
            contact = one.mainstay(first_name="Ben", last_name="Okafor")
            one.scene.hubspot.fault(kind="apply-then-reset", method="POST", path="/batch/upsert", times=1)
            assert one.sync("outgoing", contact).outcome == "waiting"
            assert one.sync("outgoing", contact).outcome == "updated"
            [record] = one.scene.hubspot.all()
            assert record["admithub_id"] == contact

    def test_there_an_email_that_is_taken_is_still_a_match(self, tmp_path: Path) -> None:
        options = {"hubspot_options": {"unique_admithub_id": True}}
        with bench(tmp_path, configuration("outgoing", rows=NAMES + ID_ROW), **options) as one:
            record = one.hubspot(firstname="Benjamin", email="ben@example.edu")
            contact = one.mainstay(**BEN)
            one.scene.hubspot.fault(kind="404", method="POST", path="/batch/read", times=2)
            assert one.sync("outgoing", contact).outcome == "updated"
            assert one.record(record)["admithub_id"] == contact
            assert len(one.scene.hubspot.all()) == 1


class TestRefusals:
    def test_an_email_that_another_record_has_is_left_out(self, one: Bench) -> None:
        one.hubspot(firstname="Other", email="ben@example.edu")
        record = one.hubspot(firstname="Benjamin")
        contact = one.mainstay(**BEN, crm_id=record)
        told = one.sync("outgoing", contact)
        assert told.short == (
            "updated",
            [("invalid-value", "email")],
            {("hubspot", record): {"firstname", "lastname", "phone"}},
        )
        assert "email" not in one.record(record)

    def test_a_mapped_property_that_is_gone(self, one: Bench) -> None:
        rows = NAMES + "      - {mainstay: custom.High School, hubspot: application_status}\n"
        one.scene.apply(configuration("outgoing", rows=rows))
        record = one.hubspot(firstname="B")
        contact = one.mainstay(**BEN, crm_id=record, custom={"High School": "Central"})
        _property(one, "application_status", archived=True)
        told = one.sync("outgoing", contact)
        assert told.short == (
            "updated",
            [("missing-field", "application_status")],
            {("hubspot", record): CREATED},
        )

    def test_a_mapped_property_that_became_read_only(self, one: Bench) -> None:
        rows = NAMES + "      - {mainstay: custom.High School, hubspot: application_status}\n"
        one.scene.apply(configuration("outgoing", rows=rows))
        _property(one, "application_status", read_only=True)
        contact = one.mainstay(**BEN, custom={"High School": "Central"})
        told = one.sync("outgoing", contact)
        assert (told.outcome, told.log) == ("created", [("read-only-field", "application_status")])

    def test_a_403_for_one_contact(self, one: Bench) -> None:
        record = one.hubspot(firstname="B")
        contact = one.mainstay(**BEN, crm_id=record)
        one.scene.hubspot.fault(kind="403", method="PATCH")
        assert one.sync("outgoing", contact).short == ("error", [("permission-missing", "")], {})

    @pytest.mark.parametrize("flag", ["test_user", "archived"])
    def test_archived_and_test_contacts_never_travel(self, one: Bench, flag: str) -> None:
        contact = one.mainstay(**BEN, **{flag: True})
        assert one.foreseen("outgoing", contact).short == ("filtered", [], {})
        assert one.scene.hubspot.all() == []

    def test_a_hidden_contact_travels(self, one: Bench) -> None:
        contact = one.mainstay(**BEN, permitted_user_status="blocked")
        assert one.foreseen("outgoing", contact).outcome == "created"

    def test_an_id_that_is_anothers_crm_id_is_nobody(self, one: Bench) -> None:
        one.mainstay(**BEN, crm_id="4711")
        assert one.sync("outgoing", "4711").short == ("gone", [], {})

    def test_the_row_says_whom_it_is_about_and_holds_no_value(self, one: Bench) -> None:
        contact = one.mainstay(**BEN, crm_id="4711")
        one.sync("outgoing", contact)
        [entry] = one.scene.log()
        assert entry.mainstay_id == contact
        assert entry.url is not None and contact in entry.url
        for value in BEN.values():
            assert value not in entry.message


def _property(one: Bench, name: str, **changes: Any) -> None:
    url = f"{one.scene.hubspot.url}/_sandbox/properties/{name}"
    assert HTTP.request("PATCH", url, json=changes).status == 200
