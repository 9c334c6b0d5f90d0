"""Trips to HubSpot's authorize page: a state works once, for the user who started. The caller commits."""

import secrets
from dataclasses import dataclass, field

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core.store.console_models import OAuthFlow as Row
from core.store.sealing import Sealer
from core.store.users import digest

LIFETIME_MS = 10 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Flow:
    """``status``: open, used, connected or failed. ``message`` says what came of it."""

    id: str
    user_id: int
    draft_id: int
    status: str
    account_id: int
    message: str
    verifier: str = field(default="", repr=False)
    popup: bool = False  # it runs in a window that may close itself


def start(
    session: Session,
    sealer: Sealer,
    user_id: int,
    draft_id: int,
    verifier: str,
    now_ms: int,
    *,
    popup: bool = False,
) -> tuple[str, str]:
    """A new trip: (state, flow id). Old ones are swept away."""
    state, flow_id = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
    session.execute(delete(Row).where(Row.created_at_ms < now_ms - 24 * 3600 * 1000))
    session.add(
        Row(
            state=digest(state),
            id=flow_id,
            user_id=user_id,
            draft_id=draft_id,
            sealed=sealer.seal({"verifier": verifier, "popup": popup}),
            created_at_ms=now_ms,
        )
    )
    session.flush()
    return state, flow_id


def take(session: Session, sealer: Sealer, state: str, user_id: int, now_ms: int) -> Flow | None:
    """The open trip of this state and user, used up by this call; None otherwise."""
    row = session.get(Row, digest(state))
    if row is None or row.user_id != user_id or row.created_at_ms < now_ms - LIFETIME_MS:
        return None
    taken = session.execute(
        update(Row).where(Row.state == row.state, Row.status == "open").values(status="used")
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return None
    kept = sealer.open(row.sealed)
    return _flow(row, str(kept["verifier"]), popup=bool(kept.get("popup")))


def finish(session: Session, flow_id: str, status: str, message: str, account_id: int = 0) -> None:
    """How the trip ended: connected or failed."""
    session.execute(
        update(Row).where(Row.id == flow_id).values(status=status, message=message, account_id=account_id)
    )


def get(session: Session, flow_id: str, user_id: int) -> Flow | None:
    """The user's trip, or None."""
    row = session.scalar(select(Row).where(Row.id == flow_id, Row.user_id == user_id))
    return _flow(row, "") if row is not None else None


def latest(session: Session, user_id: int, draft_id: int, since_ms: int) -> Flow | None:
    """The newest trip of a draft that began at or after ``since_ms``, or None."""
    query = select(Row).where(Row.user_id == user_id, Row.draft_id == draft_id, Row.created_at_ms >= since_ms)
    row = session.scalars(query.order_by(Row.created_at_ms.desc()).limit(1)).first()
    return _flow(row, "") if row is not None else None


def _flow(row: Row, verifier: str, *, popup: bool = False) -> Flow:
    return Flow(row.id, row.user_id, row.draft_id, row.status, row.account_id, row.message, verifier, popup)
