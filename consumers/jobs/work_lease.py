"""A piece of work that one process does at a time, under a lease that is renewed while it lasts."""

import threading
from dataclasses import dataclass, field

from core.coordination.port import CoordinationUnavailable
from core.wiring import Wiring

LEASE_S = 120.0


@dataclass(slots=True)
class WorkLease:
    """``with WorkLease(wiring, key) as ours``: whether the work is ours now."""

    wiring: Wiring
    key: str
    _done: threading.Event = field(default_factory=threading.Event)
    _ours: bool = False

    def __enter__(self) -> bool:
        self._ours = self.wiring.leases.acquire([[self.key]], self.wiring.owner, LEASE_S)[0]
        if self._ours:
            threading.Thread(target=self._renew, name="lease", daemon=True).start()
        return self._ours

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._ours:
            self.wiring.leases.release([self.key], self.wiring.owner)

    def _renew(self) -> None:
        while not self._done.wait(LEASE_S / 4):
            try:
                self.wiring.leases.renew([self.key], self.wiring.owner, LEASE_S)
            except CoordinationUnavailable:
                return
