"""The filters of a list: typed into a form, kept in the address. Nothing personal can get there.

A form is sent by POST and answered by a redirect to the address that holds its filters, so that an email or a
phone number that somebody types never stands in an address, a history or a proxy's log: it is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from console.times import time_ms, zone_of
from console.web.errors import FormErrors
from core.domain.codes import Code
from core.domain.fields import Direction

PRESETS = {"1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
LOOK_THERE = "Look people up by email, phone or name under Contacts: lists and addresses hold ids only."
_CONTACT = re.compile(r"(?:(?:hubspot|mainstay):)?[A-Za-z0-9_-]{1,60}")
_JOB = re.compile(r"[1-9]\d{0,17}", re.ASCII)
_ACTION = re.compile(r"[a-z-]{1,40}(\.[a-z-]{1,40})?")
_PHONE = re.compile(r"\d{3}-\d{3}-\d{4}|\d{3}-\d{4}")
_PERSONAL = re.compile(r"@|\d[\d\s().-]{5,}\d")
_NAMES = ("instance", "direction", "code", "contact", "text", "state", "job", "action", "user")
_TYPED = ("contact", "text", "job")


@dataclass(frozen=True, slots=True)
class Filters:
    """``since`` and ``until``: ``24h`` or RFC 3339, as they stand in the address; the others by their names.
    ``since_ms``, ``until_ms``: the same in epoch ms. ``errors`` are by the form's fields; ``refused`` is what
    was typed there, for the answer to a form alone: it narrows nothing, and no address carries it."""

    since: str = ""
    until: str = ""
    instance: str = ""
    direction: str = ""
    code: str = ""
    contact: str = ""
    text: str = ""
    state: str = ""
    job: str = ""
    action: str = ""
    user: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    errors: FormErrors = field(default_factory=FormErrors)
    refused: Mapping[str, str] = field(default_factory=dict)

    def query(self, **more: object) -> dict[str, Any]:
        """The filters as an address carries them; ``more`` is added, None takes one away."""
        names = ("since", "until", *_NAMES)
        return {name: value for name in names if (value := more.get(name, getattr(self, name)))} | {
            name: value for name, value in more.items() if name not in names and value is not None
        }

    @property
    def range(self) -> str:
        """What the form's choice of a time shows."""
        if not (self.since or self.until):
            return ""
        return self.since if self.since in PRESETS and not self.until else "between"

    def __bool__(self) -> bool:
        return bool(self.query())


def is_id(text: str) -> bool:
    """Whether a text can be a contact's id, with or without its platform; emails, phones and names can't."""
    return bool(_CONTACT.fullmatch(text)) and not _PHONE.fullmatch(text)


def of_address(given: Mapping[str, str], now_ms: int) -> Filters:
    """The filters of an address."""
    return _checked(given, given.get("since", ""), given.get("until", ""), now_ms, FormErrors())


def of_form(given: Mapping[str, str], now_ms: int, zone: str) -> Filters:
    """The filters of a form; its times are the reader's own."""
    read = _of_form(given, now_ms, zone)
    typed = {name: given.get(name, "").strip() for name in _TYPED if read.errors.at(name)}
    return replace(read, refused=typed)


def _of_form(given: Mapping[str, str], now_ms: int, zone: str) -> Filters:
    errors = FormErrors()
    chosen = given.get("range", "")
    if chosen == given.get("range-was") and (given.get("from") or given.get("to")):
        chosen = "between"  # whoever types a time means it, with the choice above it left as it was
    if chosen in PRESETS:
        return _checked(given, chosen, "", now_ms, errors)
    if chosen != "between":
        return _checked(given, "", "", now_ms, errors)
    since, until = (_moment(given.get(name, ""), zone, now_ms, name, errors) for name in ("from", "to"))
    return _checked(given, since, until, now_ms, errors)


def local_input(at_ms: int | None, zone: str) -> str:
    """A time as a form's date and time field holds it; blank for None."""
    if at_ms is None:
        return ""
    return datetime.fromtimestamp(at_ms / 1000, zone_of(zone)).strftime("%Y-%m-%dT%H:%M")


def personal(text: str) -> bool:
    """Whether a text looks as if it held an email or a phone number."""
    return _PERSONAL.search(text) is not None


def _checked(given: Mapping[str, str], since: str, until: str, now_ms: int, errors: FormErrors) -> Filters:
    chosen = {name: given.get(name, "").strip() for name in _NAMES}
    if chosen["direction"] not in ("", *Direction):
        errors.add("direction", "Choose a direction of the list.")
        chosen["direction"] = ""
    if chosen["code"] not in ("", *Code):
        errors.add("code", "Choose a code of the list.")
        chosen["code"] = ""
    contact = chosen["contact"]
    if contact and not is_id(contact):
        errors.add("contact", f"Enter a contact's id, such as hubspot:4711 or mainstay:5f0c. {LOOK_THERE}")
        chosen["contact"] = ""
    if personal(chosen["text"]):
        errors.add("text", f"This looks like an email or a phone number. {LOOK_THERE}")
        chosen["text"] = ""
    if chosen["job"] and not _JOB.fullmatch(chosen["job"]):
        errors.add("job", "Enter a job's number, such as 12.")
        chosen["job"] = ""
    if chosen["action"] and not _ACTION.fullmatch(chosen["action"]):
        errors.add("action", "Choose an action of the list.")
        chosen["action"] = ""
    if chosen["user"] and not _JOB.fullmatch(chosen["user"]):
        errors.add("user", "Choose a user of the list.")
        chosen["user"] = ""
    since_ms = _read(since, now_ms, "from", errors)
    until_ms = _read(until, now_ms, "to", errors, end=True)
    return Filters(
        since=since,
        until=until,
        instance=chosen["instance"],
        direction=chosen["direction"],
        code=chosen["code"],
        contact=chosen["contact"],
        text=chosen["text"],
        state=chosen["state"],
        job=chosen["job"],
        action=chosen["action"],
        user=chosen["user"],
        since_ms=since_ms,
        until_ms=until_ms,
        errors=errors,
    )


def _read(text: str, now_ms: int, where: str, errors: FormErrors, *, end: bool = False) -> int | None:
    try:
        return time_ms(text, now_ms, end=end) if text else None
    except ValueError:
        errors.add(where, "This is no time that we can read.")
        return None


def _moment(text: str, zone: str, now_ms: int, where: str, errors: FormErrors) -> str:
    """RFC 3339 in UTC of what was typed; blank for blank."""
    if not text.strip():
        return ""
    try:
        at_ms = time_ms(text, now_ms, zone=zone_of(zone))
    except ValueError:
        errors.add(where, "Enter a date and a time, such as 2026-11-23 14:30.")
        return ""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")
