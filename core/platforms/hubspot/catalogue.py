"""HubSpot's contact properties as fields of ours.

Source: properties guide and the library's models (facts/hubspot.md §4.6, read 2026-11-23).
"""

from collections.abc import Mapping
from typing import Any

from core.domain.fields import Field, FieldType, Option, Platform
from core.platforms.errors import UnexpectedAnswer

MOST_CHARACTERS = 65_536  # of a text property
_PHONES = ("phone", "mobilephone")
_OF_TYPE = {
    "number": FieldType.NUMBER,
    "bool": FieldType.BOOL,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
}
_INTERNAL = ("object_coordinates", "json")


def fields(document: Mapping[str, Any]) -> list[Field]:
    """The fields of a property catalogue's answer; archived properties are left out."""
    told = document.get("results")
    if not isinstance(told, list):
        raise UnexpectedAnswer(Platform.HUBSPOT, "no results in the property catalogue", status=200)
    return [
        field(one) for one in told if isinstance(one, Mapping) and one.get("name") and not one.get("archived")
    ]


def field(told: Mapping[str, Any]) -> Field:
    """One property."""
    name = str(told["name"])
    kind = _type(name, str(told.get("type") or ""), str(told.get("fieldType") or ""))
    return Field(
        name=name,
        label=str(told.get("label") or name),
        type=kind,
        options=_options(told) if kind in (FieldType.CHOICE, FieldType.CHOICES) else (),
        read_only=_read_only(told),
        unique=told.get("hasUniqueValue") is True or name == "email",
        max_length=MOST_CHARACTERS if kind is FieldType.TEXT else None,
    )


def _type(name: str, kind: str, widget: str) -> FieldType:
    if name == "email":
        return FieldType.EMAIL
    if name in _PHONES or widget == "phonenumber":
        return FieldType.PHONE
    if kind == "enumeration":
        if widget == "booleancheckbox":
            return FieldType.BOOL
        return FieldType.CHOICES if widget == "checkbox" else FieldType.CHOICE
    return _OF_TYPE.get(kind, FieldType.TEXT)


def _options(told: Mapping[str, Any]) -> tuple[Option, ...]:
    """Hidden options too: a record may still carry them."""
    listed = told.get("options")
    return tuple(
        Option(str(one["value"]), str(one.get("label") or one["value"]))
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, Mapping) and one.get("value") is not None
    )


def _read_only(told: Mapping[str, Any]) -> str:
    metadata = told.get("modificationMetadata")
    if isinstance(metadata, Mapping) and metadata.get("readOnlyValue") is True:
        return "HubSpot sets it by itself"
    if told.get("calculated") is True or told.get("calculationFormula"):
        return "HubSpot calculates it"
    if told.get("type") in _INTERNAL:
        return "it is one of HubSpot's internal properties"
    return ""
