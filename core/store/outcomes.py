"""Outcomes: what became of each message, once per message and generation. The caller commits.

Field names, rules and ids; never a value. Kept for 30 days (the scheduler's retention).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, false, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.store import models


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """One outcome; see ``models.Outcome``. ``id`` 0 = not stored yet."""

    message_id: str
    generation: int
    direction: str
    outcome: str
    cause: str
    occurred_at_ms: int
    accepted_at_ms: int
    finished_at_ms: int
    hubspot_account_id: int
    mainstay_account_id: int = 0
    instance_id: int = 0
    hubspot_id: str | None = None
    mainstay_id: str | None = None
    code: str | None = None
    attempt: int = 0
    story: dict[str, Any] = field(default_factory=dict)
    mapping_version: int = 0
    job_id: int = 0
    id: int = 0


_COLUMNS = tuple(name for name in OutcomeRow.__slots__ if name != "id")


def record(session: Session, rows: Iterable[OutcomeRow]) -> None:
    """Store outcomes; one that a message has already is left as it is."""
    values = [{name: getattr(row, name) for name in _COLUMNS} for row in rows]
    if values:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        session.connection().execute(insert(models.Outcome).on_conflict_do_nothing(), values)


def finished(session: Session, messages: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of (message id, generation) that have an outcome: a redelivery after a crash."""
    rows = session.execute(
        select(models.Outcome.message_id, models.Outcome.generation).where(
            models.Outcome.message_id.in_({message_id for message_id, _ in messages})
        )
    )
    return {(row[0], row[1]) for row in rows} & set(messages)


def rows_of(session: Session, messages: Collection[tuple[str, int]]) -> list[OutcomeRow]:
    """The outcomes of (message id, generation)."""
    rows = session.scalars(
        select(models.Outcome).where(
            models.Outcome.message_id.in_({message_id for message_id, _ in messages})
        )
    )
    return [read(row) for row in rows if (row.message_id, row.generation) in messages]


def of_message(session: Session, message_id: str) -> OutcomeRow | None:
    """The last outcome of a message, or None."""
    row = session.scalars(
        select(models.Outcome)
        .where(models.Outcome.message_id == message_id)
        .order_by(models.Outcome.generation.desc())
    ).first()
    return read(row) if row else None


def newest_id(session: Session) -> int:
    """The highest id there is, 0 if there is none."""
    return session.scalar(select(func.max(models.Outcome.id))) or 0


def following(session: Session, after_id: int, limit: int = 200) -> list[OutcomeRow]:
    """The outcomes after an id, oldest first: whoever asks again and again sees each one once."""
    query = select(models.Outcome).where(models.Outcome.id > after_id).order_by(models.Outcome.id)
    return [read(row) for row in session.scalars(query.limit(limit))]


def counts(session: Session, *, since_ms: int = 0) -> dict[tuple[int, str], int]:
    """How many messages ended how: (instance id, outcome) → number."""
    query = (
        select(models.Outcome.instance_id, models.Outcome.outcome, func.count())
        .where(models.Outcome.finished_at_ms >= since_ms)
        .group_by(models.Outcome.instance_id, models.Outcome.outcome)
    )
    return {(row[0], row[1]): row[2] for row in session.execute(query)}


def counts_of_job(session: Session, job_id: int, since_ms: int) -> dict[str, int]:
    """How the messages of a job ended: outcome → number. ``since_ms``: when it was begun."""
    return counts_of_jobs(session, {job_id: since_ms})[job_id]


def counts_of_jobs(session: Session, begun: Mapping[int, int]) -> dict[int, dict[str, int]]:
    """How the messages of several jobs ended: job → outcome → number. ``begun``: job → epoch ms."""
    outcome = models.Outcome
    counts: dict[int, dict[str, int]] = {job_id: {} for job_id in begun}
    mine = [and_(outcome.job_id == i, outcome.finished_at_ms >= since_ms) for i, since_ms in begun.items()]
    query = (
        select(outcome.job_id, outcome.outcome, func.count())
        # The jobs' own index has these alone: said again, so that the planner knows that it serves.
        .where(or_(false(), *mine), outcome.job_id > 0)
        .group_by(outcome.job_id, outcome.outcome)
    )
    for job_id, ending, count in session.execute(query):
        counts[job_id][ending] = count
    return counts


def last_change_ms(session: Session, instance_id: int) -> int:
    """When the instance last wrote something, epoch ms, 0 = never (within the kept time)."""
    newest = [
        session.scalar(
            select(models.Outcome.finished_at_ms)
            .where(models.Outcome.instance_id == instance_id, models.Outcome.outcome == outcome)
            .order_by(models.Outcome.id.desc())
            .limit(1)
        )
        for outcome in ("created", "updated")
    ]
    return max(one or 0 for one in newest)


def oldest_disabled_ms(session: Session, instance_id: int, since_ms: int) -> int | None:
    """When the oldest change came about that ended as disabled since ``since_ms`` (epoch ms); None: none did.

    Changes that waited when the instance was disabled are older than that moment. Backfills don't count:
    theirs may be years old, and they are started again by hand.
    """
    outcome = models.Outcome
    return session.scalar(
        select(func.min(outcome.occurred_at_ms))
        .where(outcome.instance_id == instance_id, outcome.outcome == "disabled")
        .where(outcome.finished_at_ms >= since_ms, outcome.cause != "backfill")
    )


def read(row: models.Outcome) -> OutcomeRow:
    """A stored row as plain data."""
    return OutcomeRow(**{name: getattr(row, name) for name in (*_COLUMNS, "id")})
