"""How much a backfill may put into a queue: about what the consumers get through in two seconds.

A live change then waits behind two seconds of backfill at most, whether the target takes a hundred contacts a
call or ten calls a second.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

AHEAD_S = 2.0
OVER_S = 4.0  # the pace is measured over this time


@dataclass(slots=True)
class Pace:
    """``clock_s`` is monotonic."""

    FEWEST: ClassVar[int] = 20
    MOST: ClassVar[int] = 200
    MOST_WAITING: ClassVar[int] = 1_000  # without an outcome, those that wait for another try included

    clock_s: Callable[[], float] = time.monotonic
    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def room(self, depth: int, ended: int) -> int:
        """How many more messages the queue may have. ``ended``: how many have their outcome by now."""
        now_s = self.clock_s()
        self._seen.append((now_s, ended))
        while self._seen[0][0] < now_s - OVER_S:
            self._seen.popleft()
        first_s, first = self._seen[0]
        per_s = (ended - first) / (now_s - first_s) if now_s > first_s else 0.0
        return int(min(self.MOST, max(self.FEWEST, AHEAD_S * per_s))) - depth

    def moved(self, ended: int) -> bool:
        """Whether any message got its outcome since the last look."""
        return bool(self._seen) and ended != self._seen[-1][1]
