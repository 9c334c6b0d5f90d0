"""What runs by the clock: sweeps, backfills, retention, the broker's chores. Two schedulers do no harm: each
piece of work is leased, and each one runs in a thread of its own, so that a long one holds up no other."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from consumers.chores import releases, retention
from consumers.chores.alerting import Alerting
from consumers.chores.broker import BrokerChores
from consumers.chores.field_lists import FieldLists
from consumers.chores.rolling_up import RollingUp
from consumers.directory import Directory
from consumers.jobs import backfill, looking_back, replaying, retrying
from consumers.jobs.comparing import Comparison
from consumers.jobs.feeding import Feeding
from consumers.jobs.pages import pause
from consumers.jobs.sweep import sweep
from consumers.jobs.work_lease import WorkLease
from consumers.stopping import ended_by_signal
from core import telemetry
from core.coordination.port import CoordinationUnavailable
from core.domain.instances import Instance
from core.domain.messages import Address, Lane
from core.gauges import Gauges
from core.platforms.errors import PlatformError
from core.queue.port import QueueUnavailable
from core.store import instances, jobs, processes, watermarks
from core.store.database import DatabaseUnavailable
from core.store.jobs import Job
from core.store.watermarks import Watermark
from core.tallies import EVERY_S
from core.wiring import Wiring

TURN_S = 1.0
THREADS = 16
MOST_JOBS = 8  # at once in this process, so that sweeps find a thread
CACHE_MS = 6_000  # the receivers know a new instance after five seconds; its first sweep waits for them
NIGHT_MS = 24 * 3600 * 1000
AGAIN_MS = 60_000  # the longest a sweep that failed waits before it looks again
GAUGES_S = 5.0
ROLL_UPS_S = 10.0
ALERTS_S = 15.0
FIELDS_S = 10.0
RETENTION_S = 30.0
SWEEP_ROOM = 1_000  # messages: a long sweep waits for the consumers once so many are queued
_AWAY = (DatabaseUnavailable, QueueUnavailable, CoordinationUnavailable)


def run(wiring: Wiring) -> None:
    """Work by the clock until SIGTERM or SIGINT."""
    scheduler = Scheduler(wiring)
    with ended_by_signal(scheduler.stop):
        scheduler.run()


@dataclass(slots=True)
class Scheduler:
    """One scheduler process."""

    wiring: Wiring
    _stopping: threading.Event = field(default_factory=threading.Event)
    _started_ms: int = field(init=False)
    _greeted: set[int] = field(default_factory=set)  # instances whose sweep we began since our start
    _running: dict[str, Future[None]] = field(default_factory=dict)
    _chores: BrokerChores = field(init=False)
    _gauges: Gauges = field(init=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count)  # of the times a job was taken up
    _begun_s: dict[str, float] = field(default_factory=dict)  # when what is done every so often was begun
    _rolling_up: RollingUp = field(init=False)
    _field_lists: FieldLists = field(init=False)
    _alerting: Alerting = field(init=False)
    _release_noted: bool = False

    def __post_init__(self) -> None:
        self._started_ms = self.wiring.clock()
        self._chores = BrokerChores(self.wiring)
        self._gauges = Gauges(self.wiring)
        self._rolling_up = RollingUp(self.wiring)
        self._alerting = Alerting(self.wiring, self._gauges)
        self._field_lists = FieldLists(self.wiring)

    def stop(self) -> None:
        """End after what is at work."""
        self._stopping.set()

    def run(self) -> None:
        """The loop."""
        telemetry.log("scheduler.started")
        with ThreadPoolExecutor(THREADS, thread_name_prefix="scheduled") as pool:
            while not self._stopping.is_set():
                try:
                    self._turn(pool)
                except _AWAY as error:
                    telemetry.log("scheduler.waiting", level=logging.WARNING, why=str(error))
                self._stopping.wait(TURN_S)
        self._collect()  # what failed at the end is told, too
        with suppress(*_AWAY), self.wiring.database.transaction() as session:
            processes.leave(session, self.wiring.owner)
        telemetry.log("scheduler.stopped")

    def _turn(self, pool: ThreadPoolExecutor) -> None:
        """Begin whatever is due and not at work already."""
        now_ms = self.wiring.clock()
        with self.wiring.database.transaction() as session:
            processes.beat(session, self.wiring.owner, "scheduler", now_ms)
            jobs.end_lost(session, now_ms, {one.id for one in processes.running(session, now_ms)})
        self._collect()
        directory = Directory.load(self.wiring)
        for instance in directory.instances.values():
            address = Address(Lane(instance.direction), instance.id)
            if instance.enabled and instance.id in directory.live and not directory.held(address):
                self._begin_sweep(pool, instance, now_ms)
        self._begin_jobs(pool, now_ms)
        self.wiring.tallies.flush(EVERY_S)
        rolling_up, stopping = self._rolling_up.run, self._stopping.is_set
        if not self._release_noted:
            releases.note(self.wiring)
            self._release_noted = True
        self._begin(pool, "gauges", self._gauges.tell, GAUGES_S)
        self._begin(pool, "roll-ups", lambda: self._leased("roll-ups", rolling_up, stopping), ROLL_UPS_S)
        self._begin(pool, "alerts", lambda: self._leased("alerts", self._alerting.run, stopping), ALERTS_S)
        fields, chores, retired = self._field_lists.run, self._chores.run, self._retire
        self._begin(pool, "fields", lambda: self._leased("fields", fields, directory), FIELDS_S)
        self._begin(pool, "retention", lambda: self._leased("retention", retired), RETENTION_S)
        if self.wiring.settings.broker_url:
            self._begin(pool, "broker", lambda: self._leased("broker", chores, directory))

    def _begin(
        self, pool: ThreadPoolExecutor, name: str, work: Callable[[], None], every_s: float = 0.0
    ) -> None:
        """Begin a piece of work that is not running, and was not begun within ``every_s``."""
        now_s = time.monotonic()
        if name in self._running or (every_s and now_s - self._begun_s.get(name, -every_s) < every_s):
            return
        if every_s:
            self._begun_s[name] = now_s
        self._running[name] = pool.submit(work)

    def _collect(self) -> None:
        for name, future in list(self._running.items()):
            if not future.done():
                continue
            del self._running[name]
            error = future.exception()
            if isinstance(error, _AWAY):
                telemetry.log("scheduler.waiting", level=logging.WARNING, work=name, why=str(error))
            elif error is not None:
                telemetry.log("scheduler.failed", level=logging.ERROR, work=name, error=error)

    def _retire(self) -> None:
        """What is past its time goes, a step a second."""
        while retention.run(self.wiring) and not self._stopping.wait(TURN_S):
            pass

    def _leased(self, what: str, work: Callable[..., object], *arguments: object) -> None:
        with WorkLease(self.wiring, f"scheduler:{what}") as ours:
            if ours:
                work(*arguments)

    def _begin_jobs(self, pool: ThreadPoolExecutor, now_ms: int) -> None:
        """Whatever somebody asked for, or a process that is no more was working on."""
        for kind in jobs.RESUMED:
            while not self._stopping.is_set() and self._jobs_at_work() < MOST_JOBS:
                with self.wiring.database.transaction() as session:
                    job = jobs.take(session, kind, self.wiring.owner, now_ms)
                if job is None:
                    break
                # One that was let go of may be taken up again before it is collected: never the same name.
                self._begin(pool, f"job:{job.id}:{next(self._numbers)}", self._work_on(job))

    def _jobs_at_work(self) -> int:
        return sum(name.startswith("job:") for name in self._running)

    def _work_on(self, job: Job) -> Callable[[], None]:
        wiring, stopping = self.wiring, self._stopping.is_set
        match job.kind:
            case backfill.KIND:
                return backfill.Feeder(wiring, job, stopping).run
            case replaying.KIND:
                return Feeding(wiring, job, replaying.Letters(wiring), stopping).run
            case retrying.KIND:
                return Feeding(wiring, job, retrying.Contacts(wiring), stopping).run
            case looking_back.KIND:
                return Feeding(wiring, job, looking_back.Changed(wiring), stopping).run
            case _:
                return Comparison(wiring, job, stopping).run

    def _begin_sweep(self, pool: ThreadPoolExecutor, instance: Instance, now_ms: int) -> None:
        mark = self._due(instance, now_ms)
        if mark is not None:
            self._greeted.add(instance.id)
            what = f"sweep:{instance.id}"
            self._begin(pool, what, lambda: self._leased(what, self._sweep, instance, mark))

    def _due(self, instance: Instance, now_ms: int) -> Watermark | None:
        """The instance's watermark if it is to be swept now: at our start, on enabling, on schedule."""
        with self.wiring.database.reading() as session:
            mark = watermarks.get(session, instance.id)
            changed_ms = instances.times(session, instance.id).changed_at_ms
        if mark is None:
            return None
        if mark.swept_at_ms == 0:
            due_ms = max(changed_ms, mark.first_ms) + CACHE_MS
        elif instance.id in self._greeted or mark.swept_at_ms >= self._started_ms:
            due_ms = mark.swept_at_ms + self._every_ms
        else:
            due_ms = 0  # who knows how long no receiver ran
        return mark if now_ms >= due_ms else None

    @property
    def _every_ms(self) -> int:
        return int(self.wiring.settings.sweep_every_s * 1000)

    def _sweep(self, instance: Instance, seen: Watermark) -> None:
        with self.wiring.database.reading() as session:
            mark = watermarks.get(session, instance.id)
        if mark is None or mark.swept_at_ms != seen.swept_at_ms:
            return  # another scheduler has just done it
        now_ms = self.wiring.clock()
        nightly = mark.swept_at_ms != 0 and now_ms - mark.nightly_at_ms >= NIGHT_MS
        stopping = self._stopping.is_set
        try:
            sweep(
                self.wiring, instance, nightly=nightly, stopping=stopping, room=lambda: self._room(instance)
            )
        except PlatformError as error:
            telemetry.log("sweep.failed", level=logging.WARNING, instance=instance.name, why=str(error))
            with self.wiring.database.transaction() as session:
                soon_ms = now_ms - self._every_ms + min(self._every_ms, AGAIN_MS)
                watermarks.postpone(session, instance.id, soon_ms)

    def _room(self, instance: Instance) -> None:
        """Wait until the instance's queue is not full of what was found already."""
        address = Address(Lane(instance.direction), instance.id)
        while self.wiring.queue.depths([address]).queues.get(address, 0) >= SWEEP_ROOM:
            if self._stopping.is_set():
                return
            pause(0.5, self._stopping.is_set)
