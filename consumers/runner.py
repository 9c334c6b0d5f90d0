"""The loop of a consumer process, and the only file that settles messages.

The main thread owns the queue: it receives, hands batches to worker threads, and settles what they return.
What runs beside what is ``choosing.py``'s.
SIGTERM: nothing new is taken, no call to a platform is begun any more, and what a batch could not finish goes
back.
"""

import logging
import os
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace

from consumers import account as account_lane
from consumers.batch import ENDS, Batch
from consumers.choosing import BATCH, THREADS, Choosing, Job
from consumers.directory import Directory, context_of
from consumers.giving_up import give_up, give_up_unreadable
from consumers.haste import Haste
from consumers.leasing import Held
from consumers.lookout import Lookout
from consumers.poison import Suspects
from consumers.records import Records
from consumers.results import HELD_S, Put, Result
from consumers.stopping import EndingBudgets, ended_by_signal
from core import telemetry, tracing
from core.coordination.port import CoordinationUnavailable
from core.domain.codes import Code
from core.domain.fields import Direction
from core.domain.instances import Existence
from core.domain.messages import Address, Lane, Message
from core.domain.outcomes import Outcome
from core.queue.port import Consumer, Delivery, Later, Publisher, QueueUnavailable
from core.store import processes
from core.store.database import DatabaseUnavailable
from core.wiring import Wiring

RENEW_S = 5.0
IDLE_S, BUSY_S, FULL_S = 0.2, 0.01, 0.05  # how long the loop waits: nothing at work, some, no room for more
DRAIN_S = 22.0  # of the 30 s that SIGTERM allows (contract.md §1)
AWAY_S = 5.0  # the database is away: messages look again after this
AGAIN_S = 0.5  # after a fault of our own
SUSPECT_S = 0.2  # one of several suspects waits for its turn
_AWAY = (QueueUnavailable, DatabaseUnavailable, CoordinationUnavailable)


def run(wiring: Wiring, direction: Direction) -> None:
    """Consume a direction until SIGTERM or SIGINT."""
    runner = Runner(wiring, direction)
    with ended_by_signal(runner.stop):
        if not runner.run():
            # A call that does not end. Its messages are handed back; to the platform we seem to have crashed.
            logging.shutdown()
            os._exit(0)


