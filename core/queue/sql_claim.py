"""How the embedded queue hands out messages: the statements of a claim.

A claim picks due rows that nobody owns, all of a contact together, and writes owner, lease and a fence (+1)
into them, in one short transaction. A row is free when its lease has run out, whoever owned it.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, select, text, update

from core.store.models import QueueMessage

_WINDOW = 5  # looks at this many times `limit` rows, to bring messages of a contact together
_HEAD_ROWS = 2_000  # owned rows are the oldest due ones: owners are looked for among these


def claim(connection: Connection, queue: str, limit: int, owner: str, lease: tuple[int, int]) -> list[Any]:
    """Own up to ``limit`` due rows of one queue; ``lease`` is from and until when, epoch ms.

    Returns rows with ``id``, ``fence``, ``deliveries`` and ``body``, contact by contact, the oldest first.
    """
    now, until_ms = lease
    if connection.dialect.name == "postgresql":
        # One claim at a time per queue: two at once would look at the same rows, and one get none.
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"crosswalk {queue}"))))
    free = (QueueMessage.queue == queue, QueueMessage.due_at_ms <= now, QueueMessage.lease_until_ms <= now)
    window = connection.execute(
        select(QueueMessage.id, QueueMessage.contact)
        .where(*free)
        .order_by(QueueMessage.due_at_ms, QueueMessage.id)
        .limit(limit * _WINDOW)
    )
    chosen = together([(row.id, row.contact) for row in window], limit)
    if not chosen:
        return []
    # SKIP LOCKED (PostgreSQL): an owner whose lease has just run out may be settling or extending.
    still_free = (
        select(QueueMessage.id)
        .where(QueueMessage.id.in_(chosen), QueueMessage.due_at_ms <= now, QueueMessage.lease_until_ms <= now)
        .with_for_update(skip_locked=True)
    )
    claimed = connection.execute(
        update(QueueMessage)
        .where(QueueMessage.id.in_(still_free))
        .values(
            owner=owner,
            lease_until_ms=until_ms,
            fence=QueueMessage.fence + 1,
            deliveries=QueueMessage.deliveries + 1,
            waiting=False,
        )
        .returning(QueueMessage.id, QueueMessage.fence, QueueMessage.deliveries, QueueMessage.body)
    )
    place = {row: number for number, row in enumerate(chosen)}
    return sorted(claimed, key=lambda row: place[row.id])


def together(rows: Sequence[tuple[int, str]], limit: int) -> list[int]:
    """Up to ``limit`` row ids out of (id, contact) in order of age: whole contacts, the oldest first.

    A contact with more than ``limit`` rows is cut only when it is the oldest; one that no longer fits is left
    for the next claim, of which it will then be the oldest.
    """
    contacts: dict[str, list[int]] = {}
    for row, contact in rows:
        contacts.setdefault(contact, []).append(row)
    chosen: list[int] = []
    for ids in contacts.values():
        if not chosen:
            chosen = ids[:limit]
        elif len(chosen) + len(ids) <= limit:
            chosen += ids
    return chosen


# Not EXISTS: PostgreSQL would make a join of it that reads the whole backlog. Texts, because SQLAlchemy would
# compile a list of values anew for each look.
_FIRST = """SELECT wanted.value FROM {} AS wanted WHERE (
    SELECT id FROM queue_messages
    WHERE queue = wanted.value AND due_at_ms <= :now AND lease_until_ms <= :now
    ORDER BY due_at_ms, id LIMIT 1
) IS NOT NULL"""
_WITH_WORK = {
    "sqlite": text(_FIRST.format("json_each(:wanted)")),
    "postgresql": text(_FIRST.format("json_array_elements_text(CAST(:wanted AS json))")),
}


def with_work(connection: Connection, wanted: Iterable[str], now: int) -> list[str]:
    """Those of the queues that have something to claim: one indexed look at each."""
    asked = {"wanted": json.dumps(list(wanted)), "now": now}
    return list(connection.scalars(_WITH_WORK[connection.dialect.name], asked))


def owners_at_the_head(queue: str, now: int) -> Select[str]:
    """Who owns messages of this queue at the moment."""
    head = (
        select(QueueMessage.owner, QueueMessage.lease_until_ms)
        .where(QueueMessage.queue == queue, QueueMessage.due_at_ms <= now)
        .order_by(QueueMessage.due_at_ms, QueueMessage.id)
        .limit(_HEAD_ROWS)
        .subquery()
    )
    return select(head.c.owner).where(head.c.lease_until_ms > now).distinct()
