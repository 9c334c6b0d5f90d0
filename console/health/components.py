"""What the deployment is made of, and whether each part works: services, processes, platforms."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.domain.codes import HELP
from core.store.accounts import Hold
from core.store.processes import Process

if TYPE_CHECKING:
    from core.domain.instances import Account, Instance
    from core.wiring import Wiring

PATIENCE_S = 1.5  # for all checks together: the page comes even if something hangs
_TITLES = {"database": "Database", "migrations": "Schema", "queue": "Queue", "redis": "Redis"}
_NEEDED = ("scheduler",)


@dataclass(frozen=True, slots=True)
class Component:
    """``state``: good or bad. ``detail`` says more, in words."""

    name: str
    state: str
    detail: str = ""


class Checks:
    """Asks what may hang, in a thread of its own; a check that hangs is not begun a second time."""

    def __init__(self, wiring: "Wiring") -> None:
        self._wiring = wiring
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="checks")

    def run(self) -> list[Component]:
        """Database, schema, queue, and Redis where it is used."""
        asked = self._pool.submit(self._wiring.readiness)
        try:
            found = asked.result(PATIENCE_S)
        except TimeoutError:
            asked.cancel()
            return [Component("Database, queue", "bad", f"no answer within {PATIENCE_S:g} s")]
        kind = "RabbitMQ" if self._wiring.settings.broker_url else "in the database"
        details = {"queue": kind, "redis": "leases and budgets"}
        return [
            Component(_TITLES.get(name, name), "bad" if problem else "good", problem or details.get(name, ""))
            for name, problem in found.items()
        ]


def processes(alive: Sequence[Process], known: Sequence["Instance"]) -> list[Component]:
    """The processes by role; one that is needed and doesn't run is bad."""
    counts = Counter(one.role for one in alive)
    needed = dict.fromkeys([*_NEEDED, "web", *sorted({str(one.direction) for one in known if one.enabled})])
    found = []
    for role in dict.fromkeys([*needed, *sorted(counts)]):
        count = counts.get(role, 0)
        detail = f"{count} running" if count else "none showed itself within a minute"
        found.append(Component(f"Process {role}", "good" if count else "bad", detail))
    return found


def platforms(known: Sequence["Account"], holds: Sequence[Hold]) -> list[Component]:
    """Each account: held, or not."""
    held = {one.account.id: one for one in holds}
    titles = {str(code): told.title for code, told in HELP.items()}
    return [
        Component(
            f"{one.platform.title}: {one.name}",
            "bad" if one.id in held else "good",
            f"Held: {titles.get(held[one.id].code, held[one.id].code)}" if one.id in held else "",
        )
        for one in known
    ]
