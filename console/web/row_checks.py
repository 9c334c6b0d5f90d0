"""What the mapping page says beside each row: fits, is converted (how), or can't work and what to do.

The reasons to refuse come from the domain's own check; here they only find their row.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from console.web.catalogue import Fields
from console.web.drafting import DraftRow, Form
from core.domain import choices, mapping_check
from core.domain.conversion import convertible
from core.domain.fields import Direction, Field, FieldType, Option, Platform
from core.domain.fields import Mapping as FieldMapping

_ROW = re.compile(r"(mappings|filters) row (\d+) \([^)]*\): (.*)", re.DOTALL)
_CHOICES = (FieldType.CHOICE, FieldType.CHOICES)
REQUIRED = {
    "first_name": "Every Mainstay contact has a first name.",
    "last_name": "Every Mainstay contact has a last name.",
    "phone": "Every Mainstay contact has a phone: it is how the chatbot reaches people.",
}
EMAIL = "HubSpot needs an email: map it to the built-in Email or to a custom field of type email."


@dataclass(frozen=True, slots=True)
class Checked:
    """The whole mapping's verdict. Problems by row and filter number (from 0), and of the whole."""

    mapping: FieldMapping | None
    rows: Mapping[int, list[str]]
    filters: Mapping[int, list[str]]
    whole: list[str]


def check(form: Form, mainstay: Fields, hubspot: Fields) -> Checked:
    """Judge a tidied form."""
    mapping, problems = mapping_check.problems(
        form.direction,
        form.raw_rows,
        form.raw_filters,
        list(mainstay.by_name.values()),
        list(hubspot.by_name.values()),
    )
    rows: dict[int, list[str]] = {}
    filters: dict[int, list[str]] = {}
    whole: list[str] = []
    for problem in problems:
        found = _ROW.fullmatch(problem)
        if found is None:
            whole.append(_sentence(problem.removeprefix("mappings: ")))
            continue
        place = rows if found[1] == "mappings" else filters
        place.setdefault(int(found[2]) - 1, []).append(_sentence(found[3]))
    return Checked(mapping, rows, filters, whole)


def verdict(direction: Direction, mainstay: Field | None, hubspot: Field | None) -> tuple[str, str]:
    """(ok | converted | bad | none, words) about the types of a row."""
    if mainstay is None or hubspot is None:
        return "none", ""
    source, target = (hubspot, mainstay) if direction is Direction.INCOMING else (mainstay, hubspot)
    refusal = convertible(source, target)
    if refusal:
        return "bad", _sentence(refusal)
    if source.type is target.type:
        return "ok", f"Both are {source.type.value}."
    if target.type is FieldType.TEXT:
        return "converted", f"{source.type.value} becomes text: every value fits."
    return (
        "converted",
        f"{source.type.value} becomes {target.type.value}: a value that doesn't fit is left out and logged.",
    )


@dataclass(frozen=True, slots=True)
class OptionLine:
    """One option of a choice: what it becomes. ``automatic`` is its counterpart by value or label.

    Where Mainstay doesn't tell its options there is a line per HubSpot option (``chosen``), and ``mainstay``
    is what Mainstay calls it; blank = the same.
    """

    mainstay: str
    label: str
    chosen: str
    automatic: str


def option_lines(row: DraftRow, mainstay: Field | None, hubspot: Field | None) -> list[OptionLine]:
    """A line for each of Mainstay's options, or for each of HubSpot's where Mainstay tells none."""
    if mainstay is None or hubspot is None or hubspot.type not in _CHOICES or not hubspot.options:
        return []
    listed: tuple[Option, ...] = mainstay.options
    if not listed:
        return [line for one in hubspot.options for line in _named(row, one)]
    return [
        OptionLine(one.value, one.label, row.options.get(one.value, ""), _label(hubspot, one))
        for one in listed
    ]


def _named(row: DraftRow, one: Option) -> list[OptionLine]:
    names = [name for name, other in row.options.items() if other in (one.value, one.label)] or [""]
    return [OptionLine(name, one.label, one.value, one.label) for name in names]


def _label(hubspot: Field, one: Option) -> str:
    found = choices.find(hubspot.options, one.value) or choices.find(hubspot.options, one.label)
    return found.label if found else ""


def suggestions(form: Form, mainstay: Fields, hubspot: Fields) -> list[DraftRow]:
    """Pairs that nobody mapped yet, by name or label, whose types fit and whose target can be written."""
    used_mainstay = {row.mainstay for row in form.rows}
    used_hubspot = {row.hubspot for row in form.rows}
    by_word: dict[str, Field] = {}
    for one in hubspot.by_name.values():
        by_word.setdefault(_word(one.label), one)
        by_word.setdefault(_word(one.name), one)
    found = []
    for one in mainstay.ordered():
        other = hubspot.by_name.get("admithub_id") if one.name == "id" else by_word.get(_word(one.label))
        other = other or by_word.get(_word(one.name.removeprefix("custom.")))
        if other is None or one.name in used_mainstay or other.name in used_hubspot:
            continue
        row = DraftRow(one.name, other.name, suggested=True)
        alone = mapping_check.problems(
            form.direction, [row.raw()], [], list(mainstay.by_name.values()), list(hubspot.by_name.values())
        )[1]
        if not any(problem.startswith("mappings row") for problem in alone):
            used_hubspot.add(other.name)
            found.append(row)
    return found


def unusable(direction: Direction, platform: Platform, one: Field) -> str:
    """Why a field can't be chosen on this side of a row; empty if it can."""
    if one.name in ("crm_id", "hs_object_id"):
        return "always mapped"
    if one.name == "admithub_id" and platform is Platform.MAINSTAY:
        return "old name of Mainstay ID"
    if platform is not direction.target or (one.name == "id" and platform is Platform.MAINSTAY):
        return ""
    return one.read_only


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


# A file's author reads of names and keys; whoever sits before the page, of what to press.
_FOR_THE_PAGE = (
    (re.compile(r"; add a row such as \{[^}]*\}"), ". Press Add a field and choose it"),
    (
        re.compile(r"; correct the name, or create it in (\w+) first"),
        r". Choose another one, remove the row, or create it in \1 and press Refresh fields",
    ),
    (
        re.compile(r" \(say so under field_types if Mainstay doesn't tell\)"),
        "; its type is chosen below the field",
    ),
    (re.compile(r"Mainstay's first_name is not"), "Mainstay's First name is not"),
    (re.compile(r"Mainstay's last_name is not"), "Mainstay's Last name is not"),
    (re.compile(r"Mainstay's phone is not"), "Mainstay's Phone is not"),
    (re.compile(r"HubSpot's email (is not|needs)"), r"HubSpot's Email \1"),
)


def _sentence(text: str) -> str:
    for wording, words in _FOR_THE_PAGE:
        text = wording.sub(words, text)
    text = text.strip()
    if "_" in text.partition(" ")[0]:  # a field's name stays as it is
        return text + ("" if text.endswith((".", "!", "?", ")")) else ".")
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", ")")) else ".")
