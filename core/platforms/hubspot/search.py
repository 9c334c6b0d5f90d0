"""Searching HubSpot contacts: by names, by free text, by what a lost create sent, by modified time.

Source: search guide (facts/hubspot.md §4.5, read 2026-11-23): 5 calls a second, pages of at most 200, at most
10,000 results per query, a body of at most 3,000 characters. IN compares text with lower-case values only.
Search lags behind writes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.platforms.errors import Refused, UnexpectedAnswer
from core.platforms.hubspot import payloads
from core.platforms.hubspot.batches import Batches
from core.platforms.hubspot.calls import Calls
from core.platforms.ports import Page, Values
from core.platforms.throttle import Throttle

MOST_CHARACTERS = 3_000
MOST_FOR_PROPERTIES = 900  # so that about 90 average names fit beside them
MOST_RESULTS = 10_000
PAGE = 200
MOST_FILTERS = 6  # in one group
MOST_TEXT = 200  # characters of a free text: the body's room is for the answer's properties

Pair = tuple[str, str]
Query = dict[str, Any]


class Search:
    """The search calls of one portal; ``throttle`` is the search's own."""

    def __init__(self, calls: Calls, throttle: Throttle, batches: Batches) -> None:
        self._calls = calls
        self._throttle = throttle
        self._batches = batches

    def names(self, pairs: Sequence[Pair], first: str, last: str, names: Sequence[str]) -> list[Contact]:
        """See ports.HubSpot.search_names. What the crossed lists find beyond the pairs is left out."""
        wanted = {(_folded(one), _folded(other)) for one, other in pairs}
        wanted = {pair for pair in wanted if all(pair)}
        properties, fetch = self._asked(names, first, last)
        found: dict[str, Contact] = {}
        waiting = list(_chunks(sorted(wanted), first, last, properties))
        while waiting:
            chunk = waiting.pop()
            try:
                contacts = self._all(_by_names(chunk, first, last, properties), may_split=len(chunk) > 1)
            except Refused as refused:
                if Code.MISSING_FIELD in refused.fields.values():
                    raise
                # One name may be such that HubSpot refuses it; a refused single one finds nobody.
                contacts = None if len(chunk) > 1 else []
            if contacts is None:
                middle = len(chunk) // 2
                waiting += [chunk[middle:], chunk[:middle]]
                continue
            found.update({one.id: one for one in contacts if _pair(one, first, last) in wanted})
        return self._fetched(list(found.values()), names) if fetch else list(found.values())

    def text(self, text: str, names: Sequence[str], most: int) -> list[Contact]:
        """See ports.HubSpot.search_text. HubSpot's own free text finds words and their beginnings; where that
        finds nobody, a second call looks inside the words of name, email and phone."""
        properties, fetch = self._asked(names)
        asked: Query = {"properties": properties, "limit": most}
        words = [word for word in text[:MOST_TEXT].replace("*", " ").split() if any(map(str.isalnum, word))]
        found = _contacts(self._call(asked | {"query": " ".join(words)})) if words else []
        if words and not found:
            groups = [{"filters": filters} for filters in _inside(words)]
            found = _contacts(self._call(asked | {"filterGroups": groups}))
        return self._fetched(found, names) if fetch else found

    def email(self, email: str, names: Sequence[str]) -> Contact | None:
        """The record that has exactly this address, as its email or an additional one."""
        wanted, more = _folded(email), ("email", payloads.EMAILS)
        properties, fetch = self._asked(names, *more)
        found = _contacts(self._call({"properties": properties, "limit": PAGE, "query": email}))
        found = [one for one in found if wanted in payloads.emails(one)]
        return next(iter(self._fetched(found, [*names, *more]) if fetch else found), None)

    def created(self, since_ms: int, equal: Values, names: Sequence[str]) -> list[Contact]:
        """See ports.HubSpot.search_created. Beyond six filters the answers are compared here."""
        given = {name: payloads.text(value) for name, value in equal.items() if payloads.text(value).strip()}
        properties, fetch = self._asked(names, *given)
        filters: list[Query] = [{"propertyName": "createdate", "operator": "GTE", "value": str(since_ms)}]
        for name, value in given.items():
            more = {"propertyName": name, "operator": "EQ", "value": value}
            fits = _length(_query([*filters, more], properties, "createdate")) <= MOST_CHARACTERS
            if len(filters) < MOST_FILTERS and fits:
                filters.append(more)
        found = self._all(_query(filters, properties, "createdate"), may_split=False) or []
        same = [
            one
            for one in found
            if all(_folded(payloads.text(one.values.get(name))) == _folded(v) for name, v in given.items())
        ]
        return self._fetched(same, names) if fetch else same

    def modified(self, since_ms: int, names: Sequence[str], cursor: str) -> Page:
        """See ports.HubSpot.modified_page.

        Each page starts at the last modified time seen, not at an offset: a contact that changes meanwhile
        would move to the end and let another one slip through, and offsets end at 10,000. The cursor holds
        that time and the ids already told of it; where more than a page share one millisecond, they are
        walked by id.
        """
        mode, at_ms, told = _read_cursor(cursor, since_ms)
        properties, fetch = self._asked(names)
        if mode == "tie":
            filters = [
                {"propertyName": payloads.MODIFIED, "operator": "EQ", "value": str(at_ms)},
                {"propertyName": "hs_object_id", "operator": "GT", "value": next(iter(told), "0")},
            ]
            query = _query(filters, properties, "hs_object_id")
        else:
            filters = [{"propertyName": payloads.MODIFIED, "operator": "GTE", "value": str(at_ms)}]
            query = _query(filters, properties, payloads.MODIFIED)
        document = self._call(query)
        found = _contacts(document)
        following = _next_cursor(mode, at_ms, told, found, bool(payloads.next_after(document)))
        fresh = [one for one in found if one.id not in told or one.modified_ms > at_ms]
        total = document.get("total")
        return Page(
            tuple(self._fetched(fresh, names) if fetch else fresh),
            following,
            total if isinstance(total, int) and mode == "from" else None,
        )

    def _asked(self, names: Sequence[str], *needed: str) -> tuple[list[str], bool]:
        """The properties to ask for, and whether the wanted ones must be fetched afterwards by batch read:
        a long list would leave the body no room for what is searched."""
        properties = payloads.properties(names, *needed)
        if len(json.dumps(properties)) <= MOST_FOR_PROPERTIES:
            return properties, False
        return payloads.properties((), *needed), True

    def _fetched(self, found: Sequence[Contact], names: Sequence[str]) -> list[Contact]:
        answers = self._batches.read([one.id for one in found], names, history=False)
        return [one for one in answers.values() if isinstance(one, Contact)]

    def _all(self, query: Query, *, may_split: bool) -> list[Contact] | None:
        """Every result of a query; None where it has more than the window holds and ``may_split``."""
        found: list[Contact] = []
        after = ""
        while True:
            document = self._call(query | ({"after": after} if after else {}))
            found += _contacts(document)
            total = document.get("total")
            if may_split and isinstance(total, int) and total > MOST_RESULTS:
                return None
            after = payloads.next_after(document)
            if not after or not after.isdigit() or int(after) + PAGE > MOST_RESULTS:
                return found

    def _call(self, query: Query) -> Mapping[str, Any]:
        return self._calls.call("search", "POST", self._calls.contacts("/search"), self._throttle, body=query)


