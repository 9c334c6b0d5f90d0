"""Deletion, merge, restore, privacy deletion in HubSpot: the account's business, whatever its instances."""

from dataclasses import replace
from pathlib import Path

import pytest

from console.statuses import look
from core.domain.messages import Address, Kind, Lane, Message
from core.store import models
from tests.end_to_end.scene import MAPPINGS, Scene, configuration, scene, until

ANA = {"firstname": "Ana", "lastname": "Ruiz", "phone": "6175550100", "email": "ana@example.edu"}
EVA = {"firstname": "Eva", "lastname": "Ruiz", "phone": "6175550101", "email": "eva@example.edu"}

BEN_HERE = {"first_name": "Ben", "last_name": "Okafor", "phone": "6175550102", "email": "ben@example.edu"}


def pairs(one: Scene, *people: dict[str, str]) -> list[tuple[str, str]]:
    """Linked pairs, two-way: (HubSpot id, Mainstay id) each."""
    one.apply(configuration("incoming", "outgoing"))
    one.start()
    records = [one.hubspot.create(**person) for person in people]
    one.settle()
    by_crm = {contact["crm_id"]: contact["id"] for contact in one.mainstay.all()}
    return [(record, by_crm[record]) for record in records]


def links(one: Scene) -> set[tuple[str, str]]:
    with one.wiring.database.reading() as session:
        return {(row.hubspot_id, row.mainstay_id) for row in session.query(models.Link)}


def account_message(one: Scene, kind: Kind, contact: str, merged: tuple[str, ...] = ()) -> Message:
    """What the receiver makes of an event of this kind that comes in now."""
    now_ms = one.wiring.clock()
    return Message(
        id=f"{kind}-{contact}",
        address=Address(Lane.ACCOUNT, one.instance("incoming").hubspot.id),
        contact=contact,
        occurred_at_ms=now_ms,
        accepted_at_ms=now_ms,
        kind=kind,
        survivor=contact if merged else "",
        merged=merged,
        primary=next(iter(merged), ""),
    )


