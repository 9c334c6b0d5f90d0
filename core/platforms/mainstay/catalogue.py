"""Mainstay's default and custom fields as fields of ours.

The API tells names for certain, types perhaps (facts/mainstay.md §1.3, §2.1, §2.5, read 2026-11-23). So a
table says what the standard fields are, and an account's ``field_types`` what a custom field is.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from core.domain.fields import Field, FieldType, Option
from core.platforms.mainstay.payloads import CUSTOM

_KEEPS = "Mainstay keeps it"
_LOCKED = "it always holds the HubSpot Record ID"
_CONSENT = "what a person agreed to is never changed from outside"

# The standard fields dictionary (table 2.1 of the facts) and the other keys that were seen in answers.
_TABLE = (
    Field("id", "Mainstay ID", read_only=_KEEPS, unique=True),
    Field("admithub_id", "Mainstay ID (old name)", read_only=_KEEPS, unique=True),
    Field("crm_id", "CRM ID", read_only=_LOCKED, unique=True),
    Field("enrollment_id", "Enrollment ID"),
    Field("first_name", "First Name", max_length=64),
    Field("preferred_name", "Preferred Name", max_length=64),
    Field("last_name", "Last Name", max_length=64),
    Field("country_calling_code", "Country Calling Code"),
    Field("phone", "Phone", FieldType.PHONE, unique=True),
    Field("email", "Email", FieldType.EMAIL),
    Field("invalid_phone", "Invalid Phone", FieldType.BOOL, read_only=_KEEPS),
    Field("archived", "Archived", FieldType.BOOL, read_only=_CONSENT),
    Field("can_text", "Can Text", FieldType.BOOL, read_only=_CONSENT),
    Field("texting_status", "Texting Status", read_only=_CONSENT),
    Field("permitted_user_status", "Permitted User Status", read_only=_CONSENT),
    Field("test_user", "Test User", FieldType.BOOL, read_only=_CONSENT),
    Field("channel", "Channel", read_only=_KEEPS),
    Field("conversation_record_url", "Conversation URL", FieldType.URL, read_only=_KEEPS),
    Field("created", "Date Added", FieldType.DATETIME, read_only=_KEEPS),
    Field("modified", "Date Modified", FieldType.DATETIME, read_only=_KEEPS),
    Field("last_incoming_message_at", "Last Incoming Message", FieldType.DATETIME, read_only=_KEEPS),
    Field("last_outgoing_message_at", "Last Outgoing Message", FieldType.DATETIME, read_only=_KEEPS),
)
STANDARD = {field.name: field for field in _TABLE}
ESSENTIAL = ("id", "crm_id", "first_name", "last_name", "phone", "email")

# Spellings of Contact Fields Manager, and those of our own FieldType.
_TYPES = {
    "text": FieldType.TEXT,
    "string": FieldType.TEXT,
    "number": FieldType.NUMBER,
    "integer": FieldType.NUMBER,
    "float": FieldType.NUMBER,
    "truefalse": FieldType.BOOL,
    "bool": FieldType.BOOL,
    "boolean": FieldType.BOOL,
    "multichoice": FieldType.CHOICES,
    "multiplechoice": FieldType.CHOICES,
    "choices": FieldType.CHOICES,
    "choice": FieldType.CHOICE,
    "singlechoice": FieldType.CHOICE,
    "dropdown": FieldType.CHOICE,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "dateandtime": FieldType.DATETIME,
    "phone": FieldType.PHONE,
    "email": FieldType.EMAIL,
    "url": FieldType.URL,
}


def field_type(text: Any) -> FieldType | None:
    """The type of a spelling such as ``True / False`` or ``Multi-Choice``; None where it is none."""
    return _TYPES.get("".join(filter(str.isalnum, str(text).lower())))


def default_fields(answer: Any) -> list[Field]:
    """The standard fields. An answer whose shape is not understood counts as the whole table."""
    told = dict(_named(answer, "default_fields"))
    if not set(ESSENTIAL).intersection(told):
        return list(_TABLE)
    names = dict.fromkeys([*ESSENTIAL, *(name for name in told if name != "custom")])
    return [STANDARD.get(name) or _unknown(name, told.get(name, {})) for name in names]


def custom_fields(answer: Any, field_types: Mapping[str, str]) -> list[Field]:
    """The custom fields, as ``custom.<Display Name>``. A type in ``field_types`` (by display name, with or
    without ``custom.``) wins over what Mainstay tells; without either a field is text."""
    chosen = {name.removeprefix(CUSTOM): kind for name, kind in field_types.items()}
    return [
        Field(
            name=f"{CUSTOM}{label}",
            label=label,
            type=field_type(chosen.get(label)) or field_type(told.get("type")) or FieldType.TEXT,
            options=options(told.get("options")),
        )
        for label, told in _named(answer, "custom_fields")
    ]


def options(told: Any) -> tuple[Option, ...]:
    """Options of a list of texts or of ``{"value", "label"}``; doubles once, blanks left out."""
    found: dict[str, Option] = {}
    for one in told if isinstance(told, list) else ():
        value = one.get("value", one.get("label")) if isinstance(one, Mapping) else one
        label = one.get("label", value) if isinstance(one, Mapping) else one
        if isinstance(value, str | int | float) and str(value).strip():
            found.setdefault(str(value), Option(str(value), str(label)))
    return tuple(found.values())


def _named(answer: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Names and what else is told of each: from a list or ``{key: list or object}``, of names or objects."""
    listed = answer.get(key, answer.get("results")) if isinstance(answer, Mapping) else answer
    if listed is None and isinstance(answer, Mapping):
        listed = answer
    if isinstance(listed, Mapping):
        for name, told in listed.items():
            yield str(name), told if isinstance(told, Mapping) else {"type": told}
        return
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, str) and one:
            yield one, {}
        elif isinstance(one, Mapping) and one.get("name"):
            yield str(one["name"]), one


def _unknown(name: str, told: Mapping[str, Any]) -> Field:
    kind = field_type(told.get("type")) or FieldType.TEXT
    return Field(name, str(told.get("label") or name), kind, options(told.get("options")))
