"""What went through, by direction and step: outcomes, how long changes took, what was tried again."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from console.health.ranges import Range
from core.domain.delays import quantile_ms
from core.domain.fields import Direction
from core.store import roll_ups
from core.store.roll_ups import Count

GROUPS = {
    "created": "written",
    "updated": "written",
    "unchanged": "unchanged",
    "filtered": "filtered",
    "error": "error",
    "dead": "dead",
}  # every other outcome is "other": gone, disabled, deleted, erased, handled
ORDER = ("written", "unchanged", "filtered", "other", "error", "dead")


@dataclass(slots=True)
class Step:
    """One bar of the charts. ``delays``: upper edge (ms) → written changes."""

    start_ms: int
    outcomes: Counter[str] = field(default_factory=Counter)
    delays: Counter[int] = field(default_factory=Counter)

    def delay_s(self, share: float) -> float | None:
        """The delay that ``share`` of the step's changes stayed below."""
        return _seconds(quantile_ms(self.delays, share))


@dataclass(slots=True)
class Flow:
    """A direction over a range."""

    direction: Direction
    steps: list[Step]
    codes: Counter[str] = field(default_factory=Counter)
    tries: int = 0
    instances: Counter[int] = field(default_factory=Counter)  # messages by instance

    @property
    def outcomes(self) -> Counter[str]:
        """All steps together, by group."""
        return sum((one.outcomes for one in self.steps), Counter())

    @property
    def messages(self) -> int:
        """How many messages ended."""
        return self.outcomes.total()

    def delay_s(self, share: float) -> float | None:
        """The delay that ``share`` of the range's changes stayed below; None where nothing was written."""
        return _seconds(quantile_ms(sum((one.delays for one in self.steps), Counter()), share))


def flows(session: Session, over: Range, now_ms: int) -> list[Flow]:
    """Both directions over a range, every step of it, whether anything happened or not."""
    since_ms = over.since_ms(now_ms)
    found = roll_ups.counts(session, since_ms, since_ms + over.steps * over.step_ms, over.step_ms)
    starts = [since_ms + number * over.step_ms for number in range(over.steps)]
    return [_flow(one, starts, [count for count in found if count.direction == one]) for one in Direction]


def _flow(direction: Direction, starts: Sequence[int], found: Iterable[Count]) -> Flow:
    flow = Flow(direction, [Step(start_ms) for start_ms in starts])
    steps = {one.start_ms: one for one in flow.steps}
    for count in found:
        step = steps[count.start_ms]
        step.outcomes[GROUPS.get(count.outcome, "other")] += count.messages
        flow.tries += count.tries
        flow.instances[count.instance_id] += count.messages
        if count.delay_ms:
            step.delays[count.delay_ms] += count.messages
        if count.code:
            flow.codes[count.code] += count.messages
    return flow


def _seconds(delay_ms: float | None) -> float | None:
    return None if delay_ms is None else delay_ms / 1000
