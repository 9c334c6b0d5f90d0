"""Counts that pages show: exact up to a bound, "more than" beyond it, so that no page reads a whole table."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from core.store import models

BOUND = 10_000


@dataclass(frozen=True, slots=True)
class Count:
    """``number`` of something; ``more``: there are at least so many, and more. ``about``: an estimate."""

    number: int
    more: bool = False
    about: bool = False

    def __str__(self) -> str:
        """As people read it: 1,204 · more than 10,000 · about 1,000,000."""
        return f"{'more than ' if self.more else 'about ' if self.about else ''}{self.number:,}"

    def __bool__(self) -> bool:
        return self.number > 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.number + other.number, self.more or other.more, self.about or other.about)


NONE = Count(0)


def bounded(session: Session, query: Select[Any], bound: int = BOUND) -> Count:
    """How many rows a query has; reads one more than ``bound`` at most."""
    limited = query.order_by(None).limit(bound + 1).subquery()
    number = session.scalar(select(func.count()).select_from(limited)) or 0
    return Count(min(number, bound), number > bound)


def different(session: Session, query: Select[*tuple[Any, ...]], bound: int = BOUND) -> Count:
    """How many different rows a query has among its first ``bound``, counted where they are."""
    rows = query.limit(bound + 1).subquery()
    each = select(func.count().label("times")).select_from(rows).group_by(*rows.c).subquery()
    number, read = session.execute(select(func.count(), func.sum(each.c.times)).select_from(each)).one()
    return Count(min(number, bound), (read or 0) > bound)


def links(session: Session) -> Count:
    """How many contacts are linked. PostgreSQL can't count a large table quickly: there it is its own
    estimate (kept by autovacuum), rounded to three digits."""
    if session.get_bind().dialect.name != "postgresql":
        return Count(session.scalar(select(func.count()).select_from(models.Link)) or 0)
    exact = bounded(session, select(models.Link.id))
    if not exact.more:
        return exact
    told = text("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass('links')")
    estimate = session.scalar(told) or 0
    if estimate <= BOUND:
        return exact
    digits = len(str(estimate)) - 3
    return Count(round(estimate, -digits), about=True)