@dataclass(slots=True)
class Runner:
    """One consumer process."""

    wiring: Wiring
    direction: Direction
    _stopping: threading.Event = field(default_factory=threading.Event)
    _running: dict[Future[Result], Job] = field(default_factory=dict)
    _received: list[Delivery] = field(default_factory=list)  # and neither at work nor settled yet
    _renewed_s: float = 0.0
    _lookout: Lookout = field(init=False)
    _haste: Haste = field(init=False)
    _suspects: Suspects = field(init=False)
    _publisher: Publisher = field(init=False)

    def __post_init__(self) -> None:
        self._lookout = Lookout(self.wiring, self.direction)
        self._haste = Haste(self.wiring)
        self._suspects = Suspects(self.wiring.database, self.wiring.clock)
        self._publisher = self.wiring.queue.publisher()
        self.wiring.budgets = EndingBudgets(self.wiring.budgets, self._stopping.is_set)

    @property
    def _directory(self) -> Directory:
        return self._lookout.directory

    def stop(self) -> None:
        """Take nothing new; ``run`` returns when what is running has ended."""
        self._stopping.set()

    def run(self) -> bool:
        """The loop. False if a batch did not end in time when it was asked to: its thread still runs."""
        consumer = self.wiring.queue.consumer()
        telemetry.log("consumer.started", direction=self.direction)
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix=f"batch-{self.direction}")
        try:
            while not self._stopping.is_set():
                try:
                    self._turn(consumer, pool)
                except _AWAY as error:
                    telemetry.log("consumer.waiting", level=logging.WARNING, error=error, why=str(error))
                    self._wait_for_what_is_away(consumer)
            self._drain(consumer)
        finally:
            pool.shutdown(wait=not self._running, cancel_futures=True)
        consumer.close()
        with suppress(*_AWAY):
            self._publisher.close()
            with self.wiring.database.transaction() as session:
                processes.leave(session, self.wiring.owner)
        telemetry.log("consumer.stopped", direction=self.direction, unfinished=len(self._running))
        return not self._running

    def _turn(self, consumer: Consumer, pool: ThreadPoolExecutor) -> None:
        self._renew()
        self._collect(consumer)
        self._lookout.look(consumer)
        if not self._choosing().beginning():
            self._receive(consumer)
        for address, deliveries in self._choosing().beginning():
            self._start(consumer, pool, address, deliveries)

    def _choosing(self) -> Choosing:
        return Choosing(self._directory, self._haste, list(self._running.values()), self._received)

    def _receive(self, consumer: Consumer) -> None:
        """Wait a moment for messages, or for the end of a batch where no more are wanted."""
        wanted = self._choosing().wanted(self.direction)
        pause_s = BUSY_S if self._running else IDLE_S
        found = consumer.receive(wanted, BATCH, pause_s if wanted else 0.0)
        self._received += found
        if not wanted and not found:
            self._rest()

    def _rest(self) -> None:
        """Until a batch has ended, or for a moment."""
        if self._running:
            wait(list(self._running), FULL_S, FIRST_COMPLETED)
        else:
            self._stopping.wait(IDLE_S)

    def _wait_for_what_is_away(self, consumer: Consumer) -> None:
        """A second, and keep what is in hand. Where the queue was away, what was received comes again."""
        self._stopping.wait(1.0)
        try:
            consumer.receive([], 0, 0.0)
        except QueueUnavailable:
            self._received.clear()

    def _renew(self) -> None:
        now_s = time.monotonic()
        if now_s - self._renewed_s >= RENEW_S:
            self._renewed_s = now_s
            for job in list(self._running.values()):
                job.held.renew()

    def _start(
        self, consumer: Consumer, pool: ThreadPoolExecutor, address: Address, deliveries: list[Delivery]
    ) -> None:
        """Hand a batch to a thread. Suspects go one by one, the others wait."""
        unreadable = [one for one in deliveries if one.message is None]
        if unreadable:
            self._bury_unreadable(unreadable)
            self._settle_received(consumer, unreadable)
        busy = any(job.alone for job in self._running.values())
        found = self._suspects.sort([one for one in deliveries if one.message is not None], busy=busy)
        if found.dead:
            self._suspects.bury(found.dead)
            self._settle_received(consumer, found.dead)
        if found.now:
            owner = f"{self.wiring.owner}{uuid.uuid4().hex[:8]}"
            held = Held(self.wiring.leases, owner)
            job = Job(address, found.now, held, found.alone)
            self._running[pool.submit(self._work, job)] = job
            self._forget_received(found.now)
        self._put_back(consumer, found.back, SUSPECT_S if busy else 0.0)

    def _put_back(self, consumer: Consumer, deliveries: Sequence[Delivery], delay_s: float = 0.0) -> None:
        if deliveries:
            later = [Later(one, one.message, delay_s) for one in deliveries if one.message is not None]
            consumer.settle([], later)
            self._forget_received([one.delivery for one in later])

    def _settle_received(self, consumer: Consumer, deliveries: Sequence[Delivery]) -> None:
        consumer.settle(deliveries)
        self._forget_received(deliveries)

    def _forget_received(self, deliveries: Sequence[Delivery]) -> None:
        gone = {id(one) for one in deliveries}
        self._received = [one for one in self._received if id(one) not in gone]

    def _work(self, job: Job) -> Result:
        with tracing.batch(str(job.address.lane), job.address.key, len(job.deliveries)):
            return self._carried(job)

    def _carried(self, job: Job) -> Result:
        messages = [_delivered(one) for one in job.deliveries if one.message is not None]
        if job.address.lane is Lane.ACCOUNT:
            account = job.address.id
            return account_lane.run(
                self.wiring, self._directory, account, messages, job.held, self._publisher
            )
        directory = Directory.load(self.wiring)  # a disabled instance ends its messages at once
        instance = directory.instances[job.address.id]
        background = all(message.cause.in_background for message in messages)
        stopping = self._stopping.is_set
        context = context_of(
            self.wiring,
            directory,
            instance,
            background=background,
            stopping=stopping,
            ours=job.held.in_time,
        )
        records = Records(context, self.wiring.database, self.wiring.sealer, job.held.in_time)
        batch = Batch(context, records, job.held, self.wiring.settings.retry_ladder_s)
        existence = directory.existence(instance)
        if existence is not Existence.ENABLED:
            return batch.end(messages, ENDS[existence])
        if directory.held(job.address):  # since the runner looked last
            return _all_back(job, HELD_S)
        return batch.run(messages)

    def _collect(self, consumer: Consumer) -> None:
        for future in [one for one in self._running if one.done()]:
            job = self._running.pop(future)
            self._settle(consumer, job, future)

    def _settle(self, consumer: Consumer, job: Job, future: Future[Result]) -> None:
        try:
            result = self._result(job, future)
            if result.follow_ups:
                self._publisher.publish(result.follow_ups)
        except _AWAY as error:
            # What was decided is stored; the messages come again and end by what is stored.
            telemetry.log("batch.waiting", level=logging.WARNING, why=str(error))
            result = _all_back(job, AWAY_S)
        done: list[Delivery] = []
        later: list[Later] = []
        for delivery in job.deliveries:
            assert delivery.message is not None
            put = result.back.get(delivery.message.id)
            if put is None:
                done.append(delivery)
            else:
                later.append(Later(delivery, put.message, put.delay_s))
        consumer.settle(done, later)
        if later:
            self._lookout.look_again()
        if job.alone and not result.broken:
            self._suspects.clear(job.deliveries)

    def _result(self, job: Job, future: Future[Result]) -> Result:
        """What the batch decided; where it broke, what becomes of its messages."""
        error = future.exception()
        if error is None:
            return future.result()
        if isinstance(error, _AWAY):
            telemetry.log("batch.waiting", level=logging.WARNING, why=str(error))
            return _all_back(job, AWAY_S)
        telemetry.log("batch.failed", level=logging.ERROR, error=error, queue=job.address.key)
        return self._broken(job, error)

    def _broken(self, job: Job, error: BaseException) -> Result:
        """A fault of our own in a batch: its contacts are tried one by one, each on its own ladder, so that
        one that we can't handle does not hold up its neighbours."""
        result = _all_back(job, AGAIN_S)
        result.broken = True
        self._suspects.isolate(job.deliveries)
        if len({one.message.contact for one in job.deliveries if one.message}) > 1:
            return result
        ladder_s = self.wiring.settings.retry_ladder_s
        for message_id, put in list(result.back.items()):
            tried = put.message.failed(self.wiring.clock())
            if tried.attempt > len(ladder_s):
                self._give_up(tried, error)
                del result.back[message_id]
            else:
                result.back[message_id] = Put(tried, ladder_s[tried.attempt - 1])
        return result

    def _give_up(self, message: Message, error: BaseException) -> None:
        code, why = Code.UNEXPECTED_ANSWER, f"a fault of our own while handling it: {type(error).__name__}"
        with self.wiring.database.transaction() as session:
            give_up(session, message, code, why, self.wiring.clock())
        telemetry.record_outcome(self.direction, Outcome.DEAD, code)

    def _bury_unreadable(self, deliveries: Sequence[Delivery]) -> None:
        with self.wiring.database.transaction() as session:
            for one in deliveries:
                now_ms, before = self.wiring.clock(), one.deliveries > 1
                give_up_unreadable(session, one.address, one.raw, one.problem, now_ms, came_before=before)
        telemetry.record_outcome(self.direction, Outcome.DEAD, "unreadable-message", len(deliveries))

    def _drain(self, consumer: Consumer) -> None:
        deadline_s = time.monotonic() + DRAIN_S
        with suppress(*_AWAY):
            self._put_back(consumer, self._received)
        while self._running and time.monotonic() < deadline_s:
            wait(list(self._running), timeout=0.5)
            try:
                self._renew()
                self._collect(consumer)
                consumer.receive([], 0, 0.0)  # keeps what is still running alive
            except _AWAY as error:
                telemetry.log("consumer.waiting", level=logging.WARNING, why=str(error))


def _delivered(delivery: Delivery) -> Message:
    """The message; one that was handed out before may have been begun by a process that is dead by now."""
    assert delivery.message is not None
    return replace(delivery.message, looked=True) if delivery.deliveries > 1 else delivery.message


def _all_back(job: Job, delay_s: float) -> Result:
    messages: list[Message] = [one.message for one in job.deliveries if one.message is not None]
    return Result(back={one.id: Put(one, delay_s) for one in messages})
