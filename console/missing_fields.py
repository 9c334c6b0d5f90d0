"""Mapped fields that a platform no longer has, by the kept copies of its fields: no platform is asked.

Such a field holds nothing else up: a sync leaves it out and logs ``missing-field``. The pages show it in red.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.domain.fields import Field, Platform
from core.domain.instances import Instance
from core.store import catalogues

if TYPE_CHECKING:
    from core.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Missing:
    """A field of a row or a filter that is gone."""

    platform: Platform
    field: Field


def missing(wiring: "Wiring", known: Iterable[Instance]) -> dict[int, list[Missing]]:
    """Per instance id; an instance that lacks nothing is left out."""
    found: dict[int, list[Missing]] = {}
    names: dict[int, frozenset[str]] = {}
    with wiring.database.reading() as session:
        for instance in known:
            for account in (instance.hubspot, instance.mainstay):
                if account.id not in names:
                    kept = catalogues.load(session, account.id)
                    names[account.id] = frozenset(one.name for one in kept.fields) if kept else frozenset()
                held = names[account.id]
                if held:  # an empty copy says nothing
                    gone = [one for one in _used(instance, account.platform) if one.name not in held]
                    found.setdefault(instance.id, []).extend(Missing(account.platform, one) for one in gone)
    return {instance_id: gone for instance_id, gone in found.items() if gone}


def _used(instance: Instance, platform: Platform) -> list[Field]:
    """The instance's fields of a platform, each once. The Mainstay ID is always there."""
    used = [row.side(platform) for row in instance.mapping.rows]
    if instance.source.platform is platform:
        used += [one.field for one in instance.mapping.filters]
    unique = {one.name: one for one in used}
    return [one for one in unique.values() if not (platform is Platform.MAINSTAY and one.name == "id")]
