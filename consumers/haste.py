"""Whether a change may be carried at once, in a batch of its own beside those that are under way.

A batch costs the same few calls for one contact as for a hundred. While an account's calls are plentiful a
change need not wait for the batch before it; where they get scarce, changes gather while one batch works.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from core.coordination.port import CoordinationUnavailable
from core.domain.instances import Account
from core.spending import share_of_calls
from core.wiring import Wiring

PLENTY = 0.5  # of a budget's window may be taken; the rest is for backlogs and backfills
LOOK_S = 0.2  # how long an answer holds: less than any platform's window


@dataclass(slots=True)
class Haste:
    """One per consumer process, used by its main thread. ``clock_s`` is monotonic."""

    wiring: Wiring
    clock_s: Callable[[], float] = time.monotonic
    _known: dict[int, tuple[float, bool]] = field(default_factory=dict)  # account → (asked at, plenty)

    def allowed(self, accounts: Iterable[Account]) -> bool:
        """Whether every one of the accounts has calls to spare."""
        return all(self._plenty(one) for one in accounts)

    def _plenty(self, account: Account) -> bool:
        asked_s, plenty = self._known.get(account.id, (float("-inf"), False))
        now_s = self.clock_s()
        if now_s - asked_s >= LOOK_S:
            try:
                plenty = share_of_calls(self.wiring, account) < PLENTY
            except CoordinationUnavailable:
                plenty = False
            self._known[account.id] = (now_s, plenty)
        return plenty
