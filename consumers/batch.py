"""One batch: from messages of one instance to their outcomes and to what the queue is told.

``sync`` is the story (lease, look, plan, write); ``Batch.run`` wraps it for the queue: which messages are
done, which wait, which are given up. Nothing in here acks; ``runner.py`` does, with what ``run`` returns.
"""

import random
import time
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from consumers import health, incoming, incoming_writing, outgoing, outgoing_writing
from consumers.leasing import Held, lease_key
from consumers.links import overwritten
from consumers.records import WRITTEN, GivenUp, Records
from consumers.work import SOON_S, Context, Work, folded, open_works
from core import telemetry, tracing
from core.domain.codes import Code
from core.domain.fields import Direction, Platform
from core.domain.instances import Existence
from core.domain.messages import Address, Cause, Change, Lane, Message
from core.domain.outcomes import Outcome, Problem
from core.platforms.errors import AuthenticationFailed, PermissionMissing, PlatformError, RateLimited
from core.store.links import Link

ENDS = {Existence.DISABLED: Outcome.DISABLED, Existence.DELETED: Outcome.DELETED}
HELD_S = 1.0  # a message of an account that was just held looks again after this
_OWN_CREATE_MS = 30_000  # how long an open create towards the source may explain an unknown contact
_OWN_CREATE_PATIENCE_MS = 10_000


@dataclass(frozen=True, slots=True)
class Put:
    """A message that goes back into the queue: the message as it is then, and when it is due."""

    message: Message
    delay_s: float


@dataclass(slots=True)
class Result:
    """What the queue is told. ``back`` is by message id; every other message of the batch is done.

    ``broken``: the batch ended by a fault of our own.
    """

    back: dict[str, Put] = field(default_factory=dict)
    follow_ups: list[Message] = field(default_factory=list)
    broken: bool = False


def works_of(messages: Iterable[Message]) -> list[Work]:
    """One Work per contact, with all its messages folded."""
    grouped: dict[str, list[Message]] = {}
    for message in messages:
        grouped.setdefault(message.contact, []).append(message)
    return [Work(contact, group, folded(group)) for contact, group in grouped.items()]


def sync(context: Context, records: Records, held: Held, works: Sequence[Work]) -> None:
    """Bring the contacts in step. Afterwards every work is decided."""
    source, target = context.direction.source, context.direction.target
    held.take(works, {work.contact: {_key(context, source, work.contact)} for work in works})
    records.load(open_works(works))
    linked = [work for work in open_works(works) if work.link is not None]
    held.take(linked, {work.contact: {_key(context, target, _other_id(context, work))} for work in linked})
    end_echoes(context, open_works(works))
    wait_for_own_creates(context, records, open_works(works))
    _plan(context, records, works)
    held.take(open_works(works), {w.contact: _target_keys(context, w) for w in open_works(works)})
    end_unwanted(context, records, open_works(works))
    write = (
        incoming_writing.carry_out if context.direction is Direction.INCOMING else outgoing_writing.carry_out
    )
    write(context, records, works, lambda some: _match_again(context, records, some))


def _plan(context: Context, records: Records, works: Sequence[Work]) -> None:
    plan = incoming.plan if context.direction is Direction.INCOMING else outgoing.plan
    plan(context, works, lambda ids: records.links_of(context.direction.target, ids))


def _match_again(context: Context, records: Records, works: Sequence[Work]) -> None:
    room = incoming if context.direction is Direction.INCOMING else outgoing
    room.match(context, works, lambda ids: records.links_of(context.direction.target, ids))
    room.decide(context, works)


def preview(context: Context, records: Records, works: Sequence[Work]) -> None:
    """Everything but the writing, and no leases: what ``sync`` would do."""
    records.load(works)
    _plan(context, records, works)


