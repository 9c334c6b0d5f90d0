"""The safety net: asks the source what changed since the watermark, and queues it.

A lost event delays a change, never loses it; only a lost deletion is found by reconcile alone.

Every page is confirmed into the queue before the watermark moves over it. A contact that did not change ends
by the digests its message carries, without a call of its own.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from consumers.directory import Directory, context_of
from consumers.jobs.pages import Stopped, modified, refused
from consumers.work import Context
from core import telemetry
from core.domain.contacts import Contact
from core.domain.fields import Field, Platform
from core.domain.instances import Instance
from core.domain.messages import Address, Cause, Change, Lane, Message
from core.domain.routing import standing
from core.platforms.errors import AuthenticationFailed, PlatformError
from core.store import jobs, watermarks
from core.store.jobs import Job
from core.store.watermarks import Watermark
from core.wiring import Wiring

OVERLAP_MS = 120_000  # clocks differ, and a platform's index lags behind its writes
NIGHT_OVERLAP_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: contacts queued, and the newest modified time among them (epoch ms)."""

    queued: int
    newest_ms: int


def sweep(
    wiring: Wiring,
    instance: Instance,
    *,
    since_ms: int | None = None,
    nightly: bool = False,
    stopping: Callable[[], bool] = lambda: False,
    room: Callable[[], None] = lambda: None,
) -> Swept:
    """Queue every contact of the source that changed since the watermark (or ``since_ms``).

    Returns when all is queued. PlatformError and QueueUnavailable end it: the watermark then stands where it
    stood, and the next sweep finds the same again. Refused credentials hold their account. ``room`` is called
    before each page and returns when the queue may have more.
    """
    started_ms = wiring.clock()
    with wiring.database.transaction() as session:
        mark = watermarks.get(session, instance.id)
        job = jobs.start(
            session, kind="sweep", instance_id=instance.id, owner=wiring.owner, now_ms=started_ms
        )
    first_ms = since_ms if since_ms is not None else beginning_ms(mark, started_ms, nightly=nightly)
    context = context_of(wiring, Directory.load(wiring), instance, background=True)
    swept, state, why = Swept(0, 0), "failed", ""
    publisher = wiring.queue.publisher()
    try:
        for page in modified(context, first_ms, stopping):
            room()
            messages = [message_of(context, contact, wiring.clock(), job.id) for contact in page.contacts]
            if messages:
                publisher.publish(messages, timeout_s=10.0)
            newest_ms = max([swept.newest_ms, *(contact.modified_ms for contact in page.contacts)])
            swept = Swept(swept.queued + len(messages), newest_ms)
            job = _went_on(wiring, replace(job, queued=swept.queued))
        state = "done"
    except Stopped:
        state = "stopped"
    except AuthenticationFailed as error:
        why = str(error)
        refused(wiring.database, context, error)
        raise
    except PlatformError as error:
        why = str(error)
        raise
    finally:
        publisher.close()
        _end(wiring, job, state, why)
    # A sweep that began later than the watermark has not seen what lies between.
    if state == "done" and mark is not None and first_ms <= mark.modified_ms:
        with wiring.database.transaction() as session:
            watermarks.advance(session, instance.id, mark, swept.newest_ms, wiring.clock(), nightly=nightly)
    telemetry.log(f"sweep.{state}", instance=instance.name, queued=swept.queued)
    return swept


def beginning_ms(mark: Watermark | None, now_ms: int, *, nightly: bool) -> int:
    """From which modified time on a sweep looks: the watermark less an overlap, but never (but for what two
    clocks may differ by) from before the instance was enabled."""
    overlap_ms = NIGHT_OVERLAP_MS if nightly else OVERLAP_MS
    if mark is None:
        return now_ms - overlap_ms
    return max(0, mark.modified_ms - overlap_ms, mark.first_ms - OVERLAP_MS if mark.first_ms else 0)


def _went_on(wiring: Wiring, job: Job) -> Job:
    with wiring.database.transaction() as session:
        if jobs.beat(session, job, wiring.owner, wiring.clock()) is None:
            raise Stopped  # somebody ended it, or took it for dead
    return job


def _end(wiring: Wiring, job: Job, state: str, why: str) -> None:
    with wiring.database.transaction() as session:
        jobs.finish(session, job.id, state, wiring.clock(), why)


def message_of(
    context: Context, contact: Contact, now_ms: int, job: int, cause: Cause = Cause.SWEEP
) -> Message:
    """ "Look at this contact", with the digests of its mapped values: an echo then ends without a call."""
    source, instance = context.direction.source, context.instance
    at_ms = contact.modified_ms or now_ms
    told = {
        field.name: context.digest(source, field.name, context.canonical(field, source, contact))
        for field in _fields(instance, source)
    }
    if source is Platform.MAINSTAY:
        told |= standing(context.key, contact.crm_id, contact.left_out)
    return Message(
        id=uuid.uuid4().hex,
        address=Address(Lane(instance.direction), instance.id),
        contact=contact.id,
        occurred_at_ms=at_ms,
        accepted_at_ms=now_ms,
        cause=cause,
        changes={name: Change(value, at_ms) for name, value in told.items()},
        job=job,
    )


def _fields(instance: Instance, source: Platform) -> list[Field]:
    fields = [row.side(source) for row in instance.mapping.rows]
    fields += [one.field for one in instance.mapping.filters]
    return list({field.name: field for field in fields}.values())
