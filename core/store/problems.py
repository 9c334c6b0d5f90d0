"""Problems: the open entries of the Sync Log by cause, and what somebody said about each. The caller commits.

A cause is a code of an instance (or of an account that is held). Everything here reads at most some ten
thousand rows of the index ``sync_log_problems``, however long the log is.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from core.store import counts, models
from core.store.counts import Count

HOUR_MS = 3_600_000
TREND_HOURS = 24
ACKNOWLEDGED, SNOOZED = "acknowledged", "snoozed"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """A cause. ``instance_id`` 0: the account's business; ``account_id`` not 0: an account is held."""

    instance_id: int
    account_id: int
    code: str


@dataclass(frozen=True, slots=True)
class State:
    """Somebody looks after a cause (acknowledged), or left it alone until a time or until more than
    ``until_contacts`` are affected (snoozed)."""

    state: str
    who: str
    at_ms: int
    note: str = ""
    until_ms: int | None = None
    until_contacts: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What is open about one cause. ``contacts`` affected, not attempts: 0 where it is about an account.
    ``first_ms``: since when the oldest of them goes on, however often it was tried. ``state`` None = open."""

    key: Key
    direction: str
    contacts: Count
    first_ms: int
    last_ms: int
    message: str  # of the newest entry
    state: State | None = None


def groups(session: Session, now_ms: int) -> list[Group]:
    """Every cause with something open, the newest first."""
    said = states(session)
    found = [_group(session, key, said.get(key), now_ms) for key in _keys(session)]
    return sorted((one for one in found if one is not None), key=lambda one: -one.last_ms)


def group(session: Session, key: Key, now_ms: int) -> Group | None:
    """One cause, None where nothing of it is open."""
    return _group(session, key, states(session).get(key), now_ms)


def affected(session: Session, keys: Collection[Key]) -> Count:
    """How many contacts the causes affect together; one with two causes counts once."""
    if not keys:
        return counts.NONE
    entry = models.SyncLogEntry
    wanted = tuple_(entry.instance_id, entry.account_id, entry.code).in_([_columns(key) for key in keys])
    return counts.different(session, select(entry.contact).where(_open(), wanted, entry.contact != ""))


def affected_links(session: Session, keys: Collection[Key]) -> int:
    """How many linked pairs the causes affect; a contact that is linked with nobody is none of them."""
    if not keys:
        return 0
    entry, instance, link = models.SyncLogEntry, models.Instance, models.Link
    wanted = tuple_(entry.instance_id, entry.account_id, entry.code).in_([_columns(key) for key in keys])
    of_it = and_(
        link.hubspot_account_id == instance.hubspot_account_id,
        link.mainstay_account_id == instance.mainstay_account_id,
        or_(link.hubspot_id == entry.hubspot_id, link.mainstay_id == entry.mainstay_id),
    )
    found = (
        select(func.count(link.id.distinct()))
        .select_from(entry)
        .join(instance, instance.id == entry.instance_id)
        .join(link, of_it)
        .where(_open(), wanted, entry.contact != "")
    )
    return session.scalar(found) or 0


def open_count(session: Session, code: str) -> Count:
    """How many contacts, and accounts, have an open entry with this code."""
    return _open_count(session, [key for key in _keys(session) if key.code == code])


def open_counts(session: Session) -> dict[str, Count]:
    """``open_count`` of every code that has open entries."""
    by_code: dict[str, list[Key]] = {}
    for key in _keys(session):
        by_code.setdefault(key.code, []).append(key)
    return {code: _open_count(session, keys) for code, keys in by_code.items()}


def _open_count(session: Session, keys: Sequence[Key]) -> Count:
    return affected(session, keys) + Count(sum(key.account_id != 0 for key in keys))


def trend(session: Session, key: Key, now_ms: int) -> list[int]:
    """How many entries were told in each of the last 24 hours, oldest first."""
    entry = models.SyncLogEntry
    start_ms = now_ms - TREND_HOURS * HOUR_MS
    hour = ((entry.at_ms - start_ms) // HOUR_MS).label("hour")
    query = select(hour, func.count()).where(
        entry.instance_id == key.instance_id, entry.code == key.code, entry.at_ms >= start_ms
    )
    told = [0] * TREND_HOURS
    for index, number in session.execute(query.group_by(hour)):
        told[min(int(index), TREND_HOURS - 1)] += number
    return told


@dataclass(frozen=True, slots=True)
class Affected:
    """A contact (``platform:ID``) that a cause affects: its first open entry's time and id."""

    at_ms: int
    id: int
    contact: str


