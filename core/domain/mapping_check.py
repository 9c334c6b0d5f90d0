"""Every reason to refuse one instance's mapping, told all at once and by row, before it can do harm.

Called when a configuration is applied and by the wizard. It judges one instance against the catalogues of its
two accounts; what concerns several instances is checked by whoever knows them all. Catalogues and options are
configuration, so messages may name them; no contact's value is ever near.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from core.domain import choices, fields
from core.domain.conversion import convertible
from core.domain.fields import Direction, Field, FieldType, Filter, Platform, Row, WhenEmpty
from core.domain.option_check import option_problems

_REQUIRED = {"first_name": "firstname", "last_name": "lastname", "phone": "phone"}
_MAINSTAY_ID = Field("id", "Mainstay ID", read_only="Mainstay gives it")
# The article: who may be written to, and who is gone, is Mainstay's own business (facts: consent must survive
# moving data, and send_intro_campaign texts a real person). Partners' custom fields are their own.
_PROTECTED = re.compile(
    r"(^|_)opt(ed)?_?(in|out)|permi(t|ssion)|archiv|texting|can_text|send_intro|test_user|consent|unsubscri"
)
_HUBSPOT_CONSENT = re.compile(r"hs_(.*_)?opt(ed)?_?(in|out)")


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as somebody wrote it: field names, and Mainstay option → HubSpot option."""

    mainstay: str
    hubspot: str
    when_empty: str = "keep"
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RawFilter:
    """A filter as somebody wrote it."""

    field: str
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Sides:
    """The two catalogues by name, seen in one direction."""

    direction: Direction
    mainstay: Mapping[str, Field]
    hubspot: Mapping[str, Field]

    def of(self, platform: Platform) -> Mapping[str, Field]:
        return self.hubspot if platform is Platform.HUBSPOT else self.mainstay


def problems(
    direction: Direction,
    rows: Sequence[RawRow],
    filters: Sequence[RawFilter],
    mainstay: Sequence[Field],
    hubspot: Sequence[Field],
) -> tuple[fields.Mapping | None, list[str]]:
    """The mapping, or None with one sentence for each reason to refuse it.

    ``mainstay`` and ``hubspot`` are the catalogues. Rows and filters are counted from 1.
    """
    sides = _Sides(
        direction,
        {"id": _MAINSTAY_ID} | {one.name: one for one in mainstay},
        {one.name: one for one in hubspot},
    )
    found: list[str] = []
    for number, row in enumerate(rows, 1):
        place = f"mappings row {number} ({_arrow(direction, row)})"
        found.extend(f"{place}: {problem}" for problem in _row_problems(sides, row))
    found.extend(_doubles(direction, rows))
    found.extend(_missing(sides, rows))
    for number, one in enumerate(filters, 1):
        found.extend(f"filters row {number} ({one.field}): {problem}" for problem in _of_filter(sides, one))
    return (None, found) if found else (_mapping(sides, rows, filters), [])


def _arrow(direction: Direction, row: RawRow) -> str:
    names = (row.mainstay, row.hubspot)
    source, target = names if direction is Direction.OUTGOING else names[::-1]
    return f"{source} → {target}"


def _row_problems(sides: _Sides, row: RawRow) -> Iterator[str]:
    locked = _locked(row)
    if locked:
        yield locked
        return
    if row.when_empty not in list(WhenEmpty):
        yield f"when_empty is {row.when_empty!r}; write keep (the default) or clear"
    mainstay, hubspot = sides.mainstay.get(row.mainstay), sides.hubspot.get(row.hubspot)
    if mainstay is None:
        yield _unknown(sides, Platform.MAINSTAY, row.mainstay)
    if hubspot is None:
        yield _unknown(sides, Platform.HUBSPOT, row.hubspot)
    target = mainstay if sides.direction is Direction.INCOMING else hubspot
    refusal = _target_problem(sides.direction, row, target)
    if refusal:
        yield refusal
    if mainstay is None or hubspot is None:
        return
    if row.mainstay == "id":
        yield from _id_problems(row, hubspot)
        return
    source, target = (hubspot, mainstay) if sides.direction is Direction.INCOMING else (mainstay, hubspot)
    reason = convertible(source, target)
    if reason:
        yield f"{reason}; choose two fields whose types fit, or a text field"
    yield from option_problems(row.options, mainstay, hubspot)


def _locked(row: RawRow) -> str:
    if row.mainstay == "crm_id" or row.hubspot == "hs_object_id":
        return "crm_id and hs_object_id (the Record ID) are always mapped to each other; remove this row"
    if row.mainstay == "admithub_id":
        return "admithub_id is the old name of the Mainstay ID; write id on the Mainstay side"
    return ""


