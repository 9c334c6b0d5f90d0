"""Alerts: which rules there are, and what becomes of what they find. Pure.

A rule *finds* things that somebody should look at; each has a subject of its own. A finding that is new opens
an alert, one that lasts changes nothing, and one that is gone for a while resolves it. ``judge`` decides; the
scheduler (consumers/chores/alerting.py) finds, stores and tells.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MINUTE_MS = 60_000
CLEAR_MS = 2 * MINUTE_MS  # a finding has to be gone for so long: what comes and goes is one alert


class Rule(StrEnum):
    """What is looked at."""

    NEW_CAUSE = "new-cause"
    HELD = "held-account"
    DEAD = "dead-letters"
    BACKLOG = "backlog"
    SILENCE = "silence"
    EXPIRING = "expiring-connection"
    REFUSED = "refused-webhooks"
    MISSING = "missing-process"


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule in words. ``unit`` says what its threshold counts; ``quiet_ms``: a subject that was resolved so
    shortly ago opens again without a word."""

    title: str
    explained: str
    unit: str
    threshold: int
    quiet_ms: int = 0


RULES: Mapping[Rule, RuleText] = {
    Rule.NEW_CAUSE: RuleText(
        "New cause of problems",
        "Contacts of an integration fail for a reason that nobody met in the last day.",
        "contacts",
        1,
        24 * 60 * MINUTE_MS,
    ),
    Rule.HELD: RuleText(
        "Held account",
        "An account waits: its credentials are refused or its platform is down. Nothing of it is synced.",
        "minutes",
        2,
    ),
    Rule.DEAD: RuleText(
        "Dead letters",
        "Changes were given up and wait for somebody who replays or discards them.",
        "letters",
        1,
    ),
    Rule.BACKLOG: RuleText(
        "Backlog", "The oldest change of an integration waits for longer than it should.", "minutes", 15
    ),
    Rule.SILENCE: RuleText(
        "Silence",
        "No webhook came from a platform, though at the same hours before there were many.",
        "hours",
        3,
    ),
    Rule.EXPIRING: RuleText(
        "Expiring connection",
        "An account's access ran out and could not be renewed: soon it will be held.",
        "minutes",
        10,
    ),
    Rule.REFUSED: RuleText(
        "Refused webhooks",
        "Webhooks are refused, in a quarter of an hour: a wrong secret, or somebody who tries.",
        "requests",
        20,
    ),
    Rule.MISSING: RuleText(
        "Missing process", "A kind of process that is needed did not show itself.", "minutes", 2
    ),
}
LARGEST_THRESHOLD = 100_000


@dataclass(frozen=True, slots=True)
class Setting:
    """How a rule is set. ``threshold`` is in the rule's own unit."""

    rule: Rule
    enabled: bool
    threshold: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: names, codes and counts, never a contact's value. ``path`` leads to it in the
    console; ``subject`` is what tells it from the rule's other findings."""

    rule: Rule
    subject: str
    title: str
    text: str
    path: str

    @property
    def key(self) -> str:
        """Unique over all rules."""
        return f"{self.rule}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Known:
    """An alert as it is stored: open, or resolved (``resolved_at_ms``). ``seen_at_ms``: found last then."""

    id: int
    rule: Rule
    key: str
    seen_at_ms: int
    resolved_at_ms: int | None = None


@dataclass(slots=True)
class Verdict:
    """``opened`` are told, ``reopened`` (alert id → finding) are not; ``seen`` is by the open alert's id."""

    opened: list[Finding] = field(default_factory=list)
    reopened: dict[int, Finding] = field(default_factory=dict)
    seen: dict[int, Finding] = field(default_factory=dict)
    resolved: list[int] = field(default_factory=list)


def judge(
    found: Iterable[Finding],
    open_: Collection[Known],
    resolved: Mapping[str, Known],
    judged: Collection[Rule],
    now_ms: int,
) -> Verdict:
    """What becomes of the findings. ``resolved``: the last resolved alert by key. ``judged``: the rules that
    could be looked at (or are switched off); alerts of the others stay as they are."""
    verdict, by_key = Verdict(), {one.key: one for one in open_}
    for finding in {one.key: one for one in found}.values():
        known, before = by_key.get(finding.key), resolved.get(finding.key)
        if known is not None:
            verdict.seen[known.id] = finding
        elif before is not None and now_ms - (before.resolved_at_ms or 0) < RULES[finding.rule].quiet_ms:
            verdict.reopened[before.id] = finding
        else:
            verdict.opened.append(finding)
    for one in open_:
        gone = one.id not in verdict.seen and one.rule in judged
        if gone and now_ms - one.seen_at_ms >= CLEAR_MS:
            verdict.resolved.append(one.id)
    return verdict
