"""One contact, by hand: what a sync would do (``preview``), or doing it now (``sync``).

The same plan and the same writing as the consumers', in the process that asks.
"""

import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from consumers.batch import Batch, works_of
from consumers.batch import preview as preview_batch
from consumers.directory import Directory, context_of
from consumers.leasing import Held
from consumers.records import Records
from consumers.results import Result
from consumers.work import Context, Work
from core.domain.fields import Platform
from core.domain.filters import check
from core.domain.instances import Instance
from core.domain.messages import Address, Cause, Lane, Message
from core.domain.outcomes import Action, Outcome
from core.platforms.errors import PlatformError
from core.store import outcomes
from core.wiring import Wiring

PATIENCE_S = 60.0  # how long a sync by hand waits for a lease, a budget or the search's lag
_STEP_S = 0.2


@dataclass(frozen=True, slots=True)
class Synced:
    """How a sync by hand ended. ``outcome`` "waiting" and ``why``: it did not get its turn in time, or a
    platform failed; then nothing is queued, try again."""

    outcome: str
    code: str | None
    why: str
    story: dict[str, Any]


def preview(wiring: Wiring, instance: Instance, contact_id: str) -> dict[str, Any]:
    """What a sync of this source contact would do, and why, in contract.md §4's shape. Writes nothing."""
    return preview_many(wiring, instance, [contact_id])[0]


def preview_many(
    wiring: Wiring, instance: Instance, contact_ids: Sequence[str], *, background: bool = False
) -> list[dict[str, Any]]:
    """``preview`` of several contacts at once, in their order. An instance that is not stored has id 0.
    ``background``: live changes go before its calls."""
    if not contact_ids:
        return []
    context, records = _parts(wiring, instance, background=background)
    works = works_of([_message(wiring, instance, contact_id) for contact_id in contact_ids])
    preview_batch(context, records, works)
    told = {work.contact: _told(*verdict_of(work), context, work) for work in works}
    return [told[contact_id] for contact_id in contact_ids]


def verdict_of(work: Work) -> tuple[str, str | None]:
    """What a planned work would end as (create, update, unchanged, filtered or error), and its code."""
    code = str(work.problems[0].code) if work.problems else None
    if work.failure is not None:
        return "error", str(work.failure.code)
    if work.outcome is not None:
        ends = {Outcome.FILTERED: "filtered", Outcome.UNCHANGED: "unchanged", Outcome.GONE: "filtered"}
        return ends.get(work.outcome, "error"), code
    if work.match is not None and work.match.create:
        return "create", code
    if work.to_write() or work.crm_id:
        return "update", code
    return ("error" if code else "unchanged"), code


def sync(wiring: Wiring, instance: Instance, contact_id: str) -> Synced:
    """Sync this source contact now; returns when the outcome is known."""
    return sync_some(wiring, instance, [contact_id])[contact_id]


def sync_some(
    wiring: Wiring, instance: Instance, contact_ids: Sequence[str], patience_s: float = PATIENCE_S
) -> dict[str, Synced]:
    """Sync these source contacts now, in one batch; returns when each outcome is known, in their order."""
    context, records = _parts(wiring, instance)
    messages = [_message(wiring, instance, contact_id) for contact_id in dict.fromkeys(contact_ids)]
    done: dict[str, Synced] = {}
    deadline_s, left = time.monotonic() + patience_s, messages
    while left:
        held = Held(wiring.leases, f"{wiring.owner}{uuid.uuid4().hex[:8]}")
        batch = Batch(context, records, held, wiring.settings.retry_ladder_s)
        result = batch.run(left)
        if result.follow_ups:
            with closing(wiring.queue.publisher()) as publisher:
                publisher.publish(result.follow_ups)
        again, pause_s = [], _STEP_S
        for message in left:
            put = result.back.get(message.id)
            failed = put is not None and put.message.attempt > message.attempt
            if put is None:
                done[message.contact] = _outcome(wiring, message)
            elif failed or time.monotonic() + min(put.delay_s, 5.0) > deadline_s:
                done[message.contact] = Synced("waiting", *_why(batch, result, failed), {})
            else:
                again.append(message)
                pause_s = max(pause_s, min(put.delay_s, 5.0))
        left = again
        if left:
            time.sleep(pause_s)
    return {message.contact: done[message.contact] for message in messages}


