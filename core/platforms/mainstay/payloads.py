"""A Mainstay contact's JSON as a contact of ours, and the way back into a request body.

Used by the client (API answers) and by the webhook receiver (the same JSON in an event). Shapes:
facts/mainstay.md §1.6, §2.1 and §5, read 2026-11-23: standard keys at the top level, custom values under
``custom`` by display name.
"""

import json as jsonlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from core.domain.contacts import Contact
from core.domain.fields import Platform

CUSTOM = "custom."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The name of the modified time is unknown; these four are accepted, the newest that can be read wins.
_MODIFIED = ("modified", "modified_at", "updated_at", "last_modified")

NEVER_WRITTEN = frozenset(
    {
        "texting_status",
        "can_text",
        "permitted_user_status",
        "archived",
        "send_intro_campaign",  # would text a real person
        "test_user",
    }
)

# What a cleared field is sent as. What Mainstay makes of null is unknown: one public client began to leave
# nulls out (facts §1.5), which would turn a clearing into nothing. An empty text says the same for every
# type in the API's own style of form data, so that is the one form that is sent.
CLEARED = ""


def flatten(json: Mapping[str, Any]) -> dict[str, Any]:
    """Raw values by field name: top-level keys as they are, custom ones as ``custom.<Display Name>``.

    ``id`` is always there if the contact has one under either name (``admithub_id`` is the older one).
    Unknown keys are kept, missing ones stay missing; never raises for a JSON object.
    """
    values = {str(name): value for name, value in json.items() if name != "custom"}
    custom = json.get("custom")
    if isinstance(custom, Mapping):
        values.update({f"{CUSTOM}{name}": value for name, value in custom.items()})
    if found := identity(json):
        values["id"] = found
    return values


def identity(json: Mapping[str, Any]) -> str:
    """The Mainstay ID under either of its names, or empty."""
    return str(json.get("id") or json.get("admithub_id") or "")


def contact(json: Mapping[str, Any]) -> Contact:
    """The contact of one JSON object. ValueError (without quoting it) if it is no object or has no id."""
    if not isinstance(json, Mapping):
        raise ValueError("no JSON object")
    values = flatten(json)
    mainstay_id = values.get("id")
    if not isinstance(mainstay_id, str) or not mainstay_id.strip():
        raise ValueError("a contact without id or admithub_id")
    url = values.get("conversation_record_url")
    return Contact(
        platform=Platform.MAINSTAY,
        id=mainstay_id,
        values=values,
        modified_ms=max((time_ms(values.get(name)) for name in _MODIFIED), default=0),
        left_out=_left_out(values),
        # Shown as a link: nothing but the web's own schemes may get there.
        url=url if isinstance(url, str) and url.startswith(("https://", "http://")) else "",
    )


def body(values: Mapping[str, Any]) -> dict[str, Any]:
    """The request body that writes ``values``: custom ones nested, None as a clearing, nothing else changed.

    ValueError for a field that is never written (contract §6): that is a mistake of the caller's.
    """
    refused = sorted(NEVER_WRITTEN.intersection(values))
    if refused:
        raise ValueError(f"never written to Mainstay: {', '.join(refused)}")
    document: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for name, value in values.items():
        sent = CLEARED if value is None else value
        if name.startswith(CUSTOM):
            custom[name.removeprefix(CUSTOM)] = sent
        else:
            document[name] = sent
    if custom:
        document["custom"] = custom
    return document


def unsendable(values: Mapping[str, Any]) -> list[str]:
    """The fields whose values strict JSON can't carry: NaN, infinities, halves of surrogate pairs."""
    found = []
    for name, value in values.items():
        try:
            jsonlib.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        except (ValueError, TypeError, RecursionError):
            found.append(name)
    return found


def time_ms(value: Any) -> int:
    """Epoch milliseconds of an ISO 8601 text (no zone = UTC) or an epoch number; 0 where it is neither."""
    if isinstance(value, bool) or value in (None, ""):
        return 0
    try:
        if isinstance(value, int | float):
            # Seconds until the year 2286, milliseconds beyond: the API's form is unknown.
            return int(value) if value > 10_000_000_000 else int(value * 1000)
        moment = datetime.fromisoformat(str(value).strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(milliseconds=1)  # rounded down: a watermark never runs ahead
    except (ValueError, OverflowError):
        return 0


def _left_out(values: Mapping[str, Any]) -> str:
    if _is_true(values.get("archived")):
        return "archived in Mainstay"
    if _is_true(values.get("test_user")):
        return "a test contact of Mainstay"
    return ""


def _is_true(value: Any) -> bool:
    """The forms that Mainstay's filters take for true (facts §1.1): True, true, 1."""
    return value is True or value == 1 or (isinstance(value, str) and value.strip().lower() in ("true", "1"))
