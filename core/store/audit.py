"""The audit log: who changed what, when, and from where. Only ever added to; the caller commits.

The database itself refuses to change an entry, or to remove one that is younger than 30 days.
"""

from collections.abc import Collection, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import Text, cast, false, func, or_, select
from sqlalchemy.orm import Session

from core.domain.digests import digest
from core.domain.fields import Platform
from core.store.console_models import AuditEntry

# Set once where a request or a command begins. As an argument it would stand in every signature between
# there and here, and one that is forgotten would be an entry without it.
_ORIGIN: ContextVar[str] = ContextVar("audit_origin", default="")


@dataclass(frozen=True, slots=True)
class Entry:
    """One change. ``details`` are sentences without secrets and contact values."""

    id: int
    at_ms: int
    who: str
    action: str
    subject: str
    details: tuple[str, ...] = ()
    origin: str = ""


def come_from(origin: str) -> None:
    """From where this thread acts, from now on: a network address, or the command line's machine."""
    _ORIGIN.set(origin[:120])


def contact_mark(key: bytes, platform: Platform, contact: str) -> str:
    """How an entry names a contact: a keyed digest of its id, so that an erased contact stands nowhere and
    its entries can still be found by whoever knows the id."""
    return f"contact {digest(key, platform, 'audit', contact)[:16]}"


def record(
    session: Session, now_ms: int, who: str, action: str, subject: str = "", details: Sequence[str] = ()
) -> None:
    """Add an entry, in the same transaction as the change itself."""
    session.add(
        AuditEntry(
            at_ms=now_ms,
            who=who[:200],
            action=action,
            subject=subject[:300],
            details=list(details),
            origin=_ORIGIN.get(),
        )
    )
    session.flush()


@dataclass(frozen=True, slots=True)
class Search:
    """What narrows the log. ``action``: a whole action, or its first part (``contact`` for ``contact.linked``
    and the like). ``who``: exactly this name, without regard to case. ``before_id`` pages."""

    since_ms: int | None = None
    until_ms: int | None = None
    action: str = ""
    who: str = ""
    before_id: int = 0


def entries(session: Session, before_id: int = 0, limit: int = 50) -> list[Entry]:
    """The newest entries first; ``before_id`` pages."""
    return search(session, Search(before_id=before_id), limit)


def search(session: Session, wanted: Search, limit: int) -> list[Entry]:
    """The newest entries that fit first."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if wanted.before_id:
        query = query.where(AuditEntry.id < wanted.before_id)
    if wanted.since_ms is not None:
        query = query.where(AuditEntry.at_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        query = query.where(AuditEntry.at_ms < wanted.until_ms)
    if wanted.action:
        below = AuditEntry.action.startswith(f"{wanted.action}.", autoescape=True)
        query = query.where(or_(AuditEntry.action == wanted.action, below))
    if wanted.who:
        query = query.where(func.lower(AuditEntry.who) == wanted.who.lower())
    return [
        Entry(row.id, row.at_ms, row.who, row.action, row.subject, tuple(row.details), row.origin)
        for row in session.scalars(query)
    ]


def between(
    session: Session, since_ms: int, until_ms: int, prefixes: Sequence[str], limit: int
) -> list[Entry]:
    """The newest entries of a time whose action begins with one of ``prefixes``, newest first."""
    query = (
        select(AuditEntry)
        .where(AuditEntry.at_ms >= since_ms, AuditEntry.at_ms < until_ms)
        .where(or_(*(AuditEntry.action.startswith(prefix, autoescape=True) for prefix in prefixes)))
        .order_by(AuditEntry.at_ms.desc(), AuditEntry.id.desc())
        .limit(limit)
    )
    return [
        Entry(row.id, row.at_ms, row.who, row.action, row.subject, tuple(row.details))
        for row in session.scalars(query)
    ]


def about(session: Session, marks: Collection[str], limit: int) -> list[Entry]:
    """The newest entries that name one of these contacts (``contact_mark``), newest first."""
    details = cast(AuditEntry.details, Text)
    named = [
        column.contains(mark, autoescape=True) for mark in marks for column in (AuditEntry.subject, details)
    ]
    query = select(AuditEntry).where(or_(false(), *named)).order_by(AuditEntry.id.desc()).limit(limit)
    return [
        Entry(row.id, row.at_ms, row.who, row.action, row.subject, tuple(row.details))
        for row in session.scalars(query)
    ]


def newest(session: Session, action: str) -> Entry | None:
    """The last entry of an action, None if there is none."""
    query = select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id.desc()).limit(1)
    row = session.scalars(query).first()
    return Entry(row.id, row.at_ms, row.who, row.action, row.subject, tuple(row.details)) if row else None
