"""Privacy on a contact's page: everything that is kept as a file, and its erasure on both sides."""

import json
from contextlib import closing
from types import SimpleNamespace

import pytest
from sqlalchemy import Text, cast, select

from console.access import Role
from consumers import single
from core.domain.codes import Code
from core.domain.fields import Platform
from core.domain.messages import Address, Cause, Lane, Message
from core.domain.outcomes import Problem
from core.store import accounts, audit, dead_letters, erasure, intents, links, models, outcomes, sync_log
from core.store.console_models import AuditEntry, Draft
from core.store.intents import Intent
from core.store.links import Pair
from core.store.outcomes import OutcomeRow
from tests.integration.console import history


@pytest.fixture
def here(scene):
    """Two contacts carried over; the first has one of everything that can be kept."""
    history.make(scene)
    people = scene.control(Platform.HUBSPOT, "GET", "contacts")["contacts"]
    ids = [one["id"] for one in people[:2]]
    single.sync_some(scene.wiring, scene.instance("Leads in"), ids)
    with scene.wiring.database.reading() as session:
        [link] = links.find(session, Pair(1, 2), hubspot_ids=[ids[0]])
    now_ms = scene.wiring.clock()
    with scene.wiring.database.transaction() as session:
        dead_letters.store(session, _message(ids[0]), Code.UNEXPECTED_ANSWER, "no answer", now_ms)
        wanted = [Intent(ids[0], {"phone": "+16175550188"}, now_ms)]
        intents.open_(session, scene.wiring.sealer, 1, 2, wanted)
        about = sync_log.About(2, "outgoing", f"mainstay:{link.mainstay_id}", mainstay_id=link.mainstay_id)
        sync_log.tell(session, about, [Problem(Code.INVALID_EMAIL, "email: no address")], now_ms)
    with closing(scene.wiring.queue.publisher()) as publisher:
        publisher.publish([_message(ids[0], "waits")])
    owner = scene.browser(Role.OWNER)
    owner.post("/integrations/hubspot/instances/1/edit")
    owner.post(f"/wizard/{owner.path.split('/')[2]}/preview", do="pin", contact=ids[0])
    return SimpleNamespace(
        of=(ids[0], link.mainstay_id, ids[1]),
        wiring=scene.wiring,
        browser=scene.browser,
        instance=scene.instance,
    )


def _message(contact, message_id="m-dead"):
    return Message(message_id, Address(Lane.INCOMING, 1), contact, 1, 1, cause=Cause.EVENT)


def page_of(contact_id, what="", platform="hubspot", account=1):
    return f"/contacts/{platform}/{account}/{contact_id}{what}"


def rows_about(scene, contact_id):
    """Every table that names the id, in any column."""
    found = {}
    with scene.wiring.database.reading() as session:
        for table in models.Base.metadata.sorted_tables:
            texts = [cast(column, Text).contains(contact_id) for column in table.columns]
            hits = sum(len(session.execute(select(table).where(one)).all()) for one in texts)
            if hits:
                found[table.name] = hits
    return found


def test_everything_that_is_kept_is_taken_away_as_a_file(here):
    record, contact, _ = here.of
    viewer, operator = here.browser(Role.VIEWER), here.browser(Role.OPERATOR)
    viewer.post(page_of(record, "/export"))
    assert viewer.status == 403
    operator.post(page_of(record, "/export"))
    told = json.loads(operator.page)
    assert operator.answer.headers["Content-Disposition"].startswith("attachment")
    assert told["contact"]["id"] == record and told["links"][0]["mainstay_id"] == contact
    assert told["links"][0]["remembered"]["agreed"]
    assert [one["outcome"] for one in told["timeline"]] == ["created"]
    assert [one["code"] for one in told["sync_log"]] == ["invalid-email"]
    assert [one["queued"]["changed"] for one in told["dead_letters"]] == [[]]
    assert told["being_created"] == [
        {
            "in": "river",
            "since": told["being_created"][0]["since"],
            "values": {"phone": "+16175550188"},
        }
    ]
    again = json.loads(operator.post(page_of(contact, "/export", "mainstay", 2)))
    assert [one["action"] for one in again["audit"]] == ["contact.exported"]
    assert again["timeline"] == told["timeline"]


def test_erasing_reaches_every_table_and_leaves_the_neighbour(here):
    record, contact, neighbour = here.of
    about = rows_about(here, record)
    assert {"links", "outcomes", "dead_letters", "create_intents", "queue_messages", "drafts"} <= set(about)
    admin = here.browser(Role.ADMIN)
    admin.get(page_of(record, "/erase"))
    assert f"HubSpot {record} of" in admin.words() and f"Mainstay {contact} of river" in admin.words()
    admin.post(page_of(record, "/erase"), confirm="yes")
    assert admin.status == 400 and "Type erase to confirm." in admin.words()
    assert rows_about(here, record) == about, "a page that was not confirmed changes nothing"
    admin.post(page_of(record, "/erase"), confirm="erase")
    assert "Erased: 5 rows about the contact." in admin.words() and admin.path == "/contacts"
    assert rows_about(here, record) == {} and rows_about(here, contact) == {}
    assert {"links", "outcomes"} <= set(rows_about(here, neighbour))
    with here.wiring.database.reading() as session:
        key = here.wiring.digest_key()
        assert erasure.buried(session, key, 1, [record]) and erasure.buried(session, key, 2, [contact])
        noted = audit.newest(session, "contact.erased")
        assert noted is not None and noted.who == "integration-admin@river.example"
        assert any(one.startswith("outcomes: ") for one in noted.details)
        assert session.scalars(select(Draft)).one().document["pinned"] == ""
        assert (
            session.scalars(select(AuditEntry).where(cast(AuditEntry.details, Text).contains(record))).all()
            == []
        )


