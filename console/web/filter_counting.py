"""How many contacts of the source pass a draft's filters, with examples: by the consumers' own check.

Counting all of a large portal takes a minute, so a call counts for a second or two and tells where to go on.
It runs in the background of the account's rate budget: live changes go first.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from console.contact_search import NAMES
from core.domain import choices, filters
from core.domain.contacts import Contact
from core.domain.fields import Filter, Mapping, Platform
from core.domain.instances import Account
from core.platforms.errors import PlatformError
from core.platforms.ports import Page
from core.wiring import Wiring

STEP_S = 1.5
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Example:
    """A contact, and what it has in the filters that it fails."""

    id: str
    name: str
    why: str = ""


@dataclass(slots=True)
class Counted:
    """``total``: all contacts of the source, told at the beginning where the platform tells it; ``cursor``:
    where to go on, empty at the end."""

    looked_at: int = 0
    passed: int = 0
    total: int | None = None
    cursor: str = ""
    passing: list[Example] = field(default_factory=list)
    failing: list[Example] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """For the page's script."""
        return {
            "looked_at": self.looked_at,
            "passed": self.passed,
            "total": self.total,
            "cursor": self.cursor,
            "passing": [{"name": one.name, "why": one.why} for one in self.passing],
            "failing": [{"name": one.name, "why": one.why} for one in self.failing],
        }


def count(
    wiring: Wiring, account: Account, wanted: Sequence[Filter], cursor: str = "", step_s: float | None = None
) -> Counted:
    """Go on from ``cursor`` for about ``step_s`` (``STEP_S``) seconds, at least one page. PlatformError."""
    mapping, region = Mapping((), tuple(wanted)), wiring.settings.phone_region
    counted = Counted(total=None if cursor else _total(wiring, account))
    deadline_s = time.monotonic() + (STEP_S if step_s is None else step_s)
    while True:
        page = _page(wiring, account, wanted, cursor)
        for contact in page.contacts:
            _add(counted, contact, mapping, region)
        cursor = counted.cursor = page.cursor
        if not cursor or time.monotonic() >= deadline_s:
            return counted


def _add(counted: Counted, contact: Contact, mapping: Mapping, region: str) -> None:
    verdict = filters.check(mapping, contact.values, contact.platform, region)
    passed = verdict.passed and not contact.left_out
    counted.looked_at += 1
    counted.passed += passed
    shown = counted.passing if passed else counted.failing
    if len(shown) < EXAMPLES:
        shown.append(Example(contact.id, _name(contact), "" if passed else _why(contact, verdict, mapping)))


def _why(contact: Contact, verdict: filters.FilterVerdict, mapping: Mapping) -> str:
    if contact.left_out:
        return contact.left_out
    labels = {one.field.name: one.field for one in mapping.filters}
    told = []
    for one in verdict.reasons:
        if not one.held:
            known = choices.find(labels[one.field].options, one.actual)
            told.append(f"{labels[one.field].label} is {known.label if known else one.actual or 'empty'}")
    return ", ".join(told)


def _page(wiring: Wiring, account: Account, wanted: Sequence[Filter], cursor: str) -> Page:
    if account.platform is Platform.MAINSTAY:
        return wiring.mainstay(account).background().modified_page(0, cursor)
    names = dict.fromkeys([*NAMES[Platform.HUBSPOT], *(one.field.name for one in wanted)])
    return wiring.hubspot(account).background().list_page(list(names), cursor)


def _total(wiring: Wiring, account: Account) -> int | None:
    try:
        if account.platform is Platform.HUBSPOT:  # a list tells no total, a search does
            return wiring.hubspot(account).background().modified_page(0, []).total
        return wiring.mainstay(account).background().modified_page(0).total
    except PlatformError:
        return None


def _name(contact: Contact) -> str:
    first, last, email, _ = (str(contact.values.get(name) or "") for name in NAMES[contact.platform])
    return f"{first} {last}".strip() or email or contact.id
