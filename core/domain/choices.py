"""Options of a field: finding one by what people or an API call it, and taking several apart.

Several choices travel as one text: the options' values, sorted, without doubles, joined by ``;``.
"""

import unicodedata
from collections.abc import Iterable

from core.domain.fields import Field, Option


def folded(text: str) -> str:
    """How texts are compared where case doesn't matter."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).strip().casefold())


def find(options: Iterable[Option], name: str) -> Option | None:
    """The option that ``name`` means: its exact value, its exact label, then both without regard to case."""
    known = tuple(options)
    wanted = folded(name)
    if not wanted:
        return None
    return (
        next((option for option in known if option.value == name), None)
        or next((option for option in known if option.label == name), None)
        or next((option for option in known if folded(option.value) == wanted), None)
        or next((option for option in known if folded(option.label) == wanted), None)
    )


def value_of(field: Field, name: str) -> str:
    """The value of the option that ``name`` means, else ``name`` itself, stripped."""
    option = find(field.options, name)
    return option.value if option else name.strip()


def split(field: Field, text: str, *, commas: bool = False) -> list[str]:
    """The values of ``text``'s choices, in their order. A leading ``;`` (HubSpot: append) says nothing.

    ``commas``: ``a, b`` are two choices where every part is an option of the field; a comma inside an
    option's own name never splits it.
    """
    pieces: list[str] = []
    parts = text.split(";")
    longest = 1 + max((max(o.value.count(";"), o.label.count(";")) for o in field.options), default=0)
    at = 0
    while at < len(parts):
        taken = _run(field, parts, at, longest)
        pieces.extend(_piece(field, ";".join(parts[at : at + taken]).strip(), commas))
        at += taken
    return [piece for piece in pieces if piece]


def _run(field: Field, parts: list[str], at: int, longest: int) -> int:
    """How many parts from ``at`` on are one option whose own name holds a semicolon; else one."""
    for count in range(min(longest, len(parts) - at), 1, -1):
        if find(field.options, ";".join(parts[at : at + count])):
            return count
    return 1


def _piece(field: Field, text: str, commas: bool) -> list[str]:
    if commas and "," in text and not find(field.options, text):
        found = [find(field.options, part) for part in text.split(",")]
        if all(found):
            return [option.value for option in found if option]
    return [value_of(field, text)]


def join(values: Iterable[str]) -> str:
    """One text for several choices: sorted, without doubles and blanks."""
    return ";".join(sorted({value for value in values if value}))
