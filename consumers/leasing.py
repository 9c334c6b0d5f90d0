"""The leases of one batch: taken group by group, renewed by the runner meanwhile, given back at the end.

A process that stood still (stopped, swapped out, cut off from the leases' store) may have lost them without
knowing. So a batch asks ``in_time`` before it writes, and each of its calls asks as the last thing before it
goes out. The runner's renewals tell what was lost: from then on, and where they did not come in time, nothing
is the batch's any more.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from consumers.work import SOON_S, Work
from core.coordination.port import Leases
from core.domain.fields import Platform
from core.platforms.transport import CONNECT_S, READ_S

LEASE_S = 30.0
MARGIN_S = CONNECT_S + READ_S  # a call that is begun may take as long before it counts


def lease_key(platform: Platform, account_id: int, contact: str) -> str:
    """What a contact of an account is leased under."""
    return f"{platform[0]}:{account_id}:{contact}"


@dataclass(slots=True)
class Held:
    """What one batch holds. ``clock_s`` is monotonic, and goes on while the process is stopped."""

    leases: Leases
    owner: str
    clock_s: Callable[[], float] = time.monotonic
    keys: set[str] = field(default_factory=set)
    _lost: bool = False
    _until_s: float = 0.0

    def take(self, works: Sequence[Work], keys_of: dict[str, set[str]]) -> None:
        """Lease each work's keys; a work whose keys are held elsewhere looks again soon."""
        wanted = [(work, keys_of.get(work.contact, set()) - self.keys) for work in works]
        asked = [(work, keys) for work, keys in wanted if keys]
        granted = self.acquire([keys for _, keys in asked])
        for (work, _), ours in zip(asked, granted, strict=True):
            if not ours:
                work.wait(SOON_S)

    def acquire(self, groups: Sequence[Collection[str]]) -> list[bool]:
        """Which groups of keys are the batch's now."""
        if not groups:
            return []
        started_s = self.clock_s()
        granted = self.leases.acquire(groups, self.owner, LEASE_S)
        if not self.keys:
            self._until_s = started_s + LEASE_S
        for group, ours in zip(groups, granted, strict=True):
            if ours:
                self.keys |= set(group)
        return granted

    def renew(self) -> None:
        """Extend all; called by the runner every few seconds. CoordinationUnavailable."""
        asked, started_s = set(self.keys), self.clock_s()
        if asked:
            self._lost = self._lost or self.leases.renew(asked, self.owner, LEASE_S) != asked
            self._until_s = started_s + LEASE_S

    def in_time(self) -> bool:
        """Whether all is still the batch's alone, until a call that begins now has ended."""
        return not self._lost and self.clock_s() < self._until_s - MARGIN_S

    def release(self) -> None:
        """Give everything back."""
        if self.keys:
            self.leases.release(self.keys, self.owner)
