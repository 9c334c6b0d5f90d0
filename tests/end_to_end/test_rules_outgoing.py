"""Mainstay → HubSpot, sentence by sentence of contract.md §6: whom a contact is matched with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.rules_kit import (
    BEN,
    BEN_THERE,
    NAMES,
    Bench,
    bench,
    configuration,
    next_record_id,
)
from tests.end_to_end.scene import HTTP

CREATED = {"firstname", "lastname", "phone", "email"}


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Bench]:
    """One outgoing instance, no Mainstay ID mapped."""
    with bench(tmp_path, configuration("outgoing")) as made:
        yield made


class TestByCrmId:
    def test_all_fields_may_be_updated(self, one: Bench) -> None:
        record = one.hubspot(firstname="B", lastname="O", phone="6175550199", email="old@example.edu")
        contact = one.mainstay(**BEN, crm_id=record)
        told = one.foreseen("outgoing", contact)
        assert told.short == ("updated", [], {("hubspot", record): CREATED})
        assert one.record(record)["phone"] == "+16175550123"
        assert one.links() == {record: contact}
        assert told.steps == [("CRM ID", "matched")]
        one.quiet("outgoing", contact)

    def test_it_goes_before_email_and_name(self, one: Bench) -> None:
        record = one.hubspot(firstname="B")
        other = one.hubspot(**{**BEN_THERE, "email": "other@example.edu"})
        contact = one.mainstay(**BEN, crm_id=record)
        told = one.foreseen("outgoing", contact)
        assert told.writes == {("hubspot", record): CREATED}
        assert one.record(other)["email"] == "other@example.edu"

    @pytest.mark.parametrize("crm_id", ["999999", "SIS-0042", "0123", "541935488729x", "../contacts"])
    def test_not_found_is_an_error_even_where_email_and_name_fit(self, one: Bench, crm_id: str) -> None:
        one.hubspot(**BEN_THERE)
        contact = one.mainstay(**BEN, crm_id=crm_id)
        assert one.foreseen("outgoing", contact).short == ("error", [("crm-id-not-found", "")], {})
        assert one.contact(contact)["crm_id"] == crm_id
        assert one.links() == {}

    def test_a_deleted_record_is_not_found(self, one: Bench) -> None:
        record = one.hubspot(**BEN_THERE)
        one.scene.hubspot.archive(record)
        contact = one.mainstay(**BEN, crm_id=record)
        assert one.foreseen("outgoing", contact).short == ("error", [("crm-id-not-found", "")], {})

    def test_the_link_counts_as_the_crm_id(self, one: Bench) -> None:
        contact = one.mainstay(**BEN)
        one.sync("outgoing", contact)
        [record] = one.links()
        one.scene.mainstay.edit(contact, crm_id=None, email="new@example.edu", last_name="O")
        told = one.foreseen("outgoing", contact)
        assert told.short == (
            "updated",
            [],
            {("hubspot", record): {"lastname", "email"}, ("mainstay", contact): {"crm_id"}},
        )
        assert one.contact(contact)["crm_id"] == record

    def test_a_merged_record_leads_to_its_survivor(self, one: Bench) -> None:
        first, second = one.hubspot(**BEN_THERE), one.hubspot(firstname="Benny", lastname="O")
        contact = one.mainstay(**BEN, crm_id=first)
        survivor = str(one.scene.hubspot.post("merge", primary=second, other=first)["id"])
        told = one.foreseen("outgoing", contact)
        assert told.writes[("mainstay", contact)] == {"crm_id"}
        assert told.short[:2] == ("updated", [])
        assert one.contact(contact)["crm_id"] == survivor
        assert one.record(survivor)["firstname"] == "Ben"
        assert one.links() == {survivor: contact}
        one.quiet("outgoing", contact)

    def test_two_contacts_of_a_merged_record(self, one: Bench) -> None:
        """Whatever the merge's own event did: the first keeps it, the other is told."""
        first, second = one.hubspot(**BEN_THERE), one.hubspot(firstname="Benny", lastname="O")
        keeper = one.mainstay(**BEN, crm_id=first)
        loser = one.mainstay(first_name="Benny", last_name="O", crm_id=second)
        one.sync("outgoing", keeper)
        one.sync("outgoing", loser)
        survivor = str(one.scene.hubspot.post("merge", primary=first, other=second)["id"])
        one.sync("outgoing", keeper)
        assert one.foreseen("outgoing", loser).short == ("error", [("already-linked", "")], {})
        assert one.contact(keeper)["crm_id"] == survivor
        assert one.record(survivor)["firstname"] == "Ben"

    def test_a_record_that_is_linked_to_another_contact(self, one: Bench) -> None:
        holder = one.mainstay(**BEN)
        one.sync("outgoing", holder)
        [record] = one.links()
        one.scene.mainstay.edit(holder, crm_id=None)
        contact = one.mainstay(first_name="Carl", last_name="C", crm_id=record)
        assert one.foreseen("outgoing", contact).short == ("error", [("already-linked", "")], {})
        assert one.record(record)["firstname"] == "Ben"

    def test_blank_names_and_phones_are_nothing_special(self, one: Bench) -> None:
        record = one.hubspot(**BEN_THERE)
        contact = one.mainstay(email="new@example.edu", crm_id=record)
        assert one.foreseen("outgoing", contact).short == ("updated", [], {("hubspot", record): {"email"}})
        assert one.record(record)["firstname"] == "Ben"


