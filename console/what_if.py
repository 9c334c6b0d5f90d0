"""What if: the last real events of an instance, planned again by the mapping in use and by another one.

Nothing is written, neither to a platform nor to the database: both sides of the comparison are plans of the
same contacts as they are now. In the background: live changes go first.
"""

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from console import connections
from console.configuration.entries import Configuration
from console.configuration.plan import Verb
from console.configuration.problems import Refused
from consumers import single
from core.domain.codes import Code
from core.domain.fields import Direction, Platform
from core.domain.instances import Instance
from core.domain.outcomes import Outcome
from core.store import activity
from core.store.activity import Search
from core.store.outcomes import OutcomeRow

if TYPE_CHECKING:
    from core.wiring import Wiring

CHOICES = (10, 25, 50, 100, 200)  # events
PATIENCE_S = 40.0  # what is not looked at by then is a page of its own
_PORTION = 20  # contacts planned at once
_PAGE, _MOST_PAGES = 500, 10  # of outcomes that are looked through for events
# How an event ended → what a plan would call it.
_PLANNED = {
    Outcome.CREATED: "create",
    Outcome.UPDATED: "update",
    Outcome.UNCHANGED: "unchanged",
    Outcome.FILTERED: "filtered",
    Outcome.GONE: "filtered",
}
_THROUGH = ("create", "update", "unchanged")
# Calls at most: to HubSpot per hundred contacts and per contact (a search by name), to Mainstay per contact.
_CALLS = {Direction.INCOMING: (3, 0, 3), Direction.OUTGOING: (3, 1, 3)}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a contact ends. ``writes``: target field → the value it would get; not shown in lists. ``echo``: an
    event of our own write, which ended before any filter or match."""

    outcome: str
    code: str | None = None
    why: str = ""
    writes: Mapping[str, str] = field(default_factory=dict, repr=False)
    echo: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """One contact that ends otherwise. ``fields``: the target's, written otherwise."""

    contact: str
    before: Ended
    after: Ended
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Diff:
    """``looked_at`` contacts: the ``same`` ones, ``different`` ones, and (``unasked``) those that a platform
    did not answer for. ``left``: contacts for which there was no time."""

    looked_at: int = 0
    same: Counter[str] = field(default_factory=Counter)
    different: list[Difference] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    left: int = 0

    @property
    def turns(self) -> list[tuple[str, str, int]]:
        """(before, after, how many), the most first."""
        counted = Counter((one.before.outcome, one.after.outcome) for one in self.different)
        return [(before, after, count) for (before, after), count in counted.most_common()]

    def to_json(self) -> dict[str, Any]:
        """The shape of the API and of ``crosswalk what-if --json``. Names and reasons, no values."""
        return {
            "looked_at": self.looked_at,
            "left": self.left,
            "same": dict(self.same),
            "turns": [{"before": a, "after": b, "contacts": count} for a, b, count in self.turns],
            "different": [
                {
                    "contact": one.contact,
                    "before": one.before.outcome,
                    "before_code": one.before.code,
                    "after": one.after.outcome,
                    "after_code": one.after.code,
                    "fields": list(one.fields),
                    "why": one.after.why,
                }
                for one in self.different
            ],
            "not_asked": self.unasked,
        }


@dataclass(frozen=True, slots=True)
class Cost:
    """What looking takes at most: calls by platform, and minutes at the rate budgets' background share."""

    calls: Mapping[Platform, int]
    minutes: int


def of_configuration(wiring: "Wiring", live: Instance, configuration: Configuration) -> Instance:
    """The instance as a configuration file would make it; only this one of the file counts. Refused."""
    entry = next((one for one in configuration.instances if one.name == live.name), None)
    if entry is None:
        raise Refused([f"the configuration has no instance {live.name!r}"])
    change = connections.plan_instance(wiring, replace(entry, enabled=None), live).instances[0]
    if change.verb is Verb.REPLACE or change.mapping is None:
        raise Refused(
            [f"{live.name}: another direction or other accounts, so there is nothing to compare with"]
        )
    return replace(live, id=0, mapping=change.mapping, enabled=False)


