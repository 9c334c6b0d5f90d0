"""Outcomes by minute and hour, and the counts beside them, on SQLite and PostgreSQL."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from consumers.chores import releases
from consumers.chores.rolling_up import RollingUp
from core.domain.delays import BEYOND_MS, EDGES_MS, edge_ms, quantile_ms
from core.store import audit, outcomes, roll_ups, tallies
from core.store.database import Database, open_engine
from core.store.models import Account, Base, Instance
from core.store.outcomes import OutcomeRow
from core.store.roll_ups import DAY_MS, HOUR_MS, MINUTE_MS
from core.store.tallies import Key, Kind
from core.tallies import Tallies
from tests.contract.databases import postgresql, sqlite

HOUR = 1_795_428_000_000 - 1_795_428_000_000 % HOUR_MS


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with sqlite(tmp_path) if request.param == "sqlite" else postgresql() as url:
        engine = open_engine(url)
        Base.metadata.create_all(engine)
        yield Database(engine)
        engine.dispose()


class Clockwork:
    """As much of the wiring as the scheduler's work needs."""

    def __init__(self, database: Database, now_ms: int) -> None:
        self.database, self.now_ms = database, now_ms
        self.settings: Any = None

    def clock(self) -> int:
        return self.now_ms


def add(database: Database, *rows: tuple[int, str, int], cause: str = "event", attempt: int = 0) -> None:
    """Outcomes, given as (when, how, after how many ms)."""
    with database.transaction() as session:
        first = outcomes.newest_id(session)
        outcomes.record(
            session,
            [
                OutcomeRow(
                    message_id=f"m{first}-{number}",
                    generation=0,
                    direction="incoming",
                    outcome=outcome,
                    cause=cause,
                    occurred_at_ms=at_ms - took_ms,
                    accepted_at_ms=at_ms - took_ms,
                    finished_at_ms=at_ms,
                    hubspot_account_id=1,
                    instance_id=7,
                    code="invalid-phone" if outcome == "error" else None,
                    attempt=attempt,
                )
                for number, (at_ms, outcome, took_ms) in enumerate(rows)
            ],
        )


