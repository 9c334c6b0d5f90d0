"""HubSpot's privacy deletion reaches everything that is kept: each table is searched for the ids."""

from pathlib import Path

from core.domain.codes import Code
from core.domain.fields import Platform
from core.domain.messages import Address, Kind, Lane, Message
from core.store import audit, dead_letters, models
from core.store.users import folded
from tests.end_to_end.scene import Scene, configuration, scene
from tests.security import canaries

ANA = {"firstname": "Ana", "lastname": "Ruiz", "phone": "(617) 555-0100", "email": "ana@example.edu"}
EVA = {"firstname": "Eva", "lastname": "Okafor", "phone": "6175550101", "email": "eva@example.edu"}


def mentions(one: Scene, *ids: str) -> set[str]:
    """The rows of any table in which an id stands, with the table's name."""
    found = set()
    for table, row in canaries.rows_with_names(one.env()["CROSSWALK_DATABASE_URL"]):
        if any(contact.encode() in row for contact in ids):
            found.add(f"{table}: {row.decode('utf-8', 'replace')[:300]}")
    return found


def test_after_a_privacy_deletion_no_table_knows_the_contact(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start()
        ana, eva = one.hubspot.create(**ANA), one.hubspot.create(**EVA)
        one.settle()
        other = next(c["id"] for c in one.mainstay.all() if c["crm_id"] == ana)
        # Somebody else, who has her number: whom the conflict is with stands in rows about him.
        one.hubspot.create(firstname="Bo", lastname="Lind", phone=ANA["phone"])
        one.settle()
        assert "crm-id-phone-conflict" in {entry.code for entry in one.log()}
        # A problem that stands in the Sync Log, a dead letter, a failing account, an entry in the audit log.
        one.hubspot.edit(ana, phone="no phone")
        one.settle()
        one.mainstay.fault(kind="500", path=f"/contacts/{other}/", times=100)
        one.hubspot.edit(ana, firstname="Anna")
        one.mainstay.edit(other, last_name="Ruiz-Vega")
        one.settle(40)
        assert one.dead() and one.codes()
        wiring = one.wiring
        with wiring.database.transaction() as session:
            mark = audit.contact_mark(wiring.digest_key(), Platform.HUBSPOT, ana)
            audit.record(session, wiring.clock(), folded("Ana@river.example"), "contact.synced", "in", [mark])
        assert {row.split(":")[0] for row in mentions(one, ana, other)} >= {
            "links",
            "outcomes",
            "dead_letters",
            "sync_log",
        }
        one.mainstay.mend()
        # Messages that wait while the contact is erased end at its tombstone.
        one.stop()
        one.hubspot.edit(ana, lastname="Later")
        one.mainstay.edit(other, first_name="Later")
        one.hubspot.post("privacy-delete", id=ana)
        one.start()
        one.settle()
        assert mentions(one, ana, other) == set()
        with wiring.database.reading() as session:
            assert session.query(models.Tombstone).count() >= 1
            assert session.query(models.Link).filter_by(hubspot_id=eva).count() == 1


def test_a_merge_that_was_given_up_and_lists_the_contact_goes_too(tmp_path: Path) -> None:
    """Its dead letter is about the survivor; only its body names the records that were merged."""
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start()
        ana, eva = one.hubspot.create(**ANA), one.hubspot.create(**EVA)
        one.settle()
        address = Address(Lane.ACCOUNT, one.instance("incoming").hubspot.id)
        with one.wiring.database.transaction() as session:
            for survivor, merged in (("700001", (ana, "700002")), ("700003", (eva, "700004"))):
                merge = Message(
                    survivor, address, survivor, 1, 1, Kind.MERGE, survivor=survivor, merged=merged
                )
                dead_letters.store(session, merge, Code.PLATFORM_UNAVAILABLE, "no answer", 1)
        one.hubspot.post("privacy-delete", id=ana)
        one.settle()
        assert [letter.contact for letter in one.dead()] == ["hubspot:700003"]
        assert mentions(one, ana) == set()