def _unknown(sides: _Sides, platform: Platform, name: str) -> str:
    catalogue = sides.of(platform)
    word = "field" if platform is Platform.MAINSTAY else "property"
    if not name:
        return f"the {platform.title} {word} is blank; choose one"
    by_label = [one.name for one in catalogue.values() if choices.folded(one.label) == choices.folded(name)]
    near = by_label[:1] or difflib.get_close_matches(name, catalogue, 1, 0.75)
    hint = f"did you mean {near[0]}?" if near else f"correct the name, or create it in {platform.title} first"
    return f"{platform.title} has no {word} {name!r}; {hint}"


def _target_problem(direction: Direction, row: RawRow, target: Field | None) -> str:
    """Why the target may never be written, or empty. The Mainstay ID is read as a match key, not written."""
    incoming = direction is Direction.INCOMING
    name = row.mainstay if incoming else row.hubspot
    if incoming and name == "id":
        return ""
    protected = _HUBSPOT_CONSENT.match(name)
    if incoming:
        protected = None if name.startswith("custom.") else _PROTECTED.search(name)
    if protected:
        return f"{name} is an opt-in, permission or archive field, which is never written; remove this row"
    if target is not None and target.read_only:
        return f"{direction.target.title}'s {name} is read-only ({target.read_only}); choose another target"
    return ""


def _id_problems(row: RawRow, hubspot: Field) -> Iterator[str]:
    if hubspot.type is not FieldType.TEXT:
        yield (
            f"the Mainstay ID needs a text property in HubSpot, but {hubspot.name} is of type"
            f" {hubspot.type.value}; create a single-line text property for it"
        )
    if row.options:
        yield "the Mainstay ID has no options; remove them"


def _doubles(direction: Direction, rows: Sequence[RawRow]) -> Iterator[str]:
    first: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        target = row.mainstay if direction is Direction.INCOMING else row.hubspot
        if target in first:
            yield (
                f"mappings row {number} ({_arrow(direction, row)}): {direction.target.title}'s {target}"
                f" is the target of row {first[target]} already; remove one of the two"
            )
        first.setdefault(target, number)


def _missing(sides: _Sides, rows: Sequence[RawRow]) -> Iterator[str]:
    """The rows that every instance needs. Sources: the article, Data Mapping (read 2026-11-23)."""
    mapped = {row.mainstay for row in rows}
    for name, usual in _REQUIRED.items():
        if name not in mapped:
            yield (
                f"mappings: Mainstay's {name} is not mapped, and every Mainstay contact needs it;"
                f" add a row such as {{mainstay: {name}, hubspot: {usual}}}"
            )
    email_rows = [(number, row) for number, row in enumerate(rows, 1) if row.hubspot == "email"]
    if any(_is_email(sides, row.mainstay) for _, row in email_rows):
        return
    if not email_rows:
        yield (
            "mappings: HubSpot's email is not mapped, and HubSpot needs it; add a row such as"
            " {mainstay: email, hubspot: email}"
        )
    for number, row in email_rows:
        if row.mainstay not in sides.mainstay:
            continue  # said already, and its type can't be known
        yield (
            f"mappings row {number} ({_arrow(sides.direction, row)}): HubSpot's email needs a Mainstay field"
            " of type email: the built-in email, or a custom field whose type is email"
            " (say so under field_types if Mainstay doesn't tell)"
        )


def _is_email(sides: _Sides, name: str) -> bool:
    known = sides.mainstay.get(name)
    return name == "email" or (known is not None and known.type is FieldType.EMAIL)


def _of_filter(sides: _Sides, one: RawFilter) -> Iterator[str]:
    source = sides.direction.source
    if one.field not in sides.of(source):
        elsewhere = one.field in sides.of(source.other)
        note = f" ({source.other.title} has, but filters look at the source)" if elsewhere else ""
        yield _unknown(sides, source, one.field) + note
    if not one.values:
        yield "no values; list those that a contact must have, or remove the filter"
    elif not all(_filter_text(value) for value in one.values):
        yield "a value is blank; write the values that a contact must have"


def _filter_text(value: object) -> str:
    """YAML's true and 5 as the text that they stand for."""
    return str(value).lower() if isinstance(value, bool) else str("" if value is None else value).strip()


def _mapping(sides: _Sides, rows: Sequence[RawRow], filters: Sequence[RawFilter]) -> fields.Mapping:
    catalogue = sides.of(sides.direction.source)
    return fields.Mapping(
        tuple(
            Row(
                sides.mainstay[row.mainstay],
                sides.hubspot[row.hubspot],
                WhenEmpty(row.when_empty),
                tuple((name, other) for name, other in row.options.items()),
            )
            for row in rows
        ),
        tuple(Filter(catalogue[one.field], tuple(map(_filter_text, one.values))) for one in filters),
    )
