"""How far each instance's sweep has come, in the source's own modified time. The caller commits."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.store import models


@dataclass(frozen=True, slots=True)
class Watermark:
    """``modified_ms``: newest modified time whose contact is confirmed into the queue. ``first_ms``: when the
    instance was enabled last; ``swept_at_ms`` and ``nightly_at_ms``: when the last sweep and the last nightly
    one ended, our own clock; 0 = never."""

    modified_ms: int
    first_ms: int
    swept_at_ms: int
    nightly_at_ms: int


def start(session: Session, instance_id: int, now_ms: int, *, since_ms: int | None = None) -> None:
    """The instance was enabled: changes from now on count, or from ``since_ms`` on (1 = all there are).

    What changed while it was off is not looked for by itself; ``crosswalk sweep --since`` does that, too.
    """
    row = session.get(models.Watermark, instance_id)
    if row is None:
        row = models.Watermark(instance_id=instance_id, nightly_at_ms=now_ms)
        session.add(row)
    from_ms = now_ms if since_ms is None else since_ms
    row.modified_ms, row.first_ms, row.swept_at_ms = from_ms, from_ms, 0


def get(session: Session, instance_id: int) -> Watermark | None:
    """The instance's watermark, None if it was never enabled."""
    row = session.get(models.Watermark, instance_id)
    return Watermark(row.modified_ms, row.first_ms, row.swept_at_ms, row.nightly_at_ms) if row else None


def advance(
    session: Session,
    instance_id: int,
    mark: Watermark,
    modified_ms: int,
    now_ms: int,
    *,
    nightly: bool = False,
) -> None:
    """A sweep that began at ``mark`` is through: never goes back. Nothing is done where the instance was
    enabled anew meanwhile, since that set a new beginning."""
    row = session.get_one(models.Watermark, instance_id, with_for_update=True)
    if row.first_ms != mark.first_ms:
        return
    row.modified_ms = max(row.modified_ms, modified_ms)
    row.swept_at_ms = now_ms
    if nightly:
        row.nightly_at_ms = now_ms


def postpone(session: Session, instance_id: int, now_ms: int) -> None:
    """A sweep failed: the next one counts its time from ``now_ms``, and begins at the same watermark."""
    session.get_one(models.Watermark, instance_id).swept_at_ms = now_ms
