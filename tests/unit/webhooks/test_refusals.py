"""Every reason to refuse a request has its words, and those that are only put off are known as such."""

import re
from pathlib import Path

from core.domain.refusals import POSTPONED, WORDS

ROOT = Path(__file__).parents[3]
RAISED = re.compile(r'(NotAuthentic|NotDocumented|NotJson|TooLarge|TryAgain)\("([a-z-]+)"\)')
SIGNATURES = {"missing", "malformed", "stale", "future", "wrong"}


def test_every_reason_has_words() -> None:
    raised = {
        (kind, reason)
        for path in (ROOT / "webhooks").glob("*.py")
        for kind, reason in RAISED.findall(path.read_text("utf-8"))
    }
    assert len(raised) > 8
    assert {reason for _, reason in raised} | SIGNATURES == set(WORDS)
    assert {reason for kind, reason in raised if kind == "TryAgain"} == POSTPONED
