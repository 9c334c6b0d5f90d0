"""The Sync Log: every problem of a contact, told once. The caller commits.

A problem is told again only after the contact changed (another fingerprint) or somebody tried again. An
entry is *open* until the contact got through without that problem, or a later one tells the same again: then
nothing was resolved (``retold_at_ms``), and the later one knows since when it goes on (``first_at_ms``).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.domain.outcomes import Problem
from core.store import models
from core.store.counts import BOUND, Count
from core.store.whom import Whom


@dataclass(frozen=True, slots=True)
class About:
    """Whom a problem is about. ``contact`` is ``hubspot:ID`` or ``mainstay:ID`` of the source.

    ``fingerprint`` is a digest of the source values, "" for problems of an account.
    """

    instance_id: int
    direction: str
    contact: str = ""
    hubspot_id: str | None = None
    mainstay_id: str | None = None
    url: str | None = None
    fingerprint: str = ""
    account_id: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the Sync Log. ``instance`` is its name; ``resolved_at_ms`` None = still open; where
    ``retold_at_ms`` is told, it was closed only because a later entry tells the same."""

    id: int
    at_ms: int
    instance_id: int
    instance: str
    direction: str
    contact: str
    hubspot_id: str | None
    mainstay_id: str | None
    url: str | None
    code: str
    field: str
    message: str
    resolved_at_ms: int | None
    account_id: int = 0  # other than 0: it is about the account, not about a contact
    retold_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """What to show; empty members don't narrow. ``contact`` is an id on either side, with or without its
    platform, of any account; ``whom`` one of its account; ``text`` a part of the message. ``cause``: instance
    id, account id and code. ``before_id`` pages back, ``after_id`` is what came since."""

    since_ms: int | None = None
    until_ms: int | None = None
    instance: str = ""
    direction: str = ""
    code: str = ""
    contact: str = ""
    whom: Whom | None = None
    text: str = ""
    cause: tuple[int, int, str] | None = None
    open_only: bool = False
    before_id: int = 0
    after_id: int = 0
    limit: int | None = None
    newest_first: bool = True


def tell(
    session: Session, about: About, problems: Iterable[Problem], now_ms: int, *, again: bool = False
) -> int:
    """Note the problems of one contact as they stand now; open ones that are not among them are resolved.

    ``again``: somebody tried again, so even the same problem is told again. Returns how many were told.
    """
    current = {(str(p.code), p.field): p for p in problems}
    open_rows = list(
        session.scalars(
            select(models.SyncLogEntry).where(
                models.SyncLogEntry.instance_id == about.instance_id,
                models.SyncLogEntry.account_id == about.account_id,
                models.SyncLogEntry.contact == about.contact,
                models.SyncLogEntry.resolved_at_ms.is_(None),
            )
        )
    )
    first_ms: dict[tuple[str, str], int] = {}
    for row in open_rows:
        what = (row.code, row.field)
        if what in current and row.fingerprint == about.fingerprint and not again:
            del current[what]  # told already
            continue
        row.resolved_at_ms = now_ms
        if what in current:
            row.retold_at_ms, first_ms[what] = now_ms, row.first_at_ms or row.at_ms
    for what, problem in current.items():
        _add(session, about, problem, now_ms, first_ms.get(what))
    return len(current)


def _add(session: Session, about: About, problem: Problem, now_ms: int, first_ms: int | None) -> None:
    session.add(
        models.SyncLogEntry(
            at_ms=now_ms,
            instance_id=about.instance_id,
            account_id=about.account_id,
            direction=about.direction,
            contact=about.contact,
            hubspot_id=about.hubspot_id,
            mainstay_id=about.mainstay_id,
            url=about.url,
            code=problem.code,
            field=problem.field,
            message=problem.message,
            fingerprint=about.fingerprint,
            first_at_ms=first_ms,
        )
    )


def last_open_ms(session: Session, about: About) -> int:
    """When the newest open entry about this contact was told, 0 = there is none."""
    entry = models.SyncLogEntry
    newest = select(func.max(entry.at_ms)).where(
        entry.instance_id == about.instance_id,
        entry.account_id == about.account_id,
        entry.contact == about.contact,
        entry.resolved_at_ms.is_(None),
    )
    return session.scalar(newest) or 0


def tell_account(session: Session, about: About, problem: Problem, now_ms: int, *, again: bool) -> bool:
    """Note the problem of an account (``about.account_id``), whoever met it; False if it stands there open
    and is not to be told ``again``. What else is open about the account is resolved by it."""
    entry = models.SyncLogEntry
    same = (
        entry.account_id == about.account_id,
        entry.code == problem.code,
        entry.resolved_at_ms.is_(None),
    )
    first_ms = session.scalar(select(func.min(func.coalesce(entry.first_at_ms, entry.at_ms))).where(*same))
    if first_ms is not None and not again:
        return False
    session.execute(update(entry).where(*same).values(retold_at_ms=now_ms))
    resolve_account(session, about.account_id, now_ms)
    _add(session, about, problem, now_ms, first_ms)
    return True


def with_open(session: Session, instance_id: int, contacts: Iterable[str]) -> set[str]:
    """Those of the contacts (``platform:ID``) that have an open entry of the instance."""
    rows = session.scalars(
        select(models.SyncLogEntry.contact).where(
            models.SyncLogEntry.instance_id == instance_id,
            models.SyncLogEntry.account_id == 0,
            models.SyncLogEntry.contact.in_(list(contacts)),
            models.SyncLogEntry.resolved_at_ms.is_(None),
        )
    )
    return set(rows)


def resolve_account(session: Session, account_id: int, now_ms: int) -> None:
    """The account works again: its own entries are resolved."""
    session.execute(
        update(models.SyncLogEntry)
        .where(models.SyncLogEntry.account_id == account_id, models.SyncLogEntry.resolved_at_ms.is_(None))
        .values(resolved_at_ms=now_ms)
    )


def open_counts(session: Session, instance_ids: Iterable[int]) -> dict[int, Count]:
    """How many contacts of each instance have an open problem."""
    entry = models.SyncLogEntry
    found = {}
    for one in instance_ids:
        query = select(entry.contact).where(entry.resolved_at_ms.is_(None), entry.instance_id == one)
        contacts = session.scalars(query.limit(BOUND + 1)).all()
        found[one] = Count(len(set(contacts)), len(contacts) > BOUND)
    return found
