"""A comparison of both sides as a job: begun by whoever asks, carried out by a scheduler.

One that was paused, or whose process ended, begins again: what it must remember is a file of its process. It
only looks; what ``fix`` queues twice is looked at twice.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from consumers.directory import Directory
from consumers.jobs.feeding import Rate
from consumers.jobs.pages import Stopped, pause
from consumers.jobs.reconcile import KIND, Fixing, compared
from core import telemetry
from core.domain.instances import Existence, Instance
from core.domain.messages import Address, Lane
from core.platforms.errors import PlatformError
from core.store import jobs
from core.store.jobs import Job
from core.wiring import Wiring

NOTE_S = 1.0
HELD_S = 2.0


def begin(wiring: Wiring, instance: Instance, *, fix: bool = False, author: str = "") -> Job | None:
    """Ask for a comparison; None where one of this instance is running or paused already."""
    with wiring.database.transaction() as session:
        return jobs.begin(
            session,
            kind=KIND,
            instance_id=instance.id,
            now_ms=wiring.clock(),
            options={"fix": fix},
            author=author,
        )


@dataclass(slots=True)
class Comparison:
    """Works on one job that is this process's (``jobs.take``). The job's counts are contacts by state."""

    wiring: Wiring
    job: Job
    stopping: Callable[[], bool]
    _fixing: Fixing = field(init=False)
    _rate: Rate = field(default_factory=Rate)
    _noted_s: float = 0.0

    def __post_init__(self) -> None:
        self._fixing = Fixing(self.wiring, replace(self.job, counts={}, queued=0, total=None))

    def run(self) -> None:
        """Until the job has ended, is paused, or this process stops (then another one begins anew)."""
        telemetry.log("reconcile.working", job=self.job.id)
        try:
            self._end(self._compare())
        except Stopped:
            pass
        except PlatformError as error:
            self._end(f"{error.platform.title} did not answer: {error}")
        finally:
            with self.wiring.database.transaction() as session:
                jobs.release(session, self.job.id, self.wiring.owner)

    def _compare(self) -> str:
        """Why it was ended before its time, "" if it was not."""
        directory = Directory.load(self.wiring)
        instance = directory.instances[self.job.instance_id]
        existence = directory.existence(instance)
        fix = bool(self.job.options.get("fix"))
        if existence is Existence.DELETED or (fix and existence is not Existence.ENABLED):
            return f"the instance was {existence}"
        self._wait_while_held(instance)
        for row in compared(
            self.wiring, instance, self._fixing if fix else None, self._looked_at, self.stopping
        ):
            self._fixing.counts[str(row.state)] += 1
            if time.monotonic() - self._noted_s > NOTE_S:
                self._note()
        self._note()
        return ""

    def _wait_while_held(self, instance: Instance) -> None:
        address = Address(Lane(instance.direction), instance.id)
        while Directory.load(self.wiring).held(address):
            self._fixing.job = replace(self._fixing.job, note="waits: an account is held")
            self._note()
            pause(HELD_S, self.stopping)
            if self.stopping():
                raise Stopped
        self._fixing.job = replace(self._fixing.job, note="")

    def _looked_at(self, done: int, total: int | None) -> None:
        self._fixing.job = replace(self._fixing.job, total=total)

    def _note(self) -> None:
        """Show the progress; Stopped where the job is not ours any more."""
        self._noted_s = time.monotonic()
        rate = self._rate.per_minute(sum(self._fixing.counts.values()))
        self._fixing.job = replace(self._fixing.job, per_minute=rate)
        self._fixing.note(0)

    def _end(self, why: str) -> None:
        self._fixing.end("failed" if why else "done", why)
        telemetry.log("reconcile.ended", job=self.job.id, why=why)
