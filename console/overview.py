"""How each instance stands, for lists: state in a word, what waits, what fails, the last change."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console import statuses
from console.configuration.exporting import instance_document
from console.times import rfc3339
from core.domain.codes import HELP, Code
from core.domain.instances import Instance
from core.queue.port import QueueUnavailable
from core.store import accounts, instances, outcomes, sync_log, watermarks
from core.store.accounts import Hold
from core.store.counts import Count
from core.store.instances import Times

if TYPE_CHECKING:
    from core.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Standing:
    """One instance as it stands. ``waiting`` is None where the queue does not answer; ``hold`` is the first
    of its accounts that is held; ``last_change_ms`` 0 = none in the kept time; ``watermark_ms`` None = no
    sweep yet."""

    instance: Instance
    times: Times
    hold: Hold | None
    waiting: int | None
    failing: Count
    last_change_ms: int
    watermark_ms: int | None

    @property
    def state(self) -> str:
        """On, Off or Held."""
        if not self.instance.enabled:
            return "Off"
        return "Held" if self.hold else "On"

    @property
    def why(self) -> str:
        """Why it is held, in plain words; empty otherwise."""
        if not self.hold or not self.instance.enabled:
            return ""
        known = {str(code): told.title for code, told in HELP.items()}
        return f"{self.hold.account.platform.title}: {known.get(self.hold.code, self.hold.code)}"

    @property
    def reconnect(self) -> bool:
        """Whether a new token ends the hold."""
        return bool(self.hold) and self.hold is not None and self.hold.code == Code.AUTHENTICATION_FAILED


def standings(wiring: "Wiring") -> list[Standing]:
    """Every instance, by name."""
    waiting = _waiting(wiring)
    with wiring.database.reading() as session:
        known = instances.all_instances(session)
        holds = {hold.account.id: hold for hold in accounts.held(session)}
        failing = sync_log.open_counts(session, [one.id for one in known])
        return [
            Standing(
                instance=one,
                times=instances.times(session, one.id),
                hold=holds.get(one.source.id) or holds.get(one.target.id),
                waiting=waiting.get(one.name) if waiting is not None else None,
                failing=failing[one.id],
                last_change_ms=outcomes.last_change_ms(session, one.id),
                watermark_ms=mark.modified_ms if (mark := watermarks.get(session, one.id)) else None,
            )
            for one in known
        ]


def standing(wiring: "Wiring", instance_id: int) -> Standing | None:
    """One instance, None if it is unknown or deleted."""
    return next((one for one in standings(wiring) if one.instance.id == instance_id), None)


def document(one: Standing) -> dict[str, Any]:
    """An instance in the file's form, and how it stands: the API's and the command line's shape."""
    return {
        "id": one.instance.id,
        "description": "",
        "filters": [],
        **instance_document(one.instance),
        "held": one.hold.code if one.hold else None,
        "waiting": one.waiting,
        "failing": one.failing.number,
        "mapping_version": one.instance.mapping_version,
        "created_at": rfc3339(one.times.created_at_ms),
        "changed_at": rfc3339(one.times.changed_at_ms),
        "watermark": None if one.watermark_ms is None else rfc3339(one.watermark_ms),
    }


def _waiting(wiring: "Wiring") -> dict[str, int] | None:
    try:
        return statuses.waiting(wiring)
    except QueueUnavailable:
        return None
