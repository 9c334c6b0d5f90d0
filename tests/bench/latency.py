"""From a change to its write at ten changes a second, against the sum of the calls that can't be avoided."""

import threading
import time
from pathlib import Path

from tests.bench.carrying import link
from tests.bench.stage import LIFTED, PLATFORMS, Stage, load, percentile, stage
from tests.end_to_end.scene import configuration, until

CHANGES, RATE_S = 150, 10.0
CALL_S = 0.1
OUTGOING_CALLS = 3  # read Mainstay's contact, read HubSpot's record, write it
INCOMING_CALLS = 3  # read HubSpot's record, read Mainstay's contact, write it


def latency(folder: Path) -> list[dict[str, object]]:
    """Both directions, one after the other: whole deployment, 100 ms a call, webhooks as they come."""
    with stage(folder, LIFTED) as one:
        one.one.apply(configuration("outgoing", "incoming"))
        link(one, CHANGES)
        one.one.start("web", "incoming", "outgoing")
        one.drained()
        for name in PLATFORMS:
            one.platform(name).set(webhooks=True)
        one.slow(1000 * CALL_S)
        rows = [_outgoing(one), _incoming(one)]
        one.slow(0.0)
        one.drained()
    return rows


def _outgoing(one: Stage) -> dict[str, object]:
    ids = {c["id"]: c["crm_id"] for c in one.one.mainstay.all()}
    changed_s = {}
    watch = Watch(one, "hubspot", "lastname")
    for number, (contact, record) in enumerate(list(ids.items())[:CHANGES]):
        changed_s[record] = _paced(number, watch.began_s)
        one.one.mainstay.edit(contact, last_name=f"Out{number}")
    return watch.row("latency, outgoing", changed_s, OUTGOING_CALLS)


def _incoming(one: Stage) -> dict[str, object]:
    ids = {c["crm_id"]: c["id"] for c in one.one.mainstay.all()}
    changed_s = {}
    watch = Watch(one, "mainstay", "last_name")
    for number, (record, contact) in enumerate(list(ids.items())[:CHANGES]):
        changed_s[contact] = _paced(number, watch.began_s)
        one.one.hubspot.edit(record, lastname=f"In{number}")
    return watch.row("latency, incoming", changed_s, INCOMING_CALLS)


def _paced(number: int, began_s: float) -> float:
    """Wait for the number's turn; when it was."""
    time.sleep(max(0.0, began_s + number / RATE_S - time.monotonic()))
    return time.monotonic()


class Watch:
    """Looks at the target's calls every 100 ms: when was each contact written?"""

    def __init__(self, one: Stage, platform: str, field: str) -> None:
        self._outside = one.platform(platform)
        self._field = field
        self._since = int(self._outside.ask("GET", "calls?since=0")["last"])
        self._written_s: dict[str, float] = {}
        self._done = threading.Event()
        self._offset_s = time.time() - time.monotonic()
        self.began_s = time.monotonic()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._done.wait(0.1):
            told = self._outside.ask("GET", f"calls?since={self._since}")
            self._since = told["last"]
            for call in told["calls"]:
                for contact, fields in call["written"].items():
                    if self._field in fields:
                        # The write counts when it was carried out; its answer takes CALL_S more.
                        self._written_s.setdefault(contact, call["at_ms"] / 1000 - self._offset_s + CALL_S)

    def row(self, what: str, changed_s: dict[str, float], calls: int) -> dict[str, object]:
        """A table's row."""
        took_s = self.took_s(changed_s)
        least_s = calls * CALL_S
        p50, p99 = percentile(took_s, 0.5), percentile(took_s, 0.99)
        return {
            "what": what,
            "p50 ms": round(1000 * p50),
            "p99 ms": round(1000 * p99),
            "unavoidable ms": round(1000 * least_s),
            "p50 times": round(p50 / least_s, 2),
            "p99 times": round(p99 / least_s, 2),
            "load": load(),
        }

    def took_s(self, changed_s: dict[str, float], deadline_s: float = 60.0) -> list[float]:
        """Seconds from each change (monotonic time, by target contact) until its write."""
        until(lambda: changed_s.keys() <= self._written_s.keys(), deadline_s)
        self._done.set()
        self._thread.join()
        return [self._written_s[contact] - at_s for contact, at_s in changed_s.items()]
