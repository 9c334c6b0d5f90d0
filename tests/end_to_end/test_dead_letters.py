"""Dead letters: replaying the current state, without loops and losses; what can't be read; what kills."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from consumers import giving_up
from consumers.jobs.replaying import replay
from core.domain.messages import Address, Lane
from core.store import dead_letters, models
from core.store.dead_letters import Search
from tests.end_to_end.scene import Scene, configuration, scene, until
from tests.end_to_end.test_holds import crowd, held, look

BROKEN = {"kind": "500", "method": "POST"}


def bury(one: Scene, count: int) -> list[str]:
    """Dead letters, so many; the platform works again afterwards."""
    number = one.mainstay.fault(**BROKEN)
    records = crowd(one, count)
    one.settle()
    assert number and len(one.dead()) == count
    one.mainstay.mend()
    return records


def again(one: Scene, **wanted: object) -> int:
    """Replay; how many were queued."""
    return replay(one.wiring, Search(**wanted)).queued  # type: ignore[arg-type]


def test_a_replay_brings_the_current_state(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        bury(one, 3)
        one.hubspot.set(webhooks=False)
        one.hubspot.edit(one.dead()[0].contact.split(":")[1], lastname="Newest")
        assert again(one, limit=1) == 1
        one.settle()
        assert [c["last_name"] for c in one.mainstay.all()] == ["Newest"]
        assert again(one) == 2
        one.settle()
        assert len(one.mainstay.all()) == 3
        assert one.dead() == [] and again(one) == 0
        assert all(entry.resolved_at_ms for entry in one.log())
        assert one.outcomes() == {"dead": 3, "created": 3}


def test_what_fails_again_is_one_new_dead_letter(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        bury(one, 2)
        one.mainstay.fault(**BROKEN)
        assert again(one) == 2
        one.settle()
        letters = one.dead()
        assert [(letter.generation, letter.attempts) for letter in letters] == [(1, 3)] * 2
        assert one.codes() == ["platform-unavailable"] * 4  # somebody tried again
        assert one.outcomes() == {"dead": 4}


def test_a_replay_by_filter_leaves_the_others(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        bury(one, 2)
        assert again(one, code="unexpected-answer") == again(one, instance="outgoing") == 0
        assert again(one, since_ms=one.wiring.clock()) == 0
        assert again(one, code="platform-unavailable", instance="incoming") == 2


def test_a_replay_that_was_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    """Published and not marked: twice in the queue, once in the platform."""
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        bury(one, 3)
        one.stop()
        with one.wiring.database.transaction() as session:
            session.connection().exec_driver_sql(
                "CREATE TRIGGER die BEFORE UPDATE ON dead_letters BEGIN SELECT RAISE(ABORT, 'killed'); END"
            )
        with pytest.raises(Exception, match="killed"):
            again(one)
        with one.wiring.database.transaction() as session:
            session.connection().exec_driver_sql("DROP TRIGGER die")
        assert again(one) == 3
        assert sum(one.depths().queues.values()) == 6
        one.start("incoming")
        one.settle()
        assert len(one.mainstay.all()) == 3 and one.dead() == []
        assert one.outcomes() == {"dead": 3, "created": 3}


def test_a_dead_letter_of_a_deleted_instance_ends_as_deleted(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        bury(one, 1)
        from core.store import instances

        with one.wiring.database.transaction() as session:
            instances.delete(session, one.instance("incoming").id, one.wiring.clock())
        assert again(one) == 1
        one.settle()
        assert one.outcomes() == {"dead": 1, "deleted": 1}


def test_the_same_bytes_again_are_another_dead_letter(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        queue = Address(Lane.INCOMING, one.instance("incoming").id).key
        one.start("incoming")

        def comes(times: int) -> None:
            now_ms = one.wiring.clock()
            row = {"queue": queue, "message_id": "x", "contact": "1", "body": b"\xff", "due_at_ms": now_ms}
            with one.wiring.database.transaction() as session:
                for _ in range(times):
                    session.execute(insert(models.QueueMessage).values(**row, enqueued_at_ms=now_ms))
            one.settle()

        comes(2)
        assert len(one.dead()) == 2
        with one.wiring.database.transaction() as session:
            assert giving_up.discard(session, one.dead(), "", "", one.wiring.clock()) == 2
        comes(1)
        assert len(one.dead()) == 1


def test_bytes_that_came_before_are_kept_once(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        address = Address(Lane.INCOMING, one.instance("incoming").id)

        def buried() -> None:
            with one.wiring.database.transaction() as session:
                now_ms = one.wiring.clock()
                giving_up.give_up_unreadable(session, address, b"\xff", "no", now_ms, came_before=True)

        buried()
        buried()  # killed between the commit and the acknowledgement
        assert len(one.dead()) == 1
        with one.wiring.database.transaction() as session:
            giving_up.discard(session, one.dead(), "", "", one.wiring.clock())
        buried()  # nobody looks after the earlier one
        assert len(one.dead()) == 1


def test_rows_that_nobody_can_read_are_dead_at_once(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        queue = Address(Lane.INCOMING, one.instance("incoming").id).key
        now_ms = one.wiring.clock()
        bodies = [b"\x00\xff", b"{}", b'{"v": 99}', b"[" * 5000]
        with one.wiring.database.transaction() as session:
            for body in bodies:
                row = {"queue": queue, "message_id": "x", "contact": "1", "body": body, "due_at_ms": now_ms}
                session.execute(insert(models.QueueMessage).values(**row, enqueued_at_ms=now_ms))
        crowd(one, 2)
        one.start("incoming")
        one.settle()
        assert {letter.code for letter in one.dead()} == {"unreadable-message"}
        assert len(one.dead()) == len(one.codes()) == len(bodies)
        assert len(one.mainstay.all()) == 2
        assert again(one) == 0 and len(one.dead()) == len(bodies)


KILLER = """
import os, sys
from core.domain.fields import Direction
from core.settings import Settings
from core.wiring import connect
from consumers import reading, runner, incoming

