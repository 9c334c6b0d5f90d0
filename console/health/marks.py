"""Changes of the configuration and deploys within a stretch of time, as the audit log has them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from console.activities import action_words
from core.store import audit

PREFIXES = ("instance.", "account.", "configuration.", "release.")
MOST = 50


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that may explain what the charts show from then on."""

    at_ms: int
    who: str
    action: str
    subject: str

    @property
    def deploy(self) -> bool:
        """A new version began to run."""
        return self.action.startswith("release.")

    @property
    def text(self) -> str:
        """``Instance changed: Students``."""
        words = action_words(self.action)
        return f"{words}: {self.subject}" if self.subject else words


def marks(session: Session, since_ms: int, until_ms: int) -> Sequence[Mark]:
    """The newest ones first, at most fifty."""
    found = audit.between(session, since_ms, until_ms, PREFIXES, MOST)
    return [Mark(one.at_ms, one.who, one.action, one.subject) for one in found]
