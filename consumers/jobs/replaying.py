"""Replays dead letters: each is published again as a fresh look at its contact, then marked.

Published before it is marked: a crash in between publishes it twice, which is one more look and nothing else.
The queue carries no values, so a replay of any age brings the source's current state. ``replay`` does it at
once, in the process that asks; ``begin`` leaves it to the scheduler, at the consumers' pace (``feeding.py``).
Both are jobs: a replay whose process was killed is finished by the scheduler.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from consumers.directory import Directory
from consumers.giving_up import end_deleted
from consumers.jobs.feeding import Portion
from core.domain.instances import Existence
from core.domain.messages import Address, Cause, Lane, Message, Unreadable
from core.store import dead_letters, jobs
from core.store.dead_letters import DeadLetter, Search
from core.store.jobs import Job
from core.wiring import Wiring

KIND = "replay"
UNREADABLE = "can't be read"
_CHUNK = 100
_KEPT = (
    "instance",
    "code",
    "direction",
    "since_ms",
    "until_ms",
    "limit",
    "ids",
)  # of a search, in a job's options


@dataclass(slots=True)
class Replayed:
    """How many were queued again; ``unreadable`` ones can't be, and stay dead. ``job``: its number."""

    queued: int = 0
    unreadable: int = 0
    job: int = 0


def begin(wiring: Wiring, wanted: Search, author: str) -> Job:
    """Ask for a paced replay of what fits now. Each letter is replayed once, whatever fails meanwhile."""
    with wiring.database.transaction() as session:
        total, options = _of_what(session, wanted)
        return jobs.ask(
            session,
            kind=KIND,
            instance_id=0,
            now_ms=wiring.clock(),
            total=total,
            options=options,
            author=author,
        )


def replay(
    wiring: Wiring, wanted: Search, author: str = "", progress: Callable[[Replayed], None] = lambda _: None
) -> Replayed:
    """Queue the wanted dead letters again, only those that are there now; returns when all are queued.

    Earlier where somebody pauses or stops its job. QueueUnavailable: what ``progress`` told is queued, the
    rest stays dead.
    """
    now_ms, state, letters = wiring.clock(), "failed", Letters(wiring)
    with wiring.database.transaction() as session:
        total, options = _of_what(session, wanted)
        job = jobs.start(
            session,
            kind=KIND,
            instance_id=0,
            owner=wiring.owner,
            now_ms=now_ms,
            options=options,
            author=author,
        )
    job, done, end = replace(job, total=total), Replayed(job=job.id), False
    try:
        with closing(wiring.queue.publisher()) as publisher:
            while not end:
                portion = letters.portion(job, _CHUNK)
                if portion.messages:
                    publisher.publish(portion.messages, timeout_s=30.0)
                done.queued += len(portion.messages) + portion.ended
                done.unreadable += portion.skipped.get(UNREADABLE, 0)
                job, end = replace(job, queued=done.queued, cursor=portion.cursor), portion.end
                with wiring.database.transaction() as session:
                    portion.fed(session)
                    ours = jobs.beat(session, job, wiring.owner, wiring.clock()) is not None
                progress(done)
                if not ours:  # paused or stopped by somebody: a scheduler goes on once it is resumed
                    state = ""
                    return done
        state = "done"
    finally:
        if state:
            with wiring.database.transaction() as session:
                jobs.finish(session, job.id, state, wiring.clock())
    return done


def wanted_of(job: Job) -> Search:
    """What a replay's job is about."""
    kept: Mapping[str, Any] = {name: job.options[name] for name in _KEPT if name in job.options}
    return Search(**kept, up_to_id=int(job.options["up_to_id"]))


@dataclass(frozen=True, slots=True)
class Letters:
    """The dead letters of a job: a ``feeding.Supply``."""

    wiring: Wiring

    def addresses(self, job: Job) -> Sequence[Address]:
        """All queues: a replay over everything goes into any of them."""
        directory = Directory.load(self.wiring)
        return [
            Address(Lane(one.direction), one.id)
            for one in directory.instances.values()
            if one.id in directory.live
        ]

    def portion(self, job: Job, room: int) -> Portion:
        """The next letters that are still dead. Those of an instance that was deleted end as such."""
        wanted, after = wanted_of(job), int(job.cursor or 0)
        skipped = sum(count for name, count in job.counts.items() if name.startswith("skipped"))
        left = room if wanted.limit is None else min(room, wanted.limit - job.queued - skipped)
        if left <= 0:
            return Portion((), job.cursor, end=True)
        with self.wiring.database.reading() as session:
            found = dead_letters.search(session, replace(wanted, after_id=after, limit=left))
        live = Directory.load(self.wiring)
        queued: list[tuple[DeadLetter, Message]] = []
        over: list[tuple[DeadLetter, Message]] = []
        unreadable = 0
        for letter in found:
            try:
                message = fresh(letter, self.wiring.clock(), job.id)
            except Unreadable:
                unreadable += 1
                continue
            instance = live.instances.get(letter.instance_id)
            gone = instance is not None and live.existence(instance) is Existence.DELETED
            (over if gone else queued).append((letter, message))

        def fed(session: Session) -> None:
            now_ms = self.wiring.clock()
            ids = [letter.id for letter, _ in (*queued, *over)]
            dead_letters.settle(session, ids, "replayed", now_ms, who=job.author)
            for _, message in over:
                end_deleted(session, message, now_ms)

        return Portion(
            messages=[message for _, message in queued],
            cursor=str(found[-1].id) if found else job.cursor,
            fed=fed,
            ended=len(over),
            skipped={UNREADABLE: unreadable} if unreadable else {},
            end=len(found) < room,
        )


def fresh(letter: DeadLetter, now_ms: int, job: int = 0) -> Message:
    """The message that a replay publishes: the next generation, no tries used, no shortcut. Unreadable."""
    message = Message.from_json(letter.body)
    return replace(
        message,
        cause=Cause.REPLAY,
        generation=message.generation + 1,
        attempt=0,
        first_failed_at_ms=0,
        accepted_at_ms=now_ms,
        changes={},
        job=job,
    )


def _of_what(session: Session, wanted: Search) -> tuple[int, dict[str, Any]]:
    """How many fit, and a job's options: the search, and where it ends."""
    end = dead_letters.newest_id(session)
    total, _ = dead_letters.total(session, replace(wanted, up_to_id=end))
    options = {name: getattr(wanted, name) for name in _KEPT if getattr(wanted, name)}
    if wanted.ids:
        options["ids"] = list(wanted.ids)
    return min(total, wanted.limit or total), {**options, "up_to_id": end}
