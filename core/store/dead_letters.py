"""Dead letters: messages that were given up, kept until somebody replays or discards them.

The caller commits.
The same in both modes: the embedded queue's and RabbitMQ's give-ups all end in this table.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.domain.codes import Code
from core.domain.fields import Direction
from core.domain.messages import Lane, Message
from core.store import models

_CONTACTS = func.count(func.nullif(models.DeadLetter.contact, "").distinct())  # unreadable ones have none
SOURCE = {Lane.INCOMING: "hubspot", Lane.ACCOUNT: "hubspot", Lane.OUTGOING: "mainstay"}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One given-up message. ``instance`` is a name, "" for an account's business. ``contact`` is
    ``platform:ID`` of the source. ``state``: dead, replayed or discarded."""

    id: int
    message_id: str
    generation: int
    lane: str
    instance_id: int
    instance: str
    account_id: int
    contact: str
    code: str
    message: str
    attempts: int
    first_failed_at_ms: int
    last_failed_at_ms: int
    body: bytes
    state: str
    settled_at_ms: int | None = None
    settled_by: str = ""
    reason: str = ""

    @property
    def direction(self) -> Direction:
        """incoming or outgoing; an account's business (merge, deletion) comes in from HubSpot."""
        return Direction.OUTGOING if self.lane == Lane.OUTGOING else Direction.INCOMING


@dataclass(frozen=True, slots=True)
class Search:
    """Which dead letters; empty members don't narrow. ``up_to_id`` bounds a replay to what was there at its
    start, so that what fails again can't make it loop. ``contacts`` are ``platform:ID`` of the source.
    ``ids``: only these."""

    instance: str = ""
    code: str = ""
    direction: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    limit: int | None = None
    up_to_id: int = 0
    after_id: int = 0
    before_id: int = 0
    state: str = "dead"
    contacts: Collection[str] = ()
    ids: Collection[int] = ()
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """The dead letters of one cause. ``contacts``: how many different ones."""

    code: str
    instance: str
    direction: str
    letters: int
    contacts: int
    first_failed_at_ms: int
    last_failed_at_ms: int


def store(
    session: Session,
    message: Message,
    code: Code,
    why: str,
    now_ms: int,
) -> bool:
    """Keep a message that is given up. False if it was there already (a redelivery)."""
    account = message.address.lane is Lane.ACCOUNT
    return _insert(
        session,
        message_id=message.id,
        generation=message.generation,
        lane=message.address.lane,
        instance_id=0 if account else message.address.id,
        account_id=message.address.id if account else 0,
        contact=f"{SOURCE[message.address.lane]}:{message.contact}",
        code=code,
        message=why,
        attempts=message.attempt,
        first_failed_at_ms=message.first_failed_at_ms or now_ms,
        last_failed_at_ms=now_ms,
        body=message.to_json(),
    )


def store_unreadable(
    session: Session,
    *,
    lane: Lane,
    address_id: int,
    message_id: str,
    body: bytes,
    why: str,
    now_ms: int,
    came_before: bool = False,
) -> bool:
    """Keep bytes that are no message of ours. False if they were there already.

    Nothing but the bytes tells two such messages apart: the same bytes are another message if they were never
    handed out before, and if nobody looks after the earlier ones any more.
    """
    account = lane is Lane.ACCOUNT
    while True:
        earlier = session.execute(
            select(models.DeadLetter.generation, models.DeadLetter.state)
            .where(models.DeadLetter.message_id == message_id)
            .order_by(models.DeadLetter.generation)
        ).all()
        if came_before and any(state == "dead" for _, state in earlier):
            return False
        stored = _insert(
            session,
            message_id=message_id,
            generation=earlier[-1].generation + 1 if earlier else 0,
            lane=lane,
            instance_id=0 if account else address_id,
            account_id=address_id if account else 0,
            contact="",
            code=Code.UNREADABLE_MESSAGE,
            message=why,
            attempts=0,
            first_failed_at_ms=now_ms,
            last_failed_at_ms=now_ms,
            body=body,
        )
        if stored:
            return True  # else another consumer was quicker with the same bytes


def search(session: Session, wanted: Search) -> list[DeadLetter]:
    """The dead letters that fit, oldest first unless asked otherwise."""
    order = models.DeadLetter.id.desc() if wanted.newest_first else models.DeadLetter.id
    query = _narrowed(wanted).order_by(order)
    if wanted.limit is not None:
        query = query.limit(wanted.limit)
    return [_row(row, name) for row, name in session.execute(query)]


def get(session: Session, dead_id: int) -> DeadLetter | None:
    """One dead letter, whatever its state."""
    found = session.execute(_narrowed(Search(state="")).where(models.DeadLetter.id == dead_id)).first()
    return _row(found[0], found[1]) if found else None


