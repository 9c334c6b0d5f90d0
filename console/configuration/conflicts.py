"""The check across instances: nobody may write one target account from two sources of one direction.

With two sources every contact would be written in turns by both. Two instances of one direction between the
same two accounts are allowed: their filters may split the contacts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from console.configuration.entries import AccountKey
from core.domain.fields import Direction
from core.domain.instances import Instance


@dataclass(frozen=True, slots=True)
class Route:
    """An enabled instance, seen from afar."""

    name: str
    direction: Direction
    source: AccountKey
    target: AccountKey


def route(instance: Instance) -> Route:
    """The route of a stored instance."""
    source, target = instance.source, instance.target
    return Route(
        instance.name, instance.direction, (source.platform, source.name), (target.platform, target.name)
    )


def conflicts(enabled: Iterable[Route]) -> list[str]:
    """A sentence for each pair of enabled instances that would write one target from different sources."""
    return [
        f"the enabled {one.direction} instances {one.name!r} and {other.name!r} would both write the"
        f" {one.target[0].title} account {one.target[1]!r}, from different sources ({one.source[1]!r} and"
        f" {other.source[1]!r}): disable one of them"
        for one, other in combinations(enabled, 2)
        if one.direction is other.direction and one.target == other.target and one.source != other.source
    ]
