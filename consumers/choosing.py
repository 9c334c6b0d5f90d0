"""Which queues a consumer takes from at this moment, and which of what it took begins now.

A queue's batches run one after the other, so that each gathers what came meanwhile. Full ones tell of a
backlog: then several run side by side, like those of several processes. Small ones do while the platforms'
calls are plentiful (``haste.py``). What is mass work (a backfill) goes in batches of its own, and a live
change neither waits for one of these nor behind it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from consumers.directory import Directory
from consumers.haste import Haste
from consumers.leasing import Held
from core.domain.fields import Direction
from core.domain.messages import Address, Lane
from core.queue.port import Delivery

BATCH = 100  # contacts: HubSpot's batch endpoints take no more
THREADS = 16
# Full batches of one queue. HubSpot takes a hundred contacts a call, so that a batch does little but wait;
# Mainstay takes one, so that more batches would only make each of them longer.
SIDE_BY_SIDE = {Lane.OUTGOING: 6, Lane.INCOMING: 3}
IN_HASTE = 6  # batches of one queue, where calls are plentiful
SPARE = 8  # threads that only a queue's first batch gets: one account in trouble must not slow another


@dataclass(slots=True, eq=False)
class Job:
    """A batch at work: its deliveries, what it holds. ``alone``: a suspect, see poison.py."""

    address: Address
    deliveries: Sequence[Delivery]
    held: Held
    alone: bool = False
    contacts: frozenset[str] = field(init=False)
    background: bool = field(init=False)  # nothing in it is a live change

    def __post_init__(self) -> None:
        self.contacts = frozenset(one.message.contact for one in self.deliveries if one.message)
        self.background = all(in_background(one) for one in self.deliveries)

    @property
    def full(self) -> bool:
        """As many contacts as a batch takes: more are waiting."""
        return len(self.deliveries) >= BATCH


@dataclass(frozen=True, slots=True)
class Choosing:
    """For one moment: ``running`` are the batches at work, ``received`` what was taken and not begun."""

    directory: Directory
    haste: Haste
    running: Collection[Job]
    received: Sequence[Delivery]

    def wanted(self, direction: Direction) -> list[Address]:
        """The queues to take from."""
        addresses = self.directory.addresses(direction)
        return [one for one in addresses if self._may_take(one) and not self.directory.held(one)]

    def beginning(self) -> list[tuple[Address, list[Delivery]]]:
        """What of ``received`` begins now: a batch each. Mass work waits for its queue's last batch of it, a
        contact for the batch that has it already: its leases would be refused."""
        batches: dict[tuple[Address, bool], list[Delivery]] = {}
        for one in self.received:
            if one.message is None or not self._at_work(one.address, one.message.contact):
                batches.setdefault((one.address, in_background(one)), []).append(one)
        return [
            (address, deliveries)
            for (address, background), deliveries in sorted(batches.items(), key=lambda batch: batch[0])
            if not background or self._in_turn(job for job in self._of(address) if job.background)
        ]

    def _at_work(self, address: Address, contact: str) -> bool:
        return any(job.address == address and contact in job.contacts for job in self.running)

    def _of(self, address: Address) -> list[Job]:
        return [job for job in self.running if job.address == address]

    def _in_turn(self, jobs: Iterable[Job]) -> bool:
        """Whether another batch may go beside these, as one of a backlog."""
        mine = list(jobs)
        return not mine or (len(mine) < SIDE_BY_SIDE[mine[0].address.lane] and all(job.full for job in mine))

    def _may_take(self, address: Address) -> bool:
        mine = self._of(address)
        if not mine:
            return True
        waiting = sum(one.address == address for one in self.received)
        if address.lane is Lane.ACCOUNT or waiting >= BATCH or len(self.running) >= THREADS - SPARE:
            return False
        live = [job for job in mine if not job.background]
        return not live or self._in_turn(live) or (len(mine) < IN_HASTE and self._in_haste(address, live))

    def _in_haste(self, address: Address, live: Sequence[Job]) -> bool:
        if sum(job.full for job in live) >= SIDE_BY_SIDE[address.lane]:
            return False
        known = self.directory.accounts
        return self.haste.allowed(known[one] for one in self.directory.accounts_of(address))


def in_background(delivery: Delivery) -> bool:
    """Whether it belongs to mass work."""
    return delivery.message is not None and delivery.message.cause.in_background
