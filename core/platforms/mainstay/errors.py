"""Mainstay's error answers in our terms: the one place that knows their bodies.

No error body is documented (facts/mainstay.md §1.5, read 2026-11-23). The API looks like Django REST
Framework, so its two forms are read: ``{"field": ["text", …]}`` and ``{"detail" | "message" | "error": …}``,
and the usual third one, a list of ``{"field": name, …}``. A text about the whole names a field where its name
stands in it. Texts are searched for words and never passed on: they may quote values.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from core.domain.codes import Code
from core.domain.fields import Platform
from core.platforms.errors import (
    AuthenticationFailed,
    Conflict,
    NotFound,
    PermissionMissing,
    PlatformError,
    RateLimited,
    Refused,
    Unavailable,
    UnexpectedAnswer,
)
from core.platforms.mainstay.payloads import CUSTOM
from core.platforms.transport import Answer, parsed, retry_after_s

MAINSTAY = Platform.MAINSTAY

_WHOLE = ("detail", "message", "error", "errors", "non_field_errors")
_NAMING = ("field", "name", "param")  # of an entry in a list of errors
_KEYS = {"phone": Code.DUPLICATE_CONTACT, "crm_id": Code.DUPLICATE_CRM_ID}
_NEEDED = ("first_name", "last_name", "phone")
_CSV_PREFIX = "CUSTOM_"  # of custom fields in files (facts §2.5)

# How to tell a taken value from a bad one where both come as 400: by these words (our reading of the
# framework's own texts).
_IS_TAKEN = re.compile(r"already|unique|duplicate|\btaken\b|\bin use\b|(?<!not )(?<!n't )\bexists?\b", re.I)
_IS_MISSING = re.compile(r"no such|unknown|unexpected|unrecogni[sz]ed|not exist|n't exist", re.I)
_IS_READ_ONLY = re.compile(r"read.?only", re.I)
_IS_NO_OPTION = re.compile(r"valid choice|\boptions?\b|\bchoices?\b", re.I)
_IS_BLANK = re.compile(r"required|blank|\bnull\b", re.I)
# The Import Error Dictionary's duplicate-contact is about the phone (facts §3, read 2026-11-23).
_MENTIONS = {
    "phone": re.compile(r"\bphone|duplicate-contact", re.I),
    "crm_id": re.compile(r"crm[ _]?id", re.I),
}

_PLAIN: dict[int, type[PlatformError]] = {
    401: AuthenticationFailed,
    403: PermissionMissing,
    404: NotFound,
}


def of_answer(answer: Answer, *, write: bool, sent: Collection[str] = ()) -> PlatformError:
    """The failure that an answer other than 2xx tells of. ``sent``: names of the fields that were written."""
    status = answer.status
    detail = f"status {status}"
    if status in _PLAIN:
        error = _PLAIN[status](MAINSTAY, detail, status=status)
        if isinstance(error, NotFound):
            error.code = Code.MAINSTAY_ID_NOT_FOUND
        return error
    wait_s = retry_after_s(answer.headers)
    if status == 429:
        return RateLimited(MAINSTAY, detail, status=status, retry_after_s=wait_s)
    if status >= 500 or status in (408, 423):
        return Unavailable(
            MAINSTAY, detail, status=status, retry_after_s=wait_s, maybe_applied=write and status != 423
        )
    if status not in (400, 409, 413, 415, 422):
        return UnexpectedAnswer(MAINSTAY, detail, status=status, maybe_applied=write and status < 400)
    fields = _fields(status, parsed(answer.text), sent)
    if fields:
        detail += "; " + ", ".join(f"{name} {code}" for name, code in sorted(fields.items())[:20])
    taken = {name: code for name, code in fields.items() if code in _KEYS.values()}
    if taken or (status == 409 and not fields):
        return Conflict(MAINSTAY, detail, status=status, fields=taken | fields)  # what decides stands first
    return Refused(MAINSTAY, detail, status=status, fields=fields)


def _fields(status: int, document: Any, sent: Collection[str]) -> dict[str, Code]:
    found: dict[str, Code] = {}
    for name, text in _told(document, sent):
        for one in [name] if name else _mentioned(text, sent):
            found.setdefault(one, _code(status, one, text))
    return found


def _told(document: Any, sent: Collection[str]) -> Iterator[tuple[str, str]]:
    """Pairs of field name and text; the name is empty where a text is about the whole."""
    if isinstance(document, list):
        for one in document:
            yield from _told(one, sent) if isinstance(one, Mapping) else [("", _joined(one))]
        return
    if not isinstance(document, Mapping):
        yield "", _joined(document)
        return
    named = next((name for key in _NAMING if (name := _field(document.get(key), sent))), "")
    if named:
        yield named, _joined(document)
        return
    for key, value in document.items():
        if key in _WHOLE and key not in sent:
            yield from _told(value, sent)
        elif key == "custom" and isinstance(value, Mapping):
            for label, texts in value.items():
                yield _field(f"{CUSTOM}{label}", sent), _joined(texts)
        else:
            name = _field(key, sent)
            yield name, _joined(value) if name else f"{key} {_joined(value)}"


def _field(told: Any, sent: Collection[str]) -> str:
    """The field that an answer calls so, or empty: custom ones come with or without their prefix."""
    if not isinstance(told, str):
        return ""
    names = (told, f"{CUSTOM}{told}", f"{CUSTOM}{told.removeprefix(_CSV_PREFIX)}")
    return next((name for name in names if name in sent or name in _KEYS), "")


def _mentioned(text: str, sent: Collection[str]) -> Iterator[str]:
    """The fields whose names stand in a text. One named by accident costs a try without it, no more."""
    for key, mentioned in _MENTIONS.items():
        if mentioned.search(text):
            yield key
    for name in sent:
        words = re.escape(name.removeprefix(CUSTOM)).replace("_", "[ _]")
        if name not in _KEYS and re.search(rf"(?<!\w){words}(?!\w)", text, re.I):
            yield name


def _code(status: int, name: str, text: str) -> Code:
    if name in _KEYS and (status == 409 or _IS_TAKEN.search(text)):
        return _KEYS[name]
    if name in _NEEDED and _IS_BLANK.search(text):
        return Code.BLANK_REQUIRED
    for words, code in (
        (_IS_READ_ONLY, Code.READ_ONLY_FIELD),
        (_IS_MISSING, Code.MISSING_FIELD),
        (_IS_NO_OPTION, Code.UNKNOWN_OPTION),
    ):
        if words.search(text):
            return code
    return {"phone": Code.INVALID_PHONE, "email": Code.INVALID_EMAIL}.get(name, Code.INVALID_VALUE)


def _joined(value: Any) -> str:
    """All texts in a value, for looking up words only."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return " ".join(map(_joined, value.values()))
    if isinstance(value, list):
        return " ".join(map(_joined, value))
    return ""
