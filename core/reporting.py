"""What a web process tells of itself beside its requests: that it is alive, and what it counted.

Started by the processes' own entry points (``wsgi.py``) after the fork, never by the applications: their
tests and commands have no such thread. The requests neither wait for it nor notice when it fails.
"""

import atexit
import logging
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from core import telemetry
from core.store import processes
from core.store.database import DatabaseUnavailable
from core.tallies import EVERY_S
from core.wiring import Wiring


@dataclass(slots=True)
class Reporter:
    """One per process. ``role`` is its name in the Procfile."""

    wiring: Wiring
    role: str
    _ending: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Report every few seconds until the process ends."""
        thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        thread.start()
        atexit.register(self._end, thread)

    def report(self) -> None:
        """Once. Never raises."""
        try:
            with self.wiring.database.transaction() as session:
                processes.beat(session, self.wiring.owner, self.role, self.wiring.clock())
        except DatabaseUnavailable as error:
            telemetry.log("reporter.waiting", level=logging.WARNING, why=str(error))
        except Exception as error:
            # A database that is not migrated yet, for one: the requests are answered all the same.
            telemetry.log("reporter.failed", level=logging.WARNING, error=error)
        else:
            self.wiring.tallies.flush()

    def _run(self) -> None:
        while True:
            self.report()
            if self._ending.wait(EVERY_S):
                return

    def _end(self, thread: threading.Thread) -> None:
        self._ending.set()
        thread.join(5.0)
        self.wiring.tallies.flush()
        with suppress(Exception), self.wiring.database.transaction() as session:
            processes.leave(session, self.wiring.owner)
