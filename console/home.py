"""How everything stands, in one sentence that is true, and what it is made of.

Used by the console's Home, ``GET /api/v1/home`` and ``crosswalk home``. ``sentence`` is pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from console import problems as console_problems
from console import statuses
from console.problems import Problem
from console.times import rfc3339, span
from core.domain.codes import Code
from core.domain.fields import Direction
from core.domain.instances import Instance
from core.domain.messages import Lane
from core.queue.port import QueueUnavailable
from core.store import accounts, activity, counts, dead_letters, instances, outcomes, processes
from core.store import problems as problem_store
from core.store.accounts import Hold
from core.store.counts import Count

if TYPE_CHECKING:
    from core.wiring import Wiring

DAY_MS = 24 * 3600 * 1000
SAMPLE = 200  # newest changes of an instance that the delay is measured from


@dataclass(frozen=True, slots=True)
class Way:
    """One direction: its newest change, and how long the newest ones took (0 = none in 24 hours)."""

    direction: Direction
    instances: int
    enabled: int
    last_change_ms: int
    changes: int
    median_ms: int
    slowest_ms: int


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the first run, done or not; ``page`` names where it is done."""

    title: str
    done: bool
    page: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything at a glance. ``waiting`` None: the queue does not answer; ``redis_away``: Redis doesn't.
    ``missing``: directions whose instances are on and that no process works on. ``failing``: contacts that
    somebody has to see to; ``tended``: those that somebody looks after or left alone. ``troubled``: linked
    pairs among all of these. ``away``: held accounts whose platform can't be reached; the others are
    refused."""

    waiting: int | None
    redis_away: bool
    linked: Count
    excluded: Count
    failing: Count
    tended: Count
    troubled: int
    dead: int
    problems: tuple[Problem, ...]
    held: tuple[str, ...]
    away: tuple[str, ...]
    missing: tuple[str, ...]
    ways: tuple[Way, ...]
    steps: tuple[Step, ...]

    @property
    def in_sync(self) -> Count:
        """Linked contacts without an open problem."""
        if self.linked.about or self.linked.more:
            return self.linked
        return Count(max(0, self.linked.number - self.troubled))

    @property
    def begun(self) -> bool:
        """Whether the first run is over."""
        return all(step.done for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """The shape of the API and of ``crosswalk home --json``."""
        return {
            "sentence": sentence(self),
            "waiting": self.waiting,
            "in_sync": str(self.in_sync),
            "excluded_24h": str(self.excluded),
            "failing": str(self.failing),
            "tended": str(self.tended),
            "dead_letters": self.dead,
            "held": list(self.held),
            "without_a_process": list(self.missing),
            "directions": [
                {
                    "direction": str(one.direction),
                    "enabled": one.enabled,
                    "last_change": rfc3339(one.last_change_ms) if one.last_change_ms else None,
                    "changes_measured": one.changes,
                    "median_s": one.median_ms / 1000 if one.changes else None,
                    "slowest_s": one.slowest_ms / 1000 if one.changes else None,
                }
                for one in self.ways
            ],
            "problems": [one.to_json() for one in self.problems],
        }


def look(wiring: "Wiring") -> Standing:
    """How everything stands now."""
    now_ms = wiring.clock()
    found = console_problems.every(wiring)
    try:
        waiting: int | None = sum(statuses.waiting(wiring).values())
    except QueueUnavailable:
        waiting = None
    redis_away = bool(wiring.redis_problem())
    open_ = [one for one in found if one.state == "open"]
    with wiring.database.reading() as session:
        known = instances.all_instances(session)
        everything = console_problems.affected(session, found)
        failing = console_problems.affected(session, open_) if len(open_) < len(found) else everything
        linked = counts.links(session)
        exact = not (linked.about or linked.more)
        holds = accounts.held(session)
        ways = tuple(_way(session, one, known, now_ms) for one in Direction)
        return Standing(
            waiting=waiting,
            redis_away=redis_away,
            linked=linked,
            excluded=activity.contacts(
                session, activity.Search(since_ms=now_ms - DAY_MS, outcomes=("filtered",))
            ),
            failing=failing,
            tended=Count(max(0, everything.number - failing.number), everything.more),
            troubled=problem_store.affected_links(session, [one.key for one in found]) if exact else 0,
            dead=dead_letters.waiting(session),
            problems=tuple(open_),
            held=tuple(map(_held, sorted(holds, key=_is_away))),
            away=tuple(_held(one) for one in holds if _is_away(one)),
            missing=_missing(session, known, now_ms),
            ways=ways,
            steps=_steps(session, known, changed=any(one.last_change_ms for one in ways)),
        )


def sentence(standing: Standing) -> str:
    """The worst thing first; "Everything is in sync." only where nothing at all is left to say."""
    said = (*_stopped(standing), *_to_do(standing), "Everything is in sync.")
    return next(one for one in said if one)


def _stopped(standing: Standing) -> tuple[str, ...]:
    """Why nothing is carried over, each empty where it is not so."""
    configured = any(way.instances for way in standing.ways)
    missing = " and ".join(standing.missing)
    return (
        "" if configured else "Nothing is set up yet.",
        ""
        if any(way.enabled for way in standing.ways)
        else "Every integration is off: nothing is carried over.",
        "The queue does not answer: changes can't be taken at the moment."
        if standing.waiting is None
        else "",
        "Redis does not answer: changes wait until it does." if standing.redis_away else "",
        f"Nothing is carried over {missing}: no process is at work on it." if missing else "",
        _on_hold(standing) if standing.held else "",
    )


def _on_hold(standing: Standing) -> str:
    first, wait = standing.held[0], _wait(standing.waiting)
    if first in standing.away:
        return f"{first} can't be reached: {wait} until it answers."
    return f"{first} does not let us in: {wait} until it does."


def _to_do(standing: Standing) -> tuple[str, ...]:
    """What is left to do, each empty where it is not so."""
    causes, dead, waiting = len(standing.problems), standing.dead, standing.waiting
    return (
        f"{_contacts(standing.failing)} {_plural(standing.failing, 'needs', 'need')} you."
        if standing.failing
        else "",
        f"{causes} {'problem needs' if causes == 1 else 'problems need'} you." if causes else "",
        f"{dead:,} {'change was' if dead == 1 else 'changes were'} given up: see the dead letters."
        if dead
        else "",
        f"{waiting:,} {'change is' if waiting == 1 else 'changes are'} on the way." if waiting else "",
        f"Everything is in sync but for {_contacts(standing.tended).lower()} that somebody looks after."
        if standing.tended
        else "",
    )


def told(way: Way) -> str:
    """A direction's delay in words."""
    if not way.changes:
        return "No webhook told of a change in the last 24 hours."
    slowest = f"; slowest {_short(way.slowest_ms)}" if way.changes > 1 else ""
    return f"Changes arrive after {_short(way.median_ms)}{slowest}."


