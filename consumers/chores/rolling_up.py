"""Rolls outcomes up into minutes and hours, run by the scheduler every few seconds.

Each round makes the last minutes anew: a batch's outcomes bear the time of its transaction and are seen a
moment later. What is missing is made up for hour by hour, from the oldest outcome on the first time.
"""

from collections.abc import Callable
from dataclasses import dataclass

from core import telemetry
from core.store import roll_ups, tallies
from core.store.roll_ups import HOUR_MS, MINUTE_MS
from core.wiring import Wiring

LATE_MS = 3 * MINUTE_MS  # no transaction of a batch takes longer
AHEAD_MS = MINUTE_MS  # another machine's clock may be a little ahead


@dataclass(slots=True)
class RollingUp:
    """One per scheduler."""

    wiring: Wiring
    _done_ms: int = 0  # everything before is rolled up
    _forget_ms: int = 0

    def run(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """One round."""
        until_ms = self.wiring.clock() + AHEAD_MS
        from_ms = (self._done_ms or self._begin_ms(until_ms)) - LATE_MS
        while from_ms < until_ms and not stopping():
            step_ms = min(until_ms, from_ms - from_ms % HOUR_MS + HOUR_MS)
            with self.wiring.database.transaction() as session:
                roll_ups.roll(session, from_ms, step_ms)
            self._done_ms = from_ms = step_ms
        self._done_ms = min(self._done_ms, self.wiring.clock())
        self._forget()

    def _forget(self) -> None:
        """Once an hour, what is older than it is kept."""
        now_ms = self.wiring.clock()
        if now_ms < self._forget_ms:
            return
        with self.wiring.database.transaction() as session:
            gone = roll_ups.forget(session, now_ms) + tallies.forget(session, now_ms)
        self._forget_ms = now_ms + HOUR_MS
        telemetry.log("roll-ups.forgotten", rows=gone)

    def _begin_ms(self, until_ms: int) -> int:
        with self.wiring.database.reading() as session:
            known_ms = roll_ups.newest_ms(session) or roll_ups.oldest_outcome_ms(session)
        return min(known_ms or until_ms, until_ms)
