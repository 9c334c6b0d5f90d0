"""Everything that Health tells at one moment. The page and the API show the same."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from console.health import components, marks
from console.health.calls import AccountCalls, account_calls, refused
from console.health.components import Checks, Component
from console.health.flow import Flow, flows
from console.health.marks import Mark
from console.health.ranges import HOUR_MS, Range
from core.coordination.port import CoordinationUnavailable
from core.domain.fields import Platform
from core.domain.instances import Account, Instance
from core.domain.messages import Address, Lane
from core.gauges import Gauges, Waiting
from core.queue.port import QueueUnavailable
from core.signs_of_life import signs
from core.spending import Spending, spending
from core.store import accounts, dead_letters, instances, processes, tallies
from core.wiring import Wiring

TOP_CODES = 5


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue: ``name`` is the instance's, or the HubSpot account's. None = the queue does not answer."""

    name: str
    lane: Lane
    instance_id: int
    waiting: int | None
    oldest_s: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """See the parts. ``retry`` None = the queue does not answer."""

    at_ms: int
    over: Range
    flows: Sequence[Flow]
    queues: Sequence[QueueLine]
    retry: int | None
    dead: int
    calls: Sequence[AccountCalls]
    refused: Counter[str]
    components: Sequence[Component]
    marks: Sequence[Mark]

    @property
    def since_ms(self) -> int:
        """When the first step begins."""
        return self.over.since_ms(self.at_ms)

    @property
    def troubles(self) -> list[Component]:
        """The parts that do not work."""
        return [one for one in self.components if one.state == "bad"]

    @property
    def codes(self) -> list[tuple[str, int]]:
        """The codes that messages ended with most often in the range."""
        return sum((one.codes for one in self.flows), Counter()).most_common(TOP_CODES)


class Health:
    """One per process: its checks have threads of their own."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._gauges = Gauges(wiring)
        self._checks = Checks(wiring)

    def report(self, over: Range) -> Report:
        """How things stand now. DatabaseUnavailable; what else is away is told as such."""
        wiring, now_ms = self._wiring, self._wiring.clock()
        since_ms = over.since_ms(now_ms)
        checked = self._checks.run()
        waiting = self._waiting(checked)
        with wiring.database.reading() as session:
            known, held = accounts.all_accounts(session), accounts.held(session)
            every = instances.all_instances(session)
            flow = flows(session, over, now_ms)
            until_ms = since_ms + over.steps * over.step_ms
            counted = tallies.counts(session, since_ms, until_ms, over.step_ms)
            recent = tallies.counts(session, now_ms - HOUR_MS, now_ms)
            sources = {one.source.id for one in every if one.enabled}
            seen = signs(session, sources, now_ms)
            alive = processes.running(session, now_ms)
            dead = dead_letters.count(session)
            found = marks.marks(session, since_ms, now_ms)
        calls = account_calls(known, counted, recent, over, now_ms, self._spending(known), seen)
        for one in calls:
            mine = [i for i in every if one.account.id in (i.hubspot.id, i.mainstay.id)]
            one.messages = sum(direction.instances[i.id] for direction in flow for i in mine)
            one.waiting = _waiting_for(mine, waiting)
        return Report(
            at_ms=now_ms,
            over=over,
            flows=flow,
            queues=_queues(every, known, waiting),
            retry=waiting.depths.retry if waiting else None,
            dead=sum(dead.values()),
            calls=calls,
            refused=refused(counted),
            components=[
                *checked,
                *components.processes(alive, every),
                *components.platforms(known, held),
            ],
            marks=found,
        )

    def _waiting(self, checked: Sequence[Component]) -> Waiting | None:
        if any(one.state == "bad" and "ueue" in one.name for one in checked):
            return None  # it would only take its time to say so again
        try:
            return self._gauges.waiting()
        except QueueUnavailable:
            return None

    def _spending(self, known: Sequence[Account]) -> list[Spending]:
        try:
            return spending(self._wiring, known)
        except CoordinationUnavailable:
            return []


def _queues(every: Sequence[Instance], known: Sequence[Account], waiting: Waiting | None) -> list[QueueLine]:
    lines = [(one.name, Address(Lane(one.direction), one.id), one.id) for one in every]
    lines += [
        (f"{one.name}: merges and deletions", Address(Lane.ACCOUNT, one.id), 0)
        for one in known
        if one.platform is Platform.HUBSPOT
    ]
    return [
        QueueLine(
            name=name,
            lane=address.lane,
            instance_id=instance_id,
            waiting=waiting.depths.queues.get(address, 0) if waiting else None,
            oldest_s=waiting.oldest_s.get(address) if waiting else None,
        )
        for name, address, instance_id in lines
    ]


def _waiting_for(mine: Sequence[Instance], waiting: Waiting | None) -> int:
    if waiting is None:
        return 0
    addresses = [Address(Lane(one.direction), one.id) for one in mine]
    return sum(waiting.depths.queues.get(address, 0) for address in addresses)
