"""Leases and rate budgets in the database: the tables ``leases`` and ``budgets``, on SQLite or PostgreSQL.

One short transaction per call, and one caller at a time: SQLite has one writer anyway, PostgreSQL is told so
by an advisory lock. Nothing here must survive a power cut, so no commit waits for the disk. The clocks of
several hosts must agree to within a few seconds.

A lease key is stored as it is given: a caller that leases a phone or an email gives its keyed digest.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.coordination.port import CoordinationUnavailable, Rate
from core.coordination.windows import latest_ms, next_starts, still_counting
from core.owners import is_dead
from core.store.models import Budget, Lease
from core.store.transactions import reading, translated, writing

Clock = Callable[[], int]
_WAIT_S = 5.0  # how long a call waits for other writers
_SWEEP_EVERY_MS = 60_000


class SqlLeases:
    """``Leases``. What a process held that is dead, and ran on this host, counts as free (``owners.py``)."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._swept_ms = clock()

    def acquire(self, groups: Sequence[Collection[str]], owner: str, ttl_s: float) -> list[bool]:
        """See the port. All groups in one transaction."""
        keys = sorted({key for group in groups for key in group})
        if not keys:
            return [True] * len(groups)
        with self._alone() as connection:
            now = self._clock()  # after the wait for the others
            rows = connection.execute(
                select(Lease.key, Lease.owner).where(
                    Lease.key.in_(keys), Lease.owner != owner, Lease.until_ms > now
                )
            ).all()
            dead = {other for other in {row.owner for row in rows} if is_dead(other)}
            taken = {row.key for row in rows if row.owner not in dead}
            granted = [taken.isdisjoint(group) for group in groups]
            ours = sorted({key for group, free in zip(groups, granted, strict=True) if free for key in group})
            if ours:
                self._write(connection, ours, owner, now + round(ttl_s * 1000))
            self._sweep(connection, now)
        return granted

    def renew(self, keys: Collection[str], owner: str, ttl_s: float) -> set[str]:
        """See the port. A lease that ran out is lost, even if nobody took it."""
        if not keys:
            return set()
        with self._alone() as connection:
            now = self._clock()
            mine = (Lease.key.in_(list(keys)), Lease.owner == owner, Lease.until_ms > now)
            extended = update(Lease).where(*mine).values(until_ms=now + round(ttl_s * 1000))
            return set(connection.scalars(extended.returning(Lease.key)))

    def release(self, keys: Collection[str], owner: str) -> None:
        """See the port."""
        if keys:
            with self._alone() as connection:
                connection.execute(delete(Lease).where(Lease.key.in_(list(keys)), Lease.owner == owner))

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        with _writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("crosswalk leases"))))
            yield connection

    def _write(self, connection: Connection, keys: list[str], owner: str, until_ms: int) -> None:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        statement = insert(Lease)
        statement = statement.on_conflict_do_update(
            index_elements=[Lease.key],
            set_={"owner": statement.excluded.owner, "until_ms": statement.excluded.until_ms},
        )
        connection.execute(statement, [{"key": key, "owner": owner, "until_ms": until_ms} for key in keys])

    def _sweep(self, connection: Connection, now: int) -> None:
        # Only what a killed process held stays behind; its renewal is certain not to come any more.
        if now - self._swept_ms >= _SWEEP_EVERY_MS:
            connection.execute(delete(Lease).where(Lease.until_ms < now - _SWEEP_EVERY_MS))
            self._swept_ms = now


class SqlBudgets:
    """``Budgets``. A bucket's row holds the starts of the reserved slots that still count, epoch ms."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def reserve(self, bucket: str, rate: Rate, count: int, max_wait_s: float) -> list[float]:
        """See the port. Slots are handed out in order: nobody overtakes what is reserved already."""
        if count < 1:
            return []
        with _writing(self._engine) as connection:
            stored, paused_until_ms = self._locked(connection, bucket)
            now = self._clock()  # after the wait for the others
            slots = still_counting(stored, rate, now)
            starts = next_starts(slots, rate, count, max(now, paused_until_ms), latest_ms(now, max_wait_s))
            if starts:
                kept = [*slots, *starts]
                connection.execute(update(Budget).where(Budget.bucket == bucket).values(slots=kept))
        now = self._clock()  # the commit took a moment
        return [max(0, start - now) / 1000 for start in starts]

    def pause(self, bucket: str, seconds: float) -> None:
        """See the port. A shorter pause doesn't end a longer one."""
        with _writing(self._engine) as connection:
            _, paused_until_ms = self._locked(connection, bucket)
            until_ms = self._clock() + round(seconds * 1000)
            if until_ms > paused_until_ms:
                connection.execute(
                    update(Budget).where(Budget.bucket == bucket).values(paused_until_ms=until_ms)
                )

    def paused_s(self, bucket: str) -> float:
        """See the port."""
        look = select(Budget.paused_until_ms).where(Budget.bucket == bucket)
        with translated(CoordinationUnavailable), reading(self._engine, _WAIT_S) as connection:
            until_ms = connection.scalar(look) or 0
        return max(0, until_ms - self._clock()) / 1000

    def used(self, bucket: str, rate: Rate) -> int:
        """See the port."""
        look = select(Budget.slots).where(Budget.bucket == bucket)
        with translated(CoordinationUnavailable), reading(self._engine, _WAIT_S) as connection:
            return len(still_counting(connection.scalar(look) or [], rate, self._clock()))

    def _locked(self, connection: Connection, bucket: str) -> tuple[list[int], int]:
        """The bucket's slots and pause, nobody else's until the commit."""
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(
            insert(Budget).values(bucket=bucket, slots=[], paused_until_ms=0).on_conflict_do_nothing()
        )
        row = connection.execute(
            select(Budget.slots, Budget.paused_until_ms).where(Budget.bucket == bucket).with_for_update()
        ).one()
        return list(row.slots), row.paused_until_ms


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    with translated(CoordinationUnavailable), writing(engine, _WAIT_S, durable=False) as connection:
        yield connection
