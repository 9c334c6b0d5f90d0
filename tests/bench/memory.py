"""Resident memory of every process: at rest, and while a backlog is worked off."""

import threading
import time
from pathlib import Path

from tests.bench.stage import Stage, hubspot_contacts, memory_mb, stage
from tests.end_to_end.scene import configuration

Row = dict[str, object]


class Memory:
    """The most that each of our processes had, looked at every second."""

    def __init__(self, one: Stage) -> None:
        self._running = [r for r in one.one.running if r.name not in ("hubspot", "mainstay")]
        self._most: dict[str, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._done.wait(1.0):
            for one in self._running:
                children = (
                    Path(f"/proc/{one.process.pid}/task/{one.process.pid}/children").read_text().split()
                )
                for pid in [one.process.pid, *map(int, children)]:
                    self._most[one.name] = max(self._most.get(one.name, 0.0), memory_mb(pid))

    def end(self) -> dict[str, float]:
        """MB by process name."""
        self._done.set()
        self._thread.join()
        return self._most


def memory(folder: Path) -> list[Row]:
    """Each process at rest, and while a backlog of 5,000 and then 20,000 messages is worked off."""
    rows: list[Row] = []
    with stage(folder) as one:
        one.one.apply(configuration("incoming", "outgoing"))
        one.one.start("web", "incoming", "outgoing", "scheduler")
        one.drained()
        rows.append({"what": "memory at rest, MB", **_now(one)})
        made = one.records(500)
        one.drained()
        for backlog in (5_000, 20_000):
            watch = Memory(one)
            for number in range(backlog // len(made)):
                for contact in made:
                    contact["properties"]["lastname"] = f"Last{number}"
                one.queue("incoming", hubspot_contacts(made))
            one.drained()
            most = {name: round(mb) for name, mb in watch.end().items()}
            rows.append({"what": f"memory, backlog of {backlog}, MB", **most})
    return rows


def _now(one: Stage) -> dict[str, int]:
    watch = Memory(one)
    time.sleep(2.5)
    return {name: round(mb) for name, mb in watch.end().items()}
