"""Counts that all processes share by way of the database, for the Health page and the alerts.

``note`` costs a dictionary entry: it stands on the hot paths. ``flush`` adds what was noted to the table
``tallies``: consumers and the scheduler call it from their loops, web processes from ``Reporter``. A process
that is killed takes what it noted in the last seconds with it: these are figures to look at, no accounts.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from core import telemetry
from core.store import tallies
from core.store.database import Database, DatabaseUnavailable
from core.store.tallies import Key, Kind

EVERY_S = 5.0
MOST_KEYS = 5_000  # while the database is away, older minutes make room


@dataclass(slots=True)
class Tallies:
    """One per process; safe to share between threads. ``clock`` gives epoch milliseconds."""

    database: Database
    clock: Callable[[], int]
    _noted: dict[Key, tuple[int, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _flushed_s: float = field(default_factory=time.monotonic)

    def note(self, kind: Kind, account_id: int, word: str, count: int = 1) -> None:
        """Count something that happened now."""
        now_ms = self.clock()
        key = Key(now_ms - now_ms % tallies.MINUTE_MS, kind, account_id, word)
        with self._lock:
            self._noted[key] = (self._noted.get(key, (0, 0))[0] + count, now_ms)

    def flush(self, every_s: float = 0.0) -> None:
        """Store what was noted, if the last time was ``every_s`` ago. Never raises: it is tried again."""
        if time.monotonic() - self._flushed_s < every_s:
            return
        self._flushed_s = time.monotonic()
        with self._lock:
            noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            with self.database.transaction() as session:
                tallies.add(session, noted)
        except DatabaseUnavailable as error:
            telemetry.log("tallies.waiting", level=logging.WARNING, why=str(error))
            self._take_back(noted)

    def _take_back(self, noted: dict[Key, tuple[int, int]]) -> None:
        with self._lock:
            for key, (count, last_ms) in noted.items():
                known = self._noted.get(key, (0, 0))
                self._noted[key] = (known[0] + count, max(known[1], last_ms))
            for key in sorted(self._noted)[: max(0, len(self._noted) - MOST_KEYS)]:
                del self._noted[key]
