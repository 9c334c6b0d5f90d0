"""Mappings and fields as JSON documents, and back. The form of ``mapping_versions`` and ``catalogues``.

Old documents must stay readable for ever: members are only added, always with a default.
"""

from typing import Any

from core.domain.fields import Field, FieldType, Filter, Mapping, Option, Row, WhenEmpty


def field_document(field: Field) -> dict[str, Any]:
    """A field; members at their default are left out."""
    document: dict[str, Any] = {"name": field.name, "label": field.label, "type": str(field.type)}
    if field.options:
        document["options"] = [[option.value, option.label] for option in field.options]
    if field.read_only:
        document["read_only"] = field.read_only
    if field.unique:
        document["unique"] = True
    if field.max_length is not None:
        document["max_length"] = field.max_length
    return document


def field_of(document: dict[str, Any]) -> Field:
    """The field of ``field_document``."""
    return Field(
        name=document["name"],
        label=document["label"],
        type=FieldType(document["type"]),
        options=tuple(Option(value, label) for value, label in document.get("options", ())),
        read_only=document.get("read_only", ""),
        unique=document.get("unique", False),
        max_length=document.get("max_length"),
    )


def mapping_document(mapping: Mapping) -> dict[str, Any]:
    """A mapping with its resolved fields."""
    return {
        "rows": [
            {
                "mainstay": field_document(row.mainstay),
                "hubspot": field_document(row.hubspot),
                "when_empty": str(row.when_empty),
                "options": [list(pair) for pair in row.options],
            }
            for row in mapping.rows
        ],
        "filters": [
            {"field": field_document(one.field), "values": list(one.values)} for one in mapping.filters
        ],
    }


def mapping_of(document: dict[str, Any]) -> Mapping:
    """The mapping of ``mapping_document``."""
    return Mapping(
        rows=tuple(
            Row(
                mainstay=field_of(row["mainstay"]),
                hubspot=field_of(row["hubspot"]),
                when_empty=WhenEmpty(row.get("when_empty", "keep")),
                options=tuple((ours, theirs) for ours, theirs in row.get("options", ())),
            )
            for row in document["rows"]
        ),
        filters=tuple(
            Filter(field_of(one["field"]), tuple(one["values"])) for one in document.get("filters", ())
        ),
    )
