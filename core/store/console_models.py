"""The console's own tables: who may sign in, what they did, what they have half finished.

Tokens and links are stored as SHA-256 digests: they are long random texts, so that no slow hash is needed.
Passwords are argon2 hashes. Like ``models``, used by modules of this folder only.
"""

from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.store.models import Base, Id


class User(Base):
    """Somebody who may sign in. ``generation`` goes up to end all sessions at once."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("email"), UniqueConstraint("subject"))
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(200))  # lower case
    name: Mapped[str] = mapped_column(String(200), default="")
    role: Mapped[str] = mapped_column(String(20))
    password: Mapped[str] = mapped_column(String(200), default="")  # argon2; empty = none
    totp: Mapped[bytes | None] = mapped_column(LargeBinary, info={"sealed": True})
    totp_used: Mapped[int] = mapped_column(default=0)  # the time step of the last accepted code
    subject: Mapped[str | None] = mapped_column(String(400))  # OIDC: issuer and subject
    generation: Mapped[int] = mapped_column(default=1)
    time_zone: Mapped[str] = mapped_column(String(60), default="UTC", server_default="UTC")  # IANA name
    created_at_ms: Mapped[int]
    disabled_at_ms: Mapped[int | None]


class Session(Base):
    """A browser that is signed in. ``token`` is the cookie's digest."""

    __tablename__ = "sessions"
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    generation: Mapped[int]
    created_at_ms: Mapped[int]
    seen_at_ms: Mapped[int]


class SignInLink(Base):
    """A link that signs in: to set a first password (once), or for the demo (until it runs out)."""

    __tablename__ = "sign_in_links"
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    purpose: Mapped[str] = mapped_column(String(20))  # password | demo
    expires_at_ms: Mapped[int]


class Attempt(Base):
    """Failed sign-ins of one address or one email (as a digest), for the throttle."""

    __tablename__ = "sign_in_attempts"
    who: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    last_at_ms: Mapped[int]


class AuditEntry(Base):
    """Somebody changed something. Only ever added to, which triggers hold (migration 0005). ``details`` holds
    no secret and no contact's value. ``origin``: the network address, or the command line's machine."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_time", "at_ms"),)
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at_ms: Mapped[int]
    who: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(300), default="")
    details: Mapped[list[Any]] = mapped_column(default=list)
    origin: Mapped[str] = mapped_column(String(120), default="", server_default="")


class Draft(Base):
    """A wizard that was not finished. ``instance_id`` 0 = a new instance."""

    __tablename__ = "drafts"
    __table_args__ = (Index("drafts_user", "user_id", "instance_id"),)
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    instance_id: Mapped[int] = mapped_column(default=0)
    document: Mapped[dict[str, Any]]
    created_at_ms: Mapped[int]
    changed_at_ms: Mapped[int]


class OAuthFlow(Base):
    """A trip to HubSpot's authorize page. ``sealed`` holds the PKCE verifier until it is used."""

    __tablename__ = "oauth_flows"
    state: Mapped[str] = mapped_column(String(64), primary_key=True)  # digest
    id: Mapped[str] = mapped_column(String(40), unique=True)  # what the pages call it
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    draft_id: Mapped[int] = mapped_column(default=0)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at_ms: Mapped[int]
    status: Mapped[str] = mapped_column(String(20), default="open")  # open | used | connected | failed
    account_id: Mapped[int] = mapped_column(default=0)
    message: Mapped[str] = mapped_column(Text, default="")


class ApiToken(Base):
    """A bearer token of the JSON API, shown once."""

    __tablename__ = "api_tokens"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    token: Mapped[str] = mapped_column(String(64), unique=True)  # digest
    role: Mapped[str] = mapped_column(String(20))
    author: Mapped[str] = mapped_column(String(200))
    created_at_ms: Mapped[int]
    used_at_ms: Mapped[int | None]
    revoked_at_ms: Mapped[int | None]
