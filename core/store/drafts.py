"""What people have half finished in the wizard. The caller commits. Drafts hold names, never tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.store.console_models import Draft as Row


@dataclass(frozen=True, slots=True)
class Draft:
    """A user's draft. ``instance_id`` 0 = a new instance. See console/web/drafts.py for the document."""

    id: int
    user_id: int
    instance_id: int
    document: Mapping[str, Any]
    created_at_ms: int
    changed_at_ms: int


def start(
    session: Session, user_id: int, instance_id: int, document: Mapping[str, Any], now_ms: int
) -> Draft:
    """A new draft."""
    row = Row(
        user_id=user_id,
        instance_id=instance_id,
        document=dict(document),
        created_at_ms=now_ms,
        changed_at_ms=now_ms,
    )
    session.add(row)
    session.flush()
    return _draft(row)


def get(session: Session, draft_id: int, user_id: int) -> Draft | None:
    """The user's draft, or None; nobody sees another's."""
    row = session.get(Row, draft_id)
    return _draft(row) if row is not None and row.user_id == user_id else None


def of_user(session: Session, user_id: int) -> list[Draft]:
    """The user's drafts, the newest first."""
    query = select(Row).where(Row.user_id == user_id).order_by(Row.changed_at_ms.desc())
    return [_draft(row) for row in session.scalars(query)]


def save(session: Session, draft_id: int, document: Mapping[str, Any], now_ms: int) -> None:
    """Keep the document."""
    row = session.get_one(Row, draft_id)
    row.document, row.changed_at_ms = dict(document), now_ms
    session.flush()


def discard(session: Session, draft_id: int) -> None:
    """Forget the draft."""
    session.execute(delete(Row).where(Row.id == draft_id))


def _draft(row: Row) -> Draft:
    return Draft(row.id, row.user_id, row.instance_id, row.document, row.created_at_ms, row.changed_at_ms)
