"""Since when each queue is not empty, as far as somebody looked: for all processes, over their restarts.

The caller commits. A broker that does not tell how old a message is tells no more than how many there are.
"""

from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.store.health_models import QueueWait


def since_ms(session: Session) -> dict[str, int]:
    """Queue → epoch ms of the first look that found it not empty, and none found it empty after."""
    return {row.queue: row.since_ms for row in session.scalars(select(QueueWait))}


def note(session: Session, waiting: Collection[str], now_ms: int) -> None:
    """These queues are not empty now, and no other is."""
    session.execute(delete(QueueWait).where(QueueWait.queue.not_in(list(waiting))))
    if waiting:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        rows = [{"queue": one, "since_ms": now_ms} for one in sorted(waiting)]
        session.execute(insert(QueueWait).values(rows).on_conflict_do_nothing())