def _contacts(document: Mapping[str, Any]) -> list[Contact]:
    found = payloads.contacts(document)
    if found is None:
        raise UnexpectedAnswer(Platform.HUBSPOT, "no results in the answer", status=200)
    return found


def _query(filters: Sequence[Query], properties: Sequence[str], sort: str) -> Query:
    return {
        "filterGroups": [{"filters": list(filters)}],
        "properties": list(properties),
        "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
        "limit": PAGE,
    }


def _by_names(chunk: Sequence[Pair], first: str, last: str, properties: Sequence[str]) -> Query:
    filters = [
        {"propertyName": name, "operator": "IN", "values": sorted({pair[side] for pair in chunk})}
        for side, name in enumerate((first, last))
    ]
    return _query(filters, properties, "createdate")


def _inside(words: Sequence[str]) -> list[list[Query]]:
    """Alternatives of filters that find a piece of a name, an email or a phone; names either way round."""

    def holds(name: str, piece: str) -> Query:
        return {"propertyName": name, "operator": "CONTAINS_TOKEN", "value": f"*{piece}*"}

    if len(words) == 1:
        return [[holds(name, words[0])] for name in ("firstname", "lastname", "email", "phone")]
    first, last = words[0].strip(","), words[-1].strip(",")
    return [
        [holds("firstname", first), holds("lastname", last)],
        [holds("firstname", last), holds("lastname", first)],
    ]


def _chunks(pairs: Sequence[Pair], first: str, last: str, properties: Sequence[str]) -> Iterator[list[Pair]]:
    """As many pairs as one body holds. A pair that does not fit even alone is longer than any name."""
    room = MOST_CHARACTERS - _length(_by_names([], first, last, properties)) - len('"after": "10000", ')
    chunk: list[Pair] = []
    used, sides = 0, (set[str](), set[str]())
    for pair in pairs:
        cost = sum(
            len(json.dumps(part)) + 2 for part, known in zip(pair, sides, strict=True) if part not in known
        )
        if chunk and used + cost > room:
            yield chunk
            chunk, used, sides = [], 0, (set[str](), set[str]())
            cost = sum(len(json.dumps(part)) + 2 for part in pair)
        if cost > room:
            continue
        chunk.append(pair)
        used += cost
        for part, known in zip(pair, sides, strict=True):
            known.add(part)
    if chunk:
        yield chunk


def _next_cursor(mode: str, at_ms: int, told: set[str], found: Sequence[Contact], more: bool) -> str:
    if mode == "tie":
        return f"tie:{at_ms}:{found[-1].id}" if more and found else f"from:{at_ms + 1}:"
    if not more or not found:
        return ""
    last_ms = found[-1].modified_ms
    if last_ms <= at_ms and all(one.modified_ms <= at_ms for one in found):
        return f"tie:{at_ms}:0"  # a whole page of one millisecond: this way would stand still
    same = [one.id for one in found if one.modified_ms == last_ms]
    return f"from:{last_ms}:{','.join(same)}"


def _read_cursor(cursor: str, since_ms: int) -> tuple[str, int, set[str]]:
    if not cursor:
        return "from", since_ms, set()
    mode, _, rest = cursor.partition(":")
    at, _, ids = rest.partition(":")
    if mode not in ("from", "tie") or not at.isdigit():
        raise ValueError("not a cursor of modified_page")
    return mode, int(at), set(filter(None, ids.split(",")))


def _pair(one: Contact, first: str, last: str) -> Pair:
    return _folded(payloads.text(one.values.get(first))), _folded(payloads.text(one.values.get(last)))


def _folded(text: str) -> str:
    return text.strip().lower()


def _length(query: Query) -> int:
    return len(json.dumps(query))  # as hubspot-api-client writes it: ASCII, with spaces
