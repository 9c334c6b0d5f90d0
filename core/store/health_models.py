"""The tables behind the Health page: outcomes rolled up by minute and hour, and small counts by minute.

Like ``models``, used by modules of this folder only. Names and numbers, never a contact.
"""

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.store.models import Base


class RollUp(Base):
    """How many messages ended so in a minute or an hour (``span_ms``) that began at ``start_ms``.

    ``delay_ms`` is the upper edge of the change-to-change delay (domain/delays.py), 0 = not measured.
    """

    __tablename__ = "roll_ups"
    span_ms: Mapped[int] = mapped_column(primary_key=True)
    start_ms: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(primary_key=True)
    direction: Mapped[str] = mapped_column(String(10), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(20), primary_key=True)
    code: Mapped[str] = mapped_column(String(60), primary_key=True)
    delay_ms: Mapped[int] = mapped_column(primary_key=True)
    messages: Mapped[int]
    tries: Mapped[int]  # failed ones before the outcome


class Tally(Base):
    """A count of a minute, added to by all processes (core/tallies.py). ``account_id`` 0 = nobody's."""

    __tablename__ = "tallies"
    __table_args__ = (Index("tallies_last", "kind", "account_id", "last_at_ms"),)
    start_ms: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    account_id: Mapped[int] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(String(60), primary_key=True)
    count: Mapped[int]
    last_at_ms: Mapped[int]


class QueueWait(Base):
    """A queue (``incoming.7``) that was found not empty at ``since_ms``, and not empty since."""

    __tablename__ = "queue_waits"
    queue: Mapped[str] = mapped_column(String(40), primary_key=True)
    since_ms: Mapped[int]
