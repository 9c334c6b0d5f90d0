"""Comparing both sides of an instance, by the same rules as a sync; ``fix`` queues what differs.

Three walks: over all contacts of the source (each planned as a sync would), over the links (a HubSpot record
that is gone or merged, whose event never came), over the target (who is there only). What has to be
remembered between the walks is ids, in a temporary file of the database engine's, so that the number of
contacts does not matter.
"""

import sqlite3
import uuid
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum

from consumers.directory import Directory, context_of
from consumers.jobs.forecast import Tell, counterpart, planned, why
from consumers.jobs.pages import Stopped, Stopping, everybody, patiently, total_of
from consumers.jobs.sweep import message_of
from consumers.reading import aliases
from consumers.records import Records
from consumers.single import verdict_of
from consumers.work import Context, Work
from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.domain.instances import Instance
from core.domain.messages import Address, Cause, Kind, Lane, Message
from core.domain.outcomes import Action
from core.platforms.errors import NotFound, PlatformError
from core.queue.port import Publisher
from core.store import jobs, links
from core.store.jobs import Job
from core.store.links import Link
from core.wiring import Wiring

KIND = "reconcile"
LINKS_PAGE = 100


class State(StrEnum):
    """How a contact stands."""

    IN_SYNC = "in sync"
    DIFFERS = "differs"
    ONLY_HERE = "only here"  # in the source, and nobody in the target fits
    ONLY_THERE = "only there"  # in the target, and nobody in the source fits
    EXCLUDED = "excluded"  # a filter, or archived, or a test contact
    GONE = "gone"  # linked to a HubSpot record that was deleted or merged away
    ERROR = "error"  # a rule skips it: see the code


@dataclass(frozen=True, slots=True)
class Row:
    """One contact. ``contact`` and ``counterpart`` are ``platform:ID``; ``fields`` are the target's names;
    ``why`` is a sentence. No values."""

    state: State
    contact: str
    counterpart: str | None = None
    fields: tuple[str, ...] = ()
    code: str | None = None
    why: str = ""


def reconcile(
    wiring: Wiring,
    instance: Instance,
    *,
    fix: bool = False,
    tell: Tell = lambda done, total: None,
    stopping: Stopping = lambda: False,
    author: str = "",
) -> Iterator[Row]:
    """Every contact of both sides, as it is found. PlatformError, QueueUnavailable, Stopped.

    With ``fix`` what differs or is only in the source is queued for a sync, and a record that is gone or
    merged for the account's business; each page is queued before its rows are told. That is a job; Stopped
    where somebody paused or stopped it.
    """
    job = _begin(wiring, instance, author) if fix else None
    fixing, state = Fixing(wiring, job) if job else None, "failed"
    try:
        with closing(compared(wiring, instance, fixing, tell, stopping)) as rows:
            for row in rows:
                if fixing is not None:
                    fixing.counts[str(row.state)] += 1
                yield row
        state = "done"
    except Stopped:  # somebody paused or stopped it: a scheduler goes on with one that is resumed
        state = ""
        raise
    finally:
        if fixing is not None and state:
            fixing.end(state)


def compared(
    wiring: Wiring, instance: Instance, fixing: "Fixing | None", tell: Tell, stopping: Stopping
) -> Generator[Row]:
    """As ``reconcile``, for a job that others see to; ``fixing`` queues what differs."""
    with closing(_Seen()) as seen:
        directory = Directory.load(wiring)
        context = context_of(wiring, directory, instance, background=True, stopping=stopping)
        walk = _Walk(wiring, context, seen, stopping, fixing)
        try:
            yield from walk.source(tell)
            yield from walk.links()
            yield from walk.target()
        finally:
            walk.end()


@dataclass(slots=True)
class Fixing:
    """What a comparison queues, in the name of its job. ``counts``: contacts by state, as far as it is."""

    wiring: Wiring
    job: Job
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, count: int) -> None:
        """So many more are queued. Stopped where the job was ended, or is somebody else's."""
        self.job = replace(self.job, queued=self.job.queued + count, counts=dict(self.counts))
        with self.wiring.database.transaction() as session:
            if jobs.beat(session, self.job, self.wiring.owner, self.wiring.clock()) is None:
                raise Stopped

    def end(self, state: str, why: str = "") -> None:
        """It is over: done, or failed and ``why``."""
        with suppress(Stopped):
            self.note(0)
        with self.wiring.database.transaction() as session:
            jobs.finish(session, self.job.id, state, self.wiring.clock(), why)