def contacts_of(
    session: Session, key: Key, *, up_to_id: int = 0, after: tuple[int, int] = (0, 0), limit: int = 100
) -> list[Affected]:
    """The contacts that a cause affects, each once, the longest waiting first; ``after`` (time, id) pages."""
    entry, earlier = models.SyncLogEntry, aliased(models.SyncLogEntry)
    first = ~exists().where(
        earlier.instance_id == key.instance_id,
        earlier.contact == entry.contact,
        earlier.resolved_at_ms.is_(None),
        earlier.account_id == key.account_id,
        earlier.code == key.code,
        earlier.id < entry.id,
    )
    query = select(entry.at_ms, entry.id, entry.contact).where(
        _open(), _is(key), entry.contact != "", first, entry.at_ms >= after[0]
    )
    query = query.where(tuple_(entry.at_ms, entry.id) > tuple_(*after))
    if up_to_id:
        query = query.where(entry.id <= up_to_id)
    return [Affected(*row) for row in session.execute(query.order_by(entry.at_ms, entry.id).limit(limit))]


def newest_id(session: Session) -> int:
    """The highest id of an entry: the bound of a retry that starts now."""
    return session.scalar(select(func.max(models.SyncLogEntry.id))) or 0


def resolved_lately(session: Session, since_ms: int) -> Count:
    """How many entries were resolved since then. What a later entry tells again was not."""
    entry = models.SyncLogEntry
    over = entry.retold_at_ms.is_(None), entry.resolved_at_ms >= since_ms
    return counts.bounded(session, select(entry.resolved_at_ms).where(*over))


def states(session: Session) -> dict[Key, State]:
    """What was said, whether it still counts or not."""
    return {
        Key(row.instance_id, row.account_id, row.code): State(
            row.state, row.who, row.at_ms, row.note, row.until_ms, row.until_contacts
        )
        for row in session.scalars(select(models.ProblemState))
    }


def say(session: Session, key: Key, state: State) -> None:
    """Acknowledge or snooze a cause; what was said before is replaced."""
    reopen(session, key)
    session.add(
        models.ProblemState(
            instance_id=key.instance_id,
            account_id=key.account_id,
            code=key.code,
            state=state.state,
            who=state.who,
            note=state.note[:500],
            at_ms=state.at_ms,
            until_ms=state.until_ms,
            until_contacts=state.until_contacts,
        )
    )
    session.flush()


def reopen(session: Session, key: Key) -> None:
    """The cause is open again."""
    row = models.ProblemState
    mine = tuple_(row.instance_id, row.account_id, row.code) == tuple_(*_columns(key))
    session.execute(delete(row).where(mine))


def counts_still(state: State, contacts: Count, first_ms: int, now_ms: int) -> bool:
    """Whether what was said still counts. It does not once its time is over, once more contacts are affected
    than it said, or once nothing of what was open then goes on (``first_ms``: since when the oldest does)."""
    if state.until_ms is not None and now_ms >= state.until_ms:
        return False
    if state.until_contacts is not None and contacts.number > state.until_contacts:
        return False
    return first_ms <= state.at_ms


def _group(session: Session, key: Key, said: State | None, now_ms: int) -> Group | None:
    entry = models.SyncLogEntry
    oldest = select(func.min(entry.at_ms)).where(_open(), _is(key))
    retold = select(func.min(entry.first_at_ms)).where(_open(), _is(key), entry.first_at_ms.is_not(None))
    newest = (
        select(entry.at_ms, entry.direction, entry.message)
        .where(_open(), _is(key))
        .order_by(entry.at_ms.desc())
        .limit(1)
        .subquery()
    )
    told = select(newest.c.at_ms, newest.c.direction, newest.c.message)
    found = session.execute(told.add_columns(oldest.scalar_subquery(), retold.scalar_subquery())).first()
    if found is None:
        return None
    last_ms, direction, message, oldest_ms, retold_ms = found
    contacts = affected(session, [key])
    first_ms = min(oldest_ms, retold_ms or oldest_ms)
    counts_ = said is not None and counts_still(said, contacts, first_ms, now_ms)
    return Group(key, direction, contacts, first_ms, last_ms, message, said if counts_ else None)


def _keys(session: Session) -> list[Key]:
    """The causes that have open entries: one jump through the index for each, none per entry."""
    entry = models.SyncLogEntry
    columns = (entry.instance_id, entry.account_id, entry.code)
    found: list[Key] = []
    while True:
        query = select(*columns).where(_open())
        if found:
            query = query.where(tuple_(*columns) > tuple_(*_columns(found[-1])))
        row = session.execute(query.order_by(*columns).limit(1)).first()
        if row is None:
            return found
        found.append(Key(*row))


def _columns(key: Key) -> Sequence[Any]:
    return (key.instance_id, key.account_id, key.code)


def _open() -> ColumnElement[bool]:
    return models.SyncLogEntry.resolved_at_ms.is_(None)


def _is(key: Key) -> ColumnElement[bool]:
    entry = models.SyncLogEntry
    return (
        (entry.instance_id == key.instance_id)
        & (entry.account_id == key.account_id)
        & (entry.code == key.code)
    )
