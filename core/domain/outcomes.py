"""What became of a contact, and why: the words that the timeline, the preview and the consumer share.

Texts in here name fields, rules and ids, never a contact's value; values stand in ``FieldVerdict`` only,
which the preview shows and nobody stores.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.domain.codes import Code
from core.domain.fields import Row


class Outcome(StrEnum):
    """How a message ended. Every queued message ends in exactly one of these."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FILTERED = "filtered"
    ERROR = "error"
    DEAD = "dead"
    DISCARDED = "discarded"  # a dead letter that somebody gave up for good
    GONE = "gone"  # the source contact no longer exists
    DISABLED = "disabled"
    DELETED = "deleted"  # the instance was deleted
    ERASED = "erased"  # privacy deletion
    HANDLED = "handled"  # a deletion, merge or restore was carried out for the account


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry for the Sync Log. ``field`` is the target field's name where one field is the matter."""

    code: Code
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the matching: which rule looked, what it found, and which contacts it considered."""

    rule: str
    result: str  # matched | nothing | skipped | error
    reason: str
    candidates: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The stored and shown form."""
        step: dict[str, Any] = {"rule": self.rule, "result": self.result, "reason": self.reason}
        if self.candidates:
            step["candidates"] = list(self.candidates)
        return step


class Action(StrEnum):
    """What happens to one field of the target."""

    WRITE = "write"
    SAME = "same"  # nothing differs
    KEPT = "kept"  # differs, but a rule says that the target stays
    YIELD = "yield"  # the target's value is the one that has to travel, in the other direction
    LEFT_OUT = "left out"  # can't be carried over; logged
    TIMES = "times"  # both sides changed: the HubSpot property's time has to be looked up first


@dataclass(frozen=True, slots=True)
class FieldVerdict:
    """What is decided about one row, with its reason. Canonical values: for the preview and for writing."""

    row: Row
    action: Action
    reason: str
    source: str = ""
    before: str = ""
    after: str = ""
    problem: Problem | None = None

    def told(self, target_name: str) -> dict[str, Any]:
        """The stored form: names and reasons."""
        return {"field": target_name, "did": str(self.action), "reason": self.reason}


@dataclass(slots=True)
class Story:
    """All that the timeline keeps of one contact's way through the rules."""

    filter: list[dict[str, Any]] = field(default_factory=list)
    matching: list[Step] = field(default_factory=list)
    fields: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The stored form; empty parts are left out."""
        parts: dict[str, Any] = {
            "filter": self.filter,
            "matching": [step.to_json() for step in self.matching],
            "fields": self.fields,
            "notes": self.notes,
        }
        return {name: part for name, part in parts.items() if part}