def deadly(context, works, read=reading.read_source):
    read(context, works)
    for work in works:
        if work.source is not None and work.source.values.get("lastname") == "Poison":
            os._exit(9)

incoming.read_source = deadly
runner.run(connect(Settings.from_env(os.environ)), Direction.INCOMING)
"""


def test_a_contact_that_kills_its_worker_dies_alone(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        records = crowd(one, 12)
        one.hubspot.edit(records[5], lastname="Poison")
        until(one.hubspot.quiet)
        environment = {**os.environ, **one.env()}
        deaths = 0
        while not one.idle():
            assert deaths < 8
            worker = subprocess.Popen([sys.executable, "-c", KILLER], env=environment)
            until(lambda worker=worker: worker.poll() is not None or one.idle(), 30.0)  # type: ignore[misc]
            deaths += worker.poll() == 9
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
        assert deaths == 5
        assert len(one.mainstay.all()) == 11
        [letter, *others] = one.dead()
        assert letter.contact == f"hubspot:{records[5]}" and letter.code == "unreadable-message"
        assert {other.contact for other in others} <= {letter.contact}
        assert set(one.codes()) == {"unreadable-message"} and held(one) == {}


def test_a_fault_of_our_own_fails_its_contact_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from consumers import incoming

    known = incoming.match

    def clumsy(context, works, links_of):  # type: ignore[no-untyped-def]
        assert not any(w.source and w.source.values["lastname"] == "Ruiz3" for w in works)
        known(context, works, links_of)

    monkeypatch.setattr(incoming, "match", clumsy)
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        records = crowd(one, 6)
        one.start("incoming")
        one.settle()
        assert len(one.mainstay.all()) == 5
        [letter] = one.dead()
        assert (letter.contact, letter.code) == (f"hubspot:{records[3]}", "unexpected-answer")
        assert letter.attempts == 3 and one.codes() == ["unexpected-answer"]


def test_a_message_twice_in_the_queue_has_one_outcome(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        [record] = crowd(one, 1)
        message = look(one, "incoming", record)
        one.wiring.queue.publisher().publish([message, message, replace(message, attempt=1)])
        one.start("incoming")
        one.settle()
        with one.wiring.database.reading() as session:
            rows = session.scalars(select(models.Outcome.message_id)).all()
            assert sorted(rows) == sorted(set(rows)) and len(rows) == 2
            assert dead_letters.count(session) == {}
        assert len(one.mainstay.all()) == 1
