"""The embedded queue: the queue port over the table ``queue_messages``, on SQLite or PostgreSQL.

A message is a row from ``publish`` until it is settled. A consumer owns it for 20 s at a time and keeps
extending that while it works; what a dead consumer owned is handed out again (see ``sql_consumer.py``).
Queues need no making here: one exists as long as rows name it. Any number of threads and processes; with
SQLite on one host. The clocks of several hosts must agree to within a few seconds.
"""

from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Engine, case, delete, func, insert, select, update

from core.domain.messages import Address, Message
from core.queue.news import News
from core.queue.port import Depths, QueueUnavailable, nothing
from core.queue.sql_consumer import SqlConsumer
from core.queue.sql_rows import column_text, columns
from core.store.models import QueueMessage
from core.store.transactions import reading, translated, writing

Clock = Callable[[], int]
_LOOK_S = 5.0  # the longest a look at the queue may take


class SqlQueue:
    """``Queue`` in the database of ``engine`` (from ``open_engine``); ``clock`` gives epoch milliseconds."""

    def __init__(self, engine: Engine, clock: Clock, *, lease_s: float = 20.0) -> None:
        self._engine = engine
        self._clock = clock
        self._lease_s = lease_s
        self._news = News()

    def publisher(self) -> "SqlPublisher":
        """A publisher; any number of threads may share it."""
        return SqlPublisher(self._engine, self._clock, self._news)

    def consumer(self) -> SqlConsumer:
        """A consumer, for one thread."""
        return SqlConsumer(self._engine, self._clock, self._news, self._lease_s)

    def declare(self, addresses: Collection[Address]) -> None:
        """Nothing to do: rows name their queue."""

    def remove(self, address: Address) -> bool:
        """False if messages wait or are being worked on in it; else it is gone already."""
        row = select(QueueMessage.id).where(QueueMessage.queue == address.key).limit(1)
        with translated(QueueUnavailable), reading(self._engine, _LOOK_S) as connection:
            return connection.execute(row).first() is None

    def remove_contact(self, addresses: Collection[Address], contact: str) -> int:
        """Delete what waits about ``contact`` in these queues (privacy deletion); returns how many.

        Messages that a consumer has at the moment stay: they end at the tombstone.
        """
        waiting = delete(QueueMessage).where(
            QueueMessage.queue.in_([address.key for address in addresses]),
            QueueMessage.contact == column_text(contact, 80),
            QueueMessage.lease_until_ms <= self._clock(),
        )
        with translated(QueueUnavailable), writing(self._engine, _LOOK_S) as connection:
            return connection.execute(waiting).rowcount

    def hurry(self, addresses: Collection[Address]) -> int:
        """Make due what waits for its time in these queues: it is to end now. Returns how many."""
        now = self._clock()
        waiting = (QueueMessage.queue.in_([one.key for one in addresses]), QueueMessage.due_at_ms > now)
        with translated(QueueUnavailable), reading(self._engine, _LOOK_S) as connection:
            if connection.execute(select(QueueMessage.id).where(*waiting).limit(1)).first() is None:
                return 0
        with translated(QueueUnavailable), writing(self._engine, _LOOK_S) as connection:
            return connection.execute(update(QueueMessage).where(*waiting).values(due_at_ms=now)).rowcount

    def depths(self, addresses: Collection[Address]) -> Depths:
        """One look, answered from the index alone. ``queues`` includes what is being worked on; ``retry``
        counts all that waits for its time, whatever queue it belongs to; ``oldest_s`` counts from when the
        message became due."""
        now = self._clock()
        due = QueueMessage.due_at_ms <= now
        counts = select(
            QueueMessage.queue,
            func.sum(case((due, 1), else_=0)),
            func.sum(case((due, 0), else_=1)),
            func.min(QueueMessage.due_at_ms),
        ).group_by(QueueMessage.queue)
        with translated(QueueUnavailable), reading(self._engine, _LOOK_S) as connection:
            rows = {queue: rest for queue, *rest in connection.execute(counts)}
        found = {address: rows[address.key] for address in addresses if address.key in rows}
        return Depths(
            queues={address: int(found[address][0]) if address in found else 0 for address in addresses},
            retry=sum(int(row[1]) for row in rows.values()),
            oldest_s={address: (now - row[2]) / 1000 for address, row in found.items() if row[0]},
        )

    def ping(self) -> str:
        """Empty if the table can be read; else what the database said."""
        try:
            with translated(QueueUnavailable), reading(self._engine, 1.0) as connection:
                connection.execute(select(QueueMessage.id).limit(1)).first()
        except QueueUnavailable as error:
            return str(error)
        return ""


class SqlPublisher:
    """``Publisher``: one transaction per call, on disk when it returns."""

    def __init__(self, engine: Engine, clock: Clock, news: News) -> None:
        self._engine = engine
        self._clock = clock
        self._news = news

    def publish(
        self, messages: Sequence[Message], *, timeout_s: float = 3.0, sent: Callable[[], None] = nothing
    ) -> None:
        """All of them or none. QueueUnavailable if other writers keep the database busy for ``timeout_s``."""
        if not messages:
            return
        now = self._clock()
        rows = [{**columns(message), "due_at_ms": now, "enqueued_at_ms": now} for message in messages]
        sent()
        with translated(QueueUnavailable), writing(self._engine, timeout_s) as connection:
            connection.execute(insert(QueueMessage), rows)
        self._news.tell()

    def close(self) -> None:
        """Nothing to let go of: the engine belongs to the caller."""
