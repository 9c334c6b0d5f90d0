"""Every reason to refuse a mapping row's ``options``: part of the check of a mapping. Pure."""

import difflib
from collections.abc import Iterator, Mapping

from core.domain import choices, scalars
from core.domain.fields import Field, FieldType, Platform

_NO_OPTIONS = (FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME, FieldType.PHONE, FieldType.EMAIL)


def option_problems(options: Mapping[str, str], mainstay: Field, hubspot: Field) -> Iterator[str]:
    """A sentence for each pair (Mainstay option: HubSpot option) that names nothing, or names it twice."""
    if not options:
        return
    for one, platform in ((mainstay, Platform.MAINSTAY), (hubspot, Platform.HUBSPOT)):
        if one.type in _NO_OPTIONS:
            yield f"options are for choices, but {platform.title}'s {one.name} is of type {one.type.value}"
            return
    seen: dict[str, str] = {}
    for name, other in options.items():
        meant = choices.folded(choices.value_of(mainstay, name))
        if meant in seen:
            yield f"options name Mainstay's {name!r} twice (as {seen[meant]!r} too); keep one"
        seen.setdefault(meant, name)
        for one, platform, text in (
            (mainstay, Platform.MAINSTAY, name),
            (hubspot, Platform.HUBSPOT, other),
        ):
            if not _has_option(one, text):
                yield (
                    f"options name {text!r}, which {platform.title}'s {one.name} doesn't have;"
                    f" {_option_hint(one, text)}"
                )


def _has_option(one: Field, name: str) -> bool:
    if not name.strip():
        return False
    if choices.find(one.options, name) is not None:
        return True
    if one.type is FieldType.BOOL:
        return scalars.boolean(name.strip()) is not None
    return not one.options or one.type not in (FieldType.CHOICE, FieldType.CHOICES)


def _option_hint(one: Field, name: str) -> str:
    if one.type is FieldType.BOOL:
        return "write true or false"
    names = {option.value: None for option in one.options} | {option.label: None for option in one.options}
    near = difflib.get_close_matches(name, names, 1, 0.75)
    return f"did you mean {near[0]!r}?" if near else "correct it, or add the option there first"
