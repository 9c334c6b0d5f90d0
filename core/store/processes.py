"""Which processes run, for `crosswalk status`. The caller commits."""

from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.owners import is_dead
from core.store import models

FRESH_MS = 60_000


def beat(session: Session, process_id: str, role: str, now_ms: int, in_flight: int = 0) -> None:
    """This process is alive, and has so many messages that no queue's depth shows."""
    row = session.get(models.Process, process_id)
    if row is None:
        session.execute(delete(models.Process).where(models.Process.beat_at_ms < now_ms - 10 * FRESH_MS))
        session.add(
            models.Process(
                id=process_id, role=role, started_at_ms=now_ms, beat_at_ms=now_ms, in_flight=in_flight
            )
        )
    else:
        row.beat_at_ms, row.in_flight = now_ms, in_flight


def leave(session: Session, process_id: str) -> None:
    """This process ends in good order."""
    session.execute(delete(models.Process).where(models.Process.id == process_id))


def last_beats(session: Session) -> dict[str, int]:
    """When a process of each role showed itself last, epoch ms, as far as rows are kept."""
    query = select(models.Process.role, func.max(models.Process.beat_at_ms)).group_by(models.Process.role)
    return {row[0]: row[1] for row in session.execute(query)}


@dataclass(frozen=True, slots=True)
class Process:
    """A process that showed itself within a minute and is not known to be dead."""

    id: str
    role: str
    started_at_ms: int
    beat_at_ms: int
    in_flight: int


def running(session: Session, now_ms: int) -> list[Process]:
    """The processes at work, by role."""
    rows = session.scalars(
        select(models.Process)
        .where(models.Process.beat_at_ms >= now_ms - FRESH_MS)
        .order_by(models.Process.role, models.Process.id)
    )
    return [
        Process(row.id, row.role, row.started_at_ms, row.beat_at_ms, row.in_flight)
        for row in rows
        if not is_dead(row.id)
    ]
