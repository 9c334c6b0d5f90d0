"""Jobs on SQLite and PostgreSQL: one open per kind and instance, one worker per job, whatever races."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.owners import this_process
from core.store import jobs, models, watermarks
from core.store.database import Database, open_engine
from core.store.jobs import STALE_MS, Job
from core.store.models import Base
from tests.contract.databases import postgresql, sqlite

NOW_MS = 1_795_428_000_123
OWNERS = [this_process(f"w{number}") for number in range(6)]


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
            session.add(
                models.Instance(
                    id=7,
                    name="in",
                    direction="incoming",
                    hubspot_account_id=1,
                    mainstay_account_id=2,
                    enabled=True,
                    created_at_ms=1,
                    changed_at_ms=1,
                )
            )
        yield made
        engine.dispose()


def begin(database: Database) -> Job | None:
    with database.transaction() as session:
        return jobs.begin(session, kind="backfill", instance_id=7, now_ms=NOW_MS, options={"max_creates": 3})


def take(database: Database, owner: str, now_ms: int = NOW_MS) -> Job | None:
    with database.transaction() as session:
        return jobs.take(session, "backfill", owner, now_ms)


def together(count: int, work: Callable[[int], Job | None]) -> list[Job]:
    """What several did at the same moment, without the Nones."""
    barrier, answers = threading.Barrier(count), []

    def one(number: int) -> None:
        barrier.wait()
        answers.append(work(number))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == count
    return [answer for answer in answers if answer is not None]


def test_of_several_who_begin_at_once_one_does(database: Database) -> None:
    [job] = together(6, lambda _: begin(database))
    assert (job.state, job.options) == ("running", {"max_creates": 3})


def test_of_several_who_take_it_at_once_one_does(database: Database) -> None:
    begin(database)
    assert len(together(6, lambda number: take(database, OWNERS[number]))) == 1
    assert take(database, "somebody else") is None


def test_progress_is_its_workers_alone_and_survives_him(database: Database) -> None:
    begin(database)
    mine = take(database, OWNERS[0])
    assert mine is not None
    with database.transaction() as session:
        progress = replace(mine, cursor="17", queued=40, total=90, counts={"created": 2}, note="waits")
        assert jobs.beat(session, progress, OWNERS[0], NOW_MS + 1)
        assert jobs.beat(session, progress, OWNERS[1], NOW_MS + 1) is None
    assert take(database, OWNERS[1], NOW_MS + STALE_MS) is None
    taken = take(database, OWNERS[1], NOW_MS + STALE_MS + 2)
    assert taken == progress
    with database.transaction() as session:
        assert jobs.beat(session, progress, OWNERS[0], NOW_MS + 2) is None, "it is somebody else's"


def test_what_a_dead_process_had_is_free_at_once(database: Database) -> None:
    begin(database)
    assert take(database, f"{OWNERS[0].split(':')[0]}:999999:1:ab") is not None
    assert take(database, OWNERS[0], NOW_MS + 1) is not None


def test_it_is_handed_back_paused_resumed_and_ended(database: Database) -> None:
    job = begin(database)
    assert job is not None and take(database, OWNERS[0])
    with database.transaction() as session:
        jobs.release(session, job.id, OWNERS[0])
    assert take(database, OWNERS[1])
    with database.transaction() as session:
        assert jobs.pause(session, job.id) and not jobs.pause(session, job.id)
        assert jobs.beat(session, job, OWNERS[1], NOW_MS) is None
        assert jobs.running(session, NOW_MS) == 0
    assert take(database, OWNERS[2]) is None
    assert begin(database) is None
    with database.transaction() as session:
        assert jobs.resume(session, job.id) and not jobs.resume(session, job.id)
        assert jobs.running(session, NOW_MS) == 1
        assert jobs.finish(session, job.id, "done", NOW_MS) and not jobs.finish(session, job.id, "x", NOW_MS)
    assert take(database, OWNERS[2]) is None
    assert begin(database) is not None


def test_a_watermark_keeps_a_new_beginning(database: Database) -> None:
    with database.transaction() as session:
        watermarks.start(session, 7, NOW_MS)
        mark = watermarks.get(session, 7)
        assert mark is not None
        watermarks.advance(session, 7, mark, NOW_MS + 5, NOW_MS + 9)
        watermarks.advance(session, 7, mark, NOW_MS + 3, NOW_MS + 9)
        now = watermarks.get(session, 7)
        assert now is not None and (now.modified_ms, now.swept_at_ms) == (NOW_MS + 5, NOW_MS + 9)
        watermarks.start(session, 7, NOW_MS + 10, since_ms=1)
        watermarks.advance(session, 7, mark, NOW_MS + 20, NOW_MS + 20)
        anew = watermarks.get(session, 7)
        assert anew is not None and (anew.modified_ms, anew.swept_at_ms) == (1, 0)
