"""HubSpot → Mainstay, sentence by sentence of contract.md §6: whom a record is matched with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.rules_kit import (
    ANA,
    ANA_HERE,
    ID_ROW,
    NAMES,
    Bench,
    bench,
    configuration,
    next_record_id,
)

CONFLICT = [("crm-id-phone-conflict", "")]


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Bench]:
    """One incoming instance, no Mainstay ID mapped."""
    with bench(tmp_path, configuration("incoming")) as made:
        yield made


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Bench]:
    """One incoming instance that maps the Mainstay ID."""
    with bench(tmp_path, configuration("incoming", rows=NAMES + ID_ROW)) as made:
        yield made


class TestByMainstayId:
    def test_all_fields_may_be_updated(self, keyed: Bench) -> None:
        contact = keyed.mainstay(**{**ANA_HERE, "first_name": "Anna", "phone": "6175550199"})
        record = keyed.hubspot(**ANA, admithub_id=contact)
        told = keyed.foreseen("incoming", record)
        assert told.short == ("updated", [], {("mainstay", contact): {"first_name", "phone", "crm_id"}})
        assert keyed.contact(contact)["phone"] == "6175550100"
        assert keyed.contact(contact)["crm_id"] == record
        assert keyed.links() == {record: contact}
        assert told.steps == [("Mainstay ID", "matched")]
        keyed.quiet("incoming", record)

    def test_it_goes_before_crm_id_and_phone(self, keyed: Bench) -> None:
        named = keyed.mainstay(first_name="Ana", last_name="R", phone="6175550111")
        other = keyed.mainstay(first_name="Other", last_name="O", phone="6175550122")
        record = keyed.hubspot(**{**ANA, "phone": "6175550133"}, admithub_id=named)
        keyed.scene.mainstay.edit(other, phone="6175550144")
        told = keyed.foreseen("incoming", record)
        assert set(told.writes) == {("mainstay", named)}
        assert keyed.contact(other)["first_name"] == "Other"

    def test_a_crm_id_of_another_record_is_replaced(self, keyed: Bench) -> None:
        contact = keyed.mainstay(**ANA_HERE, crm_id="999")
        record = keyed.hubspot(**ANA, admithub_id=contact)
        told = keyed.foreseen("incoming", record)
        assert told.short == ("updated", [], {("mainstay", contact): {"crm_id"}})
        assert keyed.contact(contact)["crm_id"] == record

    def test_not_found_is_an_error_even_where_crm_id_and_phone_fit(self, keyed: Bench) -> None:
        record = keyed.hubspot(**ANA, admithub_id="ah000000000000000")
        keyed.mainstay(**ANA_HERE, crm_id=record)
        told = keyed.foreseen("incoming", record)
        assert told.short == ("error", [("mainstay-id-not-found", "")], {})
        assert keyed.links() == {}

    @pytest.mark.parametrize("key", ["crm_id", "phone"])
    def test_an_id_that_is_anothers_key_is_no_match(self, keyed: Bench, key: str) -> None:
        contact = keyed.mainstay(**{**ANA_HERE, key: "6175550155"})
        record = keyed.hubspot(**ANA, admithub_id="6175550155")
        assert keyed.foreseen("incoming", record).short == ("error", [("mainstay-id-not-found", "")], {})
        assert keyed.contact(contact)["first_name"] == "Ana"

    def test_a_blank_one_is_not_present(self, keyed: Bench) -> None:
        record = keyed.hubspot(**ANA, admithub_id="")
        assert keyed.foreseen("incoming", record).outcome == "created"

    def test_a_phone_that_another_contact_has_skips_the_contact(self, keyed: Bench) -> None:
        contact = keyed.mainstay(first_name="Ana", last_name="R", phone="6175550111")
        keyed.mainstay(first_name="Other", last_name="O", phone="6175550100")
        record = keyed.hubspot(**ANA, admithub_id=contact)
        told = keyed.sync("incoming", record)
        assert told.short == ("error", [("duplicate-contact", "phone")], {})
        assert keyed.contact(contact)["last_name"] == "R"

    def test_a_crm_id_that_another_contact_has_skips_the_contact(self, keyed: Bench) -> None:
        contact = keyed.mainstay(first_name="Ana", last_name="R", phone="6175550111")
        record = keyed.hubspot(**ANA, admithub_id=contact)
        keyed.mainstay(first_name="Other", last_name="O", phone="6175550122", crm_id=record)
        told = keyed.sync("incoming", record)
        assert told.short == ("error", [("duplicate-unique-id-crmId", "crm_id")], {})
        assert keyed.contact(contact)["last_name"] == "R"

    def test_the_same_with_a_409(self, keyed: Bench) -> None:
        keyed.scene.mainstay.set(duplicate_status=409)
        contact = keyed.mainstay(first_name="Ana", last_name="R", phone="6175550111")
        record = keyed.hubspot(**ANA, admithub_id=contact)
        keyed.mainstay(first_name="Other", last_name="O", phone="6175550122", crm_id=record)
        told = keyed.sync("incoming", record)
        assert told.short == ("error", [("duplicate-unique-id-crmId", "crm_id")], {})

    def test_an_invalid_phone_is_left_out_the_rest_is_written(self, keyed: Bench) -> None:
        contact = keyed.mainstay(**{**ANA_HERE, "last_name": "R"})
        record = keyed.hubspot(**{**ANA, "phone": "call me"}, admithub_id=contact)
        told = keyed.foreseen("incoming", record)
        assert told.short == (
            "updated",
            [("invalid-phone", "phone")],
            {("mainstay", contact): {"last_name", "crm_id"}},
        )
        assert keyed.contact(contact)["phone"] == "6175550100"
        done = {one["field"]: one["action"] for one in told.preview["changes"]}
        assert done == {"phone": "left out", "last_name": "write", "crm_id": "write"}
        assert {one["field"] for one in told.preview["fields"]} > set(done)


class TestByCrmIdOrPhone:
    def test_crm_id_and_phone_as_one_contact(self, one: Bench) -> None:
        record = one.hubspot(**ANA)
        contact = one.mainstay(**{**ANA_HERE, "first_name": "Anna"}, crm_id=record)
        told = one.foreseen("incoming", record)
        assert told.short == ("updated", [], {("mainstay", contact): {"first_name"}})
        assert one.links() == {record: contact}
        one.quiet("incoming", record)

    @pytest.mark.parametrize("theirs, ours", [("6175550100", None), ("", "6175550100"), ("", None)])
    def test_a_blank_phone_on_either_side_is_no_conflict(
        self, one: Bench, theirs: str, ours: str | None
    ) -> None:
        record = one.hubspot(**{**ANA, "phone": theirs})
        contact = one.mainstay(first_name="Anna", last_name="Ruiz", phone=ours, crm_id=record)
        told = one.foreseen("incoming", record)
        assert told.short == ("updated", [], {("mainstay", contact): {"first_name", "email"}})
        assert one.contact(contact)["phone"] == ours, "a match by CRM ID never changes the phone"

    def test_a_blank_phone_does_not_clear_even_where_the_row_says_so(self, tmp_path: Path) -> None:
        rows = NAMES.replace("hubspot: phone}", "hubspot: phone, when_empty: clear}")
        with bench(tmp_path, configuration("incoming", rows=rows)) as one:
            record = one.hubspot(**{**ANA, "phone": ""})
            contact = one.mainstay(**ANA_HERE, crm_id=record)
            assert one.foreseen("incoming", record).short == ("unchanged", [], {})
            assert one.contact(contact)["phone"] == "6175550100"

    def test_the_link_counts_as_the_crm_id(self, one: Bench) -> None:
        record = one.hubspot(**ANA)
        contact = next(iter(one.sync("incoming", record).writes))[1]
        one.scene.mainstay.edit(contact, crm_id=None)
        one.scene.hubspot.edit(record, lastname="Vega", phone="")
        told = one.foreseen("incoming", record)
        assert told.short == ("updated", [], {("mainstay", contact): {"last_name"}})
        assert ("link", "matched") in told.steps

    def test_a_link_whose_contact_now_names_another_record_is_none(self, one: Bench) -> None:
        record = one.hubspot(**ANA)
        contact = next(iter(one.sync("incoming", record).writes))[1]
        one.scene.mainstay.edit(contact, crm_id="4711")
        assert one.foreseen("incoming", record).short == ("error", CONFLICT, {})

    def test_phone_alone(self, one: Bench) -> None:
        contact = one.mainstay(**{**ANA_HERE, "email": "old@example.edu"})
        record = one.hubspot(**ANA)
        told = one.foreseen("incoming", record)
        assert told.short == ("updated", [], {("mainstay", contact): {"email"}})
        assert one.contact(contact)["crm_id"] is None, "a match by phone never writes the CRM ID"
        assert one.links() == {record: contact}
        one.quiet("incoming", record)
        one.scene.hubspot.edit(record, phone="", lastname="Vega")
        assert one.sync("incoming", record).writes == {("mainstay", contact): {"last_name"}}

    @pytest.mark.parametrize(
        "spelling", ["6175550100", "+1 617-555-0100", "1 (617) 555 0100", "617.555.0100", "(617) 555-0100"]
    )
    def test_however_the_phone_is_written(self, one: Bench, spelling: str) -> None:
        contact = one.mainstay(**ANA_HERE)
        record = one.hubspot(**{**ANA, "phone": spelling})
        assert one.foreseen("incoming", record).short == ("unchanged", [], {})
        assert one.links() == {record: contact}

    @pytest.mark.parametrize("spelling", ["6175550100", "(617) 555-0100", "+16175550100"])
    def test_a_phone_that_stands_in_a_property_of_text(self, tmp_path: Path, spelling: str) -> None:
        config = configuration("incoming", rows=NAMES.replace("hubspot: phone", "hubspot: city"))
        with bench(tmp_path, config) as one:
            contact = one.mainstay(**ANA_HERE)
            record = one.hubspot(**{**ANA, "phone": ""}, city=spelling)
            assert one.foreseen("incoming", record).short == ("unchanged", [], {})
            assert one.links() == {record: contact}
            one.scene.hubspot.edit(record, city="617 555 0111")
            assert one.foreseen("incoming", record).short == ("error", CONFLICT, {})

    def test_crm_id_finds_one_contact_and_phone_another(self, one: Bench) -> None:
        record = one.hubspot(**ANA)
        one.mainstay(first_name="A", last_name="A", crm_id=record)
        one.mainstay(**ANA_HERE)
        told = one.foreseen("incoming", record)
        assert told.short == ("error", CONFLICT, {})
        assert one.links() == {}

    def test_the_same_crm_id_with_a_different_phone(self, one: Bench) -> None:
        record = one.hubspot(**ANA, jobtitle="x")
        contact = one.mainstay(**{**ANA_HERE, "phone": "6175550177", "first_name": "Anna"}, crm_id=record)
        assert one.foreseen("incoming", record).short == ("error", CONFLICT, {})
        assert one.contact(contact)["first_name"] == "Anna"

    def test_the_same_phone_with_a_different_crm_id(self, one: Bench) -> None:
        record = one.hubspot(**ANA)
        other = one.hubspot(firstname="Other")
        one.mainstay(**{**ANA_HERE, "first_name": "Anna"}, crm_id=other)
        assert one.foreseen("incoming", record).short == ("error", CONFLICT, {})

    def test_the_same_phone_with_a_crm_id_that_is_no_record(self, one: Bench) -> None:
        record = one.hubspot(**ANA)
        one.mainstay(**{**ANA_HERE, "first_name": "Anna"}, crm_id="SIS-0042")
        assert one.foreseen("incoming", record).short == ("error", CONFLICT, {})

    def test_the_same_phone_on_a_contact_linked_to_another_record(self, one: Bench) -> None:
        first = one.hubspot(**ANA)
        contact = next(iter(one.sync("incoming", first).writes))[1]
        one.scene.mainstay.edit(contact, crm_id=None)
        second = one.hubspot(**{**ANA, "email": "other@example.edu"})
        assert one.foreseen("incoming", second).short == ("error", CONFLICT, {})
        assert one.links() == {first: contact}

    def test_a_crm_id_that_was_merged_into_this_record_is_no_conflict(self, one: Bench) -> None:
        first, second = one.hubspot(firstname="Ana", lastname="Ruiz"), one.hubspot(**ANA)
        contact = one.mainstay(**{**ANA_HERE, "first_name": "Anna"}, crm_id=first)
        survivor = str(one.scene.hubspot.post("merge", primary=second, other=first)["id"])
        told = one.foreseen("incoming", survivor)
        assert told.short == ("updated", [], {("mainstay", contact): {"first_name", "crm_id"}})
        assert one.contact(contact)["crm_id"] == survivor
        assert one.links() == {survivor: contact}

    def test_an_old_id_leads_to_the_survivor_again_and_again(self, one: Bench) -> None:
        first, second = one.hubspot(firstname="Ana", lastname="Ruiz"), one.hubspot(**ANA)
        contact = one.mainstay(**ANA_HERE, crm_id=first)
        survivor = str(one.scene.hubspot.post("merge", primary=second, other=first)["id"])
        one.sync("incoming", survivor)
        one.scene.hubspot.edit(survivor, lastname="Vega")
        told = one.foreseen("incoming", first)
        assert told.short == ("updated", [], {("mainstay", contact): {"last_name"}})
        assert one.links() == {survivor: contact}
        one.quiet("incoming", second)

    def test_of_several_merged_ids_the_exact_one_wins(self, one: Bench) -> None:
        first, second = one.hubspot(firstname="Ana", lastname="Ruiz"), one.hubspot(**{**ANA, "phone": ""})
        survivor = str(one.scene.hubspot.post("merge", primary=second, other=first)["id"])
        loser = one.mainstay(first_name="Loser", last_name="L", phone="6175550166", crm_id=first)
        keeper = one.mainstay(first_name="Anna", last_name="Ruiz", phone="6175550177", crm_id=survivor)
        told = one.foreseen("incoming", survivor)
        assert told.short == ("updated", [], {("mainstay", keeper): {"first_name", "email"}})
        assert one.contact(loser)["first_name"] == "Loser"

    def test_an_invalid_phone_on_a_crm_id_match_leaves_the_phone(self, one: Bench) -> None:
        record = one.hubspot(**{**ANA, "phone": "555-0100"})
        contact = one.mainstay(**{**ANA_HERE, "first_name": "Anna"}, crm_id=record)
        told = one.foreseen("incoming", record)
        assert told.short == (
            "updated",
            [("invalid-phone", "phone")],
            {("mainstay", contact): {"first_name"}},
        )
        assert one.contact(contact)["phone"] == "6175550100"


class TestAmbiguousKeys:
    def test_a_record_id_that_is_anothers_phone_is_no_match(self, tmp_path: Path) -> None:
        """HubSpot's ids are plain digits, of ten digits too: a portal whose next id is somebody's phone."""
        options = next_record_id(tmp_path, 6175550123)
        with bench(tmp_path, configuration("incoming"), **options) as one:
            stranger = one.mainstay(first_name="Stranger", last_name="S", phone="6175550123")
            record = one.hubspot(**ANA)
            assert record == "6175550123"
            told = one.foreseen("incoming", record)
            assert told.outcome == "created"
            assert one.contact(stranger)["first_name"] == "Stranger"
            assert ("mainstay", stranger) not in told.writes

    @pytest.mark.parametrize("order", [["phone", "crm_id", "id"], ["crm_id", "phone", "id"]])
    def test_a_phone_that_is_anothers_crm_id_is_no_match(self, one: Bench, order: list[str]) -> None:
        one.scene.mainstay.set(key_order=order)
        stranger = one.mainstay(first_name="Stranger", last_name="S", crm_id="6175550100")
        record = one.hubspot(**ANA)
        told = one.foreseen("incoming", record)
        assert told.outcome == "created"
        assert ("mainstay", stranger) not in told.writes

    def test_the_right_one_is_found_behind_the_wrong_one(self, one: Bench) -> None:
        """The phone is asked for; a CRM ID of the same digits hides the contact that has it. Then creating
        tells: Mainstay refuses a phone that it has."""
        one.mainstay(first_name="Stranger", last_name="S", crm_id="6175550100")
        contact = one.mainstay(**{**ANA_HERE, "first_name": "Anna"})
        told = one.sync("incoming", one.hubspot(**ANA))
        assert told.short == ("error", [("duplicate-contact", "phone")], {})
        assert one.contact(contact)["first_name"] == "Anna"
