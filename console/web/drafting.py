"""A half-finished instance, as the wizard holds it: typed, and to and from the stored document.

Nothing in it was checked: that is what the steps and Finish are for. Account ids are 0 until chosen.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from dataclasses import field as attribute
from typing import Any

from core.domain.fields import Direction, WhenEmpty
from core.domain.fields import Mapping as FieldMapping
from core.domain.instances import Instance
from core.domain.mapping_check import RawFilter, RawRow


@dataclass(slots=True)
class DraftRow:
    """A mapping row. ``options``: Mainstay option → HubSpot option. ``suggested``: not confirmed yet."""

    mainstay: str = ""
    hubspot: str = ""
    when_empty: str = "keep"
    options: dict[str, str] = attribute(default_factory=dict)
    suggested: bool = False

    @property
    def blank(self) -> bool:
        """Nothing was chosen on either side."""
        return not self.mainstay and not self.hubspot

    def raw(self) -> RawRow:
        """For the check of a mapping."""
        return RawRow(self.mainstay, self.hubspot, self.when_empty, dict(self.options))


@dataclass(slots=True)
class DraftFilter:
    """A filtering field and its values."""

    field: str = ""
    values: list[str] = attribute(default_factory=list)

    def raw(self) -> RawFilter:
        """For the check of a mapping."""
        return RawFilter(self.field, tuple(self.values))


def _first_rows() -> list[DraftRow]:
    pairs = (
        ("first_name", "firstname"),
        ("last_name", "lastname"),
        ("phone", "phone"),
        ("email", "email"),
    )
    return [DraftRow(mainstay, hubspot) for mainstay, hubspot in pairs]


@dataclass(slots=True)
class Form:
    """The whole draft. ``base_version``: the mapping version it was begun on, 0 for a new instance.
    ``pinned``: the id of the source's contact that it is tried on."""

    direction: Direction
    name: str = ""
    description: str = ""
    hubspot_id: int = 0
    mainstay_id: int = 0
    rows: list[DraftRow] = attribute(default_factory=_first_rows)
    filters: list[DraftFilter] = attribute(default_factory=list)
    field_types: dict[str, str] = attribute(default_factory=dict)
    base_version: int = 0
    pinned: str = ""

    @property
    def raw_rows(self) -> tuple[RawRow, ...]:
        """The rows that say anything, for the check."""
        return tuple(row.raw() for row in self.rows if not row.blank)

    @property
    def raw_filters(self) -> tuple[RawFilter, ...]:
        """The filters that say anything, for the check."""
        return tuple(one.raw() for one in self.filters if one.field or one.values)

    def maps_as(self, instance: Instance) -> bool:
        """Whether rows and filters are the instance's own, so that only its name may differ."""
        other = form_of_instance(instance)
        return (self.raw_rows, self.raw_filters, {}) == (other.raw_rows, other.raw_filters, self.field_types)

    def tidy(self) -> None:
        """Drop what is blank, so that rows are counted as the check counts them."""
        self.rows = [row for row in self.rows if not row.blank]
        self.filters = [one for one in self.filters if one.field or one.values]

    def document(self) -> dict[str, Any]:
        """The stored form."""
        return {**asdict(self), "direction": str(self.direction)}


def form_of(document: Mapping[str, Any]) -> Form:
    """The form of ``Form.document``."""
    return Form(
        direction=Direction(document["direction"]),
        name=document.get("name", ""),
        description=document.get("description", ""),
        hubspot_id=document.get("hubspot_id", 0),
        mainstay_id=document.get("mainstay_id", 0),
        rows=[DraftRow(**row) for row in document.get("rows", [])],
        filters=[DraftFilter(**one) for one in document.get("filters", [])],
        field_types=dict(document.get("field_types", {})),
        base_version=document.get("base_version", 0),
        pinned=document.get("pinned", ""),
    )


def form_of_instance(instance: Instance, mapping: FieldMapping | None = None) -> Form:
    """The instance as it is, or with another of its mappings."""
    mapping = mapping or instance.mapping
    return Form(
        direction=instance.direction,
        name=instance.name,
        description=instance.description,
        hubspot_id=instance.hubspot.id,
        mainstay_id=instance.mainstay.id,
        rows=[
            DraftRow(row.mainstay.name, row.hubspot.name, str(row.when_empty), dict(row.options))
            for row in mapping.rows
        ],
        filters=[DraftFilter(one.field.name, list(one.values)) for one in mapping.filters],
        base_version=instance.mapping_version,
    )


WHEN_EMPTY = tuple(str(one) for one in WhenEmpty)
