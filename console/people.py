"""The console's users, as pages, commands and the API change them; each change with its audit entry.

Every function works in the caller's transaction. ``who`` does it, for the audit log.
"""

from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from console.access import Role
from console.times import rfc3339
from core.store import audit, users
from core.store.users import User

LINK_MS = 3 * 24 * 3600 * 1000
LONGEST = 200


class CannotChange(Exception):
    """The user stays as it was. The text is for people."""


def is_email(text: str) -> bool:
    """Whether a text can be a user's email."""
    return "@" in text and len(text) <= LONGEST and text.isprintable() and not any(map(str.isspace, text))


def add(session: Session, who: str, now_ms: int, *, email: str, role: Role, name: str = "") -> User:
    """A new user, who can't sign in before ``link``. CannotChange where the email is a user's already."""
    try:
        with session.begin_nested():
            made = users.add(session, email=email, role=role, name=name[:LONGEST], now_ms=now_ms)
    except IntegrityError:
        raise CannotChange("Somebody with this email is a user already.") from None
    audit.record(session, now_ms, who, "user.added", made.email, [f"role {role.title}"])
    return made


def link(session: Session, who: str, now_ms: int, user: User, *, noted: bool = True) -> str:
    """The token of a link that sets a password, once; an older link ends. ``noted``: False where the audit
    log tells of it already, since the user was added just now."""
    if noted:
        audit.record(session, now_ms, who, "user.link", user.email)
    return users.make_link(session, user.id, "password", now_ms + LINK_MS)


def set_role(session: Session, who: str, now_ms: int, user: User, role: Role) -> None:
    """Another role; their sessions end. CannotChange for the last owner."""
    if role is not Role.OWNER:
        _not_the_last_owner(session, user)
    users.change(session, user.id, role=role)
    audit.record(session, now_ms, who, "user.role", user.email, [f"{Role(user.role).title} → {role.title}"])


def disable(session: Session, who: str, now_ms: int, user: User) -> None:
    """End their sessions; they can't sign in. CannotChange for the last owner."""
    _not_the_last_owner(session, user)
    if user.disabled_at_ms is None:
        users.change(session, user.id, disabled_at_ms=now_ms)
        audit.record(session, now_ms, who, "user.disabled", user.email)


def enable(session: Session, who: str, now_ms: int, user: User) -> None:
    """They may sign in again."""
    if user.disabled_at_ms is not None:
        users.enable(session, user.id)
        audit.record(session, now_ms, who, "user.enabled", user.email)


def document(user: User) -> dict[str, Any]:
    """A user as commands and the API tell it."""
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "created_at": rfc3339(user.created_at_ms),
        "disabled_at": rfc3339(user.disabled_at_ms) if user.disabled_at_ms else None,
    }


def _not_the_last_owner(session: Session, user: User) -> None:
    if user.role == Role.OWNER and user.disabled_at_ms is None and users.owners(session) == 1:
        raise CannotChange(f"{user.email} is the only owner left. Make somebody else an owner first.")
