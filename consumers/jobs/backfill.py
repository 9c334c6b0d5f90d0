"""Backfill: every existing contact of a source goes through its instance, page by page.

``begin`` stores a job; a scheduler's ``Feeder`` works on it. It feeds the instance's queue only while that is
shallow, so that live changes find it nearly empty, and at the pace at which the consumers get through. A job
goes on where it was after any crash: a message's id is made of job and contact, so that feeding a contact
twice ends it once.
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from consumers.directory import Directory, context_of
from consumers.jobs.feeding import Rate
from consumers.jobs.pace import Pace
from consumers.jobs.pages import page_of_all, pause, refused, total_of
from consumers.jobs.sweep import message_of
from consumers.work import Context
from core import telemetry
from core.domain.contacts import Contact
from core.domain.instances import Existence, Instance
from core.domain.messages import Address, Cause, Lane, Message
from core.platforms.errors import AuthenticationFailed, PlatformError
from core.queue.port import Publisher, QueueUnavailable
from core.store import jobs, outcomes
from core.store.jobs import Job
from core.wiring import Wiring

KIND = "backfill"
LOOK_S = 0.2
HELD_S = 2.0
SILENCE_S = 60.0  # the queue is empty and nothing ends any more: what is missing will not come
FAILED_S = (5.0, 30.0)  # after a page that could not be read, at first and at last
_FAILURES = ("error", "dead")


def begin(
    wiring: Wiring,
    instance: Instance,
    *,
    max_creates: int | None = None,
    max_errors: int | None = None,
    author: str = "",
) -> Job | None:
    """Ask for a backfill; None where one of this instance is running or paused already.

    It never makes more than ``max_creates`` contacts, and stops at ``max_errors`` errors.
    """
    limits = {"max_creates": max_creates, "max_errors": max_errors}
    options = {name: value for name, value in limits.items() if value is not None}
    with wiring.database.transaction() as session:
        return jobs.begin(
            session,
            kind=KIND,
            instance_id=instance.id,
            now_ms=wiring.clock(),
            options=options,
            author=author,
        )


def counts_of(wiring: Wiring, job: Job) -> dict[str, int]:
    """How the job's messages ended so far, by outcome; as last noted, once the outcomes are too old to be
    kept."""
    with wiring.database.reading() as session:
        live = outcomes.counts_of_job(session, job.id, job.started_at_ms)
    return live if sum(live.values()) >= sum(job.counts.values()) else dict(job.counts)


@dataclass(slots=True)
class _Place:
    """Where the job is: ``after`` asks for the current page; ``told`` are the contacts of it that are queued,
    ``before`` those of the last one (a page that shifts tells some of them again); ``end``: that was all."""

    after: str = ""
    told: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    end: bool = False

    @classmethod
    def read(cls, cursor: str) -> "_Place":
        return cls(**json.loads(cursor)) if cursor else cls()

    def to_cursor(self) -> str:
        place = {"after": self.after, "told": self.told, "before": self.before, "end": self.end}
        return json.dumps(place, separators=(",", ":"))

    def turn(self, cursor: str) -> None:
        """The page is through."""
        self.before, self.told = self.told, []
        self.after, self.end = cursor, not cursor


@dataclass(slots=True)
class Feeder:
    """Works on one job that is this process's (``jobs.take``)."""

    wiring: Wiring
    job: Job
    stopping: Callable[[], bool]
    _place: _Place = field(init=False)
    _publisher: Publisher = field(init=False)
    _left: list[Contact] = field(default_factory=list)
    _next: str = ""
    _read: bool = False  # the current page is in hand
    _pace: Pace = field(default_factory=Pace)
    _rate: Rate = field(default_factory=Rate)
    _failed_s: float = 0.0
    _silent_since_s: float | None = None
    _written_off: int = 0

    def __post_init__(self) -> None:
        self._place = _Place.read(self.job.cursor)
        self._publisher = self.wiring.queue.publisher()

    def run(self) -> None:
        """Until the job has ended, is paused, or this process stops (then another one goes on)."""
        telemetry.log("backfill.working", job=self.job.id, queued=self.job.queued)
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
        """One look, at most one page fed; the seconds until the next, None at the end."""
        started_s = time.monotonic()
        counts = counts_of(self.wiring, self.job)
        rate = self._rate.per_minute(sum(counts.values()))
        self.job = replace(self.job, counts=counts, per_minute=rate, cursor=self._place.to_cursor())
        if not self._beat():
            return None
        directory = Directory.load(self.wiring)
        instance = directory.instances[self.job.instance_id]
        address = Address(Lane(instance.direction), instance.id)
        if directory.held(address):
            self.job = replace(self.job, note="waits: an account is held")
            return HELD_S
        depths = self.wiring.queue.depths([address])
        depth = depths.queues.get(address, 0)
        outstanding = self._outstanding(counts, depth + depths.retry)
        why = f"the instance was {directory.existence(instance)}"
        if directory.existence(instance) is Existence.ENABLED:
            why = self._safety_stop(counts) if outstanding or not self._place.end else ""
        if why or (self._place.end and not outstanding):
            self._end("stopped" if why else "done", why)
            return None
        under_way = max(depth, outstanding - depths.retry)  # RabbitMQ does not count what is being worked on
        room = min(self._pace.room(under_way, sum(counts.values())), self._limit(counts, outstanding))
        looked_s = time.monotonic() - started_s
        if room > 0 and not self._place.end and not self._feed(directory, instance, room):
            return self._failed_s
        return LOOK_S + 4 * looked_s  # looking must not become the work

    def _beat(self) -> bool:
        with self.wiring.database.transaction() as session:
            return jobs.beat(session, self.job, self.wiring.owner, self.wiring.clock()) is not None

    def _end(self, state: str, note: str) -> None:
        with self.wiring.database.transaction() as session:
            jobs.finish(session, self.job.id, state, self.wiring.clock(), note)
        telemetry.log(f"backfill.{state}", job=self.job.id, queued=self.job.queued, why=note)

    def _outstanding(self, counts: Mapping[str, int], waiting: int) -> int:
        """Messages without an outcome. What a privacy deletion took away never gets one: once nothing waits
        anywhere and nothing ends any more, it is written off."""
        missing = max(0, self.job.queued - sum(counts.values()) - self._written_off)
        now_s = time.monotonic()
        if not missing or waiting or self._pace.moved(sum(counts.values())):
            self._silent_since_s = None
        elif self._silent_since_s is None:
            self._silent_since_s = now_s
        elif now_s - self._silent_since_s > SILENCE_S:
            self._written_off += missing
            return 0
        return missing

    def _safety_stop(self, counts: Mapping[str, int]) -> str:
        most_creates = self.job.options.get("max_creates")
        most_errors = self.job.options.get("max_errors")
        if most_creates is not None and counts.get("created", 0) >= most_creates:
            return f"--max-creates {most_creates} is reached"
        if most_errors is not None and sum(counts.get(one, 0) for one in _FAILURES) >= most_errors:
            return f"--max-errors {most_errors} is reached"
        return ""

    def _limit(self, counts: Mapping[str, int], outstanding: int) -> int:
        """How many more may be on their way: each of them could be the create, or the error, that is one too
        many."""
        most = Pace.MOST_WAITING - outstanding
        for option, ended in (("max_creates", ("created",)), ("max_errors", _FAILURES)):
            limit = self.job.options.get(option)
            if limit is not None:
                most = min(most, limit - sum(counts.get(one, 0) for one in ended) - outstanding)
        return most

    def _feed(self, directory: Directory, instance: Instance, room: int) -> bool:
        """Queue up to ``room`` contacts of the current page; False if it could not be read."""
        context = context_of(self.wiring, directory, instance, background=True)
        if not self._read and not self._read_page(context):
            return False
        now, self._left = self._left[:room], self._left[room:]
        if now:
            messages = [self._message(context, contact) for contact in now]
            self._publisher.publish(messages, timeout_s=10.0)
            self._place.told += [contact.id for contact in now]
        if not self._left:
            self._place.turn(self._next)
            self._read = False
        self.job = replace(self.job, queued=self.job.queued + len(now), cursor=self._place.to_cursor())
        self._beat()
        return True

    def _read_page(self, context: Context) -> bool:
        source = context.direction.source
        try:
            if self.job.total is None:
                self.job = replace(self.job, total=total_of(context, source))
            page = page_of_all(context, source, self._place.after)
        except PlatformError as error:
            if isinstance(error, AuthenticationFailed):
                refused(self.wiring.database, context, error)
            self.job = replace(self.job, note=f"waits: {error}")
            longest_s = max(FAILED_S[1], error.retry_after_s or 0.0)
            self._failed_s = min(longest_s, max(2 * self._failed_s, FAILED_S[0], error.retry_after_s or 0.0))
            return False
        known = {*self._place.told, *self._place.before}
        self._left = [contact for contact in page.contacts if contact.id not in known]
        self._next, self._read, self._failed_s = page.cursor, True, 0.0
        self.job = replace(self.job, note="")
        return True

    def _message(self, context: Context, contact: Contact) -> Message:
        message = message_of(context, contact, self.wiring.clock(), self.job.id, Cause.BACKFILL)
        name = uuid.uuid5(uuid.NAMESPACE_OID, f"backfill:{self.job.id}:{self.job.started_at_ms}:{contact.id}")
        return replace(message, id=name.hex)