def test_rows_about_others_name_it_no_more(here):
    record, contact, neighbour = here.of
    told = f"The CRM ID leads to Mainstay contact {contact}9, the phone to {contact}."
    about = sync_log.About(1, "incoming", f"hubspot:{neighbour}", hubspot_id=neighbour)
    steps = [{"rule": "phone", "reason": f"belongs to record {record}", "candidates": [contact, "x"]}]
    with here.wiring.database.transaction() as session:
        sync_log.tell(session, about, [Problem(Code.CRM_ID_PHONE_CONFLICT, told)], 1)
        row = session.scalars(select(models.Outcome).where(models.Outcome.hubspot_id == neighbour)).one()
        row.story = {**row.story, "matching": steps}
    admin = here.browser(Role.ADMIN)
    admin.get(page_of(record))
    admin.post(page_of(record, "/erase"), confirm="erase")
    with here.wiring.database.reading() as session:
        entry = session.scalars(
            select(models.SyncLogEntry).where(models.SyncLogEntry.hubspot_id == neighbour)
        ).one()
        row = session.scalars(select(models.Outcome).where(models.Outcome.hubspot_id == neighbour)).one()
    assert entry.message == f"The CRM ID leads to Mainstay contact {contact}9, the phone to (erased).", (
        "another id that begins with it stays"
    )
    assert row.story["matching"] == [
        {"rule": "phone", "reason": "belongs to record (erased)", "candidates": ["(erased)", "x"]}
    ]


def test_erasing_keeps_away_who_stores_what_was_done_with_the_accounts(here, monkeypatch):
    """What that does to others: tests/contract/test_account_rows.py."""
    locked = []
    monkeypatch.setattr(accounts, "lock", lambda _, ids: locked.append(set(ids)))
    admin = here.browser(Role.ADMIN)
    admin.get(page_of(here.of[0], "/erase"))
    admin.post(page_of(here.of[0], "/erase"), confirm="erase")
    assert locked == [{1, 2}]


def test_an_erased_contact_is_left_alone_and_its_page_still_answers(here):
    record, contact, _ = here.of
    admin = here.browser(Role.ADMIN)
    admin.get(page_of(record))
    admin.post(page_of(record, "/erase"), confirm="erase")
    assert single.sync(here.wiring, here.instance("Leads in"), record).outcome == "erased"
    assert set(rows_about(here, record)) == set()
    admin.get(page_of(record))
    assert admin.status == 200 and "Nothing has happened to this contact" in admin.words()
    admin.post(page_of(record, "/link"), do="link", other_account="2", other=contact)
    assert admin.status == 400 and "was erased here" in admin.words()
    admin.get("/audit")
    assert admin.status == 403


def test_a_mainstay_contact_takes_its_record_along_and_one_alone_goes_too(here):
    record, contact, _ = here.of
    admin = here.browser(Role.ADMIN)
    admin.get(page_of(contact, "/erase", "mainstay", 2))
    admin.post(page_of(contact, "/erase", "mainstay", 2), confirm="ERASE ")
    assert rows_about(here, record) == {} and rows_about(here, contact) == {}
    about = sync_log.About(2, "outgoing", "mainstay:ms77", mainstay_id="ms77")
    with here.wiring.database.transaction() as session:
        sync_log.tell(session, about, [Problem(Code.INVALID_EMAIL, "email: no address")], 1)
    admin.post(page_of("ms77", "/erase", "mainstay", 2), confirm="erase")
    assert "Erased: 1 row about" in admin.words() and rows_about(here, "ms77") == {}


def test_another_portals_rows_of_the_same_id_stay(here):
    record, *_ = here.of
    with here.wiring.database.transaction() as session:
        second = accounts.create(
            session,
            here.wiring.sealer,
            platform=Platform.HUBSPOT,
            name="Second portal",
            external_id="70001",
            values={"access_token": "second-token"},
            now_ms=1,
        )
        outcomes.record(
            session,
            [OutcomeRow("o", 0, "incoming", "updated", "event", 1, 1, 1, second.id, 0, 0, record)],
        )
    admin = here.browser(Role.ADMIN)
    admin.get(page_of(record))
    admin.post(page_of(record, "/erase"), confirm="erase")
    assert rows_about(here, record) == {"outcomes": 1}
