"""An import in HubSpot: a creation and eight property events per contact, while others go on with their work.

On RabbitMQ, PostgreSQL and Redis, with a receiver, an incoming consumer and a scheduler. ``storm`` has the
platforms' real limits, ``storm-lifted`` none. Another pair of accounts has a change every half second, before
the storm and in it: its p95 then against its p95 in peace. Afterwards everybody is carried once more by a
backfill of the same instance, and the same account's live changes are timed.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from core.store import models
from tests.bench.latency import Watch
from tests.bench.memory import Memory
from tests.bench.scaling import accounts
from tests.bench.stage import LIFTED, PLATFORMS, Reading, Stage, hubspot_contacts, load, percentile, record
from tests.end_to_end.processes import Deployment
from tests.end_to_end.production import started
from tests.end_to_end.scene import configuration, until
from tests.services.rabbitmq import RabbitNode

Row = dict[str, object]
REAL = {"CROSSWALK_HUBSPOT_RATE": "110/10s", "CROSSWALK_MAINSTAY_RATE": "10/1s"}
CALL_MS = 100.0
EVERY_S, QUIET, MOST_LIVE = 0.5, 40, 240  # live changes of the other account
EIGHT = {"company": "Example", "city": "Boston", "jobtitle": "Student", "lifecyclestage": "lead"}


def storm(folder: Path, contacts: int) -> list[Row]:
    """At the platforms' real limits."""
    return _storm(folder, contacts, REAL, limits=True)


def storm_lifted(folder: Path, contacts: int) -> list[Row]:
    """Without limits."""
    return _storm(folder, contacts, LIFTED, limits=False)


def _storm(folder: Path, contacts: int, rates: Mapping[str, str], *, limits: bool) -> list[Row]:
    with _stage(folder, rates) as one:
        one.one.apply(configuration("incoming"))
        [name] = accounts(one, 1, "incoming")
        others = _linked(one, f"in-{name}", portal="70000", org=name, count=20)
        for platform in PLATFORMS:
            one.platform(platform).set(webhooks=platform == "hubspot", limits=limits, latency_ms=CALL_MS)
        one.one.start("web", "incoming", "scheduler")
        one.drained()
        live = _Live(one, others, portal="70000", org=name)
        quiet_s = live.changes(lambda number: number < QUIET)
        rows = [_imported(one, contacts, live, quiet_s)]
        rows.append(_backfilled(one, contacts))
        return rows


@contextmanager
def _stage(folder: Path, rates: Mapping[str, str]) -> Iterator[Stage]:
    switches = {name: {"webhooks": False} for name in PLATFORMS}
    with started(RabbitNode()) as servers:
        environment = servers.environment() | dict(rates)
        with Deployment(folder, environment=environment, switches=switches) as one:
            one.wiring.queue.declare([])
            try:
                yield Stage(one)
            finally:
                one.stop()


def _linked(one: Stage, instance: str, *, portal: str, org: str, count: int) -> dict[str, str]:
    """HubSpot records that have their Mainstay contacts: record id → contact id."""
    made = one.records(count, portal=portal)
    one.queue(instance, hubspot_contacts(made))
    one.latency_ms = 0.0
    one.carry("linking", "incoming", count)
    found = one.one.mainstay.ask("GET", f"contacts?org={org}")["contacts"]
    return {contact["crm_id"]: contact["id"] for contact in found}


class _Live:
    """Somebody edits records of one portal, one every half second, each in its turn."""

    def __init__(self, one: Stage, ids: Mapping[str, str], *, portal: str, org: str) -> None:
        self._one, self._ids, self._portal, self._org = one, ids, portal, org
        self._round = 0

    def changes(self, going_on: Callable[[int], bool]) -> list[float]:
        """Edit as long as ``going_on(number of edits)``; the seconds from each change to its write."""
        took_s: list[float] = []
        number = 0
        while going_on(number):
            self._round += 1
            watch, changed_s = Watch(self._one, "mainstay", "last_name"), dict[str, float]()
            for record_id, contact_id in self._ids.items():
                if not going_on(number):
                    break
                time.sleep(max(0.0, watch.began_s + len(changed_s) * EVERY_S - time.monotonic()))
                changed_s[contact_id] = time.monotonic()
                self._one.one.hubspot.ask(
                    "PATCH",
                    f"contacts/{record_id}?portal={self._portal}",
                    {"properties": {"lastname": f"Round{self._round}"}},
                )
                number += 1
            took_s += watch.took_s(changed_s, 300.0)
        return took_s


