"""Looking things up in the Sync Log: streamed for downloads, page by page for the console. Reads only.

A page costs the same in a log of any length: it is merged from the newest entries of each (instance, code)
that there is, which the index ``sync_log_code`` has in order; of the open ones, from ``sync_log_problems``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, false, or_, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.domain.fields import Platform
from core.store import counts, models
from core.store.counts import Count
from core.store.sync_log import Entry, Search
from core.store.whom import Whom

WINDOW = 20_000  # how many entries one look for a text reads; further back is another look
_entry = models.SyncLogEntry
_STREAMED = 500
Column = InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first. ``older_id``: where it goes on, 0 = that was all. ``searched_to_ms``: how far
    back a text was looked for, where that is not as far as the log goes."""

    entries: tuple[Entry, ...]
    older_id: int = 0
    searched_to_ms: int | None = None


def search(session: Session, wanted: Search) -> Iterator[Entry]:
    """The entries that fit, streamed."""
    order = (_entry.at_ms, _entry.id)
    query = _named(_narrowed(session, wanted)).order_by(
        *(column.desc() if wanted.newest_first else column for column in order)
    )
    if wanted.limit is not None:
        query = query.limit(wanted.limit)
    for row, name in session.execute(query.execution_options(yield_per=_STREAMED)):
        yield _told(row, name)


def count(session: Session, wanted: Search, bound: int = counts.BOUND) -> Count:
    """How many entries fit, up to a bound."""
    query = select(_entry.id).where(*_narrowed(session, wanted))
    return counts.bounded(session, query, bound)


def page(session: Session, wanted: Search, size: int) -> Page:
    """The newest ``size`` entries that fit and are older than ``wanted.before_id``."""
    newest = _newest(session, wanted, WINDOW if wanted.text else size + 1)
    order = (newest.c.at_ms.desc(), newest.c.id.desc())
    fits = select(newest.c.id).where(*_text(wanted, newest.c)).order_by(*order).limit(size + 1)
    query = _named([_entry.id.in_(list(session.scalars(fits)))])
    query = query.order_by(_entry.at_ms.desc(), _entry.id.desc())
    found = [_told(row, name) for row, name in session.execute(query)]
    if len(found) > size:
        return Page(tuple(found[:size]), found[size - 1].id)
    if wanted.text:
        last = session.execute(select(newest).order_by(*order).offset(WINDOW - 1).limit(1)).first()
        if last is not None:
            return Page(tuple(found), last.id, last.at_ms)
    return Page(tuple(found))


def newest_id(session: Session) -> int:
    """The id of the newest entry, 0 in an empty log: what ``after_id`` counts from."""
    return session.scalar(select(_entry.id).order_by(_entry.id.desc()).limit(1)) or 0


def _newest(session: Session, wanted: Search, limit: int) -> Any:
    """The ids and times of the newest entries that fit, but for the text; with it where it is looked for."""
    columns = (_entry.id, _entry.at_ms, *([_entry.message] if wanted.text else []))
    conditions = _narrowed(session, wanted, with_text=False)
    branches = [[]] if wanted.contact or wanted.whom or wanted.cause else _branches(session, wanted)
    parts = []
    for branch in branches:
        part = select(*columns).where(*branch, *conditions)
        part = part.order_by(_entry.at_ms.desc(), _entry.id.desc()).limit(limit)
        parts.append(select(part.subquery()))
    together = union_all(*parts).subquery() if len(parts) > 1 else parts[0].subquery()
    return select(together).order_by(together.c.at_ms.desc(), together.c.id.desc()).limit(limit).subquery()


def _branches(session: Session, wanted: Search) -> Sequence[list[ColumnElement[bool]]]:
    """What the page is merged from: everything, or what an index has in order and can fit."""
    if not (wanted.instance or wanted.code or wanted.direction or wanted.open_only):
        return [[]]
    one = models.Instance
    known = {row.id: row for row in session.execute(select(one.id, one.name, one.direction))}
    columns: tuple[Column, ...] = (_entry.instance_id, _entry.code)
    if wanted.open_only:
        columns = (_entry.instance_id, _entry.account_id, _entry.code)
    fits = [
        [column == value for column, value in zip(columns, values, strict=True)]
        for values in _distinct(session, columns, wanted.open_only)
        for instance_id, code in [(values[0], values[-1])]
        if wanted.code in ("", code)
        and (not wanted.instance or (instance_id in known and known[instance_id].name == wanted.instance))
        and (
            not wanted.direction
            or instance_id not in known
            or known[instance_id].direction == wanted.direction
        )
    ]
    return fits or [[_entry.id == 0]]


