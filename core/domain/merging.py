"""What one field of the target becomes: the three-way merge against what both sides last agreed on. Pure.

A two-way field follows the side that changed it since the agreed value; where both changed it, the later
change wins (ties go to HubSpot). A one-way field is asserted by its source. Digests stand for the agreed
values (digests.py): one per side, since a platform may rewrite what it is given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.domain.conversion import NotConvertible, convert, same
from core.domain.fields import Direction, Platform, Row, WhenEmpty
from core.domain.outcomes import Action, FieldVerdict, Problem

Digest = Callable[[Platform, str, str], str]  # (platform, field name, canonical value) → digest


@dataclass(frozen=True, slots=True)
class Agreed:
    """The digests that both sides had when they last agreed on a row."""

    mainstay: str
    hubspot: str

    def side(self, platform: Platform) -> str:
        """One side's digest."""
        return self.hubspot if platform is Platform.HUBSPOT else self.mainstay


@dataclass(frozen=True, slots=True)
class Times:
    """When each side changed a field, epoch ms."""

    mainstay_ms: int
    hubspot_ms: int

    @property
    def later(self) -> Platform:
        """The side that changed it last; a tie goes to HubSpot."""
        return Platform.MAINSTAY if self.mainstay_ms > self.hubspot_ms else Platform.HUBSPOT

    def told(self) -> str:
        """Who changed it last, and when each side did, in words."""
        apart_s = abs(self.mainstay_ms - self.hubspot_ms) / 1000
        mainstay, hubspot = _moment(self.mainstay_ms), _moment(self.hubspot_ms)
        if not apart_s:
            return f"at the same time ({hubspot}), and then HubSpot's value holds"
        times = f"HubSpot: {hubspot}, Mainstay: {mainstay}"
        return f"{self.later.title} changed it {apart_s:g} s later ({times})"


def _moment(at_ms: int) -> str:
    """RFC 3339, UTC, to the millisecond."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class RowState:
    """What is known of one row of one contact: canonical values, what was agreed, who may write.

    ``two_way``: the other direction's ``when_empty`` where an enabled instance maps the row back and the
    contact passes its filter, else None. ``times``: None until they were looked up.
    """

    row: Row
    direction: Direction
    source: str
    target: str
    agreed: Agreed | None = None
    two_way: WhenEmpty | None = None
    times: Times | None = None


def decide(state: RowState, digest: Digest, region: str) -> FieldVerdict:
    """The verdict on one row, with its reason. ``Action.TIMES`` asks for ``state.times``."""
    if same(state.row, state.direction, state.source, state.target, region):
        return _verdict(state, Action.SAME, "both sides have the same value")
    changed = _changed(state, digest)
    if changed == ():
        return _verdict(state, Action.SAME, "unchanged since both sides agreed")
    if state.two_way is None:
        return _travel(state, "the source's value", region)
    if changed is not None and len(changed) > 1 and state.times is None:
        return _verdict(state, Action.TIMES, "changed on both sides")
    holder, reason = _holder(state, changed)
    return _travel(state, reason, region) if holder is state.direction.source else _stay(state, reason)


def _changed(state: RowState, digest: Digest) -> tuple[Platform, ...] | None:
    """The sides that changed the row since both agreed; None if they never did."""
    if state.agreed is None:
        return None
    source, target = state.direction.source, state.direction.target
    now = {source: state.source, target: state.target}
    return tuple(
        side
        for side, value in now.items()
        if digest(side, state.row.side(side).name, value) != state.agreed.side(side)
    )


def _holder(state: RowState, changed: tuple[Platform, ...] | None) -> tuple[Platform, str]:
    """The side whose value holds, with the reason."""
    source, target = state.direction.source, state.direction.target
    if changed is None:
        if not state.source:
            return target, f"never agreed; blank in {source.title}, filled in {target.title}"
        return source, f"never agreed; {source.title} is being handled"
    if len(changed) == 1:
        return changed[0], f"changed in {changed[0].title}"
    assert state.times is not None
    return state.times.later, f"changed on both sides; {state.times.told()}"


def _stay(state: RowState, reason: str) -> FieldVerdict:
    """The target's value holds: it has to travel the other way, unless a blank may not."""
    if not state.target and state.two_way is WhenEmpty.KEEP:
        return _verdict(state, Action.KEPT, f"{reason}; a blank does not travel")
    return _verdict(state, Action.YIELD, reason)


def _travel(state: RowState, reason: str, region: str) -> FieldVerdict:
    """The source's value holds: it is written, if the target can hold it."""
    try:
        wanted = convert(state.row, state.direction, state.source, region)
    except NotConvertible as unfit:
        name = state.row.side(state.direction.target).name
        problem = Problem(unfit.code, f"{name}: {unfit.why}", name)
        return _verdict(state, Action.LEFT_OUT, unfit.why, problem=problem)
    if not wanted and state.row.when_empty is WhenEmpty.KEEP:
        return _verdict(state, Action.KEPT, "blank in the source; the mapping keeps the target's value")
    return _verdict(state, Action.WRITE, reason, after=wanted)


def _verdict(
    state: RowState, action: Action, reason: str, *, after: str | None = None, problem: Problem | None = None
) -> FieldVerdict:
    return FieldVerdict(
        row=state.row,
        action=action,
        reason=reason,
        source=state.source,
        before=state.target,
        after=state.target if after is None else after,
        problem=problem,
    )
