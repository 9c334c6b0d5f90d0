"""Personal data as somebody without the right to it sees it: enough to tell two apart, too little to use.

Ids, field names and codes are no personal data here; values of contacts are. Used by every page and every
route that shows values; ``Right.PERSONAL`` decides.
"""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "•••"
_EMAIL = re.compile(r"(?P<first>[^@\s])[^@\s]*@[^@\s]*?(?P<end>\.[^@.\s]+)?")
_MANY_DIGITS = re.compile(r"(?:\D*\d){7}")
_IDS = ("id", "crm_id", "hs_object_id")


def masked(value: str | None) -> str | None:
    """``m•••@•••.edu``, ``••• 42`` for what has seven digits or more, ``J•••``; blank stays blank."""
    if not value or not value.strip():
        return value
    email = _EMAIL.fullmatch(value.strip())
    if email:
        return f"{email['first']}{HIDDEN}@{HIDDEN}{email['end'] or ''}"
    if _MANY_DIGITS.match(value):
        digits = [letter for letter in value if letter.isdigit()]
        return f"{HIDDEN} {''.join(digits[-2:])}"
    return f"{value.strip()[0]}{HIDDEN}"


def masked_preview(told: Mapping[str, Any]) -> dict[str, Any]:
    """A preview (contract §4) without values: what was decided about each field stays."""
    shown = dict(told)
    reasons = [
        {**one, **({"actual": masked(one["actual"])} if "actual" in one else {})}
        for one in told["filter"].get("reasons", [])
    ]
    shown["filter"] = {**told["filter"], "reasons": reasons}
    shown["changes"] = [_masked_field(one) for one in told["changes"]]
    shown["fields"] = [_masked_field(one) for one in told["fields"]]
    return shown


def _masked_field(one: Mapping[str, Any]) -> dict[str, Any]:
    if one["field"] in _IDS:
        return dict(one)
    return {**one, "before": masked(one["before"]), "after": masked(one["after"])}
