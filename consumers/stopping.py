"""How a process that is asked to end comes to rest: no call to a platform is begun any more.

A batch of a hundred contacts may need more calls than SIGTERM leaves time for. From then on each call finds
the rate budget spent; its contact goes back into the queue and costs no try, as with any spent budget.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from core.coordination.port import Budgets, Rate

LATEST_S = 27.0  # of the 30 s that SIGTERM allows (contract.md §1)


@contextmanager
def ended_by_signal(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT call ``stop``. Whoever waits for an answer that does not come (a platform that
    trickles, a database that stands still) is ended in time all the same: as if it had crashed, which loses
    nothing."""
    late = threading.Timer(LATEST_S, _end)
    late.daemon = True

    def asked(*_: object) -> None:
        stop()
        if not late.is_alive() and not late.finished.is_set():
            late.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)
    try:
        yield
    finally:
        late.cancel()


def _end() -> None:
    logging.shutdown()
    os._exit(0)


@dataclass(frozen=True, slots=True)
class EndingBudgets:
    """``Budgets`` that grant nothing once ``stopping`` is true."""

    budgets: Budgets
    stopping: Callable[[], bool]

    def reserve(self, bucket: str, rate: Rate, count: int, max_wait_s: float) -> list[float]:
        """See the port."""
        return [] if self.stopping() else self.budgets.reserve(bucket, rate, count, max_wait_s)

    def pause(self, bucket: str, seconds: float) -> None:
        """See the port."""
        self.budgets.pause(bucket, seconds)

    def paused_s(self, bucket: str) -> float:
        """See the port."""
        return 0.0 if self.stopping() else self.budgets.paused_s(bucket)

    def used(self, bucket: str, rate: Rate) -> int:
        """See the port."""
        return self.budgets.used(bucket, rate)