def _imported(one: Stage, contacts: int, live: _Live, quiet_s: Sequence[float]) -> Row:
    """The storm itself."""
    before, messages, watch = _read(one), _messages(one), Memory(one)
    for first in range(0, contacts, 500):
        some = [{"properties": record(n) | EIGHT} for n in range(first, min(first + 500, contacts))]
        one.one.hubspot.post("contacts?portal=62515", contacts=some)
    busy_s = live.changes(lambda number: number < MOST_LIVE and not one.one.idle())
    one.drained(7200.0)
    after = _read(one)
    assert len(one.one.mainstay.ask("GET", "contacts?org=river")["contacts"]) == contacts
    return {
        "what": f"storm, {contacts} contacts",
        "events": 9 * contacts,
        "messages/contact": round((_messages(one) - messages - len(busy_s)) / contacts, 2),
        **_cost(before, after, contacts),
        "others p95 ms, quiet": round(1000 * percentile(quiet_s, 0.95)),
        "others p95 ms, in the storm": round(1000 * percentile(busy_s, 0.95)),
        "changes of others": len(busy_s),
        "most MB": {name: round(mb) for name, mb in watch.end().items()},
        "load": load(),
    }


def _backfilled(one: Stage, contacts: int) -> Row:
    """A backfill over the same contacts, and live changes of the same account meanwhile."""
    found = one.one.mainstay.ask("GET", "contacts?org=river")["contacts"]
    some = {contact["crm_id"]: contact["id"] for contact in found[-20:]}
    live = _Live(one, some, portal="62515", org="river")
    quiet_s = live.changes(lambda number: number < QUIET)
    one.drained()
    before = _read(one)
    one.one.crosswalk("backfill", "incoming")
    until(lambda: not one.one.idle(), 30.0)
    busy_s = live.changes(lambda number: number < MOST_LIVE and not one.one.idle())
    one.drained(7200.0)
    return {
        "what": f"backfill, {contacts} contacts",
        **_cost(before, _read(one), contacts),
        "own p95 ms, quiet": round(1000 * percentile(quiet_s, 0.95)),
        "own p50 ms, beside the backfill": round(1000 * percentile(busy_s, 0.5)),
        "own p95 ms, beside the backfill": round(1000 * percentile(busy_s, 0.95)),
        "own changes": len(busy_s),
        "load": load(),
    }


def _read(one: Stage) -> Reading:
    """Clocks and counters now; the calls are those of the storm's own accounts."""
    ours = {"hubspot": "62515", "mainstay": "river"}
    told = {name: one.platform(name).counters()["accounts"].get(key, {}) for name, key in ours.items()}
    return replace(
        one.read(), calls={name: int(counted.get("total_calls", 0)) for name, counted in told.items()}
    )


def _cost(before: Reading, after: Reading, contacts: int) -> dict[str, Any]:
    seconds = after.at_s - before.at_s
    calls = {name: after.calls[name] - before.calls[name] for name in PLATFORMS}
    return {
        "seconds until in sync": round(seconds),
        "contacts/s": round(contacts / seconds, 1),
        "HubSpot calls/contact": round(calls["hubspot"] / contacts, 3),
        "Mainstay calls/contact": round(calls["mainstay"] / contacts, 2),
        "429s": after.too_many - before.too_many,
    }


def _messages(one: Stage) -> int:
    """How many messages have had their outcome."""
    with one.one.wiring.database.reading() as session:
        return session.scalar(select(func.count()).select_from(models.Outcome)) or 0
