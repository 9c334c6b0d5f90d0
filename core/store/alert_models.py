"""The tables of the alerts: rules as somebody set them, whom to tell, what is open, what is to be told.

Like ``models``, used by modules of this folder only. Names, codes and counts, never a contact's value.
"""

from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.store.models import Base, Id


class AlertRule(Base):
    """A rule that is not as it comes; the others have no row."""

    __tablename__ = "alert_rules"
    rule: Mapped[str] = mapped_column(String(40), primary_key=True)
    enabled: Mapped[bool]
    threshold: Mapped[int]


class AlertDestination(Base):
    """Whom to tell. ``sealed`` holds a webhook's secret, encrypted; ``rules`` empty = all."""

    __tablename__ = "alert_destinations"
    __table_args__ = (UniqueConstraint("kind", "address"),)
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))  # email | webhook
    address: Mapped[str] = mapped_column(String(500))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    rules: Mapped[list[Any]] = mapped_column(default=list)
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at_ms: Mapped[int]
    sent_at_ms: Mapped[int] = mapped_column(default=0)  # the last message that was taken
    problem: Mapped[str] = mapped_column(String(300), default="")  # why the last one was not


class Alert(Base):
    """Something somebody should look at. ``active`` is its key while it is open, so that it can't be open
    twice."""

    __tablename__ = "alerts"
    __table_args__ = (UniqueConstraint("active"), Index("alerts_key", "key", "resolved_at_ms"))
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    rule: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(200))
    active: Mapped[str | None] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(300))
    text: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(String(500))
    opened_at_ms: Mapped[int]
    seen_at_ms: Mapped[int]
    resolved_at_ms: Mapped[int | None]


class AlertNotice(Base):
    """A destination is to be told of an alert. Those of one message share ``message_id``, so that it is the
    same message when it is sent again."""

    __tablename__ = "alert_notices"
    __table_args__ = (Index("alert_notices_pending", "destination_id", "state"),)
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), index=True)
    destination_id: Mapped[int] = mapped_column(ForeignKey("alert_destinations.id"))
    event: Mapped[str] = mapped_column(String(10))  # opened | resolved
    state: Mapped[str] = mapped_column(String(10), default="pending")  # pending | sent | failed
    message_id: Mapped[str] = mapped_column(String(40), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    created_at_ms: Mapped[int]
    due_at_ms: Mapped[int]