def test_a_deletion_never_deletes_in_mainstay_and_drops_the_link(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        [(record, contact)] = pairs(one, ANA)
        one.hubspot.archive(record)
        one.settle()
        assert one.mainstay.get(contact)["archived"] is False
        assert links(one) == set()
        one.mainstay.edit(contact, first_name="Anna")
        one.settle()
        assert one.codes() == ["crm-id-not-found"]
        assert len(one.hubspot.all()) == 0


def test_a_restore_is_a_change(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        [(record, contact)] = pairs(one, ANA)
        one.hubspot.archive(record)
        one.settle()
        one.hubspot.post("restore", id=record)
        one.settle()
        assert links(one) == {(record, contact)}
        one.hubspot.edit(record, firstname="Anna")
        one.settle()
        assert one.mainstay.get(contact)["first_name"] == "Anna"


def test_what_is_edited_with_the_restore_wins_however_slow_its_way_is(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        [(record, contact)] = pairs(one, ANA)
        one.hubspot.archive(record)
        one.settle()
        one.mainstay.fault(kind="503", method="PATCH", times=2)
        one.hubspot.post("restore", id=record)
        one.hubspot.set(lose_next=1)
        one.hubspot.edit(record, firstname="Anna")
        one.settle()
        assert one.hubspot.get(record)["firstname"] == "Anna"
        assert one.mainstay.get(contact)["first_name"] == "Anna"
        assert links(one) == {(record, contact)} and one.codes() == []


def test_what_a_restore_brings_and_nobody_can_carry_over_is_not_overwritten(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        [(record, contact)] = pairs(one, ANA)
        one.hubspot.archive(record)
        one.settle()
        one.stop()
        one.hubspot.post("restore", id=record)
        one.hubspot.edit(record, firstname="Anna", phone="6175550177")
        one.start()
        one.settle()
        assert one.codes() == ["crm-id-phone-conflict"]
        assert one.hubspot.get(record)["firstname"] == "Anna"
        assert one.mainstay.get(contact)["first_name"] == "Ana"


def test_a_restore_ends_what_the_deletion_began(tmp_path: Path) -> None:
    """Mainstay's edit found no record; once it is back, nobody has to touch the contact again."""
    with scene(tmp_path) as one:
        one.apply(configuration("outgoing"))
        one.start()
        contact = one.mainstay.create(**BEN_HERE)
        one.settle()
        [(record, _)] = links(one)
        one.hubspot.archive(record)
        one.settle()
        one.mainstay.edit(contact, first_name="Benny")
        one.settle()
        assert one.codes() == ["crm-id-not-found"]
        one.hubspot.post("restore", id=record)
        one.settle()
        assert one.hubspot.get(record)["firstname"] == "Benny"
        assert links(one) == {(record, contact)}
        assert one.codes() == ["crm-id-not-found"]


@pytest.mark.parametrize("deletions", [False, True])
def test_a_merge_moves_link_and_crm_id_to_the_survivor(tmp_path: Path, deletions: bool) -> None:
    with scene(tmp_path, hubspot_options={"merge_sends_deletions": deletions}) as one:
        [(record, contact)] = pairs(one, ANA)
        other = one.hubspot.create(firstname="Ana", lastname="Ruiz-Vega", email="second@example.edu")
        one.settle()
        survivor = str(one.hubspot.post("merge", primary=record, other=other)["id"])
        one.settle()
        assert links(one) == {(survivor, contact)}
        assert one.mainstay.get(contact)["crm_id"] == survivor
        one.mainstay.edit(contact, first_name="Anna")
        one.settle()
        assert one.hubspot.get(survivor)["firstname"] == "Anna"
        assert len(one.mainstay.all()) == 1


def test_two_contacts_that_would_share_the_survivor_are_reported(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        (ana_record, ana), (eva_record, eva) = pairs(one, ANA, EVA)
        survivor = str(one.hubspot.post("merge", primary=ana_record, other=eva_record)["id"])
        one.settle()
        assert one.mainstay.get(ana)["crm_id"] == survivor
        assert one.mainstay.get(eva)["crm_id"] != survivor
        assert links(one) == {(survivor, ana)}
        assert "already-linked" in one.codes()
        before = one.hubspot.get(survivor)["lastname"]
        one.mainstay.edit(eva, last_name="Somebody-Else")
        one.settle()
        assert one.hubspot.get(survivor)["lastname"] == before
        assert set(one.codes()) == {"already-linked"}


def test_contacts_that_only_carry_the_crm_id_follow_a_merge_too(tmp_path: Path) -> None:
    """A link counts as the CRM ID and the other way round: the primary's contact keeps the record."""
    with scene(tmp_path) as one:
        for platform in (one.hubspot, one.mainstay):
            platform.set(
                webhooks=False
            )  # the receiver's table is loaded by the first event, with the instance
        ana_record, eva_record = one.hubspot.create(**ANA), one.hubspot.create(**EVA)
        eva, ana = (
            one.mainstay.create(first_name=name, last_name="Ruiz", phone=phone, crm_id=record)
            for name, phone, record in (
                ("Eva", "6175550101", eva_record),
                ("Ana", "6175550100", ana_record),
            )
        )
        one.apply(configuration("outgoing"))
        one.hubspot.set(webhooks=True)
        survivor = str(one.hubspot.post("merge", primary=ana_record, other=eva_record)["id"])
        one.start()
        one.settle()
        assert one.mainstay.get(ana)["crm_id"] == survivor
        assert one.mainstay.get(eva)["crm_id"] == eva_record
        assert links(one) == {(survivor, ana)}
        assert set(one.codes()) == {"already-linked"}


@pytest.mark.parametrize("primary_linked", [True, False])
def test_a_survivor_that_was_claimed_before_its_merge_was_handled_goes_back(
    tmp_path: Path, primary_linked: bool
) -> None:
    """The other contact's sync follows its merged id; the primary's contact keeps the record all the same."""
    with scene(tmp_path) as one:
        (ana_record, ana), (eva_record, eva) = pairs(one, ANA, EVA)
        one.hubspot.set(subscribed_types=[])
        if not primary_linked:
            with one.wiring.database.transaction() as session:
                session.query(models.Link).filter_by(mainstay_id=ana).delete()
        survivor = str(one.hubspot.post("merge", primary=ana_record, other=eva_record)["id"])
        one.mainstay.edit(eva, last_name="Ruiz-Vega")
        one.settle()
        assert one.mainstay.get(eva)["crm_id"] == survivor
        before = len(one.log())
        merge = account_message(one, Kind.MERGE, survivor, (ana_record, eva_record))
        for twice in (merge, replace(merge, id="again")):
            one.wiring.queue.publisher().publish([twice])
            one.settle()
            assert one.mainstay.get(ana)["crm_id"] == survivor
            assert one.mainstay.get(eva)["crm_id"] == eva_record
            assert links(one) == {(survivor, ana)}
            assert {(entry.code, entry.contact) for entry in one.log()[before:]} == {
                ("already-linked", f"mainstay:{eva}")
            }
        assert one.hubspot.get(survivor)["firstname"] == one.mainstay.get(ana)["first_name"] == "Ana"
        assert one.hubspot.get(survivor)["lastname"] == one.mainstay.get(ana)["last_name"] == "Ruiz"


@pytest.mark.parametrize("call", [1, 2])
def test_a_survivor_goes_back_though_mainstay_fails_in_between(tmp_path: Path, call: int) -> None:
    with scene(tmp_path) as one:
        (ana_record, ana), (eva_record, eva) = pairs(one, ANA, EVA)
        one.hubspot.set(subscribed_types=[])
        survivor = str(one.hubspot.post("merge", primary=ana_record, other=eva_record)["id"])
        one.mainstay.edit(eva, last_name="Ruiz-Vega")
        one.settle()
        failing = eva if call == 1 else ana
        one.mainstay.fault(kind="500", method="PATCH", path=f"/contacts/{failing}/", times=1)
        one.wiring.queue.publisher().publish(
            [account_message(one, Kind.MERGE, survivor, (ana_record, eva_record))]
        )
        one.settle()
        assert one.mainstay.get(ana)["crm_id"] == survivor
        assert one.mainstay.get(eva)["crm_id"] == eva_record
        assert links(one) == {(survivor, ana)}


def test_a_crm_id_that_names_another_record_by_now_is_left_alone(tmp_path: Path) -> None:
    """Staff set it while the old link still stood: the merge is another contact's."""
    with scene(tmp_path) as one:
        (ana_record, ana), (eva_record, eva) = pairs(one, ANA, EVA)
        unrelated = one.hubspot.create(firstname="Zoe", lastname="Zander", email="zoe@example.edu")
        one.settle()
        one.stop()
        one.mainstay.set(webhooks=False)
        one.mainstay.edit(ana, crm_id=unrelated)
        survivor = str(one.hubspot.post("merge", primary=ana_record, other=eva_record)["id"])
        one.start()
        one.settle()
        assert one.mainstay.get(ana)["crm_id"] == unrelated
        assert one.mainstay.get(eva)["crm_id"] == survivor
        assert (survivor, eva) in links(one)
        assert ana_record not in {hubspot for hubspot, _ in links(one)}


def test_a_crm_id_that_merged_long_ago_follows(tmp_path: Path) -> None:
    """It is none of this merge's ids, but HubSpot resolves it to the survivor."""
    with scene(tmp_path) as one:
        [(record, contact)] = pairs(one, ANA)
        one.stop()
        one.hubspot.set(subscribed_types=["merge"])
        second = one.hubspot.create(firstname="Ana", email="second@example.edu")
        third = one.hubspot.create(firstname="Ana", email="third@example.edu")
        once = str(one.hubspot.post("merge", primary=record, other=second)["id"])
        twice = str(one.hubspot.post("merge", primary=third, other=once)["id"])
        one.start()
        one.settle()
        assert one.mainstay.get(contact)["crm_id"] == twice
        assert links(one) == {(twice, contact)}


def test_the_deletion_of_a_merged_record_waits_for_the_merge(tmp_path: Path) -> None:
    """HubSpot may send it first, and the merge alone says whose record was the primary one."""
    with scene(tmp_path) as one:
        (ana_record, ana), (eva_record, eva) = pairs(one, ANA, EVA)
        one.hubspot.set(subscribed_types=[])
        survivor = str(one.hubspot.post("merge", primary=ana_record, other=eva_record)["id"])
        deletion = account_message(one, Kind.DELETION, eva_record)
        merge = account_message(one, Kind.MERGE, survivor, (ana_record, eva_record))
        publisher = one.wiring.queue.publisher()
        publisher.publish([deletion])
        until(lambda: bool(look(one.wiring)["queues"]["retry"]))
        publisher.publish([merge])
        one.settle()
        assert links(one) == {(survivor, ana)}
        assert one.mainstay.get(ana)["crm_id"] == survivor
        assert one.mainstay.get(eva)["crm_id"] == eva_record


def test_privacy_deletion_removes_what_we_keep(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        (record, contact), (other, _) = pairs(one, ANA, EVA)
        one.hubspot.edit(record, email="ana2@example.edu")
        one.settle()
        one.hubspot.post("privacy-delete", id=record)
        one.settle()
        assert {hubspot for hubspot, _ in links(one)} == {other}
        with one.wiring.database.reading() as session:
            for row in session.query(models.Outcome):
                assert record not in (row.hubspot_id, row.message_id)
                assert row.mainstay_id != contact
            assert session.query(models.SyncLogEntry).filter_by(hubspot_id=record).count() == 0
            assert session.query(models.Tombstone).count() >= 1
        assert one.mainstay.get(contact)["archived"] is False


def test_a_message_that_waits_ends_at_the_tombstone(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        [(record, contact)] = pairs(one, ANA)
        one.stop()
        one.hubspot.edit(record, email="ana2@example.edu")
        one.mainstay.edit(contact, first_name="Anna")
        one.hubspot.post("privacy-delete", id=record)
        one.start()
        one.settle()
        assert one.codes() == []
        with one.wiring.database.reading() as session:
            assert session.query(models.QueueMessage).count() == 0
            assert session.query(models.Outcome).filter_by(mainstay_id=contact).count() == 0


def test_a_look_at_work_while_its_contact_is_erased_leaves_nothing(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        [(record, contact)] = pairs(one, ANA)
        one.hubspot.archive(record)
        one.settle()  # the link is gone, and with it the lease that a look would share with the deletion
        one.stop()
        one.hubspot.fault(kind="slow", path="/contacts", delay_s=3.0)
        before = one.mainstay.calls()
        one.mainstay.edit(contact, first_name="Anna")
        one.start("outgoing")
        until(lambda: one.mainstay.calls() > before)  # now it waits for HubSpot's answer
        one.hubspot.post("privacy-delete", id=record)
        one.start("incoming")
        until(lambda: one.outcomes().get("erased", 0) >= 1)
        one.hubspot.mend()
        one.settle()
        assert one.codes() == []
        with one.wiring.database.reading() as session:
            assert session.query(models.Outcome).filter_by(mainstay_id=contact).count() == 0
            assert session.query(models.Link).count() == 0


def test_two_contacts_that_claim_one_record_do_not_look_for_ever(tmp_path: Path) -> None:
    """The record names one by its Mainstay ID, the other carries its CRM ID: both directions refuse."""
    with scene(tmp_path) as one:
        rows = MAPPINGS + "      - {mainstay: id, hubspot: admithub_id}\n"
        one.apply(configuration("incoming", "outgoing", mappings=rows))
        one.start()
        record = one.hubspot.create(**ANA)
        other = one.hubspot.create(firstname="Ana", lastname="Ruiz-Vega")
        one.settle()
        [contact] = one.mainstay.all()
        one.stop()
        survivor = str(one.hubspot.post("merge", primary=record, other=other)["id"])
        one.mainstay.create(first_name="Eva", last_name="Lind", phone="6175550199", crm_id=survivor)
        one.mainstay.edit(contact["id"], first_name="Anna")
        one.hubspot.edit(survivor, lastname="Ruiz-Vega")
        one.start()
        one.settle()
        assert {"duplicate-unique-id-crmId", "already-linked"} & set(one.codes())


def test_a_deletion_that_comes_before_the_privacy_deletion_hides_nobody(tmp_path: Path) -> None:
    """It drops the link, but what was told of the Mainstay contact goes all the same."""
    with scene(tmp_path) as one:
        [(record, contact)] = pairs(one, ANA)
        one.hubspot.archive(record)
        one.settle()
        one.mainstay.edit(contact, first_name="Anna")
        one.settle()
        assert one.codes() == ["crm-id-not-found"]
        one.hubspot.post("privacy-delete", id=record)
        one.settle()
        assert one.codes() == []
        with one.wiring.database.reading() as session:
            assert session.query(models.Outcome).filter_by(mainstay_id=contact).count() == 0
