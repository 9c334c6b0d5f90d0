"""What the doctor says: one finding per thing looked at."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """``problem``: changes are lost, late or refused until it is mended. ``warning``: worth a look."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """``check`` names what was looked at (the same words for ever), ``subject`` of what: an account, a URL.

    ``next_step`` is empty only where the state is ok. No secret and no contact's value ever stands in it.
    """

    check: str
    subject: str
    state: State
    detail: str
    next_step: str = ""

    def document(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def ok(check: str, subject: str, detail: str) -> Finding:
    """All is well."""
    return Finding(check, subject, State.OK, detail)


def problem(check: str, subject: str, detail: str, next_step: str) -> Finding:
    """It has to be mended."""
    return Finding(check, subject, State.PROBLEM, detail, next_step)


def warning(check: str, subject: str, detail: str, next_step: str) -> Finding:
    """It works, or may work; somebody should look."""
    return Finding(check, subject, State.WARNING, detail, next_step)


def skipped(check: str, subject: str, detail: str, next_step: str) -> Finding:
    """Nobody can tell from here."""
    return Finding(check, subject, State.SKIPPED, detail, next_step)
