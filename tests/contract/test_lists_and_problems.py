"""What the pages read, on SQLite and PostgreSQL: every search finds what a plain look at all rows finds."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from core.domain.codes import Code
from core.domain.outcomes import Problem
from core.store import activity, counts, models, outcomes, problems, sync_log, sync_log_search
from core.store.database import Database, open_engine
from core.store.models import Base
from core.store.outcomes import OutcomeRow
from core.store.problems import Key, State
from tests.contract.databases import postgresql, sqlite

NOW_MS = 1_795_428_000_123
MINUTE_MS = 60_000
INSTANCES = {7: ("in", "incoming"), 8: ("out", "outgoing"), 9: ("in (deleted 9)", "incoming")}
CODES = (Code.INVALID_PHONE, Code.ALREADY_LINKED, Code.UNEXPECTED_ANSWER)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with sqlite(tmp_path) if request.param == "sqlite" else postgresql() as url:
        engine = open_engine(url)
        Base.metadata.create_all(engine)
        made = Database(engine)
        with made.transaction() as session:
            for number, platform in ((1, "hubspot"), (2, "mainstay")):
                account = {"platform": platform, "name": "a", "external_id": "a", "sealed": b""}
                session.add(models.Account(id=number, created_at_ms=1, **account))
            session.flush()
            for number, (name, direction) in INSTANCES.items():
                times = {"created_at_ms": 1, "changed_at_ms": 1, "enabled": True}
                ids = {"id": number, "hubspot_account_id": 1, "mainstay_account_id": 2}
                session.add(models.Instance(name=name, direction=direction, **ids, **times))
        yield made
        engine.dispose()


def fill_log(database: Database, number: int, seed: int = 1) -> None:
    dice = random.Random(seed)
    with database.transaction() as session:
        for n in range(number):
            instance_id = dice.choice([*INSTANCES, 0])
            direction = INSTANCES.get(instance_id, ("", "incoming"))[1]
            source = "hubspot" if direction == "incoming" else "mainstay"
            contact = str(dice.randrange(30))
            session.add(
                models.SyncLogEntry(
                    at_ms=NOW_MS - (number - n) * MINUTE_MS,
                    instance_id=instance_id,
                    direction=direction,
                    contact=f"{source}:{contact}",
                    hubspot_id=contact if source == "hubspot" else None,
                    mainstay_id=contact if source == "mainstay" else None,
                    code=dice.choice(CODES),
                    message=dice.choice(["Field 100% Grade is too long", "under_score", "HubSpot said no"]),
                    resolved_at_ms=dice.choice([None, NOW_MS]),
                )
            )


SEARCHES = [
    sync_log.Search(
        **dict(zip(("instance", "direction", "code", "contact", "text", "open_only"), chosen, strict=True))
    )
    for chosen in itertools.product(
        ("", "in", "nobody"),
        ("", "outgoing"),
        ("", Code.INVALID_PHONE),
        ("", "hubspot:4", "4"),
        ("", "100% g", "r_s"),
        (False, True),
    )
]


def test_every_search_of_the_log_pages_through_exactly_what_fits(database):
    fill_log(database, 120)
    with database.reading() as session:
        rows = session.scalars(select(models.SyncLogEntry).order_by(models.SyncLogEntry.id.desc())).all()
        session.expunge_all()
    for since_ms, until_ms in ((None, None), (NOW_MS - 100 * MINUTE_MS, NOW_MS - 20 * MINUTE_MS)):
        for base in SEARCHES:
            wanted = sync_log.Search(
                **{
                    name: getattr(base, name)
                    for name in ("instance", "direction", "code", "contact", "text", "open_only")
                },
                since_ms=since_ms,
                until_ms=until_ms,
            )
            with database.reading() as session:
                expected = [row.id for row in rows if fits(row, wanted)]
                found, before = [], 0
                for _ in range(100):
                    page = sync_log_search.page(session, with_before(wanted, before), 25)
                    found += [one.id for one in page.entries]
                    before = page.older_id
                    if not before:
                        break
                assert found == expected, wanted
                assert [one.id for one in sync_log_search.search(session, wanted)] == expected
                assert sync_log_search.count(session, wanted).number == len(expected)


def with_before(wanted: sync_log.Search, before: int) -> sync_log.Search:
    from dataclasses import replace

    return replace(wanted, before_id=before)


def fits(row: models.SyncLogEntry, wanted: sync_log.Search) -> bool:
    bare = wanted.contact.rpartition(":")[2]
    ids = {row.hubspot_id} if wanted.contact.startswith("hubspot") else {row.hubspot_id, row.mainstay_id}
    return (
        (not wanted.instance or INSTANCES.get(row.instance_id, ("",))[0] == wanted.instance)
        and wanted.direction in ("", row.direction)
        and wanted.code in ("", row.code)
        and (not bare or bare in ids)
        and wanted.text.lower() in row.message.lower()
        and (not wanted.open_only or row.resolved_at_ms is None)
        and (wanted.since_ms is None or row.at_ms >= wanted.since_ms)
        and (wanted.until_ms is None or row.at_ms < wanted.until_ms)
    )


def test_a_text_is_looked_for_in_a_window_and_says_how_far_back(database, monkeypatch):
    fill_log(database, 120)
    monkeypatch.setattr(sync_log_search, "WINDOW", 50)
    with database.reading() as session:
        rows = session.scalars(select(models.SyncLogEntry).order_by(models.SyncLogEntry.id.desc())).all()
        expected = [row.id for row in rows if "under_score" in row.message]
        found, before, looks = [], 0, 0
        while True:
            page = sync_log_search.page(session, sync_log.Search(text="UNDER_s", before_id=before), 100)
            found += [one.id for one in page.entries]
            before, looks = page.older_id, looks + 1
            if not before:
                break
            assert page.searched_to_ms is not None
    assert found == expected and looks == 3


def fill_outcomes(database: Database, number: int) -> None:
    dice = random.Random(2)
    rows = []
    for n in range(number):
        instance_id = dice.choice([*INSTANCES, 0])
        outcome = dice.choice(["created", "updated", "unchanged", "filtered", "error"])
        rows.append(
            OutcomeRow(
                message_id=f"m{n}",
                generation=0,
                direction=INSTANCES.get(instance_id, ("", "incoming"))[1],
                outcome=outcome,
                cause=dice.choice(["event", "sweep"]),
                occurred_at_ms=NOW_MS - (number - n) * MINUTE_MS - 5_000,
                accepted_at_ms=NOW_MS,
                finished_at_ms=NOW_MS - (number - n) * MINUTE_MS,
                hubspot_account_id=1,
                mainstay_account_id=2,
                instance_id=instance_id,
                hubspot_id=str(dice.randrange(20)),
                mainstay_id=str(dice.randrange(20)),
                code=dice.choice(CODES) if outcome == "error" else None,
                job_id=dice.choice([0, 0, 5]),
            )
        )
    with database.transaction() as session:
        outcomes.record(session, rows)


def test_every_search_of_the_activity_pages_through_exactly_what_fits(database):
    fill_outcomes(database, 150)
    with database.reading() as session:
        rows = session.scalars(select(models.Outcome).order_by(models.Outcome.id.desc())).all()
        session.expunge_all()
    for chosen in itertools.product(
        ("", "out"),
        ("", "incoming"),
        ((), ("error",), ("created", "updated")),
        ("", CODES[0]),
        ("", "4", "mainstay:4"),
        (0, 5),
        (None, NOW_MS - 60 * MINUTE_MS),
    ):
        names = ("instance", "direction", "outcomes", "code", "contact", "job_id", "since_ms")
        wanted = activity.Search(**dict(zip(names, chosen, strict=True)))
        bare = wanted.contact.rpartition(":")[2]
        with database.reading() as session:
            expected = [
                row.id
                for row in rows
                if (not wanted.instance or INSTANCES.get(row.instance_id, ("",))[0] == wanted.instance)
                and wanted.direction in ("", row.direction)
                and (not wanted.outcomes or row.outcome in wanted.outcomes)
                and wanted.code in ("", row.code)
                and (
                    not bare
                    or bare
                    in ({row.mainstay_id} if ":" in wanted.contact else {row.hubspot_id, row.mainstay_id})
                )
                and (not wanted.job_id or row.job_id == wanted.job_id)
                and (wanted.since_ms is None or row.finished_at_ms >= wanted.since_ms)
            ]
            found, before = [], 0
            while True:
                rows_, before = activity.page(
                    session, activity.Search(**dict(zip(names, chosen, strict=True)), before_id=before), 40
                )
                found += [one.id for one in rows_]
                if not before:
                    break
            assert found == expected, wanted
            assert activity.count(session, wanted).number == len(expected)


def test_the_newest_written_changes_tell_the_delay_and_the_last_change(database):
    fill_outcomes(database, 200)
    with database.reading() as session:
        rows = session.scalars(select(models.Outcome).where(models.Outcome.instance_id == 7)).all()
        written = [row for row in rows if row.outcome in ("created", "updated")]
        events = sorted((row.finished_at_ms for row in written if row.cause == "event"), reverse=True)
        times = activity.newest_written(session, [7], 5)
        assert 0 < len(times) <= 10 and {finished for _, finished in times} <= set(events)
        assert [finished for _, finished in activity.newest_written(session, [7], 99)] == events
        assert {finished - occurred for occurred, finished in times} == {5_000}
        assert outcomes.last_change_ms(session, 7) == max(row.finished_at_ms for row in written)
        assert outcomes.last_change_ms(session, 99) == 0


def told(database: Database, contact: str, *codes: Code, at_ms: int = NOW_MS, again: bool = False) -> None:
    about = sync_log.About(7, "incoming", f"hubspot:{contact}", hubspot_id=contact, fingerprint="f")
    with database.transaction() as session:
        sync_log.tell(session, about, [Problem(code, "why") for code in codes], at_ms, again=again)


KEY = Key(7, 0, Code.INVALID_PHONE)


def test_problems_count_contacts_by_cause_and_one_with_two_causes_once(database):
    told(database, "1", Code.INVALID_PHONE, Code.INVALID_EMAIL, at_ms=NOW_MS - 3 * problems.HOUR_MS)
    told(database, "2", Code.INVALID_PHONE)
    told(database, "3", Code.INVALID_PHONE)
    told(database, "3")  # got through
    with database.reading() as session:
        found = {one.key.code: one for one in problems.groups(session, NOW_MS)}
        assert {code: one.contacts.number for code, one in found.items()} == {
            Code.INVALID_PHONE: 2,
            Code.INVALID_EMAIL: 1,
        }
        phone = found[Code.INVALID_PHONE]
        assert (phone.first_ms, phone.last_ms) == (NOW_MS - 3 * problems.HOUR_MS, NOW_MS)
        assert problems.affected(session, [one.key for one in found.values()]).number == 2
        trend = problems.trend(session, KEY, NOW_MS)
        assert len(trend) == 24 and (trend[-1], sum(trend)) == (2, 3)
        first, second = problems.contacts_of(session, KEY)
        assert (first.contact, second.contact) == ("hubspot:1", "hubspot:2")
        assert problems.contacts_of(session, KEY, after=(first.at_ms, first.id)) == [second]
        assert problems.contacts_of(session, KEY, up_to_id=first.id) == [first]
        assert problems.open_count(session, Code.INVALID_PHONE).number == 2
        assert problems.group(session, Key(8, 0, Code.INVALID_PHONE), NOW_MS) is None
        assert sync_log.open_counts(session, [7, 8]) == {7: counts.Count(2), 8: counts.Count(0)}
        assert problems.resolved_lately(session, NOW_MS).number == 1


def test_what_is_told_again_is_not_resolved_and_goes_on_since_its_first_entry(database):
    hour = problems.HOUR_MS
    for contact in ("1", "2"):
        told(database, contact, Code.INVALID_PHONE, at_ms=NOW_MS - 9 * hour)
        told(database, contact, Code.INVALID_PHONE, at_ms=NOW_MS - hour, again=True)
    told(database, "1", Code.INVALID_PHONE, at_ms=NOW_MS, again=True)  # tried a second time
    about = sync_log.About(7, "incoming", "hubspot:2", hubspot_id="2", fingerprint="another")
    with database.transaction() as session:  # the contact changed, and still does not fit
        sync_log.tell(session, about, [Problem(Code.INVALID_PHONE, "why")], NOW_MS)
    with database.reading() as session:
        assert problems.resolved_lately(session, 0) == counts.NONE
        (group,) = problems.groups(session, NOW_MS)
        assert (group.contacts.number, group.first_ms, group.last_ms) == (2, NOW_MS - 9 * hour, NOW_MS)
        assert sum(problems.trend(session, KEY, NOW_MS)) == 6
    told(database, "1", Code.INVALID_EMAIL, at_ms=NOW_MS + 1, again=True)  # another problem: this one is over
    told(database, "2", at_ms=NOW_MS + 1)
    with database.reading() as session:
        assert problems.resolved_lately(session, 0).number == 2
        (group,) = problems.groups(session, NOW_MS)
        assert (group.key.code, group.first_ms) == (Code.INVALID_EMAIL, NOW_MS + 1)
    told(database, "2", Code.INVALID_PHONE, at_ms=NOW_MS + 2)  # it begins anew
    with database.reading() as session:
        found = problems.group(session, KEY, NOW_MS)
        assert found is not None and found.first_ms == NOW_MS + 2


def test_an_account_refused_again_is_not_resolved_whoever_met_it(database):
    refused = Problem(Code.AUTHENTICATION_FAILED, "why")
    for instance_id, at_ms in ((7, NOW_MS), (8, NOW_MS + 1)):
        about = sync_log.About(instance_id, "incoming", account_id=3)
        with database.transaction() as session:
            assert sync_log.tell_account(session, about, refused, at_ms, again=True)
    with database.transaction() as session:
        assert not sync_log.tell_account(session, about, refused, NOW_MS + 2, again=False)
        (group,) = problems.groups(session, NOW_MS)
        assert (group.key.instance_id, group.first_ms, group.last_ms) == (8, NOW_MS, NOW_MS + 1)
        assert problems.resolved_lately(session, 0) == counts.NONE
        sync_log.resolve_account(session, 3, NOW_MS + 3)
        assert problems.resolved_lately(session, 0).number == 1


def state_of(database: Database, now_ms: int = NOW_MS) -> str:
    with database.reading() as session:
        group = problems.group(session, KEY, now_ms)
        assert group is not None
        return group.state.state if group.state else "open"


def say(database: Database, **state: object) -> None:
    with database.transaction() as session:
        problems.say(session, KEY, State(**{"state": "snoozed", "who": "x", "at_ms": NOW_MS, **state}))  # type: ignore[arg-type]


def test_what_was_said_ends_by_itself(database):
    told(database, "1", Code.INVALID_PHONE)
    assert state_of(database) == "open"
    say(database, until_ms=NOW_MS + 10)
    assert (state_of(database, NOW_MS + 9), state_of(database, NOW_MS + 10)) == ("snoozed", "open")
    say(database, until_contacts=1)
    assert state_of(database) == "snoozed"
    told(database, "2", Code.INVALID_PHONE, at_ms=NOW_MS + 1)
    assert state_of(database) == "open"
    say(database, state="acknowledged")
    assert state_of(database) == "acknowledged"
    told(database, "2", at_ms=NOW_MS + 2)
    assert state_of(database) == "acknowledged"
    told(database, "1", Code.INVALID_PHONE, at_ms=NOW_MS + 3, again=True)  # tried again, and failed again
    assert state_of(database) == "acknowledged"
    told(database, "3", Code.INVALID_PHONE, at_ms=NOW_MS + 3)
    told(database, "1", at_ms=NOW_MS + 4)
    assert state_of(database) == "open"  # nothing of what was open then goes on
    say(database, at_ms=NOW_MS + 5)
    with database.transaction() as session:
        problems.reopen(session, KEY)
    assert state_of(database) == "open"


def test_counts_are_bounded_and_say_so(database):
    fill_log(database, 30)
    with database.reading() as session:
        query = select(models.SyncLogEntry.id)
        assert counts.bounded(session, query, 30) == counts.Count(30)
        assert counts.bounded(session, query, 29) == counts.Count(29, more=True)
        assert counts.links(session) == counts.Count(0)
    assert str(counts.Count(10_000, more=True)) == "more than 10,000"
    assert (
        str(counts.Count(1_204)) == "1,204" and str(counts.Count(1_000_000, about=True)) == "about 1,000,000"
    )
