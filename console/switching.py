"""Switching instances on and off, and deleting them: for pages and API, each with its audit entry."""

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from console.configuration import applying, conflicts
from console.configuration.problems import Refused
from console.times import rfc3339
from consumers.jobs import backfill
from core.domain.instances import Instance
from core.store import audit, instances, outcomes

if TYPE_CHECKING:
    from core.wiring import Wiring


def refusals(session: Session, instance: Instance) -> list[str]:
    """Why the instance can't be enabled beside the others; empty if it can."""
    others = [one for one in instances.all_instances(session) if one.enabled and one.id != instance.id]
    return conflicts.conflicts(conflicts.route(one) for one in [*others, instance])


def enable(
    wiring: "Wiring",
    instance: Instance,
    who: str,
    *,
    since_ms: int | None = None,
    existing: bool = False,
    max_creates: int | None = None,
) -> bool:
    """Carry changes over from now on, or from ``since_ms`` on (the scheduler's sweep queues the older ones).

    ``existing``: a backfill brings the existing contacts, too; it never makes more than ``max_creates``.
    False if it was enabled already. Refused with the reasons; QueueUnavailable: nothing was changed.
    """
    now_ms = wiring.clock()
    with wiring.database.transaction() as session:
        found = refusals(session, instance)
        if found:
            raise Refused(found)
        changed = applying.enable(session, wiring.queue, instance, now_ms, since_ms=since_ms)
        if changed:
            told = ["existing contacts too"] if existing else [_since(since_ms)]
            audit.record(session, now_ms, who, "instance.enabled", instance.name, told)
    if changed and existing:
        backfill.begin(wiring, instance, max_creates=max_creates, author=who)
    return changed


def missed_since_ms(session: Session, instance_id: int) -> int | None:
    """From when on changes are missing at a disabled instance, epoch ms; None if it was never disabled.

    That is when it was disabled, or earlier: the changes that waited then ended as disabled, too.
    """
    off_ms = instances.times(session, instance_id).disabled_at_ms
    if off_ms is None:
        return None
    return min(off_ms, outcomes.oldest_disabled_ms(session, instance_id, off_ms) or off_ms)


def disable(wiring: "Wiring", instance: Instance, who: str) -> bool:
    """Stop at once. False if it was disabled already."""
    now_ms = wiring.clock()
    with wiring.database.transaction() as session:
        changed = instances.set_enabled(session, instance.id, False, now_ms)
        if changed:
            audit.record(session, now_ms, who, "instance.disabled", instance.name)
    return changed


def delete(wiring: "Wiring", instance: Instance, who: str) -> None:
    """Remove the instance and its mapping; links and log stay."""
    now_ms = wiring.clock()
    with wiring.database.transaction() as session:
        instances.delete(session, instance.id, now_ms)
        audit.record(session, now_ms, who, "instance.deleted", instance.name)


def _since(since_ms: int | None) -> str:
    if since_ms is None:
        return "changes from now on"
    return f"changes since {rfc3339(since_ms)}"