def counted(
    database: Database, since_ms: int, until_ms: int, step_ms: int
) -> dict[tuple[int, str, int], int]:
    with database.reading() as session:
        found = roll_ups.counts(session, since_ms, until_ms, step_ms)
    return {((one.start_ms - since_ms) // step_ms, one.outcome, one.delay_ms): one.messages for one in found}


def test_what_changed_before_there_was_an_integration_did_not_wait_for_it(database: Database) -> None:
    """A first sweep meets contacts of years ago: their age is no delay."""
    with database.transaction() as session:
        for id_ in (1, 2):
            platform = ("hubspot", "mainstay")[id_ - 1]
            session.add(
                Account(id=id_, platform=platform, external_id="1", name="a", sealed=b"", created_at_ms=1)
            )
        session.flush()
        session.add(
            Instance(
                id=7,
                name="in",
                direction="incoming",
                enabled=True,
                hubspot_account_id=1,
                mainstay_account_id=2,
                created_at_ms=1,
                changed_at_ms=1,
                first_enabled_at_ms=HOUR,
            )
        )
    add(database, (HOUR + 2_000, "created", 2_001), (HOUR + 2_000, "updated", 400), cause="sweep")
    with database.transaction() as session:
        roll_ups.roll(session, HOUR, HOUR + HOUR_MS)
    found = counted(database, HOUR, HOUR + HOUR_MS, HOUR_MS)
    assert found == {(0, "created", 0): 1, (0, "updated", 500): 1}


def test_outcomes_are_counted_by_minute_and_by_hour(database: Database) -> None:
    add(database, (HOUR + 1, "created", 400), (HOUR + 59_999, "created", 480), (HOUR + 60_000, "error", 9))
    add(database, (HOUR + 61_000, "updated", 3_000), cause="backfill")
    with database.transaction() as session:
        roll_ups.roll(session, HOUR, HOUR + HOUR_MS)
    assert counted(database, HOUR, HOUR + HOUR_MS, MINUTE_MS) == {
        (0, "created", 500): 2,
        (1, "error", 0): 1,
        (1, "updated", 0): 1,  # a backfill's contact did not change just now
    }
    assert counted(database, HOUR, HOUR + HOUR_MS, HOUR_MS) == {
        (0, "created", 500): 2,
        (0, "error", 0): 1,
        (0, "updated", 0): 1,
    }
    assert counted(database, HOUR, HOUR + HOUR_MS, 5 * MINUTE_MS)[(0, "error", 0)] == 1


def test_rolling_again_changes_nothing_and_takes_in_what_came_late(database: Database) -> None:
    add(database, (HOUR + 10, "created", 1), attempt=2)
    for _ in range(2):
        with database.transaction() as session:
            roll_ups.roll(session, HOUR, HOUR + 5 * MINUTE_MS)
    add(database, (HOUR + 20, "created", 1), attempt=1)
    with database.transaction() as session:
        roll_ups.roll(session, HOUR, HOUR + 30)
    with database.reading() as session:
        (one,) = roll_ups.counts(session, HOUR, HOUR + HOUR_MS, HOUR_MS)
    assert (one.messages, one.tries, one.instance_id, one.direction) == (2, 3, 7, "incoming")


def test_every_edge_of_the_histogram_is_the_same_in_sql(database: Database) -> None:
    delays = [one + more for one in EDGES_MS for more in (-1, 0, 1)]
    add(database, *((HOUR + 1, "updated", delay) for delay in delays))
    with database.transaction() as session:
        roll_ups.roll(session, HOUR, HOUR + MINUTE_MS)
    found = {key[2]: count for key, count in counted(database, HOUR, HOUR + HOUR_MS, MINUTE_MS).items()}
    expected: dict[int, int] = {}
    for delay in delays:
        expected[edge_ms(delay)] = expected.get(edge_ms(delay), 0) + 1
    assert found == expected and BEYOND_MS in found


def test_the_scheduler_begins_with_the_oldest_outcome_and_goes_on_from_there(database: Database) -> None:
    wiring = Clockwork(database, HOUR + 5 * HOUR_MS + 90_000)
    add(database, (HOUR + 5, "created", 1), (HOUR + 5 * HOUR_MS, "updated", 1))
    rolling = RollingUp(wiring)  # type: ignore[arg-type]
    rolling.run()
    assert counted(database, HOUR, HOUR + DAY_MS, HOUR_MS) == {(0, "created", 100): 1, (5, "updated", 100): 1}
    add(database, (HOUR + 5 * HOUR_MS + 80_000, "filtered", 1))
    rolling.run()
    assert counted(database, HOUR, HOUR + DAY_MS, HOUR_MS)[(5, "filtered", 0)] == 1
    RollingUp(wiring).run()  # type: ignore[arg-type]  # another scheduler, after a restart
    assert counted(database, HOUR, HOUR + DAY_MS, HOUR_MS)[(5, "filtered", 0)] == 1


def test_what_is_old_goes_minutes_before_hours(database: Database) -> None:
    add(database, (HOUR + 5, "created", 1))
    with database.transaction() as session:
        roll_ups.roll(session, HOUR, HOUR + HOUR_MS)
        tallies.add(session, {Key(HOUR, Kind.EVENTS, 1, ""): (3, HOUR + 5)})
    with database.transaction() as session:
        assert roll_ups.forget(session, HOUR + 10 * DAY_MS) == 1
        assert tallies.forget(session, HOUR + 10 * DAY_MS) == 0
    assert counted(database, HOUR, HOUR + HOUR_MS, MINUTE_MS) == {}
    assert counted(database, HOUR, HOUR + HOUR_MS, HOUR_MS) == {(0, "created", 100): 1}
    with database.transaction() as session:
        assert roll_ups.forget(session, HOUR + 402 * DAY_MS) == 1
        assert tallies.forget(session, HOUR + 402 * DAY_MS) == 1


def test_processes_add_to_the_same_counts(database: Database) -> None:
    def work(number: int) -> None:
        one = Tallies(database, lambda: HOUR + number)
        for _ in range(20):
            one.note(Kind.EVENTS, 1, "", 2)
            one.note(Kind.CALLS, 1 + number % 2, "ok")
            one.flush()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with database.reading() as session:
        found = {
            (one.kind, one.account_id): one.count for one in tallies.counts(session, HOUR, HOUR + DAY_MS)
        }
        assert tallies.first_and_last_ms(session, Kind.EVENTS, 1) == (HOUR + 3, HOUR + 3)
        assert tallies.first_and_last_ms(session, Kind.EVENTS, 9) == (0, 0)
        assert tallies.busy_minutes(session, Kind.EVENTS, 1, HOUR, HOUR + HOUR_MS) == 1
    assert found == {(Kind.EVENTS, 1): 160, (Kind.CALLS, 1): 40, (Kind.CALLS, 2): 40}


def test_counts_wait_while_the_database_is_away(tmp_path: Path) -> None:
    away = Database(open_engine("postgresql+psycopg://nobody@127.0.0.1:1/none"))
    one = Tallies(away, lambda: HOUR)
    one.note(Kind.CALLS, 1, "ok")
    one.flush()
    one.note(Kind.CALLS, 1, "ok")
    assert one._noted == {Key(HOUR, Kind.CALLS, 1, "ok"): (2, HOUR)}
    away.engine.dispose()


def test_quantiles_lie_within_their_bucket() -> None:
    assert quantile_ms({}, 0.5) is None
    assert quantile_ms({500: 10}, 0.5) == pytest.approx(375)
    assert quantile_ms({100: 50, 10_000: 50}, 0.95) == pytest.approx(9_750)
    assert quantile_ms({BEYOND_MS: 1}, 0.5) == EDGES_MS[-1]


def test_a_release_is_noted_when_it_changes(database: Database) -> None:
    wiring = Clockwork(database, HOUR)
    noted = []
    for release in ("a1", "a1", "b2", "b2", "a1"):
        wiring.settings = SimpleNamespace(release=release)
        noted.append(releases.note(wiring))  # type: ignore[arg-type]
    assert noted == [True, False, True, False, True]
    with database.reading() as session:
        assert [one.subject for one in audit.entries(session)] == ["a1", "b2", "a1"]
