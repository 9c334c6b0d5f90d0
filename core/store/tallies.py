"""Counts by minute that no other table has: webhooks per account, calls per account, refused requests.

Added to by every process every few seconds (core/tallies.py); the caller commits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.store.health_models import Tally

MINUTE_MS = 60_000
KEPT_MS = 35 * 86_400_000


class Kind(StrEnum):
    """What is counted."""

    EVENTS = "events"  # authentic webhook events of an account, wanted or not
    REFUSED = "refused"  # webhook requests that were refused; word: ``platform reason``
    CALLS = "calls"  # calls to an account's platform; word: ``ok``, ``limited`` or ``failed``


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which count; ``start_ms`` is when its minute began."""

    start_ms: int
    kind: Kind
    account_id: int
    word: str


@dataclass(frozen=True, slots=True)
class Count:
    """A count of a step of time."""

    start_ms: int
    kind: Kind
    account_id: int
    word: str
    count: int


def add(session: Session, counted: Mapping[Key, tuple[int, int]]) -> None:
    """Add to the stored counts. Values are (how many, when last, epoch ms).

    Rows are taken in one order by all processes, so that no two wait for each other.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(Tally)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[Tally.start_ms, Tally.kind, Tally.account_id, Tally.word],
        set_={
            "count": Tally.count + new.count,
            "last_at_ms": case((new.last_at_ms > Tally.last_at_ms, new.last_at_ms), else_=Tally.last_at_ms),
        },
    )
    for key, (count, last_at_ms) in sorted(counted.items()):
        row = {"start_ms": key.start_ms, "kind": key.kind, "account_id": key.account_id, "word": key.word}
        session.execute(statement, {**row, "count": count, "last_at_ms": last_at_ms})


def counts(session: Session, since_ms: int, until_ms: int, step_ms: int = MINUTE_MS) -> list[Count]:
    """All counts between the times, by steps of ``step_ms``, oldest first."""
    start = (Tally.start_ms - (Tally.start_ms - since_ms) % step_ms).label("start")
    one = (
        select(start, Tally.kind, Tally.account_id, Tally.word, Tally.count)
        .where(Tally.start_ms >= since_ms, Tally.start_ms < until_ms)
        .subquery()
    )
    key = (one.c.start, one.c.kind, one.c.account_id, one.c.word)
    query = select(*key, func.sum(one.c.count)).group_by(*key).order_by(one.c.start)
    return [Count(row[0], Kind(row[1]), row[2], row[3], int(row[4])) for row in session.execute(query)]


def first_and_last_ms(session: Session, kind: Kind, account_id: int) -> tuple[int, int]:
    """When an account was counted first and last (within the kept time), epoch ms; 0 = never."""
    ends = [
        session.scalar(
            select(Tally.last_at_ms)
            .where(Tally.kind == kind, Tally.account_id == account_id)
            .order_by(order)
            .limit(1)
        )
        for order in (Tally.last_at_ms, Tally.last_at_ms.desc())
    ]
    return ends[0] or 0, ends[1] or 0


def busy_minutes(session: Session, kind: Kind, account_id: int, since_ms: int, until_ms: int) -> int:
    """In how many minutes between the times an account was counted at all."""
    query = select(func.count(Tally.start_ms.distinct())).where(
        Tally.kind == kind,
        Tally.account_id == account_id,
        Tally.last_at_ms >= since_ms,
        Tally.last_at_ms < until_ms,
    )
    return session.scalar(query) or 0


def forget(session: Session, now_ms: int) -> int:
    """Delete what is older than it is kept; returns how many rows went."""
    gone: Any = session.execute(delete(Tally).where(Tally.start_ms < now_ms - KEPT_MS))
    return int(gone.rowcount)