def _short(ms: int) -> str:
    return f"{ms / 1000:.1f} s" if ms < 10_000 else span(ms / 1000)


def _contacts(count: Count) -> str:
    text = str(count)
    return f"{text[:1].upper()}{text[1:]} {_plural(count, 'contact', 'contacts')}"


def _plural(count: Count, one: str, many: str) -> str:
    return one if count.number == 1 and not count.more else many


def _wait(waiting: int | None) -> str:
    return f"{waiting:,} {'change waits' if waiting == 1 else 'changes wait'}" if waiting else "changes wait"


def _held(hold: Hold) -> str:
    return f"{hold.account.platform.title} account {hold.account.name}"


def _is_away(hold: Hold) -> bool:
    """Whether the platform is down for it, which ends by itself; otherwise somebody has to reconnect it."""
    return Code(hold.code).retryable


def _missing(session: Session, known: Sequence[Instance], now_ms: int) -> tuple[str, ...]:
    at_work = {one.role for one in processes.running(session, now_ms)}
    words = {Lane.INCOMING: "from HubSpot to Mainstay", Lane.OUTGOING: "from Mainstay to HubSpot"}
    wanted = {Lane(one.direction) for one in known if one.enabled}
    return tuple(words[lane] for lane in sorted(wanted) if lane not in at_work)


def _way(session: Session, direction: Direction, known: Sequence[Instance], now_ms: int) -> Way:
    mine = [one for one in known if one.direction is direction]
    times = activity.newest_written(session, [one.id for one in mine], SAMPLE)
    took = sorted(finished - occurred for occurred, finished in times if finished > now_ms - DAY_MS)
    return Way(
        direction=direction,
        instances=len(mine),
        enabled=sum(one.enabled for one in mine),
        last_change_ms=max((outcomes.last_change_ms(session, one.id) for one in mine), default=0),
        changes=len(took),
        median_ms=max(0, took[len(took) // 2]) if took else 0,
        slowest_ms=max(0, took[-1]) if took else 0,
    )


def _steps(session: Session, known: Sequence[Instance], *, changed: bool) -> tuple[Step, ...]:
    platforms = {one.platform for one in accounts.all_accounts(session)}
    began: Mapping[int, int | None] = {
        one.id: instances.times(session, one.id).first_enabled_at_ms for one in known
    }
    return (
        Step("Connect HubSpot and Mainstay", len(platforms) == 2, "accounts"),
        Step("Choose what is carried over: add an integration", bool(known), "hubspot"),
        Step("Preview it on real contacts and switch it on", any(began.values()), "hubspot"),
        Step("See the first change arrive", changed, "activity"),
    )
