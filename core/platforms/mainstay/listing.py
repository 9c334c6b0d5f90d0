"""Mainstay's list of contacts: what was modified since, and many contacts by the time of their change.

The list's order is unknown, its times may be whole seconds and its end inclusive or not (facts/mainstay.md
§1.4), so it is asked for a little more, and whoever is not on its pages is left to a read of its own.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.platforms.errors import AuthenticationFailed, PlatformError, RateLimited, UnexpectedAnswer
from core.platforms.mainstay import payloads
from core.platforms.mainstay.calls import Calls
from core.platforms.ports import Answer, Page
from core.platforms.throttle import Throttle

# Without these, contacts who may not be texted and test contacts look as if they did not exist, and a create
# then fails on their phone (facts §6.3).
EVERYBODY = (("include_nonpermitted_contacts", "true"), ("include_test_contacts", "true"))

LIST_SLACK_MS = (50, 1_000)  # around the times asked for: where milliseconds are told, and where seconds are
PAGE_PAYS = 3  # contacts that a page has to bring, for the next one to be read
_LATEST_MS = 253_402_300_799_000  # the end of the year 9999


class Listing:
    """The list as one client sees it."""

    def __init__(self, calls: Calls, throttle: Throttle) -> None:
        self._calls = calls
        self._throttle = throttle

    def of(self, wanted: set[str], changed_ms: tuple[int, int]) -> dict[str, Answer]:
        """Those of the contacts that stand on the pages of the list worth reading."""
        found: dict[str, Answer] = {}
        slack_ms = LIST_SLACK_MS[all(at_ms % 1000 == 0 for at_ms in changed_ms)]
        query = [
            *EVERYBODY,
            ("modified_since", _moment(changed_ms[0] - slack_ms)),
            ("modified_before", _moment(changed_ms[1] + slack_ms)),
        ]
        cursor, pages = "", 0
        while len(found) < len(wanted):
            try:
                results, cursor, total = self._page(cursor, query)
            except (AuthenticationFailed, RateLimited):
                raise
            except PlatformError:
                return found  # single reads tell whom the platform stumbles over, if it is one contact
            pages += 1
            here = 0
            for contact in _contacts(results, wanted):
                here += contact.id not in found
                found[contact.id] = contact  # the page read last, should it stand on two
            missing = len(wanted) - len(found)
            left = -(-total // len(results)) - pages if total is not None and results else 0
            if not cursor or not (here >= PAGE_PAYS or 0 < left * PAGE_PAYS <= missing):
                break
        return found

    def modified(self, since_ms: int, cursor: str = "") -> Page:
        """Modified since then. ``cursor`` is the query of the platform's ``next``: only that is taken from
        it, the origin stays ours, or the token would go wherever an answer says (facts §6.7)."""
        query = [*EVERYBODY] + ([("modified_since", _moment(since_ms))] if since_ms > 0 else [])
        results, following, total = self._page(cursor, query)
        return Page(_contacts(results), following, total)

    def _page(self, cursor: str, query: Sequence[tuple[str, str]]) -> tuple[list[Any], str, int | None]:
        """(results, what asks for the next page, how many there are in all where that is told)."""
        pairs = dict(parse_qsl(cursor, keep_blank_values=True)) | dict(query)
        document = self._calls.call("list", "GET", "/contacts/", self._throttle, query=sorted(pairs.items()))
        results = document.get("results") if isinstance(document, Mapping) else None
        if not isinstance(results, list):
            raise UnexpectedAnswer(Platform.MAINSTAY, "no results in the answer", status=200)
        following = _next(document.get("next"))
        if following and following == cursor:
            raise UnexpectedAnswer(Platform.MAINSTAY, "the next page is the same page", status=200)
        total = document.get("count")
        return results, following, total if isinstance(total, int) else None


def _contacts(results: list[Any], wanted: Collection[str] | None = None) -> tuple[Contact, ...]:
    """The readable ones: an entry without an id is nobody that could be synced, and doesn't stop the rest."""
    found = []
    for one in results:
        if wanted is not None and not (isinstance(one, Mapping) and payloads.identity(one) in wanted):
            continue
        try:
            found.append(payloads.contact(one))
        except ValueError:
            continue
    return tuple(found)


def _next(told: Any) -> str:
    if isinstance(told, int) and not isinstance(told, bool):
        return urlencode({"page": told})
    if not isinstance(told, str) or not told:
        return ""
    kept = [pair for pair in parse_qsl(urlsplit(told).query) if pair not in EVERYBODY]
    return urlencode([pair for pair in kept if pair[0] not in ("modified_since", "modified_before")])


def _moment(at_ms: int) -> str:
    """ISO 8601, UTC."""
    moment = datetime.fromtimestamp(min(max(0, at_ms), _LATEST_MS) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
