"""The consuming side of the embedded queue: claim, extend, settle.

Settling names the owner and the fence of the claim, so what was lost meanwhile is not settled twice: somebody
else has it. A look at all wanted queues is one indexed query. It is made when something was published (in
this process: ``News``; on SQLite by any process: ``sql_arrivals.py``), and every 50 to 250 ms for what has
become due meanwhile.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Engine,
    bindparam,
    delete,
    update,
)

from core.domain.messages import Address, Message, Unreadable
from core.owners import is_dead, this_process
from core.queue.news import News
from core.queue.port import Delivery, Later, QueueUnavailable
from core.queue.sql_arrivals import Arrivals
from core.queue.sql_claim import claim, owners_at_the_head, with_work
from core.queue.sql_rows import columns
from core.store.models import QueueMessage
from core.store.transactions import reading, translated, writing

_POLL_S = (0.05, 0.25)  # shortest and longest pause between two looks where nothing came
_STEP_S = 0.02  # between two questions whether something was
_WRITE_S = 5.0  # how long a claim or a settlement waits for other writers
_REAP_EVERY_MS = 1_000


@dataclass(frozen=True, slots=True)
class _Claim:
    """A delivery's token: the row, and as whose and which claim it was handed out."""

    row: int
    owner: str
    fence: int


class SqlConsumer:
    """``Consumer``, called by one thread."""

    def __init__(self, engine: Engine, clock: Callable[[], int], news: News, lease_s: float) -> None:
        self._engine = engine
        self._clock = clock
        self._news = news
        self._arrivals = Arrivals(engine)
        self._lease_ms = round(lease_s * 1000)
        self._owner = _new_owner()
        self._held: set[_Claim] = set()
        self._extended_ms = 0
        self._reaped_ms = 0
        self._poll_s = _POLL_S[0]
        self._next_look_ms = 0
        self._heard = 0  # of the news, at the last look
        self._looked_at: frozenset[Address] = frozenset()

    def receive(self, wanted: Collection[Address], limit: int, wait_s: float) -> list[Delivery]:
        """See the port. Extends the leases of everything unsettled."""
        deadline = time.monotonic() + wait_s
        addresses = frozenset(wanted)
        try:
            while True:
                with translated(QueueUnavailable):
                    self._extend()
                    found = self._look(addresses, limit) if self._worth_a_look(addresses) else []
                remaining_s = deadline - time.monotonic()
                if found or remaining_s <= 0:
                    return found
                self._news.wait(self._heard, min(_STEP_S, remaining_s))
        except QueueUnavailable:
            self._let_go()
            raise

    def _worth_a_look(self, wanted: frozenset[Address]) -> bool:
        came = self._arrivals.any()  # asked first: what comes from here on is the next look's
        others = wanted != self._looked_at
        return came or others or self._news.count != self._heard or self._time_to_look()

    def _look(self, wanted: frozenset[Address], limit: int) -> list[Delivery]:
        self._heard, self._looked_at = self._news.count, wanted
        found = self._take({address.key: address for address in wanted}, limit)
        self._poll_s = _POLL_S[0] if found else min(self._poll_s * 1.5, _POLL_S[1])
        self._next_look_ms = 0 if found else self._clock() + round(1000 * self._poll_s)
        return found

    def _time_to_look(self) -> bool:
        left_ms = self._next_look_ms - self._clock()
        return not 0 < left_ms <= 1000 * _POLL_S[1]  # more than that: the clock was put back

    def settle(self, done: Sequence[Delivery], later: Sequence[Later] = ()) -> None:
        """One transaction, on disk on return. What this consumer has lost meanwhile is left alone."""
        now = self._clock()
        finished = [_claim(delivery) for delivery in done]
        put_back = {_claim(one.delivery): one for one in later}
        try:
            with translated(QueueUnavailable), writing(self._engine, _WRITE_S) as connection:
                if finished:
                    connection.execute(_DELETE, [_key(claim) for claim in sorted(finished, key=_row)])
                if put_back:
                    rows = sorted(put_back, key=_row)
                    connection.execute(
                        _PUT_BACK,
                        [{**_key(claim), **_again(put_back[claim], now)} for claim in rows],
                    )
        except QueueUnavailable:
            self._let_go()
            raise
        self._held.difference_update(finished, put_back)

    def unsettled(self) -> dict[Address, int]:
        """None: a taken row still counts in the depths."""
        return {}

    def close(self) -> None:
        """Free what is unsettled; if that fails, the leases end by themselves."""
        with contextlib.suppress(QueueUnavailable), translated(QueueUnavailable):
            if self._held:
                with writing(self._engine, _WRITE_S) as connection:
                    connection.execute(_FREE, [_key(claim) for claim in sorted(self._held, key=_row)])
        self._arrivals.close()
        self._let_go()

    def _let_go(self) -> None:
        # What was held is no longer extended, so that it comes back. It can still be settled until somebody
        # else has it: the tokens carry the old name.
        self._held.clear()
        self._owner = _new_owner()

    def _extend(self) -> None:
        now = self._clock()
        if not self._held or now - self._extended_ms < self._lease_ms // 4:
            return
        with writing(self._engine, _WRITE_S) as connection:
            connection.execute(
                update(QueueMessage)
                .where(QueueMessage.id.in_([c.row for c in self._held]), QueueMessage.owner == self._owner)
                .values(lease_until_ms=now + self._lease_ms)
            )
        self._extended_ms = now

    def _take(self, wanted: dict[str, Address], limit: int) -> list[Delivery]:
        now = self._clock()
        if not wanted:
            return []
        if abs(now - self._reaped_ms) >= _REAP_EVERY_MS:
            self._free_the_dead(wanted, now)
            self._reaped_ms = now
        with reading(self._engine, _WRITE_S) as connection:
            busy = sorted(with_work(connection, wanted, now))
        if not busy:
            return []
        rows: list[tuple[str, Any]] = []
        with writing(self._engine, _WRITE_S) as connection:
            for queue in busy:
                rows += [
                    (queue, row)
                    for row in claim(connection, queue, limit, self._owner, (now, now + self._lease_ms))
                ]
        if rows and not self._held:
            self._extended_ms = now
        found = [self._delivery(wanted[queue], row) for queue, row in rows]
        self._held.update(_claim(delivery) for delivery in found)
        return found

    def _delivery(self, address: Address, row: Any) -> Delivery:
        token = _Claim(row.id, self._owner, row.fence)
        raw = bytes(row.body)
        try:
            message = Message.from_json(raw)
        except Unreadable as error:
            return Delivery(address, None, token, row.deliveries, raw, str(error))
        return Delivery(address, message, token, row.deliveries, raw)

    def _free_the_dead(self, wanted: Iterable[str], now: int) -> None:
        """Hand back what killed processes of this host still own in these queues."""
        owners: set[str] = set()
        with reading(self._engine, _WRITE_S) as connection:
            for queue in wanted:
                owners.update(connection.scalars(owners_at_the_head(queue, now)))
        dead = [owner for owner in owners if owner != self._owner and is_dead(owner)]
        if dead:
            theirs = (QueueMessage.queue.in_(list(wanted)), QueueMessage.owner.in_(dead))
            with writing(self._engine, _WRITE_S) as connection:
                connection.execute(update(QueueMessage).where(*theirs).values(lease_until_ms=0, owner=""))