class _Seen:
    """Ids that were met, per platform."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("")  # private, temporary, on disk once it grows
        self._file.execute("CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID")

    def add(self, platform: Platform, ids: Iterable[str]) -> None:
        """These were met."""
        rows = [(f"{platform}:{one}",) for one in ids if one]
        self._file.executemany("INSERT OR IGNORE INTO seen VALUES (?)", rows)

    def among(self, platform: Platform, ids: Collection[str]) -> set[str]:
        """Those of the ids that were met."""
        row = "SELECT 1 FROM seen WHERE id = ?"
        return {one for one in ids if self._file.execute(row, (f"{platform}:{one}",)).fetchone()}

    def close(self) -> None:
        """Forget everything."""
        self._file.close()


def _begin(wiring: Wiring, instance: Instance, author: str) -> Job:
    with wiring.database.transaction() as session:
        return jobs.start(
            session,
            kind=KIND,
            instance_id=instance.id,
            owner=wiring.owner,
            now_ms=wiring.clock(),
            options={"fix": True},
            author=author,
        )


@dataclass(slots=True)
class _Walk:
    wiring: Wiring
    context: Context
    seen: _Seen
    stopping: Stopping
    fixing: Fixing | None
    records: Records = field(init=False)
    publisher: Publisher = field(init=False)

    def __post_init__(self) -> None:
        self.records = Records(self.context, self.wiring.database, self.wiring.sealer)
        self.publisher = self.wiring.queue.publisher()

    def end(self) -> None:
        """Nothing is queued any more."""
        self.publisher.close()

    def source(self, tell: Tell) -> Iterator[Row]:
        """The first walk."""
        side, done = self.context.direction.source, 0
        total = total_of(self.context, side)
        for page in everybody(self.context, side, self.stopping):
            works = list(planned(self.context, self.records, page.contacts, self.stopping))
            rows = [self._row(work) for work in works]
            for work in works:
                self._remember(work)
            self._queue([m for work, row in zip(works, rows, strict=True) for m in self._mending(work, row)])
            yield from rows
            done += len(page.contacts)
            tell(done, total)

    def _mending(self, work: Work, row: Row) -> list[Message]:
        """What a fix queues for a source contact."""
        if row.state is State.GONE and work.link is not None:
            return [self._deletion(work.link)]
        if row.state not in (State.DIFFERS, State.ONLY_HERE) or work.source is None:
            return []
        now_ms = self.context.clock()
        return [message_of(self.context, work.source, now_ms, self._job_id, Cause.RECONCILE)]

    def _row(self, work: Work) -> Row:
        verdict, code = verdict_of(work)
        target = self.context.direction.target
        fields = [v.row.side(target).name for v in work.verdicts if v.action in (Action.WRITE, Action.YIELD)]
        fields += ["crm_id"] if work.crm_id else []
        states = {"create": State.ONLY_HERE, "filtered": State.EXCLUDED, "error": State.ERROR}
        state = states.get(verdict, State.DIFFERS if fields else State.IN_SYNC)
        if code == Code.CRM_ID_NOT_FOUND and work.failure is None:
            state = State.GONE
        return Row(
            state=state,
            contact=f"{self.context.direction.source}:{work.contact}",
            counterpart=counterpart(self.context, work),
            fields=tuple(dict.fromkeys(fields)) if state is State.DIFFERS else (),
            code=code,
            why=_reasons(work) if state is State.DIFFERS else why(work),
        )

    def _remember(self, work: Work) -> None:
        """The contact, whom it is tied to, and whoever the matching had in mind."""
        source, target = self.context.direction.source, self.context.direction.target
        known = [work.target.id] if work.target is not None else []
        known += [one for step in work.story.matching for one in step.candidates]
        self.seen.add(source, [work.contact])
        if work.source is not None:
            own = aliases(work.source, work.contact) if source is Platform.HUBSPOT else ()
            self.seen.add(source, own)
            known += [work.source.crm_id] if source is Platform.MAINSTAY else []
        self.seen.add(target, known)

    def links(self) -> Iterator[Row]:
        """The second walk: links whose HubSpot record nobody has met so far."""
        after = 0
        while True:
            with self.wiring.database.reading() as session:
                page = links.page(session, self.context.pair, after, LINKS_PAGE)
            if not page:
                return
            after = page[-1].id
            unmet = self._unmet(page)
            if unmet:
                yield from self._lost(unmet)
            self._remember_links(page)

    def _remember_links(self, page: Sequence[Link]) -> None:
        """A linked target contact is not alone; but where a Mainstay source is gone, its record is."""
        if self.context.direction.source is Platform.HUBSPOT:
            self.seen.add(Platform.MAINSTAY, [one.mainstay_id for one in page])
            return
        met = self.seen.among(Platform.MAINSTAY, [one.mainstay_id for one in page])
        self.seen.add(Platform.HUBSPOT, [one.hubspot_id for one in page if one.mainstay_id in met])

    def _unmet(self, page: Sequence[Link]) -> list[Link]:
        met = self.seen.among(Platform.HUBSPOT, [one.hubspot_id for one in page])
        return [one for one in page if one.hubspot_id not in met]

    def _lost(self, unmet: Sequence[Link]) -> list[Row]:
        ids = [one.hubspot_id for one in unmet]
        answers = patiently(lambda: self.context.hubspot.read(ids, []), self.stopping)
        rows, messages = [], []
        for link in unmet:
            answer = answers[link.hubspot_id]
            if isinstance(answer, NotFound):
                reason = "the HubSpot record was deleted, and nobody told"
            elif isinstance(answer, PlatformError):
                raise answer
            elif answer.id != link.hubspot_id:
                reason = f"the HubSpot record was merged into {answer.id}, and nobody told"
            else:
                continue
            messages.append(self._deletion(link))
            pair = (f"hubspot:{link.hubspot_id}", f"mainstay:{link.mainstay_id}")
            rows.append(Row(State.GONE, *pair, why=reason))
        self._queue(messages)
        return rows

    def _deletion(self, link: Link) -> Message:
        """What HubSpot's own event would have been; the account's business looks which of the two it is."""
        now_ms = self.context.clock()
        return Message(
            id=uuid.uuid4().hex,
            address=Address(Lane.ACCOUNT, self.context.instance.hubspot.id),
            contact=link.hubspot_id,
            occurred_at_ms=now_ms,
            accepted_at_ms=now_ms,
            kind=Kind.DELETION,
            cause=Cause.RECONCILE,
            job=self._job_id,
        )

    def target(self) -> Iterator[Row]:
        """The third walk: contacts of the target that nobody in the source is tied to."""
        side = self.context.direction.target
        for page in everybody(self.context, side, self.stopping):
            alone = [one for one in page.contacts if not one.left_out]
            met = self.seen.among(side, [one.id for one in alone])
            if side is Platform.MAINSTAY:
                carried = self.seen.among(Platform.HUBSPOT, [one.crm_id for one in alone if one.crm_id])
                alone = [one for one in alone if one.crm_id not in carried]
            yield from (self._alone(one) for one in alone if one.id not in met)

    def _alone(self, contact: Contact) -> Row:
        source, target = self.context.direction.source, self.context.direction.target
        reason = f"no {source.title} contact is tied to it"
        if contact.platform is Platform.MAINSTAY and contact.crm_id:
            reason = f"its CRM ID {contact.crm_id} leads to no HubSpot record"
        return Row(State.ONLY_THERE, f"{target}:{contact.id}", why=reason)

    @property
    def _job_id(self) -> int:
        return self.fixing.job.id if self.fixing is not None else 0

    def _queue(self, messages: Sequence[Message]) -> None:
        if self.fixing is None or not messages:
            return
        self.publisher.publish(messages, timeout_s=10.0)
        self.fixing.note(len(messages))


def _reasons(work: Work) -> str:
    """Why the fields differ: every reason once."""
    told = [v.reason for v in work.verdicts if v.action in (Action.WRITE, Action.YIELD)]
    told += ["Mainstay's contact is to carry the HubSpot record's id"] if work.crm_id else []
    return "; ".join(dict.fromkeys(told))
