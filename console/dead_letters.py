"""Dead letters as people meet them: their shape for all entrances, whether they are out of date, and what is
done about them, with its audit entry."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from console.activities import word_of
from console.times import rfc3339
from core.domain.codes import HELP, Code
from core.domain.messages import Message, Unreadable
from core.domain.outcomes import Outcome
from core.store import audit, dead_letters
from core.store.dead_letters import DeadLetter, Search
from core.store.jobs import Job
from core.store.outcomes import OutcomeRow

if TYPE_CHECKING:
    from consumers.jobs.replay_plan import ReplayPlan
    from consumers.jobs.replaying import Replayed
    from core.wiring import Wiring

COLUMNS = (
    *("id", "instance", "direction", "contact", "code", "message", "attempts"),
    *("first_failed_at", "last_failed_at"),
)
USED_UP = "All tries are used up: replay the dead letters once the platform answers as it should."
_CHUNK = 500
_FAILED = (Outcome.ERROR, Outcome.DEAD)


def document(one: DeadLetter) -> dict[str, Any]:
    """The shape of the API, of ``crosswalk dead list --json`` and of the download."""
    return {
        "id": one.id,
        "instance": one.instance,
        "direction": one.direction,
        "contact": one.contact,
        "code": one.code,
        "message": one.message,
        "attempts": one.attempts,
        "first_failed_at": rfc3339(one.first_failed_at_ms),
        "last_failed_at": rfc3339(one.last_failed_at_ms),
    }


def shown(one: DeadLetter) -> dict[str, Any]:
    """One dead letter in full: what failed, why, what to do."""
    help_ = HELP[Code(one.code)]
    return document(one) | {
        "state": one.state,
        "title": help_.title,
        "cause": help_.cause,
        "next_step": next_step(Code(one.code)),
        "queued_for": queued_for(one),
    }


def replay_document(told: "ReplayPlan", done: "Replayed | None") -> dict[str, Any]:
    """What a replay takes, and what it did; None: it was a dry run."""
    return {
        "count": told.letters,
        "queued": done.queued if done else 0,
        "unreadable": done.unreadable if done else told.unreadable,
        "job": (done.job or None) if done else None,
        "dry_run": done is None,
        "plan": {"contacts": told.contacts, "calls": dict(told.calls), "minutes": told.minutes},
    }


def discard_document(count: int, discarded: int, *, dry_run: bool) -> dict[str, Any]:
    """How many dead letters fit, and how many were discarded."""
    return {"count": count, "discarded": discarded, "dry_run": dry_run}


def queued_for(one: DeadLetter) -> str:
    """What the message asked for, in words; why it can't be read, where it can't."""
    try:
        message = Message.from_json(one.body)
    except Unreadable as problem:
        return str(problem)
    changes = ", ".join(message.changes) or "not told"
    return f"{message.kind}, asked for by {message.cause}, changed fields: {changes}"


def next_step(code: Code) -> str:
    """The code's own, but for one whose tries are used up: nothing of it goes on by itself."""
    return USED_UP if code.retryable else HELP[code].next_step


def out_of_date(later: OutcomeRow | None) -> str:
    """What a later outcome of its contact says about a dead letter; "" where there is none."""
    if later is None:
        return ""
    if later.outcome in _FAILED:
        return f"The contact was tried again since, and failed: {later.code}."
    changed = (
        "The contact changed since" if later.cause == "event" else "The contact was looked at again since"
    )
    return f"{changed} and is through: {word_of(later.outcome).lower()}."


def every(wiring: "Wiring", wanted: Search) -> Iterator[DeadLetter]:
    """All that fit, oldest first, page by page."""
    after, left = wanted.after_id, wanted.limit
    while left is None or left > 0:
        size = _CHUNK if left is None else min(_CHUNK, left)
        with wiring.database.reading() as session:
            found = dead_letters.search(session, replace(wanted, after_id=after, limit=size))
        yield from found
        if len(found) < size:
            return
        after, left = found[-1].id, None if left is None else left - size


def replay_paced(wiring: "Wiring", wanted: Search, who: str) -> Job:
    """Leave a replay to the scheduler, behind live changes."""
    from consumers.jobs import replaying

    job = replaying.begin(wiring, wanted, who)
    note_replay(wiring, job.total or 0, job.id, who)
    return job


def note_replay(wiring: "Wiring", count: int, job_id: int, who: str) -> None:
    """A replay stands in the audit log."""
    _note(wiring, who, "dead-letters.replayed", f"{count} dead letters", f"job {job_id}")


def discard(wiring: "Wiring", wanted: Search, who: str, reason: str) -> int:
    """Give dead letters up for good: a later change of the contact is synced all the same. How many."""
    from consumers import giving_up

    count, letters = 0, list(every(wiring, wanted))
    for n in range(0, len(letters), _CHUNK):
        with wiring.database.transaction() as session:
            count += giving_up.discard(session, letters[n : n + _CHUNK], who, reason, wiring.clock())
    _note(wiring, who, "dead-letters.discarded", f"{count} dead letters", *([reason] if reason else []))
    return count


def _note(wiring: "Wiring", who: str, action: str, *details: str) -> None:
    with wiring.database.transaction() as session:
        audit.record(session, wiring.clock(), who, action, "", details)
