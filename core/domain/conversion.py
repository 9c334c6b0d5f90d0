"""Carries one canonical value over a row: from the source's type and options to the target's.

Which types can become which (every type can become text, and text can be tried as anything; a value that then
does not parse is ``invalid-value``). Refused at set-up is what could only ever lose its meaning:

    from \\ to     number  true/false  choice  multi-choice  date  date and time  phone  email  url
    number          same                 x
    true/false              same         x
    choice           x        x         same        x
    multi-choice                       if one      same
    date                                                      same   midnight UTC
    date and time                                            UTC day     same
    phone, email, url                                                              same   same  same

Called by the merge (what would be written), the preview, and the check of a mapping (``convertible``).
"""

import re
from dataclasses import dataclass

from core.domain import choices, phones, scalars, values
from core.domain.codes import Code
from core.domain.fields import Direction, Field, FieldType, Platform, Row

# HubSpot holds 65,536 characters of text (Properties guide, read 2026-11-23).
_HUBSPOT_MAX_CHARACTERS = 65_536
_BECOMES: dict[FieldType, frozenset[FieldType]] = {
    FieldType.TEXT: frozenset(FieldType),
    FieldType.NUMBER: frozenset({FieldType.CHOICE}),
    FieldType.BOOL: frozenset({FieldType.CHOICE}),
    FieldType.CHOICE: frozenset({FieldType.NUMBER, FieldType.BOOL, FieldType.CHOICES}),
    FieldType.CHOICES: frozenset({FieldType.CHOICE}),
    FieldType.DATE: frozenset({FieldType.DATETIME}),
    FieldType.DATETIME: frozenset({FieldType.DATE}),
}
_TEXTS = (FieldType.TEXT, FieldType.URL, FieldType.EMAIL)
_CHOICE_TYPES = (FieldType.CHOICE, FieldType.CHOICES)
_BOOL_NAMES = {"true": ("true", "yes", "y", "1"), "false": ("false", "no", "n", "0")}
# What every platform takes as an address: one @, no space or list separators, a domain of several labels.
_EMAIL = re.compile(
    r"(?![.])(?!.*[.]{2})[^@\s,;:<>()\[\]\\\"]{1,64}(?<![.])"
    r"@(?=.{4,253}\Z)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_](?:[\w-]{0,61}[^\W_])"
)


class NotConvertible(Exception):
    """A value that can't be carried over. ``why`` names types and rules, never the value."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code
        self.why = why


@dataclass(frozen=True, slots=True)
class _Way:
    """A row seen in one direction. ``pairs``: (source option, target option) as the row says."""

    source: Field
    target: Field
    target_on: Platform
    pairs: tuple[tuple[str, str], ...]
    region: str


def convertible(source: Field, target: Field) -> str:
    """Empty, or why no value of ``source``'s type can ever become one of ``target``'s."""
    one, other = source.type, target.type
    if one is other or other is FieldType.TEXT or other in _BECOMES.get(one, ()):
        return ""
    return f"a value of type {one.value} can't become one of type {other.value}"


def convert(row: Row, direction: Direction, canonical_source: str, region: str) -> str:
    """The target's canonical text of a canonical source value; a blank stays blank.

    NotConvertible with ``unknown-option``, ``invalid-phone``, ``invalid-email`` or ``invalid-value``.
    Nothing is ever cut to fit.
    """
    if not canonical_source:
        return ""
    way = _way(row, direction, region)
    refusal = convertible(way.source, way.target)
    if refusal:
        raise NotConvertible(Code.INVALID_VALUE, refusal)
    result = _converted(way, canonical_source)
    limit = _max_length(way)
    if limit is not None and len(result) > limit:
        raise NotConvertible(Code.INVALID_VALUE, f"longer than the {limit} characters that the field holds")
    return result


def same(row: Row, direction: Direction, source: str, target: str, region: str) -> bool:
    """Whether two canonical values say the same, though in two types: a date by its day, a choice by its
    option. True where either becomes the other: then writing would change the form only, or lose a time.
    """
    return _becomes(row, direction, source, target, region) or _becomes(
        row, direction.opposite, target, source, region
    )


def _becomes(row: Row, direction: Direction, source: str, target: str, region: str) -> bool:
    try:
        return bool(source) == bool(target) and convert(row, direction, source, region) == target
    except NotConvertible:
        return False


def _way(row: Row, direction: Direction, region: str) -> _Way:
    incoming = direction is Direction.INCOMING
    pairs = tuple((hubspot, mainstay) for mainstay, hubspot in row.options) if incoming else row.options
    return _Way(row.side(direction.source), row.side(direction.target), direction.target, pairs, region)


def _max_length(way: _Way) -> int | None:
    if way.target.type not in _TEXTS:
        return None
    if way.target.max_length is None and way.target_on is Platform.HUBSPOT:
        return _HUBSPOT_MAX_CHARACTERS
    return way.target.max_length


def _converted(way: _Way, text: str) -> str:
    if way.target.type is FieldType.CHOICES:
        return choices.join(_option(way, piece) for piece in _pieces(way, text))
    if way.source.type is not FieldType.CHOICES:
        return _one(way, text)
    pieces = choices.split(way.source, text)
    if way.target.type is FieldType.TEXT:
        return ";".join(dict.fromkeys(_text(way, piece) for piece in pieces))
    if len(pieces) > 1:
        raise NotConvertible(Code.INVALID_VALUE, "several choices, but the field holds one")
    return _one(way, pieces[0]) if pieces else ""


def _one(way: _Way, text: str) -> str:
    if way.target.type is FieldType.TEXT:
        return _text(way, text)
    if way.target.type is FieldType.CHOICE:
        return _option(way, text)
    for name in _names(way, text):
        result = values.parsed(way.target.type, choices.value_of(way.target, name), way.region)
        if result is not None and _holds(way, result):
            return result
    raise _refusal(way)


def _holds(way: _Way, value: str) -> bool:
    """Whether the target takes a value that is in its type's form."""
    mainstay = way.target_on is Platform.MAINSTAY
    match way.target.type:
        case FieldType.PHONE if mainstay:
            return phones.national_ten(value, way.region) is not None
        case FieldType.NUMBER if mainstay:
            return scalars.json_number(value) is not None
        case FieldType.EMAIL:
            return _EMAIL.fullmatch(value) is not None
        case FieldType.URL:
            return not re.search(r"\s", value)
    return True