def last_events(wiring: "Wiring", instance: Instance, count: int) -> tuple[int, list[OutcomeRow]]:
    """How many of the newest ``count`` events there are, and each of their contacts' newest outcome."""
    events, newest, before = 0, dict[str, OutcomeRow](), 0
    for _ in range(_MOST_PAGES):
        with wiring.database.reading() as session:
            rows, before = activity.page(session, Search(instance=instance.name, before_id=before), _PAGE)
        for row in rows:
            contact = source_id(instance, row)
            if row.cause != "event" or not contact or row.instance_id != instance.id:
                continue
            if events == count:
                return events, [*newest.values()]
            events += 1
            newest.setdefault(contact, row)
        if not before:
            break
    return events, [*newest.values()]


def source_id(instance: Instance, row: OutcomeRow) -> str:
    """The contact's id on the instance's source, "" where it was not known."""
    incoming = instance.direction is Direction.INCOMING
    return (row.hubspot_id if incoming else row.mainstay_id) or ""


def cost(wiring: "Wiring", direction: Direction, contacts: int, mappings: int) -> Cost:
    """What planning so many contacts by so many mappings takes at most."""
    per_hundred, each, mainstay = _CALLS[direction]
    portions = math.ceil(contacts / _PORTION)
    calls = {
        Platform.HUBSPOT: mappings * (per_hundred * portions + each * contacts),
        Platform.MAINSTAY: mappings * mainstay * contacts,
    }
    rates = {
        Platform.HUBSPOT: wiring.settings.hubspot_rate,
        Platform.MAINSTAY: wiring.settings.mainstay_rate,
    }
    seconds = max(calls[one] * rate.window_s / (0.8 * rate.limit) for one, rate in rates.items())
    return Cost(calls, math.ceil(seconds / 60))


def compare(wiring: "Wiring", live: Instance, draft: Instance | None, rows: Sequence[OutcomeRow]) -> Diff:
    """The plans of these contacts by the draft beside those by the mapping in use; without a draft, the plans
    of today beside how the events ended."""
    diff, until_s = Diff(), time.monotonic() + PATIENCE_S
    for n in range(0, len(rows), _PORTION):
        portion = rows[n : n + _PORTION]
        if n and time.monotonic() > until_s:
            diff.left = len(rows) - n
            break
        ids = [source_id(live, row) for row in portion]
        now = [_ended(one) for one in single.preview_many(wiring, live, ids, background=True)]
        if draft is not None:
            after = [_ended(one) for one in single.preview_many(wiring, draft, ids, background=True)]
            before = now
        else:
            before, after = [_recorded(row) for row in portion], now
        for contact, one, other in zip(ids, before, after, strict=True):
            _add(diff, f"{live.direction.source}:{contact}", one, other, planned=draft is not None)
    return diff


def _add(diff: Diff, contact: str, before: Ended, after: Ended, *, planned: bool) -> None:
    diff.looked_at += 1
    codes = [one.code for one in ((before, after) if planned else (after,))]
    if any(code is not None and Code(code).retryable for code in codes):
        diff.unasked.append(contact)
        return
    names = {*before.writes, *after.writes} if planned else set()
    fields = tuple(sorted(one for one in names if before.writes.get(one) != after.writes.get(one)))
    same = (before.outcome, before.code) == (after.outcome, after.code)
    if not planned and before.outcome in _THROUGH and after.outcome == "unchanged":
        same = True  # what it brought then is in step now
    if before.echo and after.outcome in ("unchanged", "filtered"):
        same = True  # nothing was asked of it then, and nothing would be written now
    if same and not fields:
        diff.same[after.outcome] += 1
    else:
        diff.different.append(Difference(contact, before, after, fields))


def _ended(told: Mapping[str, Any]) -> Ended:
    """From a preview (contract §4)."""
    writes = {
        one["field"]: one["after"] or ""
        for one in told["fields"]
        if (one["before"] or "") != (one["after"] or "")
    }
    problems = [one["message"] for one in told["problems"]]
    failed = [one for one in told["filter"]["reasons"] if not one["held"]]
    why = [f"{one['field']} is not {' or '.join(one['wanted'])}" for one in failed if one.get("wanted")]
    steps = [one["reason"] for one in told["matching"] if one["result"] in ("matched", "error")]
    said = [*problems, *why, *steps[-1:], *told["notes"]]
    return Ended(told["outcome"], told["code"], said[0] if said else "", writes)


def _recorded(row: OutcomeRow) -> Ended:
    known = row.outcome in list(Outcome) and Outcome(row.outcome) in _PLANNED
    echo = row.outcome == Outcome.UNCHANGED and not row.story.get("matching")
    return Ended(_PLANNED[Outcome(row.outcome)] if known else "error", row.code, echo=echo)
