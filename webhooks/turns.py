"""Some requests at a time, in the order in which they came.

Python runs one thread at a time. Several that all have work to do take turns every few milliseconds, which
costs time (a sixth more with four of them), and each is done as late as the last; and who is served next is
chance. Here the ones who wait stand in a line.
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock

from webhooks.problems import TryAgain


class Turns:
    """``at_work`` threads at a time. Shared by all threads of a worker."""

    def __init__(self, at_work: int) -> None:
        self._lock = Lock()
        self._free = at_work
        self._line: deque[Event] = deque()

    @contextmanager
    def one(self, until_s: float) -> Iterator["Turn"]:
        """Wait for a turn, and have it inside; TryAgain if it has not come ``until_s`` (monotonic)."""
        self._take(until_s)
        turn = Turn(self)
        try:
            yield turn
        finally:
            turn.end()

    def hand_on(self) -> None:
        """A turn is over."""
        with self._lock:
            self._hand_on()

    def _take(self, until_s: float) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = Event()
            self._line.append(mine)
        if mine.wait(max(0.0, until_s - time.monotonic())):
            return
        with self._lock:
            if mine.is_set():  # it came in this very moment
                self._hand_on()
            else:
                self._line.remove(mine)
        raise TryAgain("busy")

    def _hand_on(self) -> None:
        if self._line:
            self._line.popleft().set()
        else:
            self._free += 1


class Turn:
    """A turn that somebody has."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._over = False

    def end(self) -> None:
        """Hand it on before its end: what is left is waiting. A second time does nothing."""
        if not self._over:
            self._over = True
            self._turns.hand_on()