def _refusal(way: _Way) -> NotConvertible:
    if way.target.type is FieldType.PHONE:
        if way.target_on is Platform.MAINSTAY:
            why = f"Mainstay holds ten-digit phone numbers of the region {way.region} only, without extension"
            return NotConvertible(Code.INVALID_PHONE, why)
        return NotConvertible(Code.INVALID_PHONE, "not a phone number")
    if way.target.type is FieldType.EMAIL:
        return NotConvertible(Code.INVALID_EMAIL, "not an email address")
    return NotConvertible(
        Code.INVALID_VALUE,
        f"can't be read as {way.target.type.value} (the source is {way.source.type.value})",
    )


def _text(way: _Way, text: str) -> str:
    """For a text target. Its known options are preferred for what was a choice, but bind nobody."""
    names = _names(way, text)
    if names != (text,):
        return _known(way, text) or names[0]
    return phones.readable(text) if way.source.type is FieldType.PHONE else text


def _option(way: _Way, text: str) -> str:
    """For a choice target: one of its options, or anything where the platform tells none."""
    known = _known(way, text)
    if known is not None:
        return known
    if way.target.options:
        raise NotConvertible(
            Code.UNKNOWN_OPTION, "the field has no such option; add it, or pair it in the row"
        )
    return _names(way, text)[0]


def _known(way: _Way, text: str) -> str | None:
    """The value of the target's option that the row's options, a value or a label lead to."""
    for name in _names(way, text):
        option = choices.find(way.target.options, name)
        if option is not None:
            return option.value
    return None


def _names(way: _Way, text: str) -> tuple[str, ...]:
    """What a source value may be called on the other side, best first. The row's options say it alone."""
    # What a catalogue lists for a text field are values seen so far: they don't rename a text.
    option = None if way.source.type is FieldType.TEXT else choices.find(way.source.options, text)
    for name, other in way.pairs:
        if _means(way, name, option.value if option else text):
            return (other,)
    if way.source.type is FieldType.BOOL and text in _BOOL_NAMES:
        return (text, *([option.label] if option else []), *_BOOL_NAMES[text][1:])
    return (option.value, option.label) if option else (text,)


def _means(way: _Way, name: str, text: str) -> bool:
    """Whether a row's option ``name`` is the source value ``text``, by value, label, or as its type reads."""
    option = choices.find(way.source.options, name)
    known = option.value if option else name
    if choices.folded(known) == choices.folded(text):
        return True
    return values.parsed(way.source.type, known, way.region) == text


def _pieces(way: _Way, text: str) -> list[str]:
    """The single choices of a source value. Text is taken apart at ``;``, and at ``,`` between known ones."""
    if way.source.type is FieldType.CHOICES:
        return choices.split(way.source, text)
    if way.source.type is not FieldType.TEXT or _known(way, text) is not None:
        return [text]
    pieces: list[str] = []
    for piece in filter(None, (part.strip() for part in text.split(";"))):
        parts = [part.strip() for part in piece.split(",")]
        apart = len(parts) > 1 and _known(way, piece) is None
        if apart and all(_known(way, part) is not None for part in parts):
            pieces.extend(parts)
        else:
            pieces.append(piece)
    return pieces
