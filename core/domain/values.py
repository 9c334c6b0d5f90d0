"""The one canonical text of a platform's raw value, and the platform's own form of a canonical text.

Called by whoever compares, digests, converts or writes values. A blank is always the empty text. What does
not parse as its field's type becomes its stripped text, so that it equals itself; ``fits`` tells the two
apart and ``conversion`` reports it. Nothing here raises for any JSON value.

    text, URL   stripped (text also NFC, LF)    date           YYYY-MM-DD
    number      3.5, no exponent                date and time  2026-01-02T03:04:05.000Z
    true/false  true | false                    phone          +16175550100 or +16175550100;ext=5
    choice      the option's value              multi-choice   values, sorted, joined by ";"
    email       lower case

Sources: HubSpot Properties guide (read 2026-11-23): values are strings, ``""`` clears, a date is midnight
UTC, webhooks carry epoch milliseconds; Mainstay's forms of dates, truth values and choices are documented
nowhere, so all usual ones are read.
"""

import json
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from core.domain import choices, phones, scalars
from core.domain.fields import Field, FieldType, Platform


def canonical(field: Field, platform: Platform, raw: Any, region: str) -> str:
    """The one text of ``raw`` as a value of ``field``; ``""`` for a blank.

    ``region`` (``US``) is the country of phone numbers without ``+``. Repeating it changes nothing:
    canonical texts are their own canonical text.
    """
    if field.type is FieldType.CHOICES:
        return choices.join(_pieces(field, platform, raw))
    if field.type is FieldType.URL and isinstance(raw, str):
        return raw.strip()
    text = text_of(raw)
    if not text or field.type in (FieldType.TEXT, FieldType.URL):
        return text
    short_epochs = platform is Platform.HUBSPOT
    if field.type is FieldType.CHOICE:
        return choices.value_of(field, text)
    if field.type is FieldType.BOOL:
        return parsed(field.type, choices.value_of(field, text), region) or text
    return parsed(field.type, text, region, short_epochs=short_epochs) or text


def parsed(type_: FieldType, text: str, region: str, *, short_epochs: bool = False) -> str | None:
    """``text`` read as a value of a type that has a form of its own; None if it is not in it.

    ``short_epochs``: any digits of a date are milliseconds, however few (HubSpot).
    """
    if type_ is FieldType.PHONE:
        return phones.e164(text, region)
    if type_ in (FieldType.DATE, FieldType.DATETIME):
        read_time = scalars.day if type_ is FieldType.DATE else scalars.moment
        return read_time(text, short_epochs=short_epochs)
    read = _READERS.get(type_)
    return read(text) if read else text


def _lower(text: str) -> str:
    return unicodedata.normalize("NFC", text.lower())


_READERS: dict[FieldType, Callable[[str], str | None]] = {
    FieldType.NUMBER: scalars.number,
    FieldType.BOOL: scalars.boolean,
    FieldType.EMAIL: _lower,
}


def fits(field: Field, value: str) -> bool:
    """Whether a canonical text is in its type's form; False for what could not be parsed."""
    if field.type is FieldType.PHONE:
        return phones.is_phone(value)
    return parsed(field.type, value, "") == value


def is_phone(value: str) -> bool:
    """Whether a canonical text is a phone number."""
    return phones.is_phone(value)


def wire(field: Field, platform: Platform, value: str) -> Any:
    """A canonical text in the form in which the platform takes it.

    HubSpot: always text, ``""`` clears. Mainstay: numbers and truth values of JSON, ten digits for a phone,
    a list for several choices (text for one), None for a blank. What does not fit stays text. It does not
    ask whether the platform can hold the value: ``conversion.convert`` has done so before.
    """
    if platform is Platform.HUBSPOT:
        return phones.readable(value) if field.type is FieldType.PHONE else value
    return _mainstay_form(field, value) if value else None


def _mainstay_form(field: Field, value: str) -> Any:
    form: Any = None
    match field.type:
        case FieldType.BOOL if value in ("true", "false"):
            return value == "true"
        case FieldType.NUMBER:
            form = scalars.json_number(value)
        case FieldType.PHONE:
            form = phones.national_digits(value)
        case FieldType.CHOICES:
            pieces = choices.split(field, value)
            form = pieces if len(pieces) > 1 else None
    return value if form is None else form


def text_of(raw: Any) -> str:
    """Any JSON value as stripped text: NFC, LF line ends, numbers in normal form, lists joined by ``;``."""
    match raw:
        case None:
            return ""
        case str():
            return unicodedata.normalize("NFC", raw).replace("\r\n", "\n").replace("\r", "\n").strip()
        case bool():
            return "true" if raw else "false"
        case int() | float():
            return _number_text(raw)
        case list() | tuple():
            return ";".join(filter(None, (_item_text(item) for item in raw))).strip()
    return _item_text(raw)


def _number_text(raw: float) -> str:
    # str(int) refuses more than 4,300 digits; Decimal takes them.
    text = str(Decimal(raw)) if isinstance(raw, int) else repr(raw)
    return scalars.number(text) or text


def _item_text(item: Any) -> str:
    if not isinstance(item, list | tuple | dict):
        return text_of(item)
    if not item:
        return ""
    try:
        return text_of(json.dumps(item, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
    except (RecursionError, TypeError, ValueError):
        return "unreadable"


def _pieces(field: Field, platform: Platform, raw: Any) -> list[str]:
    commas = platform is Platform.MAINSTAY
    if isinstance(raw, list | tuple):
        return [piece for item in raw for piece in choices.split(field, _item_text(item), commas=commas)]
    return choices.split(field, text_of(raw), commas=commas)
