"""Long work with progress that survives a restart: sweeps, backfills, replays. The caller commits.

A backfill, replay or reconcile is *begun* by whoever asks for it and *taken* by a scheduler, which shows
itself with ``beat``. A job whose worker died is taken by another one and goes on at its cursor. A sweep
belongs to its process: the next one finds the same.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.owners import is_dead
from core.store import models

STALE_MS = 60_000  # a running job whose owner has not shown itself for so long may be taken over
LOST_MS = 600_000  # one that nobody goes on with is over after so long, unless its process is seen
RESUMED = (
    "backfill",
    "replay",
    "reconcile",
    "retry",
    "sweep-since",
)  # another process goes on with these; a sweep ends with its own
KINDS = (*RESUMED, "sweep")
OPEN = ("running", "paused")
STATES = (*OPEN, "done", "stopped", "failed")


@dataclass(frozen=True, slots=True)
class Job:
    """Long work. ``state``: running, paused, done, stopped or failed. ``cursor``: where it goes on.

    ``total``: how many contacts there are, where that is known; ``queued``: how many messages it put into the
    queue; ``counts``: how they ended, by outcome (a reconcile's: how they stand). ``note``: why it waits or
    ended, in a sentence. ``per_minute``: how many got through in the last minute of its work.
    """

    id: int
    kind: str
    instance_id: int
    state: str
    cursor: str = ""
    total: int | None = None
    queued: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    author: str = ""
    started_at_ms: int = 0
    finished_at_ms: int | None = None
    per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """Which jobs; empty members don't narrow. ``without``: not these kinds. ``before_id`` pages."""

    kind: str = ""
    without: Collection[str] = ()
    state: str = ""
    instance_id: int = 0
    before_id: int = 0
    limit: int = 50


def start(
    session: Session,
    *,
    kind: str,
    instance_id: int,
    owner: str,
    now_ms: int,
    options: Mapping[str, Any] | None = None,
    author: str = "",
) -> Job:
    """Begin a job; it is running and ours."""
    return _add(
        session,
        kind,
        instance_id,
        owner=owner,
        now_ms=now_ms,
        beat_at_ms=now_ms,
        options=options,
        author=author,
    )


def begin(
    session: Session,
    *,
    kind: str,
    instance_id: int,
    now_ms: int,
    options: Mapping[str, Any] | None = None,
    author: str = "",
) -> Job | None:
    """Begin a job that whoever comes first works on; None if one of this kind is open for the instance."""
    session.get_one(models.Instance, instance_id, with_for_update=True)  # two who ask at once: one by one
    if latest(session, kind, instance_id, open_only=True) is not None:
        return None
    return ask(session, kind=kind, instance_id=instance_id, now_ms=now_ms, options=options, author=author)


def ask(
    session: Session,
    *,
    kind: str,
    instance_id: int,
    now_ms: int,
    total: int | None = None,
    options: Mapping[str, Any] | None = None,
    author: str = "",
) -> Job:
    """Begin a job that whoever comes first works on, beside any others of its kind."""
    return _add(
        session,
        kind,
        instance_id,
        owner="",
        now_ms=now_ms,
        beat_at_ms=0,
        options=options,
        author=author,
        total=total,
    )


def _add(
    session: Session,
    kind: str,
    instance_id: int,
    *,
    owner: str,
    now_ms: int,
    beat_at_ms: int,
    options: Mapping[str, Any] | None,
    author: str = "",
    total: int | None = None,
) -> Job:
    row = models.Job(
        kind=kind,
        instance_id=instance_id,
        state="running",
        total=total,
        options=dict(options or {}),
        author=author,
        started_at_ms=now_ms,
        beat_at_ms=beat_at_ms,
        owner=owner,
    )
    session.add(row)
    session.flush()
    return _job(row)


def get(session: Session, job_id: int) -> Job | None:
    """One job, or None."""
    row = session.get(models.Job, job_id)
    return _job(row) if row else None


def latest(session: Session, kind: str, instance_id: int, *, open_only: bool = False) -> Job | None:
    """The newest job of a kind for an instance; ``open_only``: running or paused."""
    query = select(models.Job).where(models.Job.kind == kind, models.Job.instance_id == instance_id)
    if open_only:
        query = query.where(models.Job.state.in_(OPEN))
    row = session.scalars(query.order_by(models.Job.id.desc()).limit(1)).first()
    return _job(row) if row else None


def last_done_ms(session: Session, kind: str, instance_id: int) -> int:
    """When the newest job of a kind that got through ended, 0 = never (as far as jobs are kept)."""
    query = select(models.Job.finished_at_ms).where(
        models.Job.kind == kind, models.Job.instance_id == instance_id, models.Job.state == "done"
    )
    return session.scalars(query.order_by(models.Job.id.desc()).limit(1)).first() or 0


def beat(session: Session, job: Job, owner: str, now_ms: int) -> Job | None:
    """Store the job's progress; None if it was stopped, or is somebody else's by now (then stop working)."""
    changed: Any = session.execute(
        update(models.Job)
        .where(models.Job.id == job.id, models.Job.owner == owner, models.Job.state == "running")
        .values(
            cursor=job.cursor,
            total=job.total,
            queued=job.queued,
            counts=dict(job.counts),
            per_minute=job.per_minute,
            note=job.note[:2000],
            beat_at_ms=now_ms,
        )
    )
    return job if changed.rowcount == 1 else None


def finish(session: Session, job_id: int, state: str, now_ms: int, note: str = "") -> bool:
    """End a job: done, stopped or failed. False if it has ended already."""
    changed: Any = session.execute(
        update(models.Job)
        .where(models.Job.id == job_id, models.Job.state.in_(OPEN))
        # Where it stood is of no use any more, and may name a contact.
        .values(state=state, finished_at_ms=now_ms, beat_at_ms=now_ms, note=note[:2000], cursor="")
    )
    return bool(changed.rowcount)


def pause(session: Session, job_id: int) -> bool:
    """A running job rests; its worker lets go of it. False if it was not running."""
    return _switch(session, job_id, "running", "paused")


def resume(session: Session, job_id: int) -> bool:
    """A paused job goes on where it was, with whoever comes first. False if it was not paused."""
    return _switch(session, job_id, "paused", "running")


def release(session: Session, job_id: int, owner: str) -> None:
    """This process ends: the next one goes on at once."""
    session.execute(
        update(models.Job)
        .where(models.Job.id == job_id, models.Job.owner == owner, models.Job.state == "running")
        .values(owner="", beat_at_ms=0)
    )


def _switch(session: Session, job_id: int, before: str, after: str) -> bool:
    changed: Any = session.execute(
        update(models.Job)
        .where(models.Job.id == job_id, models.Job.state == before)
        .values(state=after, owner="", beat_at_ms=0)
    )
    return bool(changed.rowcount)


def take(session: Session, kind: str, owner: str, now_ms: int) -> Job | None:
    """A running job that nobody works on (new, resumed, or its worker died) is ours now; None if none is."""
    rows = session.scalars(
        select(models.Job)
        .where(models.Job.kind == kind, models.Job.state == "running")
        .order_by(models.Job.id)
    )
    for row in rows:
        if row.beat_at_ms >= now_ms - STALE_MS and row.owner and not is_dead(row.owner):
            continue
        taken: Any = session.execute(
            update(models.Job)
            .where(
                models.Job.id == row.id,
                models.Job.state == "running",
                models.Job.owner == row.owner,
                models.Job.beat_at_ms == row.beat_at_ms,
            )
            .values(owner=owner, beat_at_ms=now_ms)
        )
        if taken.rowcount == 1:
            return _job(row)
    return None


def running(session: Session, now_ms: int) -> int:
    """How many jobs are at work. Of those that a killed process left, only what another one goes on with."""
    rows = session.execute(
        select(models.Job.kind, models.Job.owner, models.Job.beat_at_ms).where(models.Job.state == "running")
    )
    return sum(
        kind in RESUMED or (beat_at_ms >= now_ms - STALE_MS and not is_dead(owner))
        for kind, owner, beat_at_ms in rows
    )


def end_lost(session: Session, now_ms: int, alive: Collection[str]) -> int:
    """End the jobs that belonged to a process that is no more, and that nobody goes on with. ``alive``: the
    owners that are known to run, however long they have not come to a page's end."""
    rows = session.execute(
        select(models.Job.id, models.Job.owner, models.Job.beat_at_ms).where(
            models.Job.state == "running", models.Job.kind.not_in(RESUMED)
        )
    )
    silent_ms = now_ms - LOST_MS
    lost = [i for i, owner, at_ms in rows if is_dead(owner) or (at_ms < silent_ms and owner not in alive)]
    why = "its process ended; the next sweep finds what it did not"
    return sum(finish(session, job_id, "failed", now_ms, why) for job_id in lost)


def recent(session: Session, limit: int = 20) -> list[Job]:
    """The newest jobs first."""
    return search(session, Search(limit=limit))


def search(session: Session, wanted: Search) -> list[Job]:
    """The jobs that fit, newest first."""
    query = select(models.Job).order_by(models.Job.id.desc()).limit(wanted.limit)
    if wanted.kind:
        query = query.where(models.Job.kind == wanted.kind)
    if wanted.without:
        query = query.where(models.Job.kind.not_in(list(wanted.without)))
    if wanted.state:
        query = query.where(models.Job.state == wanted.state)
    if wanted.instance_id:
        query = query.where(models.Job.instance_id == wanted.instance_id)
    if wanted.before_id:
        query = query.where(models.Job.id < wanted.before_id)
    return [_job(row) for row in session.scalars(query)]


def _job(row: models.Job) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        instance_id=row.instance_id,
        state=row.state,
        cursor=row.cursor,
        total=row.total,
        queued=row.queued,
        counts=row.counts,
        options=row.options,
        note=row.note,
        author=row.author,
        started_at_ms=row.started_at_ms,
        finished_at_ms=row.finished_at_ms,
        per_minute=row.per_minute,
    )
