"""A HubSpot record's JSON as a contact of ours, and the inputs of the batch calls.

Shapes: object APIs guide and search guide (facts/hubspot.md §4.1, §4.2, read 2026-11-23). A known but empty
property comes as null or not at all: both count as blank.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from core.domain.contacts import Contact
from core.domain.fields import Platform

MERGED = "hs_merged_object_ids"
MODIFIED = "lastmodifieddate"
EMAILS = "hs_additional_emails"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALWAYS_READ = ("hs_object_id", MODIFIED, MERGED)


def properties(names: Sequence[str], *more: str) -> list[str]:
    """What to ask for: the wanted names and those that a contact always needs, no doubles."""
    return list(dict.fromkeys([*names, *ALWAYS_READ, *more]))


def contact(record: Any) -> Contact | None:
    """The contact of one record; None where it is no record (no id)."""
    if not isinstance(record, Mapping):
        return None
    told = record.get("properties")
    values = {str(name): value for name, value in told.items()} if isinstance(told, Mapping) else {}
    identity = record.get("id") or values.get("hs_object_id")
    if isinstance(identity, bool) or not isinstance(identity, str | int) or not str(identity).strip():
        return None
    history = record.get("propertiesWithHistory")
    changed = _changed(history) if isinstance(history, Mapping) else {}
    return Contact(
        platform=Platform.HUBSPOT,
        id=str(identity),
        values=values,
        modified_ms=time_ms(values.get(MODIFIED)) or time_ms(record.get("updatedAt")),
        changed_ms={name: at_ms for name, (at_ms, _) in changed.items()},
        changed_by={name: by for name, (_, by) in changed.items() if by},
        left_out="archived in HubSpot" if record.get("archived") is True else "",
        merged_ids=tuple(split(values.get(MERGED))),
    )


def contacts(document: Any) -> list[Contact] | None:
    """The readable contacts of ``results``; None where the answer is not in the documented form."""
    if not isinstance(document, Mapping) or not isinstance(document.get("results"), list):
        return None
    return [one for one in map(contact, document["results"]) if one is not None]


def next_after(document: Mapping[str, Any]) -> str:
    """``paging.next.after``, or empty at the end."""
    paging = document.get("paging")
    following = paging.get("next") if isinstance(paging, Mapping) else None
    after = following.get("after") if isinstance(following, Mapping) else None
    return str(after) if isinstance(after, str | int) and not isinstance(after, bool) else ""


def sent(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as HubSpot takes them: all text, None as the empty text, which clears."""
    return {name: text(value) for name, value in values.items()}


def text(value: Any) -> str:
    """One raw value as text: HubSpot writes booleans ``true`` and ``false``."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def split(value: Any) -> Iterable[str]:
    """The members of a semicolon list (merged ids, additional emails)."""
    return (part.strip() for part in text(value).split(";") if part.strip())


def emails(one: Contact) -> set[str]:
    """All addresses of a contact, lower-case: HubSpot keeps additional ones as unique as the primary one."""
    return {text(one.values.get("email")).strip().lower(), *map(str.lower, split(one.values.get(EMAILS)))} - {
        ""
    }


def time_ms(value: Any) -> int:
    """Epoch milliseconds of ISO 8601 or of an epoch-ms text; 0 where it is neither."""
    if isinstance(value, bool) or value in (None, ""):
        return 0
    try:
        if isinstance(value, int | float) or str(value).isdigit():
            return int(value)
        moment = datetime.fromisoformat(str(value).strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(milliseconds=1)  # rounded down: a watermark never runs ahead
    except (ValueError, OverflowError):
        return 0


def _changed(history: Mapping[str, Any]) -> dict[str, tuple[int, str]]:
    """When each property got the value that it has, and from where (``sourceLabel``, else ``sourceType``).

    A later entry with the same value (a repeated write) is no change: the start of the newest run counts.
    """
    changed: dict[str, tuple[int, str]] = {}
    for name, entries in history.items():
        if not isinstance(entries, list):
            continue
        told = [
            (time_ms(e.get("timestamp")), text(e.get("value")), e) for e in entries if isinstance(e, Mapping)
        ]
        told.sort(key=lambda one: one[0], reverse=True)
        for at_ms, value, entry in told:
            if value != told[0][1]:
                break
            changed[str(name)] = at_ms, text(entry.get("sourceLabel")) or text(entry.get("sourceType"))
    return changed