def _why(batch: Batch, result: Result, failed: bool) -> tuple[str | None, str]:
    error = batch.last_error
    if failed and error is not None:
        return str(error.code), str(error)
    return (str(error.code) if error else None), str(error or "another process works on this contact")


def _outcome(wiring: Wiring, message: Message) -> Synced:
    with wiring.database.reading() as session:
        row = outcomes.of_message(session, message.id)
    assert row is not None
    return Synced(row.outcome, row.code, "", row.story)


def _parts(wiring: Wiring, instance: Instance, *, background: bool = False) -> tuple[Context, Records]:
    directory = Directory.load(wiring)
    found = directory.instances.get(instance.id, instance)
    context = context_of(wiring, directory, found, background=background)
    return context, Records(context, wiring.database, wiring.sealer)


def _message(wiring: Wiring, instance: Instance, contact_id: str) -> Message:
    now_ms = wiring.clock()
    return Message(
        id=uuid.uuid4().hex,
        address=Address(Lane(instance.direction), instance.id),
        contact=contact_id,
        occurred_at_ms=now_ms,
        accepted_at_ms=now_ms,
        cause=Cause.SYNC,
    )


def _told(outcome: str, code: str | None, context: Context, work: Work) -> dict[str, Any]:
    fields = _fields(context, work)
    return {
        "outcome": outcome,
        "code": code,
        "exists": work.outcome is not Outcome.GONE,
        "filter": _filter(context, work),
        "matching": [step.to_json() for step in work.story.matching],
        "changes": _changes(outcome, fields),
        "fields": fields,
        "problems": [
            {"code": str(one.code), "field": one.field, "message": one.message} for one in work.problems
        ],
        "notes": _notes(work, work.failure),
    }


def _notes(work: Work, failure: PlatformError | None) -> list[str]:
    return [*work.story.notes, *([str(failure)] if failure is not None else [])]


def _filter(context: Context, work: Work) -> dict[str, Any]:
    if work.source is None:
        return {"passed": None, "reasons": []}  # it could not be read
    if work.source.left_out:
        return {"passed": False, "reasons": [{"field": work.source.left_out, "held": False}]}
    verdict = check(context.instance.mapping, work.source.values, context.direction.source, context.region)
    return {
        "passed": verdict.passed,
        "reasons": [
            {"field": one.field, "wanted": list(one.wanted), "actual": one.actual, "held": one.held}
            for one in verdict.reasons
        ],
    }


def _changes(outcome: str, fields: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the fields that a sync would write or had to leave out. Where it ends without writing, as an
    error or filtered, none would be written."""
    told = {Action.LEFT_OUT, *((Action.WRITE,) if outcome in ("create", "update") else ())}
    return [one for one in fields if one["action"] in told]


def _fields(context: Context, work: Work) -> list[dict[str, Any]]:
    """Field by field: what the target has, what it would have, and why. Fields that stay are told too."""
    target = context.direction.target
    fields = [
        {
            "field": verdict.row.side(target).name,
            "before": verdict.before or None,
            "after": (verdict.after if verdict.action is Action.WRITE else verdict.before) or None,
            "reason": verdict.reason,
            "action": str(verdict.action),
        }
        for verdict in work.verdicts
    ]
    if work.crm_id:
        holder = work.target if target is Platform.MAINSTAY else work.source
        before = (holder.crm_id or None) if holder is not None else None
        fields.append(
            {
                "field": "crm_id",
                "before": before,
                "after": work.crm_id,
                "reason": "Mainstay's contact is to carry the HubSpot record's id",
                "action": str(Action.WRITE),
            }
        )
    return fields
