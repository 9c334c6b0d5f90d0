"""What replaying dead letters would take, told before anybody asks for it: contacts, calls, minutes.

The calls are the most that a contact of that direction needs (a look at both sides, a match, a write; HubSpot
takes a hundred contacts a call, Mainstay one), the minutes what the rate budgets allow for them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.coordination.port import Rate
from core.domain.codes import Code
from core.domain.fields import Direction, Platform
from core.store import dead_letters, instances
from core.store.dead_letters import Group, Search
from core.wiring import Wiring

# Calls per contact, at most. HubSpot's share of batches; Mainstay's reads by CRM ID and phone, and its write.
_CALLS = {
    Direction.INCOMING: {Platform.HUBSPOT: 0.03, Platform.MAINSTAY: 3.0},
    Direction.OUTGOING: {Platform.HUBSPOT: 0.05, Platform.MAINSTAY: 2.0},
}


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """``calls``: platform → calls at most. ``off``: instance that is off → its letters, which would end as
    ``disabled``. ``unreadable`` letters can't be replayed. ``groups``: all that fit, whatever the limit."""

    letters: int
    contacts: int
    calls: Mapping[Platform, int]
    minutes: int
    unreadable: int = 0
    off: Mapping[str, int] = field(default_factory=dict)
    groups: Sequence[Group] = ()

    def in_words(self) -> str:
        """One line."""
        calls = ", ".join(f"{count:,} to {platform.title}" for platform, count in self.calls.items())
        letters = "dead letter" if self.letters == 1 else "dead letters"
        contacts = "contact" if self.contacts == 1 else "contacts"
        off = "".join(f" {name} is off: its {count:,} would end there." for name, count in self.off.items())
        return (
            f"{self.letters:,} {letters} of {self.contacts:,} {contacts}: calls at most {calls};"
            f" about {self.minutes:,} min.{off}"
        )


def plan(wiring: Wiring, wanted: Search) -> ReplayPlan:
    """What replaying ``wanted`` takes, as things stand."""
    with wiring.database.reading() as session:
        found = dead_letters.groups(session, wanted)
        enabled = {one.name: one.enabled for one in instances.all_instances(session)}
    share = _share(found, wanted.limit)
    rates = {
        Platform.HUBSPOT: wiring.settings.hubspot_rate,
        Platform.MAINSTAY: wiring.settings.mainstay_rate,
    }
    readable = [one for one in found if one.code != Code.UNREADABLE_MESSAGE]
    calls = {
        platform: math.ceil(
            sum(one.contacts * share * _CALLS[Direction(one.direction)][platform] for one in readable)
        )
        for platform in Platform
    }
    off = {one.instance: 0 for one in readable if enabled.get(one.instance) is False}
    for one in readable:
        if one.instance in off:
            off[one.instance] += math.ceil(one.letters * share)
    unreadable = sum(one.letters for one in found if one.code == Code.UNREADABLE_MESSAGE)
    seconds = max(_seconds(calls[platform], rate) for platform, rate in rates.items())
    return ReplayPlan(
        letters=math.ceil(sum(one.letters for one in found) * share),
        contacts=math.ceil(sum(one.contacts for one in found) * share),
        calls=calls,
        minutes=math.ceil(seconds / 60),
        unreadable=math.ceil(unreadable * share),
        off=off,
        groups=found,
    )


def _share(found: list[Group], limit: int | None) -> float:
    """Which part of what fits a limit leaves."""
    letters = sum(one.letters for one in found)
    return min(1.0, limit / letters) if limit is not None and letters else 1.0


def _seconds(calls: int, rate: Rate) -> float:
    return calls * rate.window_s / rate.limit
