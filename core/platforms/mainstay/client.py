"""One Mainstay organisation, as the consumers see it (ports.Mainstay).

Contacts are read and written one by one, several calls side by side within the budget. Most of this API is
not documented: what is uncertain stands in ``calls``, ``payloads``, ``errors`` and ``catalogue``, and in the
constants here (facts/mainstay.md §5, the proposed contract, read 2026-11-23).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from core.coordination.port import Budgets, Rate
from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import Field, FieldType, Platform
from core.platforms.apart import rounds
from core.platforms.errors import NotFound, Refused, UnexpectedAnswer
from core.platforms.mainstay import catalogue, payloads
from core.platforms.mainstay.calls import Calls
from core.platforms.mainstay.listing import EVERYBODY, Listing
from core.platforms.ports import Answer, Page, Values
from core.platforms.singly import each
from core.platforms.throttle import Priority, Throttle, bucket_of
from core.platforms.transport import Credentials, Limits, RecordCall

UPDATE_METHOD = "PATCH"  # unknown; the framework's norm. PUT is the other candidate
SIDE_BY_SIDE = 16  # calls; the budget holds them back, so this is for platforms that are slow to answer

LIST_FROM = 4  # contacts: fewer are read one by one

# What no key can be: dots would be resolved as parts of the path, the others are paths of their own.
_NO_KEYS = frozenset({"", ".", "..", "bulk"})
_LONGEST_KEY = 500
_LISTED = (FieldType.CHOICE, FieldType.CHOICES)


class MainstayClient:
    """Implements ``core.platforms.ports.Mainstay``; see there for what each method promises.

    Besides the port: where nobody could be answered because the token is refused, the budget is spent or
    the permission is missing, that is raised; otherwise it stands in the place of the contacts concerned.
    """

    def __init__(
        self,
        calls: Calls,
        throttle: Throttle,
        pools: Mapping[Priority, ThreadPoolExecutor],
        field_types: Mapping[str, str],
        priority: Priority = Priority.LIVE,
    ) -> None:
        self._calls = calls
        self._throttle = throttle
        self._listing = Listing(calls, throttle)
        self._pools = pools
        self._field_types = dict(field_types)
        self._priority = priority

    def background(self) -> "MainstayClient":
        """The same organisation and connections for backfills and sweeps: live calls go first."""
        low = Priority.BACKGROUND
        throttle = self._throttle.with_priority(low)
        return MainstayClient(self._calls, throttle, self._pools, self._field_types, low)

    def while_ours(self, ours: Callable[[], bool]) -> "MainstayClient":
        """The same organisation and connections for a batch, whose calls begin only while ``ours()``."""
        throttle = self._throttle.while_ours(ours)
        return MainstayClient(self._calls, throttle, self._pools, self._field_types, self._priority)

    def get(self, keys: Sequence[str]) -> dict[str, Answer]:
        """By Mainstay ID, CRM ID or phone. The caller checks which of them it was."""
        return self._each(list(dict.fromkeys(keys)), self._get)

    def read(self, ids: Sequence[str], changed_ms: tuple[int, int]) -> dict[str, Answer]:
        """By Mainstay ID: from the list of what changed then as far as that pays, the rest one by one."""
        wanted = list(dict.fromkeys(ids))
        found = self._listing.of(set(wanted), changed_ms) if len(wanted) >= LIST_FROM else {}
        return found | self.get([one for one in wanted if one not in found])

    def modified_page(self, since_ms: int, cursor: str = "") -> Page:
        """Modified since then."""
        return self._listing.modified(since_ms, cursor)

    def create(self, items: Mapping[str, Values]) -> dict[str, Answer]:
        """Create; two items with one phone or CRM ID go one after the other, so that Mainstay sees both."""
        _refuse_forbidden(items)
        answers: dict[str, Answer] = {}
        for group in rounds(items, _identities):
            answers |= self._each(group, lambda key: self._write("create", "POST", "", items[key]))
        return answers

    def update(self, items: Mapping[str, Values]) -> dict[str, Answer]:
        """Update by Mainstay ID."""
        _refuse_forbidden(items)
        return self._each(list(items), lambda key: self._update(key, items[key]))

    def fields(self) -> list[Field]:
        """Default and custom fields, with the options of choices where Mainstay tells them."""
        custom = self._told("/custom_fields/")
        if custom is None:
            raise UnexpectedAnswer(Platform.MAINSTAY, "there is no list of custom fields", status=404)
        found = catalogue.default_fields(self._told("/default_fields/"))
        return found + [self._with_options(one) for one in catalogue.custom_fields(custom, self._field_types)]

    def external_id(self) -> str:
        """The organisation id."""
        document = self._calls.call("account", "GET", "/auth_valid", self._throttle)
        org_id = document.get("org_id") if isinstance(document, Mapping) else None
        if not isinstance(org_id, str) or not org_id:
            raise UnexpectedAnswer(Platform.MAINSTAY, "no org_id in the answer", status=200)
        return org_id

    def _get(self, key: str) -> Contact:
        if key.strip() in _NO_KEYS or len(key) > _LONGEST_KEY:
            raise _not_found("no key of a contact")
        document = self._calls.call("read", "GET", _path(key), self._throttle, query=EVERYBODY)
        return _contact(document, write=False)

    def _update(self, key: str, values: Values) -> Contact:
        if key.strip() in _NO_KEYS or len(key) > _LONGEST_KEY:
            raise _not_found("no Mainstay ID")
        found = self._write("update", UPDATE_METHOD, key, values)
        if found.id != key:
            raise UnexpectedAnswer(Platform.MAINSTAY, "another contact answered", maybe_applied=True)
        return found

    def _write(self, operation: str, method: str, key: str, values: Values) -> Contact:
        bad = payloads.unsendable(values)
        if bad:
            fields = dict.fromkeys(bad, Code.INVALID_VALUE)
            raise Refused(Platform.MAINSTAY, f"not sendable: {', '.join(bad)}", status=0, fields=fields)
        body = payloads.body(values)
        path = _path(key) if key else "/contacts/"
        document = self._calls.call(operation, method, path, self._throttle, body=body, sent=values.keys())
        if document is None and key:  # an empty answer to an update is a usual one: look what it made
            document = self._calls.call("read", "GET", path, self._throttle, query=EVERYBODY)
        return _contact(document, write=True)

    def _each(self, keys: Sequence[str], one: Callable[[str], Contact]) -> dict[str, Answer]:
        return each(self._pools[self._priority], keys, one)

    def _told(self, path: str) -> Any:
        """What a list of fields says; None where there is no such list (404)."""
        try:
            return self._calls.call("fields", "GET", path, self._throttle)
        except NotFound:
            return None

    def _with_options(self, field: Field) -> Field:
        if field.type not in _LISTED or field.options:
            return field
        query = [("field", field.label)]
        try:
            document = self._calls.call("fields", "GET", "/custom_values/", self._throttle, query=query)
        except (NotFound, Refused):
            return field  # without options any value may be written: Mainstay then judges
        values = document.get("values") if isinstance(document, Mapping) else document
        return replace(field, options=catalogue.options(values))


def _path(key: str) -> str:
    return f"/contacts/{quote(key, safe='')}/"


def _not_found(detail: str) -> NotFound:
    error = NotFound(Platform.MAINSTAY, detail)
    error.code = Code.MAINSTAY_ID_NOT_FOUND
    return error


def _contact(document: Any, *, write: bool) -> Contact:
    try:
        return payloads.contact(document)
    except ValueError as error:
        raise UnexpectedAnswer(
            Platform.MAINSTAY, f"the answer is {error}", status=200, maybe_applied=write
        ) from None


def _refuse_forbidden(items: Mapping[str, Values]) -> None:
    """ValueError before anything is sent, if a field is among them that is never written."""
    for values in items.values():
        payloads.body(values)


def _identities(values: Values) -> Collection[str]:
    return {f"{name}:{values[name]}" for name in ("phone", "crm_id") if values.get(name)}


def mainstay_client(
    *,
    base_url: str,
    organisation: str,
    credentials: Callable[[], Credentials],
    budgets: Budgets,
    rate: Rate,
    record_call: RecordCall,
    auth_scheme: str = "APIToken",
    field_types: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    max_wait_s: float = 15.0,
) -> MainstayClient:
    """A client for one organisation, whose id names its rate budget; the rest as in the settings."""
    bucket = bucket_of(Platform.MAINSTAY, organisation)
    throttle = Throttle(budgets, Platform.MAINSTAY, bucket, rate, max_wait_s=max_wait_s)
    calls = Calls(
        base_url=base_url,
        auth_scheme=auth_scheme,
        credentials=credentials,
        record_call=record_call,
        limits=limits or Limits(),
        connections=len(Priority) * SIDE_BY_SIDE,
    )
    # Calls in the background wait in threads of their own: live ones must not stand in line behind them.
    pools = {one: ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix=f"mainstay-{one}") for one in Priority}
    return MainstayClient(calls, throttle, pools, field_types or {})