def _distinct(session: Session, columns: Sequence[Column], open_only: bool) -> list[tuple[Any, ...]]:
    """The values that the log has there: one jump through the index for each."""
    found: list[tuple[Any, ...]] = []
    while True:
        query = select(*columns).order_by(*columns).limit(1)
        if open_only:
            query = query.where(_entry.resolved_at_ms.is_(None))
        if found:
            query = query.where(tuple_(*columns) > tuple_(*found[-1]))
        row = session.execute(query).first()
        if row is None:
            return found
        found.append(tuple(row))


def _named(conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    columns: list[Any] = [_entry, models.Instance.name]
    query = select(*columns).join(models.Instance, models.Instance.id == _entry.instance_id, isouter=True)
    return query.where(*conditions)


def _narrowed(session: Session, wanted: Search, *, with_text: bool = True) -> list[ColumnElement[bool]]:
    conditions = _when(session, wanted)
    if wanted.instance:
        ids = select(models.Instance.id).where(models.Instance.name == wanted.instance)
        conditions.append(_entry.instance_id.in_(list(session.scalars(ids))))
    if wanted.direction:
        conditions.append(_entry.direction == wanted.direction)
    if wanted.code:
        conditions.append(_entry.code == wanted.code)
    if wanted.cause:
        instance_id, account_id, code = wanted.cause
        conditions += [_entry.instance_id == instance_id, _entry.account_id == account_id]
        conditions.append(_entry.code == code)
    if wanted.contact:
        conditions.append(_about(wanted.contact))
    if wanted.whom is not None:
        conditions.append(_of(wanted.whom))
    if wanted.open_only:
        conditions.append(_entry.resolved_at_ms.is_(None))
    return conditions + (_text(wanted, _entry) if with_text else [])


def _when(session: Session, wanted: Search) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.since_ms is not None:
        conditions.append(_entry.at_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        conditions.append(_entry.at_ms < wanted.until_ms)
    if wanted.after_id:
        conditions.append(_entry.id > wanted.after_id)
    if wanted.before_id:
        conditions.append(_before(session, wanted.before_id))
    return conditions


def _about(contact: str) -> ColumnElement[bool]:
    platform, _, bare = contact.rpartition(":")
    fits = [_entry.hubspot_id == bare] if platform in ("", "hubspot") else []
    fits += [_entry.mainstay_id == bare] if platform in ("", "mainstay") else []
    return or_(false(), *fits)


def _of(whom: Whom) -> ColumnElement[bool]:
    """The contact's own entries, and those of its counterparts between the same two accounts."""
    instance = models.Instance
    ours = (
        instance.hubspot_account_id if whom.platform is Platform.HUBSPOT else instance.mainstay_account_id
    ) == whom.account_id
    theirs = (
        instance.mainstay_account_id if whom.platform is Platform.HUBSPOT else instance.hubspot_account_id
    )
    own, other = (_entry.hubspot_id, _entry.mainstay_id)
    if whom.platform is Platform.MAINSTAY:
        own, other = other, own
    return or_(
        (own == whom.contact) & _entry.instance_id.in_(select(instance.id).where(ours)),
        *(
            (other == contact) & _entry.instance_id.in_(select(instance.id).where(ours, theirs == account))
            for account, contact in whom.others
        ),
    )


def _before(session: Session, before_id: int) -> ColumnElement[bool]:
    # The entry itself may have been deleted meanwhile: then its place is that of the one before.
    query = select(_entry.at_ms).where(_entry.id <= before_id).order_by(_entry.id.desc()).limit(1)
    at_ms = session.scalar(query) or 0
    return tuple_(_entry.at_ms, _entry.id) < tuple_(at_ms, before_id)


def _text(wanted: Search, told: Any) -> list[ColumnElement[bool]]:
    return [told.message.icontains(wanted.text, autoescape=True)] if wanted.text else []


def _told(row: models.SyncLogEntry, name: str | None) -> Entry:
    return Entry(
        row.id,
        row.at_ms,
        row.instance_id,
        name or "",
        row.direction,
        row.contact,
        row.hubspot_id,
        row.mainstay_id,
        row.url,
        row.code,
        row.field,
        row.message,
        row.resolved_at_ms,
        row.account_id,
        row.retold_at_ms,
    )
