"""What all processes share, as metrics: how much waits where and for how long, dead letters, held accounts,
rate budgets, signs of life, sweeps, processes, open alerts.

Told by the receiver whenever its metrics are asked for, so that they are right on one machine and on many;
and by the scheduler, for whoever scrapes that. Counters of work done are each process's own
(core/telemetry.py).
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import telemetry
from core.coordination.port import CoordinationUnavailable
from core.domain.alerts import Rule
from core.domain.fields import Platform
from core.domain.instances import Account, Instance
from core.domain.messages import Address, Lane
from core.queue.port import Depths, QueueUnavailable
from core.signs_of_life import signs
from core.spending import spending
from core.store import accounts, alerts, dead_letters, instances, jobs, models, processes, queue_waits
from core.store.database import DatabaseUnavailable
from core.wiring import Wiring

_ALWAYS_NEEDED = ("web", "scheduler")
NEWEST = 100  # outcomes that are looked at for the newest message that is done


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits where, and for how long: ``depths`` has the queues of instances and of HubSpot accounts.

    ``oldest_s``: age of a queue's oldest message, where it is known.
    """

    depths: Depths
    oldest_s: Mapping[Address, float]


@dataclass(slots=True)
class Gauges:
    """Looks at what all processes share."""

    wiring: Wiring

    def tell(self) -> None:
        """Set all gauges. QueueUnavailable, DatabaseUnavailable: then the others stay as they were."""
        with _asking("database", DatabaseUnavailable), self.wiring.database.reading() as session:
            known = accounts.all_accounts(session)
            dead = dead_letters.count(session)
            self._tell_stored(session, known)
        self._tell_spending(known)
        with _asking("queue", QueueUnavailable):
            waiting = self.waiting()
        told = {address.key: depth for address, depth in waiting.depths.queues.items()}
        told |= {"retry": waiting.depths.retry} | {f"dead.{lane}": dead.get(lane, 0) for lane in Lane}
        telemetry.record_depths(told, {a.key: age_s for a, age_s in waiting.oldest_s.items()})

    def waiting(self) -> Waiting:
        """What waits where now. QueueUnavailable, DatabaseUnavailable."""
        with self.wiring.database.reading() as session:
            portals = [one for one in accounts.all_accounts(session) if one.platform is Platform.HUBSPOT]
            addresses = [_address(one) for one in instances.all_instances(session)]
        depths = self.wiring.queue.depths([*addresses, *(Address(Lane.ACCOUNT, one.id) for one in portals)])
        self._note(depths)
        return Waiting(depths, self.oldest_s(depths))

    def _tell_stored(self, session: Session, known: Iterable[Account]) -> None:
        """What the database alone tells."""
        now_ms = self.wiring.clock()
        holds = {one.account.id: one.code for one in accounts.held(session)}
        enabled = [one for one in instances.all_instances(session) if one.enabled]
        fed = signs(session, {one.source.id for one in enabled}, now_ms)
        used = {one.id for instance in enabled for one in (instance.hubspot, instance.mainstay)} - set(holds)
        silences, overdue = {}, {}
        for account in known:
            name = (str(account.platform), account.name)
            if account.id in fed and fed[account.id].last_ms:
                silences[name] = fed[account.id].gap_s
            overdue_s = accounts.overdue_s(session, self.wiring.sealer, account.id, now_ms)
            if overdue_s is not None:
                overdue[name] = overdue_s if account.id in used else 0.0
        running = Counter(one.role for one in processes.running(session, now_ms))
        found = Counter(one.rule for one in alerts.open_alerts(session))
        telemetry.record_held((one.platform, holds[one.id]) for one in known if one.id in holds)
        telemetry.record_silences(silences)
        telemetry.record_access(overdue)
        telemetry.record_sweeps({_address(i).key: _sweep_age_s(session, i, holds, now_ms) for i in enabled})
        telemetry.record_processes(running, {*_ALWAYS_NEEDED, *(str(one.direction) for one in enabled)})
        telemetry.record_open_alerts({rule: found.get(rule, 0) for rule in Rule})

    def _tell_spending(self, known: Iterable[Account]) -> None:
        try:
            with _asking("redis" if self.wiring.settings.redis_url else "", CoordinationUnavailable):
                spent = spending(self.wiring, known)
        except CoordinationUnavailable as error:
            telemetry.log("gauges.waiting", level=logging.WARNING, why=str(error))
            return
        telemetry.record_budgets(
            {
                (one.account.platform, one.account.name, one.budget): (one.used, one.rate.limit, one.paused_s)
                for one in spent
            }
        )

    def oldest_s(self, depths: Depths) -> dict[Address, float]:
        """Age of each queue's oldest message, where it is known. RabbitMQ does not tell: its oldest one came
        after the newest one that is done, and after somebody last found the queue empty."""
        untold = {address for address in _waiting(depths) if address not in depths.oldest_s}
        if not untold:
            return depths.oldest_s
        now_ms = self.wiring.clock()
        with self.wiring.database.reading() as session:
            kept = queue_waits.since_ms(session)
        since = {address: kept[address.key] for address in untold if address.key in kept}
        done_ms = self._newest_done_ms(since)
        ages = {one: now_ms - max(at_ms, done_ms.get(one, 0)) for one, at_ms in since.items()}
        return depths.oldest_s | {address: max(0, age_ms) / 1000 for address, age_ms in ages.items()}

    def _note(self, depths: Depths) -> None:
        """Remember since when queues are not empty. Mostly nothing is new, and nothing written."""
        untold = {address.key for address in _waiting(depths) if address not in depths.oldest_s}
        with self.wiring.database.reading() as session:
            kept = queue_waits.since_ms(session)
        if kept.keys() != untold:
            with self.wiring.database.transaction() as session:
                queue_waits.note(session, untold, self.wiring.clock())

    def _newest_done_ms(self, addresses: Collection[Address]) -> dict[Address, int]:
        with self.wiring.database.reading() as session:
            return {one: _accepted_ms(session, one.id) for one in addresses if one.lane is not Lane.ACCOUNT}


@contextmanager
def _asking(part: str, away: type[Exception]) -> Iterator[None]:
    """Tell whether a part of the deployment answered; ``away`` is what its silence raises."""
    answered = True
    try:
        yield
    except away:
        answered = False
        raise
    finally:
        if part:
            telemetry.record_reachable(part, answered)


def _waiting(depths: Depths) -> list[Address]:
    return [address for address, depth in depths.queues.items() if depth]


def _address(instance: Instance) -> Address:
    return Address(Lane(instance.direction), instance.id)


def _sweep_age_s(session: Session, instance: Instance, holds: Collection[int], now_ms: int) -> float:
    """Since the last sweep got through, or the instance was enabled or changed; a held one is not swept."""
    if instance.hubspot.id in holds or instance.mainstay.id in holds:
        return 0.0
    done_ms = jobs.last_done_ms(session, "sweep", instance.id)
    return max(0, now_ms - max(done_ms, instances.times(session, instance.id).changed_at_ms)) / 1000


def _accepted_ms(session: Session, instance_id: int) -> int:
    """When the newest of an instance's latest finished messages was accepted, 0 if there is none."""
    query = (
        select(models.Outcome.accepted_at_ms)
        .where(models.Outcome.instance_id == instance_id)
        .order_by(models.Outcome.id.desc())
        .limit(NEWEST)
    )
    return max(session.scalars(query), default=0)
