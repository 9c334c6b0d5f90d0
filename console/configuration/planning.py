"""Makes a plan from a file and the store, or refuses with every problem at once. Writes nothing.

The platforms are asked for two things: whom a token belongs to, and which fields there are.
"""

from collections.abc import Iterator

from console.configuration.accounts import Known, Planning, Platforms, account_change, accounts_exist, ask
from console.configuration.conflicts import Route, conflicts, route
from console.configuration.differences import instance_details
from console.configuration.entries import Configuration, InstanceEntry
from console.configuration.plan import InstanceChange, Plan, Verb
from console.configuration.problems import Refused
from console.configuration.stored import Stored
from core.domain import mapping_check
from core.domain.fields import Direction
from core.domain.fields import Mapping as FieldMapping
from core.domain.instances import Instance


def plan(configuration: Configuration, stored: Stored, platforms: Platforms, *, prune: bool = False) -> Plan:
    """What applying the file would change. ``prune``: instances that the file lacks are deleted.

    Refused with every problem that can be found; nothing is changed either way.
    """
    planning = Planning(configuration, stored, platforms)
    accounts = [account_change(planning, entry) for entry in configuration.accounts]
    for one in stored.accounts:
        planning.known.setdefault(one.key, Known(one.key, f"account {one.account.name!r}", stored=one))
    for entry in configuration.instances:
        accounts_exist(planning, entry)
    for known in planning.known.values():
        ask(planning, known)
    instances = [_instance(planning, entry) for entry in configuration.instances]
    if prune:
        named = {entry.name for entry in configuration.instances}
        instances += [
            InstanceChange(Verb.DELETE, one.name, one) for one in stored.instances if one.name not in named
        ]
    planning.problems += conflicts(_routes(planning, instances))
    if planning.problems:
        raise Refused(planning.problems)
    return Plan(tuple(accounts), tuple(instances), stored, planning.catalogues)


def _instance(planning: Planning, entry: InstanceEntry) -> InstanceChange:
    stored = planning.stored.instance(entry.name)
    enabled = entry.enabled if entry.enabled is not None else bool(stored and stored.enabled)
    mapping = _mapping(planning, entry)
    if stored is None:
        return InstanceChange(Verb.CREATE, entry.name, None, entry, mapping, enabled)
    if stored.direction is not entry.direction or not _same_accounts(planning, entry, stored):
        details = ("another direction or other accounts: waiting changes of the old one end as deleted",)
        return InstanceChange(Verb.REPLACE, entry.name, stored, entry, mapping, enabled, details)
    told = instance_details(entry, mapping, enabled, stored) if mapping else ()
    verb = Verb.UPDATE if told else Verb.UNCHANGED
    return InstanceChange(verb, entry.name, stored, entry, mapping, enabled, told)


def _mapping(planning: Planning, entry: InstanceEntry) -> FieldMapping | None:
    hubspot, mainstay = (planning.catalogues.get(key) for key in entry.accounts)
    if hubspot is None or mainstay is None:
        return None  # a problem is noted already
    mapping, problems = mapping_check.problems(entry.direction, entry.rows, entry.filters, mainstay, hubspot)
    planning.problems += [f"{entry.place} ({entry.name}): {problem}" for problem in problems]
    return mapping


def _same_accounts(planning: Planning, entry: InstanceEntry, stored: Instance) -> bool:
    known = [planning.known.get(key) for key in entry.accounts]
    ids = [one.stored.account.id if one and one.stored else None for one in known]
    return ids == [stored.hubspot.id, stored.mainstay.id]


def _routes(planning: Planning, changes: list[InstanceChange]) -> Iterator[Route]:
    """The enabled instances as they will be, accounts under the names that they will have."""
    for change in changes:
        if change.entry and change.enabled:
            hubspot, mainstay = change.entry.accounts
            incoming = change.entry.direction is Direction.INCOMING
            source, target = (hubspot, mainstay) if incoming else (mainstay, hubspot)
            yield Route(change.name, change.entry.direction, source, target)
    named = {change.name for change in changes}
    names = {one.stored.account.id: key for key, one in planning.known.items() if one.stored and one.entry}
    for one in planning.stored.instances:
        if one.enabled and one.name not in named:
            kept = route(one)
            yield Route(
                one.name,
                one.direction,
                names.get(one.source.id, kept.source),
                names.get(one.target.id, kept.target),
            )
