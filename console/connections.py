"""Connecting accounts and saving instances one at a time: the same checks and the same transaction as a file.

Called by the pages and the JSON API. A token is never shown again, and belongs to whom its platform says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from console.configuration import applying, stored
from console.configuration.entries import AccountEntry, Configuration, InstanceEntry
from console.configuration.plan import InstanceChange, Plan, Verb
from console.configuration.planning import plan
from console.configuration.platforms import WiredPlatforms
from console.configuration.problems import Refused
from console.configuration.stored import Stored
from core.domain.fields import Platform
from core.domain.instances import Account, Instance
from core.store import audit, instances

if TYPE_CHECKING:
    from core.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Connected:
    """The account, and whether it was new."""

    account: Account
    new: bool


def owner_of(wiring: "Wiring", platform: Platform, token: str) -> str:
    """The portal or organisation that a token belongs to. PlatformError."""
    platforms = WiredPlatforms(wiring)
    if platform is Platform.HUBSPOT:
        return platforms.hubspot("unknown", token).external_id()
    return platforms.mainstay("unknown", token, {}).external_id()


def connect(
    wiring: "Wiring",
    who: str,
    platform: Platform,
    external_id: str,
    credentials: Mapping[str, Any],
    name: str = "",
) -> Connected:
    """Store credentials for a portal or organisation: a new account, or the one that is there already (its
    hold then ends). Refused with every problem."""
    known = take(wiring)
    same = next(
        (
            one.account
            for one in known.accounts
            if (one.account.platform, one.account.external_id) == (platform, external_id)
        ),
        None,
    )
    entry = AccountEntry(
        platform=platform,
        name=name.strip() or (same.name if same else _free_name(known, platform, external_id)),
        external_id=external_id,
        place="this account",
        credentials=credentials,
    )
    made = plan(Configuration(accounts=(entry,)), known, WiredPlatforms(wiring))
    applying.carry_out(made, wiring.database, wiring.sealer, wiring.queue, wiring.clock, author=who)
    account = next(
        one.account
        for one in take(wiring).accounts
        if (one.account.platform, one.account.external_id) == (platform, external_id)
    )
    return Connected(account, same is None)


def describe(
    wiring: "Wiring", who: str, account: Account, *, name: str, changes: Mapping[str, Any] | None = None
) -> None:
    """Rename an account, or change its webhook secrets (``changes``). Refused."""
    entry = AccountEntry(account.platform, name.strip(), account.external_id, "this account", changes or {})
    known = take(wiring)
    taken = known.account((account.platform, entry.name))
    if taken is not None and taken.account.id != account.id:
        raise Refused([f"another {account.platform.title} account is called {entry.name!r} already"])
    made = plan(Configuration(accounts=(entry,)), known, WiredPlatforms(wiring))
    applying.carry_out(made, wiring.database, wiring.sealer, wiring.queue, wiring.clock, author=who)


def plan_instance(
    wiring: "Wiring",
    entry: InstanceEntry,
    current: Instance | None,
    field_types: Mapping[str, str] | None = None,
) -> Plan:
    """What saving an instance would change. ``current``: the stored one, whatever its name. Refused.

    ``field_types`` are added to those of the Mainstay account.
    """
    known = take(wiring)
    taken = known.instance(entry.name)
    if taken is not None and (current is None or taken.id != current.id):
        raise Refused([f"name: another instance is called {entry.name!r} already; choose another name"])
    asked = replace(entry, name=current.name) if current else entry
    accounts = _types(known, entry, field_types or {})
    made = plan(Configuration(accounts, (asked,)), known, WiredPlatforms(wiring))
    return replace(made, instances=tuple(_renamed(one, entry) for one in made.instances))


def save(wiring: "Wiring", who: str, made: Plan) -> Instance:
    """Carry the plan of one instance out; the instance as it is stored then. Refused, QueueUnavailable."""
    change = made.instances[0]
    assert change.entry is not None
    applying.carry_out(made, wiring.database, wiring.sealer, wiring.queue, wiring.clock, author=who)
    saved = take(wiring).instance(change.entry.name)
    assert saved is not None
    return saved


def describe_instance(
    wiring: "Wiring", who: str, current: Instance, *, name: str, description: str
) -> Instance:
    """Another name or description alone: no platform is asked, so that a field that is gone, or a platform
    that is away, holds nothing up. Refused where the name is taken."""
    now_ms = wiring.clock()
    with wiring.database.transaction() as session:
        taken = instances.by_name(session, name)
        if taken is not None and taken.id != current.id:
            raise Refused([f"another instance is called {name!r} already; choose another name"])
        found = instances.by_id(session, current.id)
        if found is None:
            raise Refused(["this instance was deleted meanwhile"])
        saved = instances.save(
            session, replace(found, name=name, description=description), now_ms=now_ms, author=who
        )
        details = [f"name: {found.name} → {name}"] if found.name != name else []
        details += ["description"] if found.description != description else []
        if details:
            audit.record(session, now_ms, who, "instance.changed", name, details)
    return saved


def take(wiring: "Wiring") -> Stored:
    """What is stored now."""
    with wiring.database.reading() as session:
        return stored.take(session, wiring.sealer)


def _renamed(change: InstanceChange, entry: InstanceEntry) -> InstanceChange:
    """The change under the name that was asked for: a file can't rename, a page can."""
    if change.stored is None or change.stored.name == entry.name:
        return change
    verb = Verb.UPDATE if change.verb is Verb.UNCHANGED else change.verb
    details = (f"name: {change.stored.name} → {entry.name}", *change.details)
    return replace(change, verb=verb, name=entry.name, entry=entry, details=details)


def _types(known: Stored, entry: InstanceEntry, field_types: Mapping[str, str]) -> tuple[AccountEntry, ...]:
    account = known.account((Platform.MAINSTAY, entry.mainstay))
    if account is None or not field_types:
        return ()
    types = {**account.field_types, **field_types}
    return (
        AccountEntry(
            Platform.MAINSTAY, entry.mainstay, account.account.external_id, "the account", {}, types
        ),
    )


def _free_name(known: Stored, platform: Platform, external_id: str) -> str:
    wanted = f"Portal {external_id}" if platform is Platform.HUBSPOT else external_id
    taken = {one.account.name for one in known.accounts if one.account.platform is platform}
    return next(name for name in (wanted, *(f"{wanted} ({n})" for n in range(2, 1000))) if name not in taken)
