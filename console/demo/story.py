"""The story of each change, one plain line each: ids and field names, never a contact's value."""

from datetime import datetime

from console.timelines import in_short
from core.domain.fields import Direction, Platform
from core.store import outcomes
from core.store.database import Database
from core.store.outcomes import OutcomeRow

_WORDS = {
    "created": "created",
    "updated": "updated",
    "unchanged": "nothing to write",
    "filtered": "filtered out",
    "error": "error",
    "dead": "gave up, now a dead letter",
    "gone": "no longer there",
    "handled": "followed",
    "erased": "erased",
}


class Story:
    """Follows the outcomes from ``after_id`` on."""

    def __init__(self, database: Database, after_id: int) -> None:
        self._database = database
        self._after_id = after_id

    def new_lines(self) -> list[str]:
        """What happened since the last call."""
        with self._database.reading() as session:
            rows = outcomes.following(session, self._after_id)
        if rows:
            self._after_id = rows[-1].id
        return [line(row) for row in rows]


def line(row: OutcomeRow) -> str:
    """``14:02:11  HubSpot → Mainstay  101 → ah64f1  updated: wrote email  (0.4 s after the change)``."""
    at = datetime.fromtimestamp(row.finished_at_ms / 1000).astimezone()
    direction = Direction(row.direction) if row.direction in list(Direction) else Direction.INCOMING
    ids = {Platform.HUBSPOT: row.hubspot_id, Platform.MAINSTAY: row.mainstay_id}
    source, target = direction.source, direction.target
    whom = " → ".join(ids[one] or "?" for one in (source, target) if ids[one] or one is source)
    code = f" ({row.code})" if row.code else ""
    what = in_short({"outcome": row.outcome, **_parts(row)})
    took_s = max(0.0, (row.finished_at_ms - row.occurred_at_ms) / 1000)
    took = f"  ({took_s:.1f} s after the change)" if row.outcome in ("created", "updated") else ""
    return (
        f"{at:%H:%M:%S}  {source.title + ' → ' + target.title:<18}  {whom:<34}  "
        f"{_WORDS.get(row.outcome, row.outcome)}{code}{': ' + what if what else ''}{took}"
    )


def _parts(row: OutcomeRow) -> dict[str, list[object]]:
    names = ("filter", "matching", "fields", "notes")
    return {name: row.story.get(name, []) for name in names}
