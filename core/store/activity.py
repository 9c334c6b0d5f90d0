"""Everything that happened, page by page: outcomes of contacts, newest first. Reads only.

A page costs the same in a table of any length: it is merged from the newest outcomes of each (instance,
outcome) that there is, which the index ``outcomes_outcome`` has in order. A time is turned into a range of
ids first, because outcomes are numbered in the order in which they end.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, false, or_, select, text, tuple_, union_all
from sqlalchemy.orm import Session

from core.domain.fields import Platform
from core.store import counts, models
from core.store.counts import Count
from core.store.outcomes import OutcomeRow, read
from core.store.whom import Whom

WRITTEN = ("created", "updated")
_SLACK = 10_000  # ids: how far two processes' clocks may disagree about the order
_row = models.Outcome
# As no index knows it: PostgreSQL would read a whole day by the time, and sort it by the id.
_finished_ms = _row.finished_at_ms + 0


@dataclass(frozen=True, slots=True)
class Search:
    """What to show; empty members don't narrow. ``contact`` is an id on either side, with or without its
    platform, of any account; ``whom`` one of its account. ``before_id`` pages back, ``after_id`` is what came
    since."""

    since_ms: int | None = None
    until_ms: int | None = None
    instance: str = ""
    direction: str = ""
    outcomes: tuple[str, ...] = ()
    code: str = ""
    contact: str = ""
    whom: Whom | None = None
    job_id: int = 0
    before_id: int = 0
    after_id: int = 0


def page(session: Session, wanted: Search, size: int) -> tuple[list[OutcomeRow], int]:
    """The newest ``size`` outcomes that fit, and the id to go on before (0 = that was all)."""
    ids = _newest(session, wanted, size + 1)
    found = session.scalars(select(_row).where(_row.id.in_(select(ids.c.id))).order_by(_row.id.desc())).all()
    return [read(one) for one in found[:size]], found[size - 1].id if len(found) > size else 0


def count(session: Session, wanted: Search, bound: int = counts.BOUND) -> Count:
    """How many outcomes fit, up to a bound."""
    ids = _newest(session, wanted, bound + 1)
    return counts.bounded(session, select(ids.c.id), bound)


def contacts(session: Session, wanted: Search) -> Count:
    """How many contacts the newest of the fitting outcomes are about."""
    who = (_row.hubspot_account_id, _row.hubspot_id, _row.mainstay_account_id, _row.mainstay_id)
    newest = _newest(session, wanted, counts.BOUND + 1, who)
    return counts.different(session, select(*(newest.c[one.key] for one in who)))


def newest_id(session: Session) -> int:
    """The id of the newest outcome, 0 if there is none: what ``after_id`` counts from."""
    return session.scalar(select(_row.id).order_by(_row.id.desc()).limit(1)) or 0


def newest_written(session: Session, instance_ids: Collection[int], limit: int) -> list[tuple[int, int]]:
    """(occurred, finished) in epoch ms, the newest first, of those of each instance's ``limit`` newest
    creates and updates that a platform told of: what the delay is measured from."""
    times: list[tuple[int, int]] = []
    for instance_id in instance_ids:
        for outcome in WRITTEN:
            query = (
                select(_row.occurred_at_ms, _row.finished_at_ms, _row.cause)
                .where(_row.instance_id == instance_id, _row.outcome == outcome)
                .order_by(_row.id.desc())
                .limit(limit)
            )
            times += [(row[0], row[1]) for row in session.execute(query) if row[2] == "event"]
    return sorted(times, key=lambda one: -one[1])


def _newest(session: Session, wanted: Search, limit: int, columns: Sequence[Any] = ()) -> Any:
    """The ids of the newest outcomes that fit, and these columns of them."""
    conditions = _narrowed(session, wanted)
    if session.get_bind().dialect.name == "postgresql":
        # What ended together lies together; the planner takes every row for a read of its own, and would
        # rather go through everything that ended than through the index.
        session.execute(text("SET LOCAL random_page_cost = 1.1"))
    parts = []
    for branch in _branches(session, wanted):
        part = select(_row.id, *columns).where(*branch, *conditions).order_by(_row.id.desc()).limit(limit)
        parts.append(select(part.subquery()))
    together = union_all(*parts).subquery() if len(parts) > 1 else parts[0].subquery()
    return select(together).order_by(together.c.id.desc()).limit(limit).subquery()


def _branches(session: Session, wanted: Search) -> Sequence[list[ColumnElement[bool]]]:
    """What the page is merged from: everything, or the pairs that can fit."""
    if wanted.whom is not None:
        return [[_of(wanted.whom)]]
    if wanted.contact:
        return [[_about(session, wanted.contact)]]
    if wanted.job_id or not (wanted.instance or wanted.direction or wanted.outcomes or wanted.code):
        return [[]]
    known = {
        row.id: row
        for row in session.execute(
            select(models.Instance.id, models.Instance.name, models.Instance.direction)
        )
    }
    ids = [
        one
        for one in {0, *known}
        if (not wanted.instance or (one in known and known[one].name == wanted.instance))
        and (not wanted.direction or one not in known or known[one].direction == wanted.direction)
    ]
    if wanted.code:
        fits = [[_row.instance_id == one] for one in ids]
    else:
        fits = [
            [_row.instance_id == one, _row.outcome == outcome]
            for one, outcome in (product(ids, wanted.outcomes) if wanted.outcomes else _pairs(session))
            if one in ids
        ]
    return fits or [[_row.id == 0]]


def _pairs(session: Session) -> list[tuple[int, str]]:
    """The (instance id, outcome) pairs that there are: one jump through the index for each."""
    columns = (_row.instance_id, _row.outcome)
    found: list[tuple[int, str]] = []
    while True:
        query = select(*columns)
        if found:
            query = query.where(tuple_(*columns) > tuple_(*found[-1]))
        row = session.execute(query.order_by(*columns).limit(1)).first()
        if row is None:
            return found
        found.append((row[0], row[1]))


def _narrowed(session: Session, wanted: Search) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.since_ms is not None:
        first = select(_row.id).where(_row.finished_at_ms >= wanted.since_ms).order_by(_row.finished_at_ms)
        first_id = session.scalar(first.limit(1))
        conditions += [_row.id >= (first_id or 0) - _SLACK, _finished_ms >= wanted.since_ms]
    if wanted.until_ms is not None:
        last = select(_row.id).where(_row.finished_at_ms < wanted.until_ms)
        last_id = session.scalar(last.order_by(_row.finished_at_ms.desc()).limit(1))
        conditions += [_row.id <= (last_id or 0) + _SLACK, _finished_ms < wanted.until_ms]
    if wanted.direction:
        conditions.append(_row.direction == wanted.direction)
    if wanted.instance:
        named = select(models.Instance.id).where(models.Instance.name == wanted.instance)
        conditions.append(_row.instance_id.in_(list(session.scalars(named))))
    if wanted.outcomes:
        conditions.append(_row.outcome.in_(wanted.outcomes))
    if wanted.code:
        conditions.append(_row.code == wanted.code)
    if wanted.job_id:
        conditions += [_row.job_id == wanted.job_id, _row.job_id > 0]  # so that its partial index serves
    if wanted.before_id:
        conditions.append(_row.id < wanted.before_id)
    if wanted.after_id:
        conditions.append(_row.id > wanted.after_id)
    return conditions


def _about(session: Session, contact: str) -> ColumnElement[bool]:
    platform, _, bare = contact.rpartition(":")
    accounts = session.execute(select(models.Account.id, models.Account.platform)).all()
    fits = []
    if platform in ("", "hubspot"):
        ids = [one for one, of in accounts if of == "hubspot"]
        fits.append(_row.hubspot_account_id.in_(ids) & (_row.hubspot_id == bare))
    if platform in ("", "mainstay"):
        ids = [one for one, of in accounts if of == "mainstay"]
        fits.append(_row.mainstay_account_id.in_(ids) & (_row.mainstay_id == bare))
    return or_(false(), *fits)


def _of(whom: Whom) -> ColumnElement[bool]:
    """The contact's own outcomes, and those of its counterparts where its own account took part."""
    if whom.platform is Platform.HUBSPOT:
        mine = _row.hubspot_account_id == whom.account_id
        theirs = [
            (_row.mainstay_account_id == account) & (_row.mainstay_id == contact)
            for account, contact in whom.others
        ]
        return mine & or_(_row.hubspot_id == whom.contact, *theirs)
    mine = (_row.mainstay_account_id == whom.account_id) & (_row.mainstay_id == whom.contact)
    # What concerned a HubSpot account alone (a merge, a deletion) names no organisation.
    organisation = _row.mainstay_account_id.in_([whom.account_id, 0])
    theirs = [
        organisation & (_row.hubspot_account_id == account) & (_row.hubspot_id == contact)
        for account, contact in whom.others
    ]
    return or_(mine, *theirs)