class TestByEmail:
    @pytest.mark.parametrize("email", ["ben@example.edu", "Ben@Example.EDU"])
    def test_the_record_is_claimed_and_updated(self, one: Bench, email: str) -> None:
        record = one.hubspot(firstname="Benjamin", lastname="O", email=email)
        contact = one.mainstay(**BEN)
        told = one.foreseen("outgoing", contact)
        assert told.short == (
            "updated",
            [],
            {
                ("mainstay", contact): {"crm_id"},
                ("hubspot", record): {"firstname", "lastname", "phone"},
            },
        )
        assert one.contact(contact)["crm_id"] == record
        assert one.links() == {record: contact}
        assert told.steps == [("CRM ID", "skipped"), ("email", "matched")]
        one.quiet("outgoing", contact)

    def test_an_additional_email_counts(self, one: Bench) -> None:
        first = one.hubspot(firstname="Ben", lastname="Okafor", email="primary@example.edu")
        second = one.hubspot(firstname="B", email="ben@example.edu")
        survivor = str(one.scene.hubspot.post("merge", primary=first, other=second)["id"])
        contact = one.mainstay(**BEN)
        told = one.sync("outgoing", contact)
        assert told.steps[-1] == ("email", "matched")
        assert one.contact(contact)["crm_id"] == survivor
        assert len(one.scene.hubspot.all()) == 1

    def test_the_claim_goes_first(self, one: Bench) -> None:
        """The CRM ID is set on Mainstay before HubSpot is written: refused there, nothing is changed here."""
        record = one.hubspot(firstname="Benjamin", email="ben@example.edu")
        contact = one.mainstay(**BEN)
        one.scene.mainstay.fault(kind="400", method="PATCH", path=f"/contacts/{contact}/")
        told = one.sync("outgoing", contact)
        assert told.short == ("error", [("invalid-value", "")], {})
        assert one.record(record)["firstname"] == "Benjamin"

    def test_the_order_of_the_two_writes(self, one: Bench) -> None:
        one.hubspot(firstname="Benjamin", email="ben@example.edu")
        contact = one.mainstay(**BEN)
        one.sync("outgoing", contact)
        times = []
        for outside in (one.scene.mainstay, one.scene.hubspot):
            calls = HTTP.request("GET", f"{outside.url}/_sandbox/calls").json()["calls"]
            times.append([call["at_ms"] for call in calls if call["written"]])
        assert times[0][0] <= times[1][0]

    def test_a_record_whose_crm_id_another_contact_carries(self, one: Bench) -> None:
        record = one.hubspot(firstname="Benjamin", email="ben@example.edu")
        holder = one.mainstay(first_name="Carl", last_name="C", crm_id=record)
        contact = one.mainstay(**BEN)
        told = one.foreseen("outgoing", contact)
        assert told.short == ("error", [("already-linked", "")], {})
        assert holder in one.scene.log()[0].message
        assert one.record(record)["firstname"] == "Benjamin"

    def test_a_record_that_a_contact_without_crm_id_is_linked_to(self, one: Bench) -> None:
        holder = one.mainstay(**BEN)
        one.sync("outgoing", holder)
        one.scene.mainstay.edit(holder, crm_id=None)
        contact = one.mainstay(first_name="Carl", last_name="C", email="ben@example.edu")
        assert one.foreseen("outgoing", contact).short == ("error", [("already-linked", "")], {})

    def test_two_contacts_with_one_email(self, one: Bench) -> None:
        first = one.mainstay(**BEN)
        second = one.mainstay(first_name="Twin", last_name="Okafor", email="BEN@example.edu")
        assert one.foreseen("outgoing", first).outcome == "created"
        assert one.foreseen("outgoing", second).short == ("error", [("already-linked", "")], {})
        assert [r["firstname"] for r in one.scene.hubspot.all()] == ["Ben"]

    def test_a_phone_that_equals_the_record_id_owns_nothing(self, tmp_path: Path) -> None:
        """Asked who carries the record's id as CRM ID, Mainstay may answer with somebody's phone."""
        options = next_record_id(tmp_path, 6175550999)
        with bench(tmp_path, configuration("outgoing"), **options) as one:
            record = one.hubspot(firstname="Benjamin", email="ben@example.edu")
            one.mainstay(first_name="S", last_name="S", phone=record)
            contact = one.mainstay(**BEN)
            told = one.foreseen("outgoing", contact)
            assert told.outcome == "updated"
            assert one.contact(contact)["crm_id"] == record

    def test_a_phone_of_the_same_digits_does_not_hide_the_owner(self, tmp_path: Path) -> None:
        """Even where Mainstay answers with the phone's contact, the claim finds out."""
        options = next_record_id(tmp_path, 6175550999)
        with bench(tmp_path, configuration("outgoing"), **options) as one:
            one.scene.mainstay.set(key_order=["phone", "crm_id", "id"])
            record = one.hubspot(firstname="Benjamin", email="ben@example.edu")
            one.mainstay(first_name="S", last_name="S", phone=record)
            one.mainstay(first_name="Carl", last_name="C", crm_id=record)
            contact = one.mainstay(**BEN)
            assert one.sync("outgoing", contact).short == ("error", [("already-linked", "")], {})
            assert one.record(record)["firstname"] == "Benjamin"

    def test_an_email_that_hubspot_does_not_know_goes_on_to_the_name(self, one: Bench) -> None:
        record = one.hubspot(**{**BEN_THERE, "email": ""})
        contact = one.mainstay(**BEN)
        told = one.foreseen("outgoing", contact)
        assert told.steps == [("CRM ID", "skipped"), ("email", "nothing"), ("name and phone", "matched")]
        assert told.writes == {("mainstay", contact): {"crm_id"}, ("hubspot", record): {"email"}}

    @pytest.mark.parametrize("email", ["ben at example", "ben@example", "a@b@example.edu"])
    def test_an_invalid_one_skips_the_contact(self, one: Bench, email: str) -> None:
        one.scene.apply(
            configuration("outgoing", rows=NAMES.replace("mainstay: email", "mainstay: custom.Alt Email"))
        )
        contact = _with_custom(one, {"Alt Email": email}, **BEN)
        told = one.foreseen("outgoing", contact)
        assert told.short == ("error", [("invalid-email", "email")], {})
        assert one.scene.hubspot.all() == []

    def test_but_not_one_that_has_a_crm_id(self, one: Bench) -> None:
        one.scene.apply(
            configuration("outgoing", rows=NAMES.replace("mainstay: email", "mainstay: custom.Alt Email"))
        )
        record = one.hubspot(**BEN_THERE)
        contact = _with_custom(one, {"Alt Email": "nonsense"}, **{**BEN, "last_name": "O"}, crm_id=record)
        told = one.foreseen("outgoing", contact)
        assert told.short == ("updated", [("invalid-email", "email")], {("hubspot", record): {"lastname"}})

    def test_a_refusal_that_names_no_field(self, one: Bench) -> None:
        one.scene.hubspot.fault(kind="400", method="POST", path="/batch/create")
        contact = one.mainstay(**BEN)
        assert one.sync("outgoing", contact).short == ("error", [("invalid-value", "")], {})
        assert one.contact(contact)["crm_id"] is None


