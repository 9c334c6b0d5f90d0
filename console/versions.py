"""An instance's saved mappings: as commands and the API tell them, and one of them saved again."""

from typing import TYPE_CHECKING, Any

from console import connections
from console.configuration.entries import InstanceEntry
from console.configuration.exporting import instance_document
from console.configuration.plan import Plan
from console.times import rfc3339
from core.domain.instances import Instance
from core.domain.mapping_check import RawFilter, RawRow
from core.store import instances
from core.store.instances import Version

if TYPE_CHECKING:
    from core.wiring import Wiring


class NoSuchVersion(Exception):
    """The instance has no version of that number."""


def every(wiring: "Wiring", instance: Instance) -> list[Version]:
    """The newest first."""
    with wiring.database.reading() as session:
        return instances.versions(session, instance.id)


def document(instance: Instance, one: Version) -> dict[str, Any]:
    """Who saved it, when, and its rows and filters as in the configuration file."""
    told = instance_document(
        Instance(
            instance.id,
            instance.name,
            instance.direction,
            instance.hubspot,
            instance.mainstay,
            one.mapping,
            instance.enabled,
        )
    )
    return {
        "number": one.number,
        "author": one.author,
        "created_at": rfc3339(one.created_at_ms),
        "mappings": told["mappings"],
        "filters": told.get("filters", []),
    }


def plan_restore(wiring: "Wiring", instance: Instance, number: int) -> Plan:
    """What saving that version's mapping again would change; ``connections.save`` does it, as a new version.
    It goes through the checks of any save: fields may be gone since. NoSuchVersion, Refused."""
    found = next((one for one in every(wiring, instance) if one.number == number), None)
    if found is None:
        raise NoSuchVersion(f"there is no version {number} of {instance.name!r}")
    mapping = found.mapping
    entry = InstanceEntry(
        name=instance.name,
        direction=instance.direction,
        hubspot=instance.hubspot.name,
        mainstay=instance.mainstay.name,
        rows=tuple(
            RawRow(row.mainstay.name, row.hubspot.name, str(row.when_empty), dict(row.options))
            for row in mapping.rows
        ),
        filters=tuple(RawFilter(one.field.name, tuple(one.values)) for one in mapping.filters),
        description=instance.description,
        place=f"version {number}",
    )
    return connections.plan_instance(wiring, entry, instance)
