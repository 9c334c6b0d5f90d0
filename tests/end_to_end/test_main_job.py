"""The main job: a change on one side arrives on the other, and then all is quiet."""

from pathlib import Path

from tests.end_to_end.scene import configuration, scene, until

ANA = {"firstname": "Ana", "lastname": "Ruiz", "phone": "(617) 555-0100", "email": "ana@example.edu"}
BEN = {"first_name": "Ben", "last_name": "Okafor", "phone": "6175550123", "email": "ben@example.edu"}


def test_a_new_hubspot_record_becomes_a_mainstay_contact(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        record = one.hubspot.create(**ANA)
        one.settle()
        [contact] = one.mainstay.all()
        assert (contact["first_name"], contact["last_name"]) == ("Ana", "Ruiz")
        assert (contact["phone"], contact["email"]) == ("6175550100", "ana@example.edu")
        assert contact["crm_id"] == record
        assert one.codes() == []
        one.hubspot.edit(record, lastname="Ruiz-Vega")
        one.settle()
        assert one.mainstay.get(contact["id"])["last_name"] == "Ruiz-Vega"


def test_a_new_mainstay_contact_becomes_a_hubspot_record(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("outgoing"))
        one.start("outgoing")
        contact = one.mainstay.create(**BEN)
        one.settle()
        [record] = one.hubspot.all()
        assert (record["firstname"], record["email"]) == ("Ben", "ben@example.edu")
        assert one.mainstay.get(contact)["crm_id"] == record["id"]
        one.mainstay.edit(contact, phone="6175550199")
        one.settle()
        assert one.hubspot.get(record["id"])["phone"] == "+16175550199"


def test_two_way_traffic_settles_and_falls_silent(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start()
        record = one.hubspot.create(**ANA)
        one.mainstay.create(**BEN)
        one.settle()
        assert len(one.hubspot.all()) == len(one.mainstay.all()) == 2
        ana = next(c for c in one.mainstay.all() if c["crm_id"] == record)["id"]
        one.hubspot.edit(record, email="ana.ruiz@example.edu")
        one.mainstay.edit(ana, first_name="Anna")
        one.settle()
        assert one.mainstay.get(ana)["email"] == "ana.ruiz@example.edu"
        assert one.hubspot.get(record)["firstname"] == "Anna"
        assert one.codes() == []


def test_an_echo_costs_no_call(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start("incoming")
        record = one.hubspot.create(**ANA)
        until(lambda: len(one.mainstay.all()) == 1)
        until(lambda: not any(d for a, d in one.depths().queues.items() if a.lane == "incoming"))
        before = one.hubspot.calls(), one.mainstay.calls()
        one.start("outgoing")
        one.settle()
        assert (one.hubspot.calls(), one.mainstay.calls()) == before
        assert one.outcomes() == {"created": 1, "unchanged": 1}
        assert record
