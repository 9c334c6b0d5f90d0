"""Feeds a job's messages into the queues at the consumers' own pace, and follows them to their last outcome.

A ``Supply`` says what is next; everything else is here: progress that others see, pause and stop, restarts,
a queue that stays shallow so that live changes find it nearly empty. Used for replays, retries and the sweeps
that somebody asked for.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlalchemy.orm import Session

from consumers.directory import Directory
from consumers.jobs.pace import Pace
from consumers.jobs.pages import pause
from core import telemetry
from core.domain.messages import Address, Message
from core.platforms.errors import PlatformError
from core.queue.port import Publisher, QueueUnavailable
from core.store import jobs, outcomes
from core.store.jobs import Job
from core.wiring import Wiring

LOOK_S = 0.2
SILENCE_S = 60.0  # nothing waits and nothing ends any more: what is missing will not come
FAILED_S = (5.0, 30.0)  # after a platform that did not answer, at first and at last
OVER_S = 60.0  # the rate is measured over this time


@dataclass(frozen=True, slots=True)
class Portion:
    """What is fed next. ``cursor``: where it goes on afterwards. ``fed`` runs in the transaction that notes
    the progress; ``ended``: how many get their outcome there, without a queue. ``skipped``: cause → how many
    can't be fed. ``end``: that is all there is. ``why``: it ends before its time. ``total``: how many there
    are, where that was learnt only now."""

    messages: Sequence[Message]
    cursor: str
    fed: Callable[[Session], None] = lambda _: None
    ended: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    end: bool = False
    why: str = ""
    total: int | None = None


class Supply(Protocol):
    """Where the messages come from."""

    def addresses(self, job: Job) -> Sequence[Address]:
        """The queues that it may feed."""

    def portion(self, job: Job, room: int) -> Portion:
        """At most ``room`` messages from ``job.cursor`` on. They carry the job's id, and the same ids each
        time they are asked for: feeding one twice ends it once."""


@dataclass(slots=True)
class Rate:
    """How many got through per minute, over the last minute of work. ``clock_s`` is monotonic."""

    clock_s: Callable[[], float] = time.monotonic
    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def per_minute(self, ended: int) -> int | None:
        """``ended``: how many have their outcome by now. None while it is too early to tell."""
        now_s = self.clock_s()
        self._seen.append((now_s, ended))
        while self._seen[0][0] < now_s - OVER_S:
            self._seen.popleft()
        first_s, first = self._seen[0]
        return round((ended - first) * 60 / (now_s - first_s)) if now_s - first_s >= 1.0 else None


@dataclass(slots=True)
class Feeding:
    """Works on one job that is this process's (``jobs.take``)."""

    wiring: Wiring
    job: Job
    supply: Supply
    stopping: Callable[[], bool]
    _publisher: Publisher = field(init=False)
    _end: bool = False
    _pace: Pace = field(default_factory=Pace)
    _rate: Rate = field(default_factory=Rate)
    _silent_since_s: float | None = None
    _written_off: int = 0
    _why: str = ""
    _failed_s: float = 0.0  # how long it waits after a supply that a platform did not answer for

    def __post_init__(self) -> None:
        self._publisher = self.wiring.queue.publisher()

    def run(self) -> None:
        """Until the job has ended, is paused, or this process stops (then another one goes on)."""
        telemetry.log(f"{self.job.kind}.working", job=self.job.id, queued=self.job.queued)
        try:
            while not self.stopping():
                pause_s = self._step()
                if pause_s is None:
                    return
                pause(pause_s, self.stopping)
        except QueueUnavailable:  # the scheduler takes the job up again in a moment
            self.job = replace(self.job, note="waits: the queue does not answer; nothing is lost")
            self._beat()
            raise
        finally:
            self._publisher.close()
            with self.wiring.database.transaction() as session:
                jobs.release(session, self.job.id, self.wiring.owner)

    def _step(self) -> float | None:
        """One look, at most one portion fed; the seconds until the next, None at the end."""
        started_s = time.monotonic()
        ended = self._count()
        if not self._beat():
            return None
        addresses = self.supply.addresses(self.job)
        depths = self.wiring.queue.depths(addresses)
        waiting = sum(depths.queues.values()) + depths.retry
        missing = self._missing(ended, waiting)
        if self._end and not missing:
            self._finish()
            return None
        room = min(self._pace.room(max(0, missing - depths.retry), ended), Pace.MOST_WAITING - missing)
        waits = self._why_it_waits(addresses) if missing or not self._end else ""
        looked_s = time.monotonic() - started_s
        self.job = replace(self.job, note=waits)
        if room > 0 and not self._end and not self._feed(room):
            return None
        if self._failed_s:
            return self._failed_s
        return LOOK_S + 4 * looked_s  # looking must not become the work

    def _count(self) -> int:
        """Note how the messages ended; how many they are."""
        with self.wiring.database.reading() as session:
            live = outcomes.counts_of_job(session, self.job.id, self.job.started_at_ms)
        ended = sum(live.values())
        skipped = {name: count for name, count in self.job.counts.items() if name.startswith("skipped")}
        self.job = replace(self.job, counts={**live, **skipped}, per_minute=self._rate.per_minute(ended))
        return ended

    def _beat(self) -> bool:
        with self.wiring.database.transaction() as session:
            return jobs.beat(session, self.job, self.wiring.owner, self.wiring.clock()) is not None

    def _missing(self, ended: int, waiting: int) -> int:
        """Messages without an outcome. What a privacy deletion took away never gets one: once nothing waits
        anywhere and nothing ends any more, it is written off."""
        missing = max(0, self.job.queued - ended - self._written_off)
        now_s = time.monotonic()
        if not missing or waiting or self._pace.moved(ended):
            self._silent_since_s = None
        elif self._silent_since_s is None:
            self._silent_since_s = now_s
        elif now_s - self._silent_since_s > SILENCE_S:
            self._written_off += missing
            return 0
        return missing

    def _why_it_waits(self, addresses: Sequence[Address]) -> str:
        directory = Directory.load(self.wiring)
        held = any(directory.held(one) for one in addresses if one.id in directory.instances)
        return "an account is held: its contacts wait" if held else ""

    def _feed(self, room: int) -> bool:
        """Publish, then note it; False if the job is not ours any more."""
        try:
            portion = self.supply.portion(self.job, room)
        except PlatformError as error:
            longest_s = max(FAILED_S[1], error.retry_after_s or 0.0)
            self._failed_s = min(longest_s, max(2 * self._failed_s, FAILED_S[0], error.retry_after_s or 0.0))
            self.job = replace(self.job, note=f"waits: {error}")
            return self._beat()
        self._failed_s, self._why = 0.0, portion.why
        if portion.messages:
            self._publisher.publish(portion.messages, timeout_s=30.0)
        counts = dict(self.job.counts)
        for name, count in portion.skipped.items():
            counts[f"skipped: {name}"] = counts.get(f"skipped: {name}", 0) + count
        queued = self.job.queued + len(portion.messages) + portion.ended
        total = self.job.total if portion.total is None or self.job.total is not None else portion.total
        self.job = replace(self.job, queued=queued, cursor=portion.cursor, counts=counts, total=total)
        self._end = portion.end
        with self.wiring.database.transaction() as session:
            portion.fed(session)  # they are in the queue, whoever has the job now
            return jobs.beat(session, self.job, self.wiring.owner, self.wiring.clock()) is not None

    def _finish(self) -> None:
        with self.wiring.database.transaction() as session:
            state = "stopped" if self._why else "done"
            jobs.finish(session, self.job.id, state, self.wiring.clock(), self._why)
        telemetry.log(f"{self.job.kind}.{state}", job=self.job.id, queued=self.job.queued)
