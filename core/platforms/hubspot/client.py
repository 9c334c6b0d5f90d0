"""One HubSpot portal, as the consumers see it (ports.HubSpot).

Puts the pieces together: ``calls`` (one HTTP call), ``batches`` (reading and writing), ``search``,
``catalogue``. Make one per portal and process, after a fork; threads may share it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.coordination.port import Budgets, Rate
from core.domain.contacts import Contact
from core.domain.fields import Field, Platform
from core.platforms.errors import UnexpectedAnswer
from core.platforms.hubspot import catalogue, payloads, scopes
from core.platforms.hubspot.batches import MOST_IN_URL, Batches
from core.platforms.hubspot.calls import Calls
from core.platforms.hubspot.search import Search
from core.platforms.ports import Answer, Page, Values
from core.platforms.throttle import Priority, Throttle, bucket_of
from core.platforms.transport import Credentials, Limits, RecordCall

LIST_PAGE = 100
SEARCH_RATE = Rate(5, 1.0)  # per account, outside the ten-second limit (facts/hubspot.md §4.5)


class HubSpotClient:
    """Implements ``core.platforms.ports.HubSpot``; see there for what each method promises.

    Besides the port: a call that fails for everybody (AuthenticationFailed, RateLimited, PermissionMissing)
    raises while nothing was answered yet; later it stands in the place of the contacts that were not reached.
    """

    def __init__(self, calls: Calls, throttle: Throttle, search_throttle: Throttle) -> None:
        self._calls = calls
        self._throttle = throttle
        self._search_throttle = search_throttle
        self._batches = Batches(calls, throttle)
        self._search = Search(calls, search_throttle, self._batches)

    def background(self) -> "HubSpotClient":
        """The same portal and connections for backfills and sweeps: live calls go first."""
        low = Priority.BACKGROUND
        return HubSpotClient(
            self._calls, self._throttle.with_priority(low), self._search_throttle.with_priority(low)
        )

    def while_ours(self, ours: Callable[[], bool]) -> "HubSpotClient":
        """The same portal and connections for a batch, whose calls begin only while ``ours()`` is true."""
        return HubSpotClient(
            self._calls, self._throttle.while_ours(ours), self._search_throttle.while_ours(ours)
        )

    def read(self, ids: Sequence[str], names: Sequence[str], *, history: bool = False) -> dict[str, Answer]:
        """By record id; every asked id is a key."""
        return self._batches.read(ids, names, history)

    def read_by(self, name: str, values: Sequence[str], names: Sequence[str]) -> dict[str, Answer]:
        """By email or a unique property; keys are the values as they were given."""
        return self._batches.read_by(name, values, names)

    def email_holder(self, email: str, names: Sequence[str]) -> Contact | None:
        """Who has this address. Whether the single read knows additional ones is not documented; the search's
        free text is said to look at them (facts/hubspot.md §4.4, §4.5)."""
        found = self._batches.read_email(email, names)
        return found if found is not None else self._search.email(email, names)

    def search_names(
        self, pairs: Sequence[tuple[str, str]], first: str, last: str, names: Sequence[str]
    ) -> list[Contact]:
        """By first and last name, without regard to case."""
        return self._search.names(pairs, first, last, names)

    def search_text(self, text: str, names: Sequence[str], most: int) -> list[Contact]:
        """By a piece of a name, email or phone, for people who look for somebody."""
        return self._search.text(text, names, most)

    def search_created(self, since_ms: int, equal: Values, names: Sequence[str]) -> list[Contact]:
        """Created since then with these values."""
        return self._search.created(since_ms, equal, names)

    def create(self, items: Mapping[str, Values], names: Sequence[str]) -> dict[str, Answer]:
        """Create. The contacts hold what the answer tells, at least what was written."""
        return self._batches.create(items)

    def upsert(self, items: Mapping[str, Values], unique: str, names: Sequence[str]) -> dict[str, Answer]:
        """Create or update by a unique property."""
        return self._batches.upsert(items, unique)

    def update(self, items: Mapping[str, Values], names: Sequence[str]) -> dict[str, Answer]:
        """Update by record id. A merged-away id's answer has the survivor's id."""
        return self._batches.update(items)

    def modified_page(self, since_ms: int, names: Sequence[str], cursor: str = "") -> Page:
        """Modified since then, oldest first. Contacts at the seam of two pages may come twice."""
        return self._search.modified(since_ms, names, cursor)

    def list_page(self, names: Sequence[str], cursor: str = "") -> Page:
        """All contacts by id. ``cursor`` is HubSpot's own ``after``."""
        properties = payloads.properties(names)
        long = len(",".join(properties)) > MOST_IN_URL
        query = [("limit", str(LIST_PAGE)), ("archived", "false")]
        query += [("properties", "hs_object_id" if long else ",".join(properties))]
        query += [("after", cursor)] if cursor else []
        document = self._call("list", self._calls.contacts(), query)
        found = payloads.contacts(document)
        if found is None:
            raise UnexpectedAnswer(Platform.HUBSPOT, "no results in the answer", status=200)
        if long:
            answers = self._batches.read([one.id for one in found], names, history=False)
            found = [one for one in answers.values() if isinstance(one, Contact)]
        return Page(tuple(found), payloads.next_after(document))

    def fields(self) -> list[Field]:
        """The property catalogue of contacts."""
        return catalogue.fields(self._call("fields", self._calls.catalogue(), [("archived", "false")]))

    def external_id(self) -> str:
        """The portal id."""
        portal = self._call("account", self._calls.account(), []).get("portalId")
        if isinstance(portal, bool) or not isinstance(portal, int | str) or not str(portal):
            raise UnexpectedAnswer(Platform.HUBSPOT, "no portalId in the account details", status=200)
        return str(portal)

    def missing_scopes(self) -> list[str]:
        """The scopes that the work needs and the token lacks; nothing is written."""
        return scopes.missing(self._calls, self._throttle)

    def _call(self, operation: str, path: str, query: list[tuple[str, str]]) -> Mapping[str, Any]:
        return self._calls.call(operation, "GET", path, self._throttle, query=query)


def hubspot_client(
    *,
    host: str,
    version: str,
    portal: str,
    credentials: Callable[[], Credentials],
    budgets: Budgets,
    rate: Rate,
    record_call: RecordCall,
    limits: Limits | None = None,
    max_wait_s: float = 15.0,
) -> HubSpotClient:
    """A client for one portal. ``portal`` names its rate budget; ``host``, ``version`` as in the settings."""
    bucket = bucket_of(Platform.HUBSPOT, portal)
    return HubSpotClient(
        Calls(host, version, credentials, record_call, limits or Limits()),
        Throttle(budgets, Platform.HUBSPOT, bucket, rate, max_wait_s=max_wait_s),
        Throttle(budgets, Platform.HUBSPOT, f"{bucket}:search", SEARCH_RATE, max_wait_s=max_wait_s),
    )