def generations(session: Session, message_id: str) -> list[DeadLetter]:
    """All dead letters that one message became: each replay that failed again is one more. Oldest first."""
    query = _narrowed(Search(state="")).where(models.DeadLetter.message_id == message_id)
    return [_row(row, name) for row, name in session.execute(query.order_by(models.DeadLetter.generation))]


def settle(
    session: Session, ids: Iterable[int], state: str, now_ms: int, *, who: str = "", reason: str = ""
) -> list[int]:
    """Mark dead letters as ``replayed`` or ``discarded``; only those still dead. Returns which."""
    changed = session.scalars(
        update(models.DeadLetter)
        .where(models.DeadLetter.id.in_(list(ids)), models.DeadLetter.state == "dead")
        .values(state=state, settled_at_ms=now_ms, settled_by=who[:200] or None, reason=reason or None)
        .returning(models.DeadLetter.id)
        .execution_options(synchronize_session=False)
    )
    return list(changed)


def total(session: Session, wanted: Search) -> tuple[int, int]:
    """How many dead letters fit, and of how many contacts."""
    dead = models.DeadLetter
    found = _narrowed(wanted).with_only_columns(func.count(dead.id), _CONTACTS)
    row = session.execute(found).one()
    return row[0], row[1]


def groups(session: Session, wanted: Search) -> list[Group]:
    """What fits, by code, instance and direction: the most contacts first."""
    dead = models.DeadLetter
    outgoing = dead.lane == Lane.OUTGOING
    direction = case((outgoing, Direction.OUTGOING), else_=Direction.INCOMING)
    contacts = _CONTACTS
    query = (
        _narrowed(wanted)
        .with_only_columns(
            dead.code,
            func.coalesce(models.Instance.name, ""),
            direction,
            func.count(dead.id),
            contacts,
            func.min(dead.first_failed_at_ms),
            func.max(dead.last_failed_at_ms),
        )
        .group_by(dead.code, models.Instance.name, direction)
        .order_by(contacts.desc(), dead.code)
    )
    return [Group(*row) for row in session.execute(query)]


def count(session: Session) -> dict[str, int]:
    """How many wait for somebody, per lane."""
    rows = session.execute(
        select(models.DeadLetter.lane, func.count())
        .where(models.DeadLetter.state == "dead")
        .group_by(models.DeadLetter.lane)
    )
    return {row[0]: row[1] for row in rows}


def waiting(session: Session) -> int:
    """How many wait for somebody: read from the index alone."""
    dead = models.DeadLetter
    return session.scalar(select(func.count()).select_from(dead).where(dead.state == "dead")) or 0


def newest_id(session: Session) -> int:
    """The highest id there is: the bound of a replay that starts now."""
    return session.scalar(select(func.max(models.DeadLetter.id))) or 0


def _insert(session: Session, **values: Any) -> bool:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(models.DeadLetter).values(state="dead", **values).on_conflict_do_nothing()
    return session.execute(statement.returning(models.DeadLetter.id)).first() is not None


def _narrowed(wanted: Search) -> Select[Any]:
    dead = models.DeadLetter
    columns: list[Any] = [dead, models.Instance.name]
    query = select(*columns).join(models.Instance, models.Instance.id == dead.instance_id, isouter=True)
    outgoing = dead.lane == Lane.OUTGOING
    narrowing: tuple[tuple[Any, Callable[[], Any]], ...] = (
        (wanted.state, lambda: dead.state == wanted.state),
        (wanted.instance, lambda: models.Instance.name == wanted.instance),
        (wanted.code, lambda: dead.code == wanted.code),
        (wanted.direction, lambda: outgoing if wanted.direction == Direction.OUTGOING else ~outgoing),
        (wanted.since_ms is not None, lambda: dead.last_failed_at_ms >= (wanted.since_ms or 0)),
        (wanted.until_ms is not None, lambda: dead.last_failed_at_ms < (wanted.until_ms or 0)),
        (wanted.contacts, lambda: dead.contact.in_(list(wanted.contacts))),
        (wanted.ids, lambda: dead.id.in_(list(wanted.ids))),
        (wanted.up_to_id, lambda: dead.id <= wanted.up_to_id),
        (wanted.after_id, lambda: dead.id > wanted.after_id),
        (wanted.before_id, lambda: dead.id < wanted.before_id),
    )
    return query.where(*(condition() for given, condition in narrowing if given))


def _row(row: models.DeadLetter, name: str | None) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        message_id=row.message_id,
        generation=row.generation,
        lane=row.lane,
        instance_id=row.instance_id,
        instance=name or "",
        account_id=row.account_id,
        contact=row.contact,
        code=row.code,
        message=row.message,
        attempts=row.attempts,
        first_failed_at_ms=row.first_failed_at_ms,
        last_failed_at_ms=row.last_failed_at_ms,
        body=row.body,
        state=row.state,
        settled_at_ms=row.settled_at_ms,
        settled_by=row.settled_by or "",
        reason=row.reason or "",
    )
