"""A deployment to measure: every process its own, CPU and memory read from the kernel, calls counted by the
sandboxes. Work is put into the queue first, so that a case measures carrying and not the making of the work.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumers.directory import Directory, context_of
from consumers.jobs.sweep import message_of
from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.domain.messages import Cause
from core.platforms.mainstay import payloads
from tests.end_to_end.processes import Deployment, Running
from tests.end_to_end.scene import Outside, until

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PLATFORMS = ("hubspot", "mainstay")
LIFTED = {"CROSSWALK_HUBSPOT_RATE": "100000/1s", "CROSSWALK_MAINSTAY_RATE": "100000/1s"}


def cpu_s(pid: int) -> float:
    """CPU seconds that a process and its ended children have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(fields[index]) for index in (11, 12, 13, 14)) / TICKS_PER_S


def load() -> float:
    """How busy the machine was in the last minute, this bench included: with two cores, 2 is full."""
    return round(os.getloadavg()[0], 1)


def memory_mb(pid: int) -> float:
    """Resident memory of one process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass(frozen=True, slots=True)
class Reading:
    """What all clocks and counters stood at."""

    at_s: float
    calls: Mapping[str, int]
    too_many: int  # calls that were answered 429
    cpu: Mapping[str, float]


@dataclass(slots=True)
class Stage:
    """A deployment with measuring instruments. Sandboxes take ``latency_ms`` a call while work is carried."""

    one: Deployment
    latency_ms: float = 100.0

    def read(self) -> Reading:
        """Clocks and counters now."""
        return Reading(
            time.monotonic(),
            {name: self.platform(name).calls() for name in PLATFORMS},
            sum(self.platform(name).counters()["total"]["rate_limited"] for name in PLATFORMS),
            {f"{r.name} {r.process.pid}": cpu_s(r.process.pid) for r in self.one.running},
        )

    def platform(self, name: str) -> Outside:
        """A sandbox's control API."""
        return self.one.hubspot if name == "hubspot" else self.one.mainstay

    def slow(self, latency_ms: float) -> None:
        """How long the sandboxes take for a call from now on."""
        for name in PLATFORMS:
            self.platform(name).set(latency_ms=latency_ms)

    def people(self, count: int, start: int = 0, org: str = "river") -> list[dict[str, Any]]:
        """New Mainstay contacts."""
        made: list[dict[str, Any]] = []
        for first in range(start, start + count, 500):
            some = [person(n) for n in range(first, min(first + 500, start + count))]
            made += self.one.mainstay.post(f"contacts?org={org}", contacts=some)["contacts"]
        return made

    def records(self, count: int, start: int = 0, portal: str = "62515") -> list[dict[str, Any]]:
        """New HubSpot records."""
        made: list[dict[str, Any]] = []
        for first in range(start, start + count, 500):
            some = [{"properties": record(n)} for n in range(first, min(first + 500, start + count))]
            made += self.one.hubspot.post(f"contacts?portal={portal}", contacts=some)["contacts"]
        return made

    def queue(self, instance_name: str, contacts: Iterable[Contact]) -> int:
        """Put a message per contact into an instance's queue, as the receiver would. How many."""
        wiring = self.one.wiring
        directory, instance = Directory.load(wiring), self.one.instance(instance_name)
        context = context_of(wiring, directory, instance)
        now_ms = wiring.clock()
        messages = [message_of(context, one, now_ms, 0, Cause.EVENT) for one in contacts]
        publisher = wiring.queue.publisher()
        for first in range(0, len(messages), 500):
            publisher.publish(messages[first : first + 500], timeout_s=30.0)
        publisher.close()
        return len(messages)

    def drained(self, deadline_s: float = 600.0) -> None:
        """Wait until nothing is queued or in flight."""
        until(self.one.idle, deadline_s)

    def carry(self, what: str, direction: str, contacts: int, consumers: int = 1) -> dict[str, object]:
        """Start consumers on what waits; figures when all is done."""
        self.slow(self.latency_ms)
        before, running = self.read(), [self.one.launch(direction) for _ in range(consumers)]
        for process in running:
            self.one.await_ready(process)
        started = self.read()
        begun_s = {r.process.pid: cpu_s(r.process.pid) for r in running}
        self.drained()
        after = self.read()
        seconds = after.at_s - started.at_s
        ours = sum(cpu_s(r.process.pid) - begun_s[r.process.pid] for r in running)
        memory = max(memory_mb(r.process.pid) for r in running)
        self.end(running)
        self.slow(0.0)
        return {
            "what": what,
            "contacts": contacts,
            "contacts/s": round(contacts / seconds, 1),
            "HubSpot calls/contact": round((after.calls["hubspot"] - before.calls["hubspot"]) / contacts, 4),
            "Mainstay calls/contact": round(
                (after.calls["mainstay"] - before.calls["mainstay"]) / contacts, 4
            ),
            "429s": after.too_many - before.too_many,
            "CPU ms/contact": round(ours * 1000 / contacts, 2),
            "CPU share": round(ours / seconds, 2),
            "consumer MB": round(memory),
            "seconds": round(seconds, 2),
            "load": load(),
        }

    def end(self, running: Sequence[Running]) -> None:
        """SIGTERM, and wait."""
        for process in running:
            process.term()
        for process in running:
            process.ended()
            self.one.forget(process)


@contextmanager
def stage(folder: Path, environment: Mapping[str, str] = LIFTED, **options: Any) -> Iterator[Stage]:
    """A stage whose sandboxes tell nobody of changes."""
    folder.mkdir(parents=True, exist_ok=True)
    switches = {name: {"webhooks": False} for name in PLATFORMS} | options.pop("switches", {})
    with Deployment(folder, environment=dict(environment), switches=switches, **options) as one:
        try:
            yield Stage(one)
        finally:
            one.stop()


def person(number: int) -> dict[str, str]:
    """A Mainstay contact's values."""
    return {
        "first_name": f"First{number}",
        "last_name": f"Last{number}",
        "phone": f"{201 + number // 10_000:03d}555{number % 10_000:04d}",
        "email": f"p{number}@example.edu",
    }


def record(number: int) -> dict[str, str]:
    """A HubSpot record's values."""
    one = person(number)
    return {
        "firstname": one["first_name"],
        "lastname": one["last_name"],
        "phone": one["phone"],
        "email": one["email"],
    }


def mainstay_contacts(documents: Iterable[Mapping[str, Any]]) -> list[Contact]:
    """The control API's contacts as ours."""
    return [payloads.contact(one) for one in documents]


def hubspot_contacts(records: Iterable[Mapping[str, Any]]) -> list[Contact]:
    """The control API's records as ours."""
    return [Contact(Platform.HUBSPOT, str(one["id"]), one["properties"]) for one in records]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of them lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
