"""What a consumer sees to beside its batches: its sign of life, accounts and instances as they are now, held
accounts that may work again, and the end of what waits for instances that want it no more."""

import logging
import threading
import time
from dataclasses import dataclass, field

from consumers import health
from consumers.directory import Directory
from core import telemetry
from core.domain.fields import Direction, Platform
from core.domain.instances import Existence
from core.platforms.ports import HubSpot, Mainstay
from core.queue.port import Consumer
from core.queue.sql import SqlQueue
from core.store import processes
from core.store.accounts import Hold
from core.store.database import DatabaseUnavailable
from core.tallies import EVERY_S
from core.wiring import Wiring

REFRESH_S = 1.0
BEAT_S = 1.0


@dataclass(slots=True)
class Lookout:
    """One per consumer process, used by its main thread."""

    wiring: Wiring
    direction: Direction
    directory: Directory = field(default_factory=Directory)
    _refreshed_s: float = 0.0
    _beat_s: float = 0.0
    _in_hand: int = 0

    def look(self, consumer: Consumer) -> None:
        """Whatever is due. DatabaseUnavailable, QueueUnavailable."""
        now_s = time.monotonic()
        self._beat(consumer, now_s)
        self.wiring.tallies.flush(EVERY_S)
        if now_s - self._refreshed_s >= REFRESH_S:
            self._refreshed_s = now_s
            self.directory = Directory.load(self.wiring)
            self._hurry()
            self._probe()

    def look_again(self) -> None:
        """What is known is old: an account may be held since."""
        self._refreshed_s = 0.0

    def _beat(self, consumer: Consumer, now_s: float) -> None:
        """Show that we are alive, and how much we have in hand: `crosswalk status` waits for this."""
        in_hand = sum(consumer.unsettled().values())
        changed = bool(in_hand) != bool(self._in_hand)
        if changed or now_s - self._beat_s >= BEAT_S:
            self._beat_s, self._in_hand = now_s, in_hand
            with self.wiring.database.transaction() as session:
                now_ms, role = self.wiring.clock(), str(self.direction)
                processes.beat(session, self.wiring.owner, role, now_ms, in_hand)

    def _hurry(self) -> None:
        """What waits on the ladder for an instance that is disabled or deleted ends now. RabbitMQ can't look
        into its waiting queues: there it ends when it comes back."""
        queue, directory = self.wiring.queue, self.directory
        if not isinstance(queue, SqlQueue):
            return
        ended = [
            address
            for address in directory.addresses(self.direction)
            if address.id in directory.instances
            and directory.existence(directory.instances[address.id]) is not Existence.ENABLED
        ]
        if ended:
            queue.hurry(ended)

    def _probe(self) -> None:
        for held in self.directory.holds.values():
            if held.next_probe_ms > self.wiring.clock():
                continue
            hubspot = held.account.platform is Platform.HUBSPOT
            client: HubSpot | Mainstay
            client = self.wiring.hubspot(held.account) if hubspot else self.wiring.mainstay(held.account)
            # In a thread of its own: a platform that does not answer must not stop the loop.
            threading.Thread(
                target=_quiet_probe, args=(self.wiring, held, client), name="probe", daemon=True
            ).start()
        telemetry.record_held((one.account.platform, one.code) for one in self.directory.holds.values())


def _quiet_probe(wiring: Wiring, held: Hold, client: HubSpot | Mainstay) -> None:
    try:
        health.probe(wiring.database, held, client, wiring.clock)
    except DatabaseUnavailable:
        telemetry.log("probe.waiting", level=logging.WARNING)