_MINE = (
    QueueMessage.id == bindparam("claim_row"),
    QueueMessage.owner == bindparam("claim_owner"),
    QueueMessage.fence == bindparam("claim_fence"),
)
_DELETE = delete(QueueMessage).where(*_MINE)
_FREE = update(QueueMessage).where(*_MINE).values(lease_until_ms=0, owner="")
_PUT_BACK = (
    update(QueueMessage)
    .where(*_MINE)
    .values(
        **{
            name: bindparam(f"new_{name}") for name in ("queue", "message_id", "contact", "body", "due_at_ms")
        },
        waiting=True,
        lease_until_ms=0,
        owner="",
        deliveries=0,
    )
)


def _again(later: Later, now: int) -> dict[str, object]:
    due_at_ms = now + max(0, round(later.delay_s * 1000))
    return {
        f"new_{name}": value for name, value in {**columns(later.message), "due_at_ms": due_at_ms}.items()
    }


def _claim(delivery: Delivery) -> _Claim:
    assert isinstance(delivery.token, _Claim)
    return delivery.token


def _key(claim: _Claim) -> dict[str, object]:
    return {"claim_row": claim.row, "claim_owner": claim.owner, "claim_fence": claim.fence}


def _row(claim: _Claim) -> int:
    return claim.row


def _new_owner() -> str:
    return this_process(secrets.token_hex(4))
