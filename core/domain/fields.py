"""What a field is: its name, its type, its options. Pure data, made from a platform's catalogue.

A *row* of a mapping ties one Mainstay field to one HubSpot property. Values travel through the rules in one
canonical text per type (``values.py``); a blank is always the empty text.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class Platform(StrEnum):
    """The two sides."""

    HUBSPOT = "hubspot"
    MAINSTAY = "mainstay"

    @property
    def other(self) -> "Platform":
        """The opposite side."""
        return Platform.MAINSTAY if self is Platform.HUBSPOT else Platform.HUBSPOT

    @property
    def title(self) -> str:  # type: ignore[override]
        """As people write it."""
        return "HubSpot" if self is Platform.HUBSPOT else "Mainstay"


class Direction(StrEnum):
    """Incoming = HubSpot → Mainstay, outgoing = Mainstay → HubSpot."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"

    @property
    def source(self) -> Platform:
        """The side a change comes from."""
        return Platform.HUBSPOT if self is Direction.INCOMING else Platform.MAINSTAY

    @property
    def target(self) -> Platform:
        """The side that is written."""
        return self.source.other

    @property
    def opposite(self) -> "Direction":
        """The other direction."""
        return Direction.OUTGOING if self is Direction.INCOMING else Direction.INCOMING


class FieldType(StrEnum):
    """How a value is read, compared and written."""

    TEXT = "text"
    NUMBER = "number"
    BOOL = "true/false"
    CHOICE = "choice"
    CHOICES = "multi-choice"
    DATE = "date"
    DATETIME = "date and time"
    PHONE = "phone"
    EMAIL = "email"
    URL = "url"


@dataclass(frozen=True, slots=True)
class Option:
    """One choice: ``value`` is what the API carries, ``label`` what people see."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of one platform, as its catalogue tells it.

    ``name`` is HubSpot's internal property name, or Mainstay's API name (``first_name``, ``custom.Program``).
    ``options`` is empty where the platform tells none: then any value may be written.
    """

    name: str
    label: str
    type: FieldType = FieldType.TEXT
    options: tuple[Option, ...] = ()
    read_only: str = ""  # why it can't be written; empty = it can
    unique: bool = False  # the platform keeps its values unique (HubSpot's hasUniqueValue)
    max_length: int | None = None  # characters


class WhenEmpty(StrEnum):
    """What a blank source value does to the target."""

    KEEP = "keep"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a mapping: a Mainstay field, a HubSpot property, and how values go between them.

    ``options`` are pairs (Mainstay option, HubSpot option) where the names differ.
    """

    mainstay: Field
    hubspot: Field
    when_empty: WhenEmpty = WhenEmpty.KEEP
    options: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """Names the pair in links, timelines and digests."""
        return f"{self.mainstay.name}|{self.hubspot.name}"

    @property
    def memory(self) -> str:
        """Under which a link remembers what was agreed. Other options mean other agreements: after an edit of
        the options the same two values may no longer say the same."""
        if not self.options:
            return self.key
        pairs = repr(sorted(self.options)).encode()
        return f"{self.key}#{hashlib.blake2b(pairs, digest_size=4).hexdigest()}"

    def side(self, platform: Platform) -> Field:
        """The row's field on one platform."""
        return self.hubspot if platform is Platform.HUBSPOT else self.mainstay


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on a source field: it holds when the value is any of ``values``."""

    field: Field
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """What an instance carries over, and for whom: its rows and its filters, in the saved order."""

    rows: tuple[Row, ...]
    filters: tuple[Filter, ...] = ()

    def row_for(self, mainstay: str) -> Row | None:
        """The row of a Mainstay field, or None."""
        return next((row for row in self.rows if row.mainstay.name == mainstay), None)

    @property
    def id_row(self) -> Row | None:
        """The row that keeps the Mainstay ID in HubSpot, or None."""
        return self.row_for("id")

    @property
    def value_rows(self) -> tuple[Row, ...]:
        """All rows but the Mainstay ID's: those that carry values."""
        return tuple(row for row in self.rows if row.mainstay.name != "id")

    def source_names(self, source: Platform) -> tuple[str, ...]:
        """The source fields that are mapped or filtered: those whose change matters. No doubles."""
        names = [row.side(source).name for row in self.rows] + [f.field.name for f in self.filters]
        return tuple(dict.fromkeys(names))