def _with_custom(one: Bench, custom: dict[str, Any], **values: Any) -> str:
    """A contact whose custom fields hold what their own type would refuse: made while they were text."""
    for name in custom:
        one.scene.mainstay.post("custom-fields", name=name)
    return one.mainstay(**values, custom=custom)


class TestByNameAndPhone:
    @pytest.mark.parametrize("spelling", ["6175550123", "+1 (617) 555-0123", "617.555.0123"])
    def test_the_phone_checks_the_name(self, one: Bench, spelling: str) -> None:
        record = one.hubspot(firstname="BEN", lastname="okafor", phone=spelling)
        one.hubspot(firstname="Ben", lastname="Okafor", phone="6175550177")
        one.hubspot(firstname="Ben", lastname="Okafor")
        one.hubspot(firstname="Ben", lastname="Other", phone="6175550123")
        contact = one.mainstay(**BEN)
        told = one.foreseen("outgoing", contact)
        assert told.outcome == "updated"
        assert told.writes[("mainstay", contact)] == {"crm_id"}
        assert one.contact(contact)["crm_id"] == record
        assert one.links() == {record: contact}

    def test_so_does_one_that_stands_in_a_property_of_text(self, tmp_path: Path) -> None:
        rows = NAMES.replace("hubspot: phone", "hubspot: city")
        with bench(tmp_path, configuration("outgoing", rows=rows)) as one:
            record = one.hubspot(firstname="Ben", lastname="Okafor", city="(617) 555-0123")
            contact = one.mainstay(**BEN)
            assert one.foreseen("outgoing", contact).outcome == "updated"
            assert one.links() == {record: contact}

    def test_several_fit(self, one: Bench) -> None:
        ids = [one.hubspot(firstname="Ben", lastname="Okafor", phone="6175550123") for _ in range(2)]
        contact = one.mainstay(**BEN)
        told = one.foreseen("outgoing", contact)
        assert told.short == ("error", [("ambiguous-name-match", "")], {})
        assert all(one_id in one.scene.log()[0].message for one_id in ids)
        assert one.contact(contact)["crm_id"] is None

    def test_an_email_decides_before_several_names_do(self, one: Bench) -> None:
        one.hubspot(firstname="Ben", lastname="Okafor", phone="6175550123")
        record = one.hubspot(**BEN_THERE)
        contact = one.mainstay(**BEN)
        assert one.foreseen("outgoing", contact).writes == {("mainstay", contact): {"crm_id"}}
        assert one.links() == {record: contact}

    @pytest.mark.parametrize("missing", ["first_name", "last_name", "phone"])
    def test_without_one_of_the_three_nothing_fits(self, one: Bench, missing: str) -> None:
        one.hubspot(firstname="Ben", lastname="Okafor", phone="6175550123")
        contact = one.mainstay(**{**BEN, missing: None})
        assert one.foreseen("outgoing", contact).outcome == "created"
        assert len(one.scene.hubspot.all()) == 2

    def test_a_blank_phone_on_both_sides_proves_nothing(self, one: Bench) -> None:
        one.hubspot(firstname="Ben", lastname="Okafor")
        contact = one.mainstay(first_name="Ben", last_name="Okafor")
        assert one.foreseen("outgoing", contact).outcome == "created"

    def test_a_record_that_belongs_to_another_contact(self, one: Bench) -> None:
        record = one.hubspot(firstname="Ben", lastname="Okafor", phone="6175550123")
        one.mainstay(first_name="Carl", last_name="C", crm_id=record)
        contact = one.mainstay(**BEN)
        assert one.foreseen("outgoing", contact).short == ("error", [("already-linked", "")], {})

    def test_names_that_need_care_in_a_search(self, one: Bench) -> None:
        odd = {"firstname": 'Zoë "Z" \\ [x]', "lastname": "O'Neil-Ñandú; Jr.", "phone": "6175550123"}
        record = one.hubspot(**odd)
        contact = one.mainstay(first_name=odd["firstname"], last_name=odd["lastname"], phone="6175550123")
        assert one.foreseen("outgoing", contact).writes == {("mainstay", contact): {"crm_id"}}
        assert one.links() == {record: contact}
