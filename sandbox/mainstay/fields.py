"""The fields of a Mainstay contact: what can be written, and what a value must look like.

Source: Standard Contact Fields Data Dictionary and Contact Fields Manager (facts §2.1, §2.3, §2.5).
How values of custom fields travel is unknown; the forms here are the proposed ones (facts §8.9).
"""

import re
from dataclasses import dataclass
from datetime import date

TEXT_FIELDS = ("crm_id", "enrollment_id", "first_name", "preferred_name", "last_name", "country_calling_code")
NAMES = frozenset({"first_name", "preferred_name", "last_name"})
WRITABLE = (*TEXT_FIELDS, "phone", "email", "channel")
READ_ONLY = (
    "id",
    "admithub_id",
    "invalid_phone",
    "archived",
    "can_text",
    "texting_status",
    "permitted_user_status",
    "test_user",
    "conversation_record_url",
    "created",
    "modified",
)
MAX_NAME = 64
MAX_TEXT = 1_000
FIELD_TYPES = ("Text", "URL", "Date", "Phone", "Number", "True / False", "Multi-Choice", "Email")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_ANY = re.compile(r".*", re.DOTALL)
PHONE_MESSAGE = "Please use a 10 digit phone number. International numbers are not supported."
DATE_MESSAGE = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."
_SHAPES = {
    "Date": (re.compile(r"\d{4}-\d\d-\d\d"), DATE_MESSAGE),
    "Email": (_EMAIL, "Enter a valid email address."),
    "Phone": (re.compile(r"[0-9]{10}"), PHONE_MESSAGE),
    "URL": (re.compile(r"https?://\S+"), "Enter a valid URL."),
}


class BadValue(ValueError):
    """A value that the field cannot hold; the text is the framework-like message."""


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field that the institution added; its type cannot be changed later."""

    name: str
    type: str = "Text"
    options: tuple[str, ...] = ()


def default_custom_fields() -> list[CustomField]:
    return [
        CustomField("Application Status"),
        CustomField("High School"),
        CustomField("Program", "Multi-Choice", _PROGRAMS),
        CustomField("Interests", "Multi-Choice", ("Music", "Sports", "Research", "Volunteering")),
        CustomField("Birth Date", "Date"),
        CustomField("GPA", "Number"),
        CustomField("First Generation", "True / False"),
        CustomField("Alt Email", "Email"),
        CustomField("Parent Phone", "Phone"),
        CustomField("Portfolio", "URL"),
        CustomField("Race/Ethnicity"),
    ]


_PROGRAMS = ("Nursing", "Biology", "Computer Science", "Business", "History", "Education")


def checked_default(name: str, value: object) -> str | None:
    """The value of a standard field as stored; blank is None. Raises ``BadValue``."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadValue("Not a valid string.")
    text = str(value)
    if not text.strip():
        return None
    if name == "phone" and not re.fullmatch(r"[0-9]{10}", text):
        raise BadValue(PHONE_MESSAGE)
    if name == "email" and not _EMAIL.fullmatch(text):
        raise BadValue("Enter a valid email address.")
    most = MAX_NAME if name in NAMES else MAX_TEXT
    if len(text) > most:
        raise BadValue(f"Ensure this field has no more than {most} characters.")
    return text


def checked_custom(field: CustomField, value: object) -> object:
    """The value of a custom field as stored; blank is None. Raises ``BadValue``."""
    if value == "":
        return None
    match field.type:
        case "True / False":
            return _boolean(value)
        case "Number":
            return _number(value)
        case "Multi-Choice":
            return _choice(field, value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadValue("Not a valid string.")
    pattern, message = _SHAPES.get(field.type, (_ANY, ""))
    if not pattern.fullmatch(str(value)):
        raise BadValue(message)
    return _date(str(value)) if field.type == "Date" else str(value)


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise BadValue(DATE_MESSAGE) from error


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
        return value.lower() in ("true", "1")
    raise BadValue("Must be a valid boolean.")


def _number(value: object) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value) if "." in value else int(value)
    raise BadValue("A valid number is required.")


def _choice(field: CustomField, value: object) -> str:
    if not isinstance(value, str) or value not in field.options:
        raise BadValue(f'"{value}" is not a valid choice.')
    return value
