"""All activity as the outside sees it: states in people's words, and the columns of its download."""

from typing import Any

from console.timelines import in_short
from core.domain.outcomes import Outcome

WORDS = {
    Outcome.CREATED: "Created",
    Outcome.UPDATED: "Updated",
    Outcome.UNCHANGED: "Unchanged",
    Outcome.FILTERED: "Excluded",
    Outcome.ERROR: "Failed",
    Outcome.DEAD: "Given up",
    Outcome.DISCARDED: "Discarded",
    Outcome.GONE: "Gone",
    Outcome.DISABLED: "Switched off",
    Outcome.DELETED: "Integration deleted",
    Outcome.ERASED: "Erased",
    Outcome.HANDLED: "Handled",
}
# What a list is narrowed to: a state, in words, and the outcomes that it stands for.
STATES: dict[str, tuple[str, tuple[Outcome, ...]]] = {
    "written": ("Written", (Outcome.CREATED, Outcome.UPDATED)),
    "unchanged": ("Unchanged", (Outcome.UNCHANGED,)),
    "excluded": ("Excluded", (Outcome.FILTERED,)),
    "failing": ("Failing", (Outcome.ERROR, Outcome.DEAD)),
    "ended": (
        "Ended otherwise",
        (Outcome.DISCARDED, Outcome.GONE, Outcome.DISABLED, Outcome.DELETED, Outcome.ERASED, Outcome.HANDLED),
    ),
}
COLUMNS = (
    *("at", "occurred_at", "instance", "direction", "hubspot_id", "mainstay_id"),
    *("outcome", "code", "cause", "attempt", "what"),
)


def outcomes_of(state: str) -> tuple[str, ...]:
    """The outcomes of a state, or of an outcome's own name; () = all."""
    if state in STATES:
        return tuple(str(one) for one in STATES[state][1])
    return (state,) if state in list(Outcome) else ()


def word_of(outcome: str) -> str:
    """An outcome as people read it."""
    return WORDS.get(Outcome(outcome), outcome.capitalize()) if outcome in list(Outcome) else outcome


def flat(entry: dict[str, Any]) -> list[Any]:
    """An entry's cells (timelines.entry_document) under ``COLUMNS``."""
    cells = {**entry, "what": in_short(entry)}
    return [cells[name] for name in COLUMNS]


def action_words(action: str) -> str:
    """An action of the audit log as people read it: ``api-token.revoked`` → API token revoked."""
    return action.replace(".", " ").replace("-", " ").capitalize().replace("Api ", "API ")
