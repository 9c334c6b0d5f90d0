"""Outcomes rolled up by minute and hour: how many, how they ended, how long the change took.

The caller commits. Made by the scheduler from ``outcomes``, and safe to make again for any time, so that the
consumers' own transactions carry nothing of it. Minutes serve the last days, hours everything before.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, case, delete, func, insert, literal, select
from sqlalchemy.orm import Session

from core.domain.delays import BEYOND_MS, EDGES_MS
from core.domain.messages import Cause
from core.store.health_models import RollUp
from core.store.models import Instance, Outcome

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
MINUTES_KEPT_MS = 8 * DAY_MS
HOURS_KEPT_MS = 400 * DAY_MS
_WRITTEN = ("created", "updated")
_CHANGES = [str(cause) for cause in Cause if cause.tells_when]
_KEY = (RollUp.instance_id, RollUp.direction, RollUp.outcome, RollUp.code, RollUp.delay_ms)
_COLUMNS = ("span_ms", "start_ms", "instance_id", "direction", "outcome", "code", "delay_ms")


@dataclass(frozen=True, slots=True)
class Count:
    """Messages that ended in the same way in one step of a chart; ``delay_ms`` 0 = not measured."""

    start_ms: int
    instance_id: int
    direction: str
    outcome: str
    code: str
    delay_ms: int
    messages: int
    tries: int


def roll(session: Session, from_ms: int, until_ms: int) -> None:
    """Make the minutes between the two times anew from the outcomes, and the hours that they belong to."""
    first, last = _floor(from_ms, MINUTE_MS), until_ms
    _clear(session, MINUTE_MS, first, last)
    start = Outcome.finished_at_ms - Outcome.finished_at_ms % MINUTE_MS
    code, delay = func.coalesce(Outcome.code, ""), _delay()
    told = select(
        *(Outcome.instance_id, Outcome.direction, Outcome.outcome),
        *(start.label("start"), code.label("told_code"), delay.label("delay"), Outcome.attempt),
    )
    told = told.outerjoin(Instance, Instance.id == Outcome.instance_id)
    told = told.where(Outcome.finished_at_ms >= first, Outcome.finished_at_ms < last)
    # The expressions are grouped by name, from within: PostgreSQL takes two bound CASEs for different ones.
    one = told.subquery()
    key = (one.c.start, one.c.instance_id, one.c.direction, one.c.outcome, one.c.told_code, one.c.delay)
    minutes = select(_span(MINUTE_MS), *key, func.count(), func.sum(one.c.attempt)).group_by(*key)
    session.execute(insert(RollUp).from_select([*_COLUMNS, "messages", "tries"], minutes))
    _roll_hours(session, first, last)


def _roll_hours(session: Session, from_ms: int, until_ms: int) -> None:
    first, last = _floor(from_ms, HOUR_MS), _floor(until_ms - 1, HOUR_MS) + HOUR_MS
    _clear(session, HOUR_MS, first, last)
    hour = (RollUp.start_ms - RollUp.start_ms % HOUR_MS).label("hour")
    minutes = (
        select(hour, *_KEY, RollUp.messages, RollUp.tries)
        .where(RollUp.span_ms == MINUTE_MS, RollUp.start_ms >= first, RollUp.start_ms < last)
        .subquery()
    )
    key = (minutes.c.hour, *(minutes.c[column.key] for column in _KEY))
    sums = (func.sum(minutes.c.messages), func.sum(minutes.c.tries))
    hours = select(_span(HOUR_MS), *key, *sums).group_by(*key)
    session.execute(insert(RollUp).from_select([*_COLUMNS, "messages", "tries"], hours))


def newest_ms(session: Session) -> int:
    """When the newest minute that is rolled up began, 0 = there is none."""
    return session.scalar(select(func.max(RollUp.start_ms)).where(RollUp.span_ms == MINUTE_MS)) or 0


def oldest_outcome_ms(session: Session) -> int:
    """When the oldest outcome that is kept was made, 0 = there is none."""
    return session.scalar(select(func.min(Outcome.finished_at_ms))) or 0


def counts(session: Session, since_ms: int, until_ms: int, step_ms: int) -> list[Count]:
    """What ended between the times, by steps of ``step_ms`` (a multiple of a minute), oldest first."""
    span_ms = HOUR_MS if step_ms % HOUR_MS == 0 else MINUTE_MS
    start = (RollUp.start_ms - (RollUp.start_ms - since_ms) % step_ms).label("start")
    found = (
        select(start, *_KEY, RollUp.messages, RollUp.tries)
        .where(RollUp.span_ms == span_ms, RollUp.start_ms >= since_ms, RollUp.start_ms < until_ms)
        .subquery()
    )
    key = (found.c.start, *(found.c[column.key] for column in _KEY))
    query = select(*key, func.sum(found.c.messages), func.sum(found.c.tries)).group_by(*key)
    return [Count(*row[:6], int(row[6]), int(row[7])) for row in session.execute(query.order_by(key[0]))]


def forget(session: Session, now_ms: int) -> int:
    """Delete what is older than it is kept; returns how many rows went."""
    gone = 0
    for span_ms, kept_ms in ((MINUTE_MS, MINUTES_KEPT_MS), (HOUR_MS, HOURS_KEPT_MS)):
        # An hour's minutes go together: what is left of an hour would be rolled up to less than it was.
        until_ms = _floor(now_ms - kept_ms, DAY_MS)
        gone += _clear(session, span_ms, 0, until_ms)
    return gone


def _clear(session: Session, span_ms: int, from_ms: int, until_ms: int) -> int:
    gone: Any = session.execute(
        delete(RollUp).where(
            RollUp.span_ms == span_ms, RollUp.start_ms >= from_ms, RollUp.start_ms < until_ms
        )
    )
    return int(gone.rowcount)


def _delay() -> ColumnElement[int]:
    took = Outcome.finished_at_ms - Outcome.occurred_at_ms
    # What changed before there was an integration for it did not wait for one.
    waited = Outcome.occurred_at_ms >= func.coalesce(Instance.first_enabled_at_ms, 0)
    measured = Outcome.outcome.in_(_WRITTEN) & Outcome.cause.in_(_CHANGES) & waited
    edges = [(took <= edge, edge) for edge in EDGES_MS]
    return case((measured, case(*edges, else_=BEYOND_MS)), else_=0)


def _span(span_ms: int) -> ColumnElement[int]:
    return literal(span_ms, BigInteger)


def _floor(at_ms: int, span_ms: int) -> int:
    return at_ms - at_ms % span_ms
