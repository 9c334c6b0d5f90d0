"""Checks property values by type, and brings them into the form in which HubSpot keeps them.

All values are text; ``""`` clears. Source: Properties guide (facts §4.6), error codes of
https://developers.hubspot.com/docs/api-reference/error-handling (facts §4.3).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sandbox.clock import iso_ms, parse_ms
from sandbox.hubspot.catalogue import LIFECYCLE, Catalogue, Property
from sandbox.hubspot.settings import HubSpotSettings

MAX_TEXT = 65_536
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\".]+(\.[^@\s,;<>\".]+)+")
_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)")
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class ValueProblem:
    """One refused value. ``code`` is HubSpot's."""

    name: str
    code: str
    message: str


def check_values(
    catalogue: Catalogue, given: Mapping[str, object], before: Mapping[str, str], settings: HubSpotSettings
) -> tuple[dict[str, str], list[ValueProblem]]:
    """The values to store, and what is wrong with the rest. ``before`` are the contact's present values."""
    clean: dict[str, str] = {}
    problems: list[ValueProblem] = []
    for name, value in given.items():
        definition = catalogue.get(name)
        if definition is None or definition.archived:
            message = f'Property "{name}" does not exist'
            problems.append(ValueProblem(name, "PROPERTY_DOESNT_EXIST", message))
        elif not definition.writable:
            message = f'"{name}" is a read only property; its value cannot be set.'
            problems.append(ValueProblem(name, "READ_ONLY_VALUE", message))
        else:
            text = _as_text(value)
            if text is None:
                # How HubSpot takes a null is undocumented, so nobody may rely on it.
                problems.append(ValueProblem(name, "INVALID_TYPE", f"{name} must be text"))
                continue
            result = _check(definition, text, before.get(name, "")) if text else ""
            if isinstance(result, ValueProblem):
                problems.append(result)
            elif not (name == "lifecyclestage" and _moves_back(result, before, settings)):
                clean[name] = _rewritten(definition, result, settings)
    return clean, problems


def _as_text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return value if isinstance(value, str) else None


def _check(definition: Property, value: str, before: str) -> str | ValueProblem:
    match definition.type:
        case "number":
            wrong = ValueProblem(definition.name, "INVALID_INTEGER", f"{value} was not a valid number.")
            return value if _NUMBER.fullmatch(value) else wrong
        case "bool":
            return _check_option(definition, value, ["true", "false"])
        case "enumeration":
            return _check_options(definition, value, before)
        case "date" | "datetime":
            return _check_time(definition, value)
    return _check_text(definition.name, value)


def _check_text(name: str, value: str) -> str | ValueProblem:
    if len(value) > MAX_TEXT:
        return ValueProblem(name, "INVALID_LENGTH", f"{name} is longer than {MAX_TEXT} characters")
    if name == "email" and not _EMAIL.fullmatch(value.strip()):
        return ValueProblem(name, "INVALID_EMAIL", f"Email address {value} is invalid")
    return value


def _check_option(definition: Property, value: str, allowed: list[str]) -> str | ValueProblem:
    if value in allowed:
        return value
    message = f"{value} was not one of the allowed options: [{', '.join(allowed)}]"
    return ValueProblem(definition.name, "INVALID_OPTION", message)


def _check_options(definition: Property, value: str, before: str) -> str | ValueProblem:
    allowed = [option for option, _ in definition.options]
    if not definition.is_multiple:
        return _check_option(definition, value, allowed)
    chosen = [part for part in before.split(";") if part] if value.startswith(";") else []
    for part in value.split(";"):
        if part and part not in chosen:
            result = _check_option(definition, part, allowed)
            if isinstance(result, ValueProblem):
                return result
            chosen.append(part)
    return ";".join(chosen)


def _check_time(definition: Property, value: str) -> str | ValueProblem:
    wrong = ValueProblem(definition.name, "INVALID_DATE", f"{value} was not a valid {definition.type}.")
    try:
        if definition.type == "datetime":
            return iso_ms(parse_ms(value))
        if value.lstrip("-").isdigit():
            at_ms = int(value)
            if at_ms % DAY_MS:
                return ValueProblem(definition.name, "INVALID_DATE", f"{value} is not midnight UTC")
            return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
        return value if date.fromisoformat(value).isoformat() == value else wrong
    except (ValueError, OverflowError, OSError):
        return wrong


def _moves_back(value: str, before: Mapping[str, str], settings: HubSpotSettings) -> bool:
    """lifecyclestage only moves forward unless cleared (facts §4.4); a step back is dropped in silence."""
    present = before.get("lifecyclestage", "")
    if not settings.lifecycle_forward_only or not value or present not in LIFECYCLE:
        return False
    return value in LIFECYCLE and LIFECYCLE.index(value) < LIFECYCLE.index(present)


def _rewritten(definition: Property, value: str, settings: HubSpotSettings) -> str:
    """What HubSpot may make of a value on its own, where the switches say so."""
    if settings.rewrite_trim and definition.type == "string":
        value = value.strip()
    if settings.rewrite_lowercase_email and definition.name == "email":
        value = value.lower()
    if settings.rewrite_phone and definition.field_type == "phonenumber":
        digits = local_digits(value)
        if len(digits) == 10:
            value = f"+1 {digits[:3]}-{digits[3:6]}-{digits[6:]}"
    return value


def local_digits(phone: str) -> str:
    """Area code and local number only, as phone search wants it (facts §4.5)."""
    digits = re.sub(r"\D", "", phone)
    return digits[1:] if len(digits) == 11 and digits.startswith("1") else digits


def webhook_value(definition: Property, value: str) -> str:
    """A value as a webhook shows it: dates as epoch ms, sensitive ones hidden (facts §1.7, §2.1)."""
    if definition.sensitive:
        return "REDACTED"
    if value and definition.type in ("date", "datetime"):
        return str(parse_ms(value))
    return value
