"""The console's users, their sessions, and the links that sign in. The caller commits."""

import hashlib
import secrets
from dataclasses import dataclass, field

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.store import console_models as models

IDLE_MS = 8 * 3600 * 1000  # a session ends after so long without a request
ABSOLUTE_MS = 7 * 24 * 3600 * 1000  # and after so long in any case
_SEEN_EVERY_MS = 60_000  # the last request is noted at most this often


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in; ``role`` is one of console.access.Role."""

    id: int
    email: str
    name: str
    role: str
    created_at_ms: int
    disabled_at_ms: int | None = None
    subject: str | None = None
    generation: int = 1
    password: str = field(default="", repr=False)
    totp: bytes | None = field(default=None, repr=False)
    totp_used: int = 0
    time_zone: str = "UTC"


def digest(token: str) -> str:
    """What is stored of a random token."""
    return hashlib.sha256(token.encode()).hexdigest()


def every(session: Session) -> list[User]:
    """All users by email, disabled ones too."""
    return [_user(row) for row in session.scalars(select(models.User).order_by(models.User.email))]


def by_id(session: Session, user_id: int) -> User | None:
    """The user, disabled or not, or None."""
    row = session.get(models.User, user_id)
    return _user(row) if row else None


def by_email(session: Session, email: str) -> User | None:
    """The user, disabled or not, or None. Without regard to case."""
    row = session.scalar(select(models.User).where(models.User.email == folded(email)))
    return _user(row) if row else None


def by_subject(session: Session, subject: str) -> User | None:
    """The user of an OIDC subject, or None."""
    row = session.scalar(select(models.User).where(models.User.subject == subject))
    return _user(row) if row else None


def folded(email: str) -> str:
    """How an email is stored."""
    return email.strip().lower()


def add(session: Session, *, email: str, role: str, now_ms: int, name: str = "", password: str = "") -> User:
    """A new user; ``password`` is a hash. IntegrityError if the email is taken."""
    row = models.User(
        email=folded(email), name=name.strip(), role=role, password=password, created_at_ms=now_ms
    )
    session.add(row)
    session.flush()
    return _user(row)


def change(
    session: Session,
    user_id: int,
    *,
    role: str | None = None,
    password: str | None = None,
    subject: str | None = None,
    disabled_at_ms: int | None = None,
) -> None:
    """Change what is given. A new role, a new password and disabling end all sessions; the last two also the
    links that would set a password."""
    row = session.get_one(models.User, user_id, with_for_update=True)
    row.role = role if role is not None else row.role
    row.password = password if password is not None else row.password
    row.subject = subject if subject is not None else row.subject
    row.disabled_at_ms = disabled_at_ms if disabled_at_ms is not None else row.disabled_at_ms
    if role is not None or password is not None or disabled_at_ms is not None:
        row.generation += 1
    if password is not None or disabled_at_ms is not None:
        _drop_password_links(session, user_id)
    session.flush()


def enable(session: Session, user_id: int) -> None:
    """A disabled user may sign in again."""
    session.get_one(models.User, user_id).disabled_at_ms = None
    session.flush()


def set_totp(session: Session, user_id: int, sealed: bytes | None) -> None:
    """Ask for a code at sign-in from now on, or no more."""
    row = session.get_one(models.User, user_id)
    row.totp, row.totp_used = sealed, 0
    session.flush()


def use_totp(session: Session, user_id: int, step: int) -> bool:
    """Note a code's time step; False if it, or a later one, was used already (a replay)."""
    row = session.get_one(models.User, user_id, with_for_update=True)
    if step <= row.totp_used:
        return False
    row.totp_used = step
    session.flush()
    return True


def set_time_zone(session: Session, user_id: int, time_zone: str) -> None:
    """Show this user's times in a zone (an IANA name) from now on."""
    session.get_one(models.User, user_id).time_zone = time_zone
    session.flush()


