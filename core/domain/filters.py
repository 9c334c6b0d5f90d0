"""Whether a contact passes an instance's filters. All must hold, each by any of its values.

Called with the source's raw values. A contact that fails is ``filtered``: not written, and no error. The
verdict tells every filter, not only the first that fails.
"""

from collections.abc import Mapping as Values
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any

from core.domain import choices, scalars, values
from core.domain.fields import Field, FieldType, Filter, Mapping, Platform

_DAY_LENGTH = len("2026-01-02")


@dataclass(frozen=True, slots=True)
class FilterReason:
    """How one filter came out. ``actual`` is the contact's value: for the preview only, never logged."""

    field: str
    wanted: tuple[str, ...]
    held: bool
    actual: str = attribute(default="", repr=False)

    def described(self) -> str:
        """One sentence without the contact's value."""
        wanted = self.wanted[0] if len(self.wanted) == 1 else f"one of {', '.join(self.wanted)}"
        return f"{self.field} {'is' if self.held else 'is not'} {wanted}"


@dataclass(frozen=True, slots=True)
class FilterVerdict:
    """``passed`` when every reason held; an instance without filters passes everybody."""

    passed: bool
    reasons: tuple[FilterReason, ...] = ()

    def described(self) -> tuple[str, ...]:
        """Every filter in a sentence without the contact's values."""
        return tuple(reason.described() for reason in self.reasons)


def check(mapping: Mapping, held: Values[str, Any], platform: Platform, region: str) -> FilterVerdict:
    """Judge the source's raw values ``held`` (by field name; a missing one is blank)."""
    reasons = tuple(_reason(one, held.get(one.field.name), platform, region) for one in mapping.filters)
    return FilterVerdict(all(reason.held for reason in reasons), reasons)


def _reason(one: Filter, raw: Any, platform: Platform, region: str) -> FilterReason:
    actual = values.canonical(one.field, platform, raw, region)
    # A custom field whose type nobody tells counts as text, and may hold several choices all the same.
    several = tuple(values.text_of(item) for item in raw) if isinstance(raw, list | tuple) else ()
    wanted = [(want.strip(), values.canonical(one.field, platform, want, region)) for want in one.values]
    held = any(_holds(one.field, actual, several, want, meant) for want, meant in wanted)
    return FilterReason(one.field.name, one.values, held, actual)


def _holds(field: Field, actual: str, several: tuple[str, ...], want: str, meant: str) -> bool:
    """``want`` as the filter says it, ``meant`` its canonical text."""
    if field.type is FieldType.CHOICES:
        return _folded(meant, field) <= _folded(actual, field) if meant else not actual
    if field.type is FieldType.DATETIME and len(want) <= _DAY_LENGTH and not want.isdecimal():
        day = scalars.day(want)  # a day was asked for: any time of that day
        if day is not None:
            return values.fits(field, actual) and actual[:_DAY_LENGTH] == day
    folded = choices.folded(meant)
    return choices.folded(actual) == folded or folded in map(choices.folded, several)


def _folded(canonical: str, field: Field) -> set[str]:
    return {choices.folded(piece) for piece in choices.split(field, canonical)}
