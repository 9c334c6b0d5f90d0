"""HubSpot → Mainstay, by contract.md §6: creating, what is never written, refusals, telling once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain.messages import Cause
from tests.end_to_end.rules_kit import (
    ANA,
    ANA_HERE,
    ID_ROW,
    NAMES,
    Bench,
    bench,
    configuration,
)

CREATED = {"first_name", "last_name", "phone", "email", "crm_id"}
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


class TestCreate:
    def test_all_mapped_fields_and_the_crm_id(self, one: Bench) -> None:
        record = one.hubspot(**ANA)
        told = one.foreseen("incoming", record)
        [contact] = one.scene.mainstay.all()
        assert told.short == ("created", [], {("mainstay", contact["id"]): CREATED})
        assert {name: contact[name] for name in ANA_HERE} == ANA_HERE
        assert contact["crm_id"] == record
        assert one.links() == {record: contact["id"]}
        one.quiet("incoming", record)

    def test_who_is_gone_before_a_lost_answer_is_known_leaves_no_key(self, one: Bench) -> None:
        record = one.hubspot(**ANA)
        one.scene.mainstay.fault(kind="apply-then-reset", method="POST", times=1)
        assert (one.sync("incoming", record).outcome, one.open_creates()) == ("waiting", 1)
        one.scene.hubspot.archive(record)
        assert (one.sync("incoming", record).outcome, one.open_creates()) == ("gone", 0)
        one.scene.hubspot.post("restore", id=record)
        assert one.sync("incoming", record).outcome == "unchanged"
        [contact] = one.scene.mainstay.all()
        assert one.links() == {record: contact["id"]}

    @pytest.mark.parametrize("name", ["firstname", "lastname", "phone"])
    @pytest.mark.parametrize("blank", ["", "   "])
    def test_blank_required_data(self, one: Bench, name: str, blank: str) -> None:
        record = one.hubspot(**{**ANA, name: blank})
        told = one.foreseen("incoming", record)
        assert told.short == ("error", [("blank-required-data-in-record", "")], {})
        assert one.scene.mainstay.all() == []
        [entry] = one.scene.log()
        label = {"firstname": "First Name", "lastname": "Last Name", "phone": "Phone"}[name]
        assert entry.message == f"To create the contact, Mainstay needs {label}."

    def test_only_creating_needs_them(self, one: Bench) -> None:
        record = one.hubspot(email="ana@example.edu")
        contact = one.mainstay(**{**ANA_HERE, "email": None}, crm_id=record)
        assert one.foreseen("incoming", record).short == ("updated", [], {("mainstay", contact): {"email"}})

    @pytest.mark.parametrize(
        "phone",
        ["555-0100", "+44 20 7946 0958", "617 555 0100 ext 5", "617555010", "call me", "16175550100 0"],
    )
    def test_an_invalid_phone(self, one: Bench, phone: str) -> None:
        record = one.hubspot(**{**ANA, "phone": phone})
        told = one.foreseen("incoming", record)
        assert told.short == ("error", [("invalid-phone", "phone")], {})
        assert one.scene.mainstay.all() == []

    @pytest.mark.parametrize("name, field", [("firstname", "first_name"), ("lastname", "last_name")])
    def test_a_name_that_does_not_fit_is_never_cut(self, one: Bench, name: str, field: str) -> None:
        record = one.hubspot(**{**ANA, name: "x" * 65})
        told = one.foreseen("incoming", record)
        assert told.short == ("error", [("invalid-value", field)], {})
        assert one.scene.mainstay.all() == []
        assert "create" not in one.scene.mainstay.counters()["total"]["calls"], "it wasn't even tried"

    def test_nor_on_an_update_where_the_rest_is_written(self, one: Bench) -> None:
        contact = one.mainstay(**{**ANA_HERE, "first_name": "Anna"})
        record = one.hubspot(**{**ANA, "lastname": "x" * 65})
        told = one.foreseen("incoming", record)
        assert told.short == (
            "updated",
            [("invalid-value", "last_name")],
            {("mainstay", contact): {"first_name"}},
        )
        assert one.contact(contact)["last_name"] == "Ruiz"

    def test_64_characters_fit(self, one: Bench) -> None:
        record = one.hubspot(**{**ANA, "firstname": "é" * 64})
        assert one.foreseen("incoming", record).outcome == "created"

    def test_another_value_that_does_not_fit_is_left_out(self, one: Bench) -> None:
        rows = NAMES + "      - {mainstay: custom.GPA, hubspot: application_status}\n"
        one.scene.apply(configuration("incoming", rows=rows))
        record = one.hubspot(**ANA, application_status="not a number")
        told = one.foreseen("incoming", record)
        assert told.outcome == "created"
        assert told.log == [("invalid-value", "custom.GPA")]
        assert list(told.writes.values()) == [CREATED]

    def test_a_contact_that_appears_meanwhile_is_matched_once_more(self, one: Bench) -> None:
        """The create is refused as a duplicate: matched again, and found."""
        one.scene.mainstay.fault(kind="404", method="GET", path="/contacts/6175550100/", times=2)
        contact = one.mainstay(**{**ANA_HERE, "first_name": "Anna"})
        record = one.hubspot(**ANA)
        told = one.sync("incoming", record)
        assert told.short == ("updated", [], {("mainstay", contact): {"first_name"}})
        assert len(one.scene.mainstay.all()) == 1

    def test_two_records_of_one_phone(self, one: Bench) -> None:
        first, second = one.hubspot(**ANA), one.hubspot(**{**ANA, "email": "b@example.edu"})
        assert one.foreseen("incoming", first).outcome == "created"
        assert one.foreseen("incoming", second).short == ("error", CONFLICT, {})
        assert len(one.scene.mainstay.all()) == 1


class TestNeverWritten:
    def test_a_hidden_contact_is_found(self, one: Bench) -> None:
        """Not permitted to be texted: list and read hide it unless asked (facts/mainstay.md §6.3)."""
        record = one.hubspot(**ANA)
        contact = one.mainstay(
            **{**ANA_HERE, "first_name": "Anna"}, permitted_user_status="blocked", texting_status="opted-out"
        )
        told = one.foreseen("incoming", record)
        assert told.short == ("updated", [], {("mainstay", contact): {"first_name"}})
        assert one.contact(contact)["texting_status"] == "opted-out"

    @pytest.mark.parametrize("flag", ["test_user", "archived"])
    @pytest.mark.parametrize("by", ["crm_id", "phone"])
    def test_archived_and_test_contacts(self, one: Bench, flag: str, by: str) -> None:
        record = one.hubspot(**ANA)
        keys = {"crm_id": record} if by == "crm_id" else {"phone": "6175550100"}
        contact = one.mainstay(first_name="Anna", last_name="Ruiz", **keys, **{flag: True})
        told = one.foreseen("incoming", record)
        assert told.short == ("filtered", [], {})
        assert one.contact(contact)["first_name"] == "Anna"

    def test_nor_by_mainstay_id(self, keyed: Bench) -> None:
        contact = keyed.mainstay(**{**ANA_HERE, "first_name": "Anna"}, archived=True)
        record = keyed.hubspot(**ANA, admithub_id=contact)
        assert keyed.foreseen("incoming", record).short == ("filtered", [], {})

    def test_no_flag_of_consent_is_ever_sent(self, one: Bench) -> None:
        told = one.sync("incoming", one.hubspot(**ANA))
        [fields] = told.writes.values()
        assert fields == CREATED


class TestRefusals:
    @pytest.mark.parametrize("method", ["PATCH", "POST"])
    def test_a_403_for_one_contact(self, one: Bench, method: str) -> None:
        if method == "PATCH":
            one.mainstay(**{**ANA_HERE, "first_name": "Anna"})
        one.scene.mainstay.fault(kind="403", method=method)
        assert one.sync("incoming", one.hubspot(**ANA)).short == ("error", [("permission-missing", "")], {})

    @pytest.mark.parametrize("method", ["PATCH", "POST"])
    def test_a_refusal_that_names_no_field(self, one: Bench, method: str) -> None:
        if method == "PATCH":
            one.mainstay(**{**ANA_HERE, "first_name": "Anna"})
        one.scene.mainstay.fault(kind="400", method=method)
        assert one.sync("incoming", one.hubspot(**ANA)).short == ("error", [("invalid-value", "")], {})

    def test_a_crm_id_that_mainstay_does_not_take_is_left_out(self, keyed: Bench) -> None:
        keyed.scene.mainstay.set(crm_id_writes="refuse")
        record = keyed.hubspot(**ANA)
        told = keyed.sync("incoming", record)
        assert (told.outcome, told.log) == ("created", [("read-only-field", "crm_id")])
        [contact] = keyed.links().values()
        keyed.scene.hubspot.edit(record, lastname="Vega")
        assert keyed.sync("incoming", record).short == ("updated", [], {("mainstay", contact): {"last_name"}})
        keyed.scene.hubspot.edit(record, admithub_id=contact, lastname="Ruiz")
        told = keyed.sync("incoming", record)
        assert (told.outcome, told.log) == ("updated", [("read-only-field", "crm_id")])
        assert keyed.contact(contact)["last_name"] == "Ruiz"

    def test_what_was_left_out_before_a_refusal_is_not_told(self, one: Bench) -> None:
        record = one.hubspot(**{**ANA, "email": "x@example.edu"}, city="nonsense")
        rows = NAMES.replace("mainstay: email", "mainstay: custom.Alt Email")
        one.scene.apply(configuration("incoming", rows=rows + "      - {mainstay: email, hubspot: city}\n"))
        told = one.foreseen("incoming", record)
        assert (told.outcome, told.log) == ("created", [("invalid-email", "email")])
        other = one.hubspot(**{**ANA, "phone": "6175550111", "email": "y@example.edu"}, city="nonsense")
        one.scene.mainstay.fault(kind="400", method="POST")
        assert one.sync("incoming", other).log == [("invalid-value", "")]


class TestTellingOnce:
    def test_once_until_the_contact_changes_or_somebody_tries_again(self, one: Bench) -> None:
        record = one.hubspot(**{**ANA, "phone": ""})
        assert len(one.sync("incoming", record).log) == 1
        assert len(one.sync("incoming", record).log) == 1, "somebody tried again"
        one.scene.hubspot.edit(record, phone="6175550100")
        assert one.sync("incoming", record).short[:2] == ("created", [])
        assert all(entry.resolved_at_ms is not None for entry in one.scene.log())

    def test_events_alone_do_not_tell_it_again(self, one: Bench) -> None:
        record = one.hubspot(**{**ANA, "phone": ""})
        for _ in range(3):
            assert one.batch("incoming", [record], Cause.EVENT) == {"error": 1}
        assert one.batch("incoming", [record], Cause.SWEEP) == {"error": 1}
        assert one.scene.codes() == ["blank-required-data-in-record"]
        one.scene.hubspot.edit(record, lastname="Vega")
        one.batch("incoming", [record], Cause.EVENT)
        assert len(one.scene.codes()) == 2, "the contact changed"
        one.batch("incoming", [record], Cause.REPLAY)
        assert len(one.scene.codes()) == 3, "somebody tried again"

    def test_a_second_problem_is_told_beside_the_first(self, one: Bench) -> None:
        record = one.hubspot(**ANA)
        contact = one.mainstay(**{**ANA_HERE, "phone": "6175550177"}, crm_id=record)
        one.batch("incoming", [record], Cause.EVENT)
        one.scene.mainstay.edit(contact, phone="6175550100", crm_id="4711")
        one.batch("incoming", [record], Cause.EVENT)
        one.scene.mainstay.edit(contact, phone=None, crm_id=None)
        assert one.batch("incoming", [record], Cause.EVENT) == {"created": 1}
        assert set(one.scene.codes()) == {"crm-id-phone-conflict"}
        assert all(entry.resolved_at_ms is not None for entry in one.scene.log())

    def test_the_row_says_whom_it_is_about_and_holds_no_value(self, one: Bench) -> None:
        record = one.hubspot(**ANA)
        contact = one.mainstay(**{**ANA_HERE, "phone": "6175550177"}, crm_id=record)
        one.sync("incoming", record)
        [entry] = one.scene.log()
        assert entry.hubspot_id == record
        assert contact in entry.message
        for value in (*ANA.values(), *ANA_HERE.values(), "6175550177"):
            assert value not in entry.message


class TestGone:
    def test_a_record_that_is_deleted(self, one: Bench) -> None:
        record = one.hubspot(**ANA)
        one.scene.hubspot.archive(record)
        assert one.sync("incoming", record).short == ("gone", [], {})
        assert one.scene.mainstay.all() == []
