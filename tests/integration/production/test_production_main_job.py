"""The main job, two-way traffic and the account's business on RabbitMQ, PostgreSQL and Redis."""

from pathlib import Path

import pytest

from core.store import models
from tests.end_to_end.production import Books, Crowd, Servers, in_process
from tests.end_to_end.scene import configuration

pytestmark = pytest.mark.services
ANA = {"firstname": "Ana", "lastname": "Ruiz", "phone": "(617) 555-0100", "email": "ana@example.edu"}
EVA = {"firstname": "Eva", "lastname": "Okafor", "phone": "6175550101", "email": "eva@example.edu"}
BEN = {"first_name": "Ben", "last_name": "Okafor", "phone": "6175550123", "email": "ben@example.edu"}


def test_both_directions_settle_and_fall_silent(tmp_path: Path, servers: Servers) -> None:
    with in_process(tmp_path, servers) as one:
        one.apply(configuration("incoming", "outgoing"))
        books = Books(one).open()
        one.start()
        crowd = Crowd(one.hubspot, one.mainstay)
        crowd.turn_up(20)
        one.settle()
        crowd.check()
        crowd.change("Vega")
        one.settle()
        crowd.check()
        assert one.codes() == [] and one.dead() == []
        ended = books.balance()
        assert ended["created"] == 40 and set(ended) <= {"created", "updated", "unchanged"}
        calls = one.hubspot.calls(), one.mainstay.calls()
        one.settle()
        assert (one.hubspot.calls(), one.mainstay.calls()) == calls


def test_the_business_of_an_account_goes_its_own_way(tmp_path: Path, servers: Servers) -> None:
    with in_process(tmp_path, servers) as one:
        one.apply(configuration("incoming", "outgoing"))
        books = Books(one).open()
        one.start()
        ana, eva = one.hubspot.create(**ANA), one.hubspot.create(**EVA)
        ben = one.mainstay.create(**BEN)
        one.settle()
        ids = {contact["crm_id"]: contact["id"] for contact in one.mainstay.all()}
        other = one.hubspot.create(firstname="Ana", lastname="Ruiz-Vega", email="second@example.edu")
        one.settle()  # no phone: it can't be created in Mainstay
        survivor = str(one.hubspot.post("merge", primary=ana, other=other)["id"])
        one.hubspot.archive(one.mainstay.get(ben)["crm_id"])
        one.hubspot.post("privacy-delete", id=eva)
        one.settle()
        assert one.mainstay.get(ids[ana])["crm_id"] == survivor
        assert one.mainstay.get(ben)["archived"] is False
        assert len(one.mainstay.all()) == 3
        with one.wiring.database.reading() as session:
            links = {(row.hubspot_id, row.mainstay_id) for row in session.query(models.Link)}
            assert links == {(survivor, ids[ana])}
            assert session.query(models.Outcome).filter_by(hubspot_id=eva).count() == 0
        assert one.codes() == ["blank-required-data-in-record"] and one.dead() == []
        kinds = {str(message.kind) for message in books.read().values()}
        assert {"contact", "merge", "deletion"} <= kinds, kinds
