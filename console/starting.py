"""Syncs and work on many contacts, asked for by a command, a page or the API; each with its audit entry.

And what such work answers, in the shape that all entrances share.
"""

from typing import TYPE_CHECKING, Any

from console.times import rfc3339
from core.domain.instances import Instance
from core.platforms.errors import PlatformError
from core.store import audit
from core.store.jobs import Job

if TYPE_CHECKING:
    from consumers.jobs.forecast import Forecast
    from consumers.jobs.reconcile import Row
    from consumers.jobs.sweep import Swept
    from consumers.single import Synced
    from core.wiring import Wiring


class CannotStart(Exception):
    """The work can't begin now. The text says why and what to do first."""


def sync(wiring: "Wiring", instance: Instance, contact: str, who: str) -> "Synced":
    """Sync a contact of the source now; returns when its outcome is known."""
    from consumers import single

    done = single.sync(wiring, instance, contact)
    whom = audit.contact_mark(wiring.digest_key(), instance.source.platform, contact)
    _note(wiring, who, "contact.synced", instance, [whom])
    return done


def backfill(
    wiring: "Wiring",
    instance: Instance,
    who: str,
    *,
    max_creates: int | None = None,
    max_errors: int | None = None,
) -> Job:
    """Ask for all existing contacts; a scheduler does the work. CannotStart."""
    from consumers.jobs import backfill as feeding

    must_be_enabled(instance)
    job = feeding.begin(wiring, instance, max_creates=max_creates, max_errors=max_errors, author=who)
    if job is None:
        raise CannotStart(
            f"a backfill of {instance.name} is running or paused already; stop it, or let it end first"
        )
    limits = [f"at most {max_creates} creates"] if max_creates else []
    limits += [f"until {max_errors} errors"] if max_errors else []
    _note(wiring, who, "backfill.started", instance, limits)
    return job


def sweep(wiring: "Wiring", instance: Instance, who: str, since_ms: int | None = None) -> "Swept":
    """Queue what changed since the watermark, or since then. CannotStart, PlatformError, QueueUnavailable."""
    from consumers.jobs import sweep as sweeping

    must_be_enabled(instance)
    swept = sweeping.sweep(wiring, instance, since_ms=since_ms)
    _note(wiring, who, "sweep.done", instance, [f"{swept.queued} contacts queued"])
    return swept


def sweep_since(wiring: "Wiring", instance: Instance, who: str, since_ms: int) -> Job:
    """Ask for a sweep from a time on, as a job at the consumers' pace. CannotStart."""
    from consumers.jobs import looking_back

    must_be_enabled(instance)
    job = looking_back.begin(wiring, instance, since_ms=since_ms, author=who)
    if job is None:
        raise CannotStart(f"a sweep of {instance.name} is running or paused already; stop it, or let it end")
    _note(wiring, who, "sweep.started", instance, [f"since {rfc3339(since_ms)}", f"job {job.id}"])
    return job


def compare(wiring: "Wiring", instance: Instance, who: str, *, fix: bool = False) -> Job:
    """Ask for a comparison of both sides, as a job; ``fix`` queues what differs. CannotStart."""
    from consumers.jobs import comparing

    if fix:
        must_be_enabled(instance)
    job = comparing.begin(wiring, instance, fix=fix, author=who)
    if job is None:
        raise CannotStart(
            f"a comparison of {instance.name} is running or paused already; stop it, or let it end"
        )
    _note(wiring, who, "reconcile.started", instance, [f"job {job.id}", *(["fixing"] if fix else [])])
    return job


def note_reconcile(wiring: "Wiring", instance: Instance, who: str) -> None:
    """Both sides are compared, and what differs is queued. CannotStart where nothing would carry it over."""
    must_be_enabled(instance)
    _note(wiring, who, "reconcile.fixing", instance, [])


def must_be_enabled(instance: Instance) -> None:
    """CannotStart where the instance is off."""
    if not instance.enabled:
        raise CannotStart(
            f"the instance {instance.name} is disabled, so it carries nothing over; switch it on first"
            f" (`crosswalk instances enable {instance.name!r}`)"
        )


def synced_document(done: "Synced") -> dict[str, Any]:
    """How a sync by hand ended, with its story; empty parts of that are left out."""
    return {"outcome": done.outcome, "code": done.code, "why": done.why or None, **done.story}


def backfill_document(wiring: "Wiring", instance: Instance, job: Job) -> dict[str, Any]:
    """How a backfill stands."""
    from consumers.jobs import backfill as feeding

    return {
        "job": job.id,
        "instance": instance.name,
        "state": job.state,
        "queued": job.queued,
        "total": job.total,
        "outcomes": feeding.counts_of(wiring, job),
        "note": job.note or None,
    }


def forecast_document(instance: Instance, found: "Forecast") -> dict[str, Any]:
    """What a backfill would do."""
    return {
        "instance": instance.name,
        "direction": str(instance.direction),
        "contacts": found.contacts,
        "would": found.would,
        "codes": found.codes,
        "examples": {
            verdict: [
                {"contact": one.contact, "target": one.target, "code": one.code, "why": one.why}
                for one in shown
            ]
            for verdict, shown in found.examples.items()
        },
        "calls": found.calls,
        "warning": found.warning or None,
    }


def reconcile_document(row: "Row") -> dict[str, Any]:
    """How one contact compares."""
    return {
        "state": str(row.state),
        "contact": row.contact,
        "counterpart": row.counterpart,
        "fields": list(row.fields),
        "code": row.code,
        "why": row.why or None,
    }


def failure_document(error: BaseException) -> dict[str, str]:
    """What broke a comparison off."""
    if isinstance(error, PlatformError):
        return {"code": str(error.code), "detail": str(error)}
    return {"code": "", "detail": "it was stopped, or something here failed"}


def _note(wiring: "Wiring", who: str, action: str, instance: Instance, details: list[str]) -> None:
    with wiring.database.transaction() as session:
        audit.record(session, wiring.clock(), who, action, instance.name, details)