def end_unwanted(context: Context, records: Records, works: Sequence[Work]) -> None:
    """Disabling acts at once, between reading and writing too. By hand a disabled instance may be synced."""
    existence = records.existence() if works and context.instance.enabled else Existence.ENABLED
    if existence is not Existence.ENABLED:
        for work in works:
            work.end(ENDS[existence])


def end_echoes(context: Context, works: Sequence[Work]) -> None:
    """Values equal to the agreed ones are no outside change: our own writes coming back end here, without a
    call. An open write (``sent_to``: a lost answer) forbids it until the target was read again."""
    source = context.direction.source
    for work in works:
        link = work.link
        if link is None or link.sent_to or work.intent is not None or not work.changes:
            continue
        if context.instance.id in link.unsettled:
            continue  # a change of another field was skipped: it has to be looked at too
        if any(message.looked or not message.cause.may_shortcut for message in work.messages):
            continue  # a first look may have left something half done: the CRM ID to be set, for one
        if all(_no_news(context, link, source, name, change) for name, change in work.changes.items()):
            work.end(Outcome.UNCHANGED, note="the values are those that both sides agreed on")


def _no_news(context: Context, link: Link, source: Platform, name: str, change: Change) -> bool:
    """The value is the agreed one, or one that we wrote over after it was told of."""
    known = _known(context, link, source, name)
    return change.digest in known or (bool(known) and overwritten(link, source, name, change))


def _known(context: Context, link: Link, source: Platform, name: str) -> Collection[str]:
    """The digest that every row of a source field last agreed on; empty if any row never did."""
    mapping = context.instance.mapping
    agreed = [link.agreed.get(row.memory) for row in mapping.rows if row.side(source).name == name]
    known = [pair.side(source) if pair is not None else "" for pair in agreed]
    letter = "h" if source is Platform.HUBSPOT else "m"
    if not agreed or any(one.field.name == name for one in mapping.filters):
        known.append(link.filters.get(f"{letter}:{name}", ""))
    return set(known) if known and len(set(known)) == 1 else ()


def wait_for_own_creates(context: Context, records: Records, works: Sequence[Work]) -> None:
    """An unknown contact may be one that another worker is creating right now: its link is about to be
    stored, and then this event is an echo. Bounded: after a few seconds it is looked at anyway."""
    unknown = [
        work
        for work in works
        if work.link is None
        and work.intent is None
        and all(message.cause is Cause.EVENT for message in work.messages)
        and all(
            context.clock() - message.accepted_at_ms < _OWN_CREATE_PATIENCE_MS for message in work.messages
        )
    ]
    if unknown and context.clock() - records.create_towards_source_ms() < _OWN_CREATE_MS:
        for work in unknown:
            work.wait(SOON_S)


def _key(context: Context, platform: Platform, contact_id: str) -> str:
    return lease_key(platform, context.account(platform).id, contact_id)


def _other_id(context: Context, work: Work) -> str:
    assert work.link is not None
    return work.link.mainstay_id if context.direction is Direction.INCOMING else work.link.hubspot_id


def _target_keys(context: Context, work: Work) -> set[str]:
    """The target that was matched; for a create, the phone and email it will have."""
    target = context.direction.target
    if work.target is not None:
        return {_key(context, target, work.target.id)}
    keys = set()
    for verdict in work.to_write():
        field_ = verdict.row.side(target)
        if field_.name in ("phone", "email") and verdict.after:
            keys.add(_key(context, target, context.digest(target, field_.name, verdict.after)))
    return keys


