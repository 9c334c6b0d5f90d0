"""One batch: from messages of one instance to their outcomes and to what the queue is told.

``sync`` is the story (lease, look, plan, write); ``Batch.run`` wraps it for the queue: which messages are
done, which wait, which are given up. Nothing in here acks; ``runner.py`` does, with what ``run`` returns.
"""

import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from consumers import incoming, incoming_writing, outgoing, outgoing_writing
from consumers.echoes import end_echoes, wait_for_own_creates
from consumers.failing import Failing, code_of
from consumers.leasing import Held, lease_key
from consumers.records import WRITTEN, GivenUp, Records
from consumers.results import Put, Result
from consumers.work import Context, Work, folded, open_works
from core import telemetry, tracing
from core.domain.fields import Direction, Platform
from core.domain.instances import Existence
from core.domain.messages import Address, Cause, Lane, Message
from core.domain.outcomes import Outcome
from core.platforms.errors import PlatformError
from core.store import accounts

ENDS = {Existence.DISABLED: Outcome.DISABLED, Existence.DELETED: Outcome.DELETED}


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
        result, instance = Result(), self.context.instance
        gone_up: list[GivenUp] = []
        failing = Failing(self.context, self.ladder_s, self.context.clock())
        failing.judge_permissions(works)
        for work in works:
            # Two directions that can both do nothing would send each other to look for ever.
            answers = all(message.cause is Cause.FOLLOW_UP for message in work.messages)
            work.follow_up = work.follow_up and (work.outcome in WRITTEN or not answers)
        with self.records.database.transaction() as session:
            accounts.share(session, {instance.hubspot.id, instance.mainstay.id})
            stuck = failing.note_health(session, works)
            self.records.end_erased(session, works)
            self.records.settle(session, works)
            for work in works:
                if work.failure is not None:
                    self.last_error = work.failure
                    back, given_up = failing.put(work, work.failure, stuck)
                    result.back |= back
                    gone_up += given_up
                    self._trace(work, "failed", str(code_of(work.failure)))
                elif work.wait_s is not None:
                    begun = work.source is not None
                    result.back.update(
                        {m.id: Put(replace(m, looked=m.looked or begun), work.wait_s) for m in work.messages}
                    )
            self.records.after(session, works, gone_up)
        self._tell(works, gone_up)
        result.follow_ups = [m for work in works if work.outcome is not None for m in self._follow_ups(work)]
        return result

    def _follow_ups(self, work: Work) -> list[Message]:
        """The other direction has a value to carry (its own event may be lost or long past)."""
        target = work.written or work.target
        if not work.follow_up or target is None:
            return []
        return self._looks(target.id, next(iter(work.traces()), ""))

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
            traces=work.traces(),
        )

    def _trace(self, work: Work, outcome: str, code: str) -> None:
        tracing.look(
            work.traces(),
            time.monotonic() - self._begun_s,
            instance=self.context.instance.name,
            contact=work.contact,
            outcome=outcome,
            code=code,
        )
