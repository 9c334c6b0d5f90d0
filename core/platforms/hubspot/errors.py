"""HubSpot's error answers in our terms: the one place that knows their bodies.

Called with whole answers (``of_answer``) and with one entry of a partial success (``of_item``). "All fields
should be treated as optional" (error handling guide, last modified 2026-03-30): nothing here relies on any.
``detail`` is made of status, category, codes, property names and correlationId, each only where it looks like
one; HubSpot's texts quote values and are never passed on.
"""

import json
import re
from collections.abc import Iterator, Mapping
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
from core.platforms.transport import Answer, parsed, retry_after_s

HUBSPOT = Platform.HUBSPOT
LOCKED_S = 2.0  # 423 after mass writes: "wait at least 2 seconds" (error handling guide)
NOT_APPLIED = frozenset({423, 477})  # refused at the door: nothing of the call was carried out

_WORD = re.compile(r"[A-Z][A-Z0-9_]{1,59}")
_PROPERTY = re.compile(r"[a-z][a-z0-9_]{0,99}", re.IGNORECASE)
_CORRELATION = re.compile(r"[0-9a-fA-F-]{8,40}")
_SCOPE = re.compile(r"[a-z0-9_.-]{1,80}")
# Undocumented, relied upon by at least ten public code bases (facts/hubspot.md §4.1).
_EXISTING = re.compile(r"Existing\s+ID\b\W{0,5}(\d+)", re.IGNORECASE)

_CODES = {
    "PROPERTY_DOESNT_EXIST": Code.MISSING_FIELD,
    "INVALID_EMAIL": Code.INVALID_EMAIL,
    "INVALID_OPTION": Code.UNKNOWN_OPTION,
}
_TAKEN = "CONFLICTING_UNIQUE_VALUE"  # a custom unique property's value belongs to another contact
_STATUS_OF_CATEGORY = {
    "VALIDATION_ERROR": 400,
    "MISSING_SCOPES": 403,
    "OBJECT_NOT_FOUND": 404,
    "CONFLICT": 409,
    "RATE_LIMITS": 429,
    "RATE_LIMIT": 429,
}


def of_answer(answer: Answer, *, write: bool) -> PlatformError:
    """The failure that an answer other than 2xx tells of. ``write``: the call was to change something."""
    status = answer.status
    told = parsed(answer.text)
    document = told if isinstance(told, Mapping) else {}
    wait_s = retry_after_s(answer.headers)
    if status == 429:
        return RateLimited(HUBSPOT, _detail(status, document), status=status, retry_after_s=wait_s)
    if status >= 500 or status in (408, 423, 477):
        return Unavailable(
            HUBSPOT,
            _detail(status, document),
            status=status,
            retry_after_s=max(wait_s or 0.0, LOCKED_S) if status == 423 else wait_s,
            maybe_applied=write and status not in NOT_APPLIED,
        )
    return _of_document(status, document, write, answer.text)


def of_item(entry: Mapping[str, Any]) -> PlatformError:
    """One entry of ``errors`` in a 207 (or in a 200 that carries errors)."""
    category = _text(entry.get("category"))
    return _of_document(_STATUS_OF_CATEGORY.get(category, 400), entry, False, json.dumps(entry))


def policy(body: str) -> str:
    """``policyName`` of a 429, or empty. Search's 429 may have its text only (facts/hubspot.md §5)."""
    told = parsed(body)
    if not isinstance(told, Mapping):
        return ""
    name = _text(told.get("policyName")).upper()
    text = _text(told.get("message")).lower()
    for words, meant in (
        ("ten_secondly", "TEN_SECONDLY_ROLLING"),
        ("secondly", "SECONDLY"),
        ("daily", "DAILY"),
    ):
        if not name and words in text:
            return meant
    return name if _WORD.fullmatch(name) else ""


_PLAIN: dict[int, type[PlatformError]] = {401: AuthenticationFailed, 404: NotFound, 429: RateLimited}


