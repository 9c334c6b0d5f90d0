"""The JSON API's bearer tokens: stored as digests, shown once. The caller commits."""

import secrets
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.store.console_models import ApiToken as Row
from core.store.users import digest

LONGEST_NAME = 200
_USED_EVERY_MS = 60_000


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token without itself. ``role`` is one of console.access.Role."""

    id: int
    name: str
    role: str
    author: str
    created_at_ms: int
    used_at_ms: int | None
    revoked_at_ms: int | None


def create(session: Session, *, name: str, role: str, author: str, now_ms: int) -> tuple[ApiToken, str]:
    """A new token, and its text: the only time that it can be seen."""
    text = f"cw_{secrets.token_urlsafe(32)}"
    row = Row(name=name, token=digest(text), role=role, author=author, created_at_ms=now_ms)
    session.add(row)
    session.flush()
    return _token(row), text


def find(session: Session, text: str) -> ApiToken | None:
    """The valid token of this text, or None."""
    row = session.scalar(select(Row).where(Row.token == digest(text), Row.revoked_at_ms.is_(None)))
    return _token(row) if row else None


def used(session: Session, token: ApiToken, now_ms: int) -> None:
    """Note the use."""
    session.get_one(Row, token.id).used_at_ms = now_ms


def use_is_due(token: ApiToken, now_ms: int) -> bool:
    """Whether the last noted use is old enough to note another."""
    return now_ms - (token.used_at_ms or 0) > _USED_EVERY_MS


def every(session: Session) -> list[ApiToken]:
    """All tokens, the newest first."""
    return [_token(row) for row in session.scalars(select(Row).order_by(Row.id.desc()))]


def revoke(session: Session, token_id: int, now_ms: int) -> ApiToken | None:
    """The token works no more; None if there is none."""
    row = session.get(Row, token_id)
    if row is None:
        return None
    row.revoked_at_ms = row.revoked_at_ms or now_ms
    session.flush()
    return _token(row)


def _token(row: Row) -> ApiToken:
    return ApiToken(
        row.id, row.name, row.role, row.author, row.created_at_ms, row.used_at_ms, row.revoked_at_ms
    )