@dataclass(slots=True)
class Batch:
    """A batch for the queue. ``ladder_s`` are the waits between tries."""

    context: Context
    records: Records
    held: Held
    ladder_s: Sequence[float]
    last_error: PlatformError | None = None
    _begun_s: float = field(default_factory=time.monotonic)

    def run(self, messages: Sequence[Message]) -> Result:
        """Sync the contacts of these messages; one durable outcome for each that does not go back."""
        finished = self.records.finished(messages)
        works = works_of(one for one in messages if (one.id, one.generation) not in finished)
        again = [one for one in messages if (one.id, one.generation) in finished]
        owed = [look for target in self.records.owed(again) for look in self._looks(target)] if again else []
        if not works:
            return Result(follow_ups=owed)
        try:
            sync(self.context, self.records, self.held, works)
            result = self._conclude(works)
        finally:
            self.held.release()
        result.follow_ups += owed
        return result

    def end(self, messages: Sequence[Message], outcome: Outcome) -> Result:
        """The instance is disabled or deleted: its messages end without a look at any platform."""
        works = works_of(messages)
        for work in works:
            work.end(outcome)
        return self._conclude(works)

    def _conclude(self, works: Sequence[Work]) -> Result:
        result = Result()
        gone_up: list[GivenUp] = []
        self._judge_permissions(works)
        for work in works:
            # Two directions that can both do nothing would send each other to look for ever.
            answers = all(message.cause is Cause.FOLLOW_UP for message in work.messages)
            work.follow_up = work.follow_up and (work.outcome in WRITTEN or not answers)
        with self.records.database.transaction() as session:
            stuck = self._health(session, works)
            self.records.settle(session, works)
            for work in works:
                if work.failure is not None:
                    self._failed(work, work.failure, stuck, result, gone_up)
                elif work.wait_s is not None:
                    begun = work.source is not None
                    result.back.update(
                        {m.id: Put(replace(m, looked=m.looked or begun), work.wait_s) for m in work.messages}
                    )
            self.records.after(session, works, gone_up)
        self._tell(works, gone_up)
        result.follow_ups = [m for work in works if work.outcome is not None for m in self._follow_ups(work)]
        return result

    def _judge_permissions(self, works: Sequence[Work]) -> None:
        """A 403: for the whole account it is broken authentication; else the contact's own problem."""
        refused = [work for work in works if isinstance(work.failure, PermissionMissing)]
        whole: dict[Platform, PlatformError | None] = {}
        for work in refused:
            error = work.failure
            assert error is not None
            if error.platform not in whole:
                hubspot = error.platform is Platform.HUBSPOT
                client = self.context.hubspot if hubspot else self.context.mainstay
                whole[error.platform] = health.account_refusal(client, error)
            work.failure = whole[error.platform]
            if work.failure is None:
                work.end(
                    Outcome.ERROR,
                    Problem(error.code, f"{error.platform.title} does not permit it: {error.detail}"),
                )

    def _health(self, session: Session, works: Sequence[Work]) -> set[Platform]:
        """Tell each account how it did; the platforms whose accounts are held now."""
        stuck: set[Platform] = set()
        now_ms, instance = self.context.clock(), self.context.instance
        for platform in Platform:
            account = self.context.account(platform)
            errors = [
                (work, work.failure) for work in works if work.failure and work.failure.platform is platform
            ]
            for _, error in errors:
                if isinstance(error, AuthenticationFailed):
                    health.hold_credentials(
                        session,
                        account,
                        instance,
                        version=error.credential_version,
                        detail=error.detail,
                        now_ms=now_ms,
                    )
                    stuck.add(platform)
                    break
            failures = [one for one in errors if one[1].retryable and not isinstance(one[1], RateLimited)]
            failed = {work.contact for work, error in failures if not error.in_company}
            # Of those that failed in one call, one may have spoiled it for the others.
            failed |= {work.contact for work, error in failures[:1] if error.in_company}
            fine = any(
                platform in work.called and (work.failure is None or work.failure.platform is not platform)
                for work in works
            )
            if (failed or fine) and health.note(
                session, account, instance, failed=failed, succeeded=fine, now_ms=now_ms
            ):
                stuck.add(platform)
        return stuck

    def _failed(
        self, work: Work, error: PlatformError, stuck: set[Platform], result: Result, gone_up: list[GivenUp]
    ) -> None:
        """Waits that cost no try: a spent budget, a held account. Everything else climbs the ladder."""
        self.last_error = error
        if isinstance(error, RateLimited):
            delay_s = error.retry_after_s or SOON_S
            result.back.update({m.id: Put(replace(m, looked=True), delay_s) for m in work.messages})
            return
        if error.platform in stuck or isinstance(error, AuthenticationFailed):
            result.back.update({m.id: Put(replace(m, looked=True), HELD_S) for m in work.messages})
            return
        code = error.code if error.retryable else Code.UNEXPECTED_ANSWER
        tries = max(message.attempt for message in work.messages)
        for message in work.messages:
            tried = replace(message, attempt=tries).failed(self.context.clock())
            if tried.attempt > len(self.ladder_s):
                gone_up.append(GivenUp(tried, code, str(error)))
            else:
                result.back[message.id] = Put(tried, self._rung_s(tried.attempt, error.retry_after_s))
        telemetry.log(
            "contact.failed",
            direction=self.context.direction,
            instance=self.context.instance.name,
            contact=work.contact,
            code=code,
            attempt=tries + 1,
            traces=_traces(work),
        )
        self._trace(work, "failed", str(code))

    def _rung_s(self, attempt: int, retry_after_s: float | None) -> float:
        rung_s = self.ladder_s[attempt - 1]
        return max(rung_s * random.uniform(1.0, 1.2), retry_after_s or 0.0)

    def _follow_ups(self, work: Work) -> list[Message]:
        """The other direction has a value to carry (its own event may be lost or long past)."""
        target = work.written or work.target
        if not work.follow_up or target is None:
            return []
        return self._looks(target.id, next(iter(_traces(work)), ""))

    def _looks(self, target_id: str, trace: str = "") -> list[Message]:
        """Messages to the opposite instances: look at this contact of theirs."""
        now_ms = self.context.clock()
        lane = Lane(self.context.direction.opposite)
        return [
            Message(
                id=uuid.uuid4().hex,
                address=Address(lane, opposite.id),
                contact=target_id,
                occurred_at_ms=now_ms,
                accepted_at_ms=now_ms,
                cause=Cause.FOLLOW_UP,
                trace=trace,
            )
            for opposite in self.context.opposites
        ]

    def _tell(self, works: Sequence[Work], gone_up: Sequence[GivenUp]) -> None:
        direction = self.context.direction
        for work in works:
            if work.outcome is None:
                continue
            code = str(work.problems[0].code) if work.problems else ""
            telemetry.record_outcome(direction, work.outcome, code, len(work.messages))
            told_ms = [one.occurred_at_ms for one in work.messages if one.cause.tells_when]
            if work.outcome in WRITTEN and told_ms:
                telemetry.record_written(direction, (self.context.clock() - min(told_ms)) / 1000)
            self._log(work, code)
            self._trace(work, str(work.outcome), code)
        for one in gone_up:
            telemetry.record_outcome(direction, Outcome.DEAD, one.code)

    def _log(self, work: Work, code: str) -> None:
        target = work.written or work.target
        target_side = self.context.direction.target
        telemetry.log(
            f"contact.{work.outcome}",
            direction=self.context.direction,
            instance=self.context.instance.name,
            contact=work.contact,
            target=target.id if target is not None else "",
            matched_by=work.match.by if work.match is not None else "",
            fields=",".join(v.row.side(target_side).name for v in work.to_write())
            if work.outcome in WRITTEN
            else "",
            code=code,
            messages=len(work.messages),
            traces=_traces(work),
        )

    def _trace(self, work: Work, outcome: str, code: str) -> None:
        tracing.look(
            _traces(work),
            time.monotonic() - self._begun_s,
            instance=self.context.instance.name,
            contact=work.contact,
            outcome=outcome,
            code=code,
        )


def _traces(work: Work) -> list[str]:
    """The traceparents of the requests that asked for this look; sweeps, backfills and the like have none."""
    return list(dict.fromkeys(message.trace for message in work.messages if message.trace))