def _of_document(status: int, document: Mapping[str, Any], write: bool, text: str) -> PlatformError:
    detail = _detail(status, document)
    if status in _PLAIN:
        return _PLAIN[status](HUBSPOT, detail, status=status)
    if status == 403:
        scopes = ", ".join(_scopes(document))
        return PermissionMissing(
            HUBSPOT, f"{detail}; missing scopes: {scopes}" if scopes else detail, status=status
        )
    problems = _problems(document)
    fields = {name: _code(code) for name, code in problems.items()}
    # Where in the body it stands, and whether an entry of a 207 has a category beside it, differs.
    existing = _EXISTING.search(text)
    if status == 409 or existing or _TAKEN in problems.values():
        # A 409 names no property: so far only the email is known to cause one.
        return Conflict(
            HUBSPOT,
            detail,
            status=status,
            fields=fields or {"email": Code.INVALID_VALUE},
            existing_id=existing[1] if existing else "",
        )
    if status in (400, 413, 414, 415, 422):
        return Refused(HUBSPOT, detail, status=status, fields=fields)
    return UnexpectedAnswer(HUBSPOT, detail, status=status, maybe_applied=write and status < 400)


def _code(platform_code: str) -> Code:
    if "READ_ONLY" in platform_code or "READONLY" in platform_code:
        return Code.READ_ONLY_FIELD
    return _CODES.get(platform_code, Code.INVALID_VALUE)


def _problems(document: Mapping[str, Any]) -> dict[str, str]:
    """Property → HubSpot's code, from ``errors[].context.propertyName`` and from the JSON in ``message``."""
    problems: dict[str, str] = {}
    entries = [one for one in _list(document.get("errors")) if isinstance(one, Mapping)]
    for entry in entries:
        context = entry.get("context")
        names = _list(context.get("propertyName")) if isinstance(context, Mapping) else []
        for name in names or _list(entry.get("name")):
            _note(problems, name, entry.get("code") or entry.get("error"))
        for inner in _inner(entry):
            _note(problems, inner.get("name"), inner.get("error") or inner.get("code"))
    own_context = document.get("context")
    if isinstance(own_context, Mapping):
        for name in _list(own_context.get("propertyName")):
            _note(problems, name, document.get("code"))
    for inner in _inner(document):
        _note(problems, inner.get("name"), inner.get("error") or inner.get("code"))
    return problems


def _note(problems: dict[str, str], name: Any, code: Any) -> None:
    if isinstance(name, str) and _PROPERTY.fullmatch(name):
        word = _text(code)
        problems[name] = word if _WORD.fullmatch(word) else problems.get(name, "")


def _inner(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The details that HubSpot repeats as a JSON list inside ``message``."""
    message = _text(document.get("message"))
    start = message.find("[{")
    if start < 0:
        return
    try:
        told, _ = json.JSONDecoder().raw_decode(message, start)
    except (ValueError, RecursionError):
        return
    yield from (one for one in told if isinstance(one, Mapping))


def _scopes(document: Mapping[str, Any]) -> list[str]:
    found: dict[str, None] = {}
    for entry in [document, *_list(document.get("errors"))]:
        context = entry.get("context") if isinstance(entry, Mapping) else None
        if not isinstance(context, Mapping):
            continue
        for key in ("requiredGranularScopes", "requiredScopes", "missingScopes"):
            for scope in _list(context.get(key)):
                if isinstance(scope, str) and _SCOPE.fullmatch(scope):
                    found[scope] = None
    return list(found)


def _detail(status: int, document: Mapping[str, Any]) -> str:
    parts = [f"status {status}"] if status else []
    category = _text(document.get("category")) or _text(document.get("errorType"))
    if _WORD.fullmatch(category):
        parts.append(category)
    problems = _problems(document)
    if problems:
        parts.append(", ".join(f"{name} {code}".strip() for name, code in sorted(problems.items())[:20]))
    correlation = _text(document.get("correlationId"))
    if _CORRELATION.fullmatch(correlation):
        parts.append(f"correlationId {correlation}")
    return "; ".join(parts)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]