def end_sessions(session: Session, user_id: int) -> None:
    """Sign out everywhere."""
    session.get_one(models.User, user_id, with_for_update=True).generation += 1
    session.execute(delete(models.Session).where(models.Session.user_id == user_id))


def owners(session: Session) -> int:
    """How many owners can sign in: the last one must stay."""
    query = select(func.count()).select_from(models.User)
    return session.scalar(query.where(models.User.role == "owner", models.User.disabled_at_ms.is_(None))) or 0


def start_session(session: Session, user: User, now_ms: int) -> str:
    """Sign in: the new session's token, for the cookie. Old sessions of everybody are swept away."""
    token = secrets.token_urlsafe(32)
    session.add(
        models.Session(
            token=digest(token),
            user_id=user.id,
            generation=user.generation,
            created_at_ms=now_ms,
            seen_at_ms=now_ms,
        )
    )
    old = (models.Session.seen_at_ms < now_ms - IDLE_MS) | (
        models.Session.created_at_ms < now_ms - ABSOLUTE_MS
    )
    session.execute(delete(models.Session).where(old))
    session.flush()
    return token


def of_session(session: Session, token: str, now_ms: int) -> tuple[User | None, bool]:
    """The signed-in user, or None; and whether ``seen`` is due."""
    row = session.get(models.Session, digest(token))
    if row is None or now_ms - row.seen_at_ms > IDLE_MS or now_ms - row.created_at_ms > ABSOLUTE_MS:
        return None, False
    user = session.get(models.User, row.user_id)
    if user is None or user.disabled_at_ms is not None or user.generation != row.generation:
        return None, False
    return _user(user), now_ms - row.seen_at_ms > _SEEN_EVERY_MS


def seen(session: Session, token: str, now_ms: int) -> None:
    """The session was used."""
    row = session.get(models.Session, digest(token))
    if row is not None:
        row.seen_at_ms = now_ms


def end_session(session: Session, token: str) -> None:
    """Sign out."""
    session.execute(delete(models.Session).where(models.Session.token == digest(token)))


def make_link(session: Session, user_id: int, purpose: str, expires_at_ms: int) -> str:
    """A sign-in link's token. ``purpose``: password (works once; an older one ends) or demo (until it runs
    out)."""
    token = secrets.token_urlsafe(32)
    long_over_ms = expires_at_ms - 90 * 24 * 3600 * 1000
    session.execute(delete(models.SignInLink).where(models.SignInLink.expires_at_ms < long_over_ms))
    if purpose == "password":
        _drop_password_links(session, user_id)
    session.add(
        models.SignInLink(token=digest(token), user_id=user_id, purpose=purpose, expires_at_ms=expires_at_ms)
    )
    session.flush()
    return token


def of_link(session: Session, token: str, now_ms: int) -> tuple[User | None, str]:
    """The link's user and its purpose; (None, "") if it is unknown or has run out."""
    row = session.get(models.SignInLink, digest(token))
    if row is None or row.expires_at_ms < now_ms:
        return None, ""
    user = session.get(models.User, row.user_id)
    if user is None or user.disabled_at_ms is not None:
        return None, ""
    return _user(user), row.purpose


def end_link(session: Session, token: str) -> bool:
    """The link was used; False if somebody was faster."""
    row = session.get(models.SignInLink, digest(token), with_for_update=True)
    if row is None:
        return False
    session.delete(row)
    session.flush()
    return True


def _drop_password_links(session: Session, user_id: int) -> None:
    mine = (models.SignInLink.user_id == user_id) & (models.SignInLink.purpose == "password")
    session.execute(delete(models.SignInLink).where(mine))


def _user(row: models.User) -> User:
    return User(
        id=row.id,
        email=row.email,
        name=row.name,
        role=row.role,
        created_at_ms=row.created_at_ms,
        disabled_at_ms=row.disabled_at_ms,
        subject=row.subject,
        generation=row.generation,
        password=row.password,
        totp=row.totp,
        totp_used=row.totp_used,
        time_zone=row.time_zone,
    )
