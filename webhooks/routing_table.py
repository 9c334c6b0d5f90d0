"""The table of accounts and instances, kept at hand: at most 5 seconds old while the database answers.

Used by the receiver on every request. It is loaded beside the requests; a request waits for it only where
the copy is too old, and then not for long. During a database outage the last good table goes on; with none
ever loaded the receiver answers 503.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition, Thread

from core.domain.routing import Routing
from core.telemetry import log

MAX_AGE_S = 5.0  # enabling and deleting an instance wait for this long (design §3)
_REFRESH_AGE_S = 2.0
_RETRY_S = 1.0
_NEWS_S = 0.05
_FIRST_S = 1.5  # what a worker's first request has more patience for: nothing was ever loaded


@dataclass(frozen=True, slots=True)
class Table:
    """What the receiver needs of the database."""

    routing: Routing
    digest_key: bytes = field(repr=False)


class RoutingTable:
    """Loads with ``load_routing`` and ``digest_key``; both may be slow, and may fail."""

    def __init__(
        self,
        load_routing: Callable[[], Routing],
        digest_key: Callable[[], bytes],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load_routing = load_routing
        self._digest_key = digest_key
        self._clock_s = clock_s
        self._changed = Condition()
        self._table: Table | None = None
        self._loaded_at_s = float("-inf")  # when the load of the present table began
        self._tried_at_s = float("-inf")
        self._loading = False

    def current(self, patience_s: float = 0.5) -> Table | None:
        """The table, or None where none was ever loaded. Waits at most ``patience_s`` in all per load."""
        return self._at_most(_REFRESH_AGE_S, _RETRY_S, MAX_AGE_S, patience_s)

    def newer(self, patience_s: float = 0.5) -> Table | None:
        """The table as it is by now: asked for where the present one knows nobody who wants an event, since
        that may be an instance of a moment ago. At most twenty loads a second, whatever comes in."""
        return self._at_most(_NEWS_S, _NEWS_S, _NEWS_S, patience_s)

    def _at_most(self, refresh_s: float, retry_s: float, wait_s: float, patience_s: float) -> Table | None:
        """Load beside the request from ``refresh_s`` of age on; wait for it from ``wait_s`` on."""
        with self._changed:
            now_s = self._clock_s()
            age_s = now_s - self._loaded_at_s
            if age_s > refresh_s and not self._loading and now_s - self._tried_at_s > retry_s:
                self._loading, self._tried_at_s = True, now_s
                Thread(target=self._refresh, args=(now_s,), name="routing-table", daemon=True).start()
            if age_s > wait_s:
                patience_s = max(patience_s, _FIRST_S) if self._table is None else patience_s
                self._changed.wait_for(
                    lambda: not self._loading, self._tried_at_s + patience_s - self._clock_s()
                )
            return self._table

    def problem(self) -> str:
        """Empty, or why the receiver can't work."""
        return "" if self.current() else "the table of instances was never loaded"

    def _refresh(self, started_s: float) -> None:
        table: Table | None = None
        try:
            table = Table(self._load_routing(), self._digest_key())
        except Exception as error:
            # Whatever it is (the database, a key that opens nothing): the last good table goes on.
            log("routing.not_loaded", level=logging.ERROR, error=error, has_table=self._table is not None)
        with self._changed:
            if table is not None:
                self._table, self._loaded_at_s = table, started_s
            self._loading = False
            self._changed.notify_all()
