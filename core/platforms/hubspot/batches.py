"""Reading and writing HubSpot contacts by the batch: at most 100 in a call, every result found by its id.

Sources: object APIs guide and error handling guide (facts/hubspot.md §4.1, §4.3, read 2026-11-23). The order
of results is unknown, 207 is a success with some errors, ids that were merged away are missing from batches.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.platforms.apart import TakenApart, chunks, rounds
from core.platforms.errors import Conflict, NotFound, PlatformError, Refused, UnexpectedAnswer
from core.platforms.hubspot import errors, payloads
from core.platforms.hubspot.calls import JSON, Calls
from core.platforms.ports import Answer, Values
from core.platforms.throttle import Throttle

MOST = 100
MOST_WITH_HISTORY = 50
MOST_IN_URL = 4_000  # characters of property names; a longer URL is refused (414)

# What HubSpot takes as a record id. "0123" would be read as 123: another contact.
_ID = re.compile(r"[1-9][0-9]{0,18}")
_FIELD_CODES = (Code.MISSING_FIELD, Code.READ_ONLY_FIELD)


class Batches:
    """The batch calls of one portal."""

    def __init__(self, calls: Calls, throttle: Throttle) -> None:
        self._calls = calls
        self._throttle = throttle

    def read(self, ids: Sequence[str], names: Sequence[str], history: bool) -> dict[str, Answer]:
        """See ports.HubSpot.read."""
        asked = list(dict.fromkeys(ids))
        wanted = [one for one in asked if _ID.fullmatch(one)]
        answers: dict[str, Answer] = {
            one: NotFound(Platform.HUBSPOT, "not a record id") for one in asked if not _ID.fullmatch(one)
        }
        properties = payloads.properties(names)

        def send(group: Sequence[str]) -> dict[str, Answer]:
            if len(group) == 1:
                return {group[0]: self._read_one(group[0], properties, names if history else ())}
            found = self._read_batch(group, properties, names if history else ())
            by_id = {one.id: one for one in found}
            return {one: by_id[one] for one in group if one in by_id}

        size = MOST_WITH_HISTORY if history else MOST
        return answers | TakenApart(send).run(chunks(wanted, size))

    def read_by(self, name: str, values: Sequence[str], names: Sequence[str]) -> dict[str, Answer]:
        """See ports.HubSpot.read_by."""
        # One spelling per value: HubSpot may count two spellings of one address as a repeated id.
        spellings: dict[str, list[str]] = {}
        for value in dict.fromkeys(values):
            if value.strip():
                spellings.setdefault(_key(name, value), []).append(value)
        properties = payloads.properties(names, name, "email", payloads.EMAILS)

        def send(group: Sequence[str]) -> dict[str, Answer]:
            inputs = [spellings[key][0].strip() for key in group]
            found = self._read_batch(inputs, properties, (), name)
            by_key = {key: one for one in found for key in _keys(one, name)}
            return {key: by_key[key] for key in group if key in by_key}

        apart = TakenApart(send, ask_unanswered=False)
        answers = apart.run(chunks(list(spellings), MOST))
        return {
            spelling: answer
            for key, answer in answers.items()
            # A value that HubSpot does not take (a malformed address) is one that no contact has.
            if not isinstance(answer, NotFound | Refused)
            for spelling in spellings[key]
        }

    def read_email(self, email: str, names: Sequence[str]) -> Contact | None:
        """One record by its email; None where HubSpot finds none that way."""
        properties = payloads.properties(names, "email", payloads.EMAILS)
        try:
            return self._read_one(email, properties, (), "email")
        except (NotFound, Refused):
            return None

    def create(self, items: Mapping[str, Values]) -> dict[str, Answer]:
        """See ports.HubSpot.create. An unclear answer is never sent again: the caller looks first."""

        def send(group: Sequence[str]) -> dict[str, Answer]:
            inputs = [{"objectWriteTraceId": key, "properties": payloads.sent(items[key])} for key in group]
            document = self._write("create", "/batch/create", inputs)
            answers = self._results(document, group, lambda key: _email(items[key]))
            lost = UnexpectedAnswer(Platform.HUBSPOT, "missing from a batch answer", maybe_applied=True)
            return {key: answers.get(key, lost) for key in group}

        apart = TakenApart(send, resend=False, culprits=_about_fields(items))
        in_rounds = rounds(items, lambda values: {_email(values)} - {""})
        return apart.run(group for one in in_rounds for group in chunks(one, MOST))

    def upsert(self, items: Mapping[str, Values], unique: str) -> dict[str, Answer]:
        """See ports.HubSpot.upsert."""

        def value(key: str) -> str:
            return payloads.text(items[key].get(unique)).strip()

        def send(group: Sequence[str]) -> dict[str, Answer]:
            inputs = [
                {
                    "id": value(key),
                    "idProperty": unique,
                    "objectWriteTraceId": key,
                    "properties": payloads.sent(items[key]),
                }
                for key in group
            ]
            document = self._write("upsert", "/batch/upsert", inputs)
            answers = self._results(document, group, lambda key: _key(unique, value(key)), unique)
            if len(group) == 1 and not answers:
                raise UnexpectedAnswer(Platform.HUBSPOT, "missing from the answer", maybe_applied=True)
            return answers

        apart = TakenApart(send, culprits=_about_fields(items))
        in_rounds = rounds(items, lambda values: {_key(unique, payloads.text(values.get(unique)))})
        return apart.run(group for one in in_rounds for group in chunks(one, MOST))

    def update(self, items: Mapping[str, Values]) -> dict[str, Answer]:
        """See ports.HubSpot.update. A single one goes by PATCH, which also takes merged-away ids."""
        wanted = [one for one in items if _ID.fullmatch(one)]
        answers: dict[str, Answer] = {
            one: NotFound(Platform.HUBSPOT, "not a record id") for one in items if not _ID.fullmatch(one)
        }

        def send(group: Sequence[str]) -> dict[str, Answer]:
            if len(group) == 1:
                return {group[0]: self._update_one(group[0], items[group[0]])}
            inputs = [
                {"id": one, "objectWriteTraceId": one, "properties": payloads.sent(items[one])}
                for one in group
            ]
            document = self._write("update", "/batch/update", inputs)
            told = self._results(document, group, lambda key: key, "hs_object_id")
            # A batch knows nothing of merged-away ids: those are asked for alone.
            return {key: answer for key, answer in told.items() if not isinstance(answer, NotFound)}

        return answers | TakenApart(send, culprits=_about_fields(items)).run(chunks(wanted, MOST))

    def _read_batch(
        self, ids: Sequence[str], properties: list[str], history: Sequence[str], id_property: str = ""
    ) -> list[Contact]:
        body: dict[str, Any] = {"inputs": [{"id": one} for one in ids], "properties": properties}
        if history:
            body["propertiesWithHistory"] = list(history)
        if id_property:
            body["idProperty"] = id_property
        path = self._calls.contacts("/batch/read")
        found = payloads.contacts(self._calls.call("read", "POST", path, self._throttle, body=body))
        if found is None:
            raise UnexpectedAnswer(Platform.HUBSPOT, "no results in the answer", status=200)
        return found

    def _read_one(
        self, one: str, properties: list[str], history: Sequence[str], id_property: str = ""
    ) -> Contact:
        long = len(",".join(properties)) + len(",".join(history)) > MOST_IN_URL
        query = [("properties", "hs_object_id" if long else ",".join(properties))]
        if history and not long:
            query.append(("propertiesWithHistory", ",".join(history)))
        if id_property:
            query.append(("idProperty", id_property))
        path = self._calls.contacts(f"/{quote(one, safe='')}")
        found = payloads.contact(self._calls.call("read_one", "GET", path, self._throttle, query=query))
        if found is None:
            raise UnexpectedAnswer(Platform.HUBSPOT, "no record in the answer", status=200)
        if long:  # only the id was asked for: the rest by the one call that takes any number of properties
            survivors = self._read_batch([found.id], properties, history)
            if not survivors:
                raise NotFound(Platform.HUBSPOT, "gone between two reads")
            return survivors[0]
        return found

    def _update_one(self, one: str, values: Values) -> Contact:
        path = self._calls.contacts(f"/{quote(one, safe='')}")
        body = {"properties": payloads.sent(values)}
        document = self._calls.call("update_one", "PATCH", path, self._throttle, body=body, write=True)
        found = payloads.contact(document)
        if found is None:
            raise UnexpectedAnswer(
                Platform.HUBSPOT, "no record in the answer", status=200, maybe_applied=True
            )
        return found

    def _write(self, operation: str, tail: str, inputs: list[dict[str, Any]]) -> JSON:
        path = self._calls.contacts(tail)
        return self._calls.call(operation, "POST", path, self._throttle, body={"inputs": inputs}, write=True)

    def _results(
        self,
        document: JSON,
        group: Sequence[str],
        identity: Callable[[str], str],
        name: str = "email",
    ) -> dict[str, Answer]:
        """Answers by key: by trace id, else by the value of property ``name`` that equals ``identity``."""
        if not isinstance(document.get("results"), list) and not document.get("errors"):
            raise UnexpectedAnswer(Platform.HUBSPOT, "no results in the answer", maybe_applied=True)
        by_identity = {identity(key): key for key in group if identity(key)}
        answers: dict[str, Answer] = {}
        for record in document.get("results") or ():
            found = payloads.contact(record)
            if found is None:
                continue
            key = record.get("objectWriteTraceId")
            if key not in group:
                key = next((by_identity[k] for k in _keys(found, name) if k in by_identity), None)
            if key is None and len(group) == 1:
                key = group[0]
            if key is not None:
                answers[key] = found
        for entry in document.get("errors") or ():
            if isinstance(entry, Mapping):
                error = errors.of_item(entry)
                answers.update(dict.fromkeys(_blamed(entry, group, by_identity), error))
        return answers


def _blamed(entry: Mapping[str, Any], group: Sequence[str], by_identity: Mapping[str, str]) -> Iterable[str]:
    """The keys that an entry of ``errors`` is about."""
    context = entry.get("context")
    told = context if isinstance(context, Mapping) else {}
    traces = told.get("objectWriteTraceId") or entry.get("objectWriteTraceId") or ()
    blamed = [one for one in ([traces] if isinstance(traces, str) else traces) if one in group]
    if not blamed:
        ids = told.get("ids") or told.get("id") or ()
        listed = [ids] if isinstance(ids, str | int) else ids
        blamed = [by_identity[one] for one in map(str, listed) if one in by_identity]
    return blamed or (group if len(group) == 1 else ())


def _about_fields(items: Mapping[str, Values]) -> Callable[[PlatformError, Sequence[str]], Collection[str]]:
    """A property that is gone or read-only fails everybody who writes it: no need to try one by one."""

    def culprits(error: PlatformError, group: Sequence[str]) -> Collection[str]:
        if not isinstance(error, Refused) or isinstance(error, Conflict):
            return ()
        names = {name for name, code in error.fields.items() if code in _FIELD_CODES}
        return [key for key in group if names.intersection(items[key])]

    return culprits


def _keys(one: Contact, name: str) -> Collection[str]:
    if name == "email":
        return payloads.emails(one)
    if name == "hs_object_id":
        return {one.id}
    return {_key(name, payloads.text(one.values.get(name)))} - {""}


def _key(name: str, value: str) -> str:
    """How a unique property's values are told apart: addresses without regard to case, all others exactly."""
    return value.strip().lower() if name == "email" else value.strip()


def _email(values: Values) -> str:
    return _key("email", payloads.text(values.get("email")))
