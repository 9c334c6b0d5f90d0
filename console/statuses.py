"""How things stand: queues, instances, platforms, processes. One shape for all entrances (contract §4)."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from console.times import rfc3339
from core.domain.fields import Platform
from core.domain.messages import Address, Lane
from core.gauges import Gauges
from core.queue.sql import SqlQueue
from core.store import accounts, dead_letters, instances, jobs, processes

if TYPE_CHECKING:
    from core.wiring import Wiring

_SHOW_S = 4.0  # a consumer that does not show itself for so long may have anything


def look(wiring: "Wiring") -> dict[str, Any]:
    """{"idle", "queues", "instances", "platforms", "processes", "jobs"}; QueueUnavailable.

    ``queues`` counts what waits and what is in flight; ``retry`` what waits for its time, of all queues.
    ``idle``: nothing queued, waiting or in flight, and no sweep or backfill at work.
    """
    now_ms = wiring.clock()
    with wiring.database.reading() as session:
        everything = instances.all_instances(session, deleted=True)
        kept = {one.id for one in instances.all_instances(session)}
        known = accounts.all_accounts(session)
        holds = {hold.account.id: hold for hold in accounts.held(session)}
        dead = dead_letters.count(session)
        working = jobs.running(session, now_ms)
        alive = processes.running(session, now_ms)
    portals = [one for one in known if one.platform is Platform.HUBSPOT]
    # A deleted instance's last messages still wait for their end.
    addresses = [Address(Lane(one.direction), one.id) for one in everything]
    depths = wiring.queue.depths([*addresses, *(Address(Lane.ACCOUNT, one.id) for one in portals)])
    oldest_s = Gauges(wiring).oldest_s(depths)
    waiting = dict.fromkeys(Lane, 0)
    for address, count in depths.queues.items():
        waiting[address.lane] += count
    queues = {
        "incoming": waiting[Lane.INCOMING] + waiting[Lane.ACCOUNT],  # merges and deletions come from HubSpot
        "outgoing": waiting[Lane.OUTGOING],
        "retry": depths.retry,
        "dead.incoming": dead.get(Lane.INCOMING, 0) + dead.get(Lane.ACCOUNT, 0),
        "dead.outgoing": dead.get(Lane.OUTGOING, 0),
    }
    return {
        "idle": not (queues["incoming"] or queues["outgoing"] or queues["retry"] or working)
        and nothing_in_flight(wiring, lambda: _nothing_waits(wiring, [*depths.queues])),
        "queues": queues,
        "instances": [
            {
                "name": one.name,
                "direction": str(one.direction),
                "enabled": one.enabled,
                "held": any(account.id in holds for account in (one.hubspot, one.mainstay)),
                "waiting": depths.queues.get(address, 0),
                "oldest_s": oldest_s.get(address),
            }
            for one, address in zip(everything, addresses, strict=True)
            if one.id in kept
        ],
        "platforms": [
            {
                "platform": one.platform.title,
                "account": one.name,
                "held": holds[one.id].code if one.id in holds else None,
                "detail": holds[one.id].detail if one.id in holds else None,
                "since": rfc3339(holds[one.id].since_ms) if one.id in holds else None,
            }
            for one in known
        ],
        "processes": [
            {"role": one.role, "id": one.id, "started_at": rfc3339(one.started_at_ms)} for one in alive
        ],
        "jobs": working,
    }


def waiting(wiring: "Wiring") -> dict[str, int]:
    """How many messages wait in each instance's queue, by the instance's name; QueueUnavailable. Quick: for
    pages, which don't wait for the consumers to say that they have nothing in hand."""
    with wiring.database.reading() as session:
        known = instances.all_instances(session)
    addresses = {Address(Lane(one.direction), one.id): one.name for one in known}
    depths = wiring.queue.depths(list(addresses))
    return {name: depths.queues.get(address, 0) for address, name in addresses.items()}


def nothing_in_flight(wiring: "Wiring", nothing_waits: Callable[[], bool]) -> bool:
    """No consumer has a message that no queue's depth shows any more.

    RabbitMQ does not tell what was handed out. So every consumer is waited for to show itself once more (it
    does so each second) without a message; what it gave back meanwhile is looked for in the queues again.
    """
    if isinstance(wiring.queue, SqlQueue):
        return True
    first = {one.id: one for one in _consumers(wiring)}
    deadline_s = time.monotonic() + _SHOW_S
    while time.monotonic() < deadline_s:
        now = _consumers(wiring)
        if any(one.in_flight for one in now):
            return False
        if all(one.id not in first or one.beat_at_ms != first[one.id].beat_at_ms for one in now):
            return nothing_waits()
        time.sleep(0.1)
    return False


def _consumers(wiring: "Wiring") -> list[processes.Process]:
    with wiring.database.reading() as session:
        alive = processes.running(session, wiring.clock())
    return [one for one in alive if one.role in (Lane.INCOMING, Lane.OUTGOING)]


def _nothing_waits(wiring: "Wiring", addresses: list[Address]) -> bool:
    depths = wiring.queue.depths(addresses)
    return not depths.retry and not any(depths.queues.values())
