"""Integration instances: their rows, their mappings (every version is kept), the table for the receivers.

The caller commits. An instance's id never changes and is never used again; a deleted one stays as a row,
under another name, for links and log.
"""

import secrets as secrets_module
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.domain.fields import Direction, Mapping
from core.domain.instances import Account, Existence, Instance
from core.domain.routing import Routing
from core.store import accounts, models
from core.store.mapping_documents import mapping_document, mapping_of
from core.store.sealing import CannotOpen, Sealer


@dataclass(frozen=True, slots=True)
class Times:
    """When an instance was made, changed, enabled first, disabled last, deleted (epoch ms, or None)."""

    created_at_ms: int
    changed_at_ms: int
    first_enabled_at_ms: int | None
    disabled_at_ms: int | None
    deleted_at_ms: int | None


def all_instances(session: Session, deleted: bool = False) -> list[Instance]:
    """Every instance with its current mapping, by name; with ``deleted`` the deleted ones too."""
    query = (
        select(models.Instance, models.MappingVersion.document)
        .join(
            models.MappingVersion,
            (models.MappingVersion.instance_id == models.Instance.id)
            & (models.MappingVersion.number == models.Instance.mapping_version),
        )
        .order_by(models.Instance.name)
    )
    if not deleted:
        query = query.where(models.Instance.deleted_at_ms.is_(None))
    known = {account.id: account for account in accounts.all_accounts(session)}
    return [_domain(row, known, mapping_of(document)) for row, document in session.execute(query)]


def by_name(session: Session, name: str) -> Instance | None:
    """The instance of that name, or None (a deleted one has no name)."""
    return next((one for one in all_instances(session) if one.name == name), None)


def by_id(session: Session, instance_id: int) -> Instance | None:
    """The instance, deleted or not, or None."""
    return next((one for one in all_instances(session, deleted=True) if one.id == instance_id), None)


def times(session: Session, instance_id: int) -> Times:
    """The instance's times. LookupError for an unknown id."""
    row = _row(session, instance_id)
    return Times(
        row.created_at_ms, row.changed_at_ms, row.first_enabled_at_ms, row.disabled_at_ms, row.deleted_at_ms
    )


def deleted_at_ms(session: Session) -> dict[int, int]:
    """The deleted instances: id → when (epoch ms)."""
    query = select(models.Instance.id, models.Instance.deleted_at_ms)
    return {row[0]: row[1] for row in session.execute(query) if row[1] is not None}


@dataclass(frozen=True, slots=True)
class Version:
    """One saved mapping: its number, who saved it, and when (epoch ms)."""

    number: int
    mapping: Mapping
    author: str
    created_at_ms: int


def versions(session: Session, instance_id: int) -> list[Version]:
    """Every saved mapping of an instance, the newest first."""
    rows = session.scalars(
        select(models.MappingVersion)
        .where(models.MappingVersion.instance_id == instance_id)
        .order_by(models.MappingVersion.number.desc())
    )
    return [Version(row.number, mapping_of(row.document), row.author, row.created_at_ms) for row in rows]


def create(
    session: Session,
    *,
    name: str,
    direction: Direction,
    hubspot: Account,
    mainstay: Account,
    mapping: Mapping,
    now_ms: int,
    description: str = "",
    author: str = "",
) -> Instance:
    """A new instance, disabled. Declare its queue, then ``set_enabled``, then commit."""
    row = models.Instance(
        name=name,
        description=description,
        direction=direction,
        hubspot_account_id=hubspot.id,
        mainstay_account_id=mainstay.id,
        enabled=False,
        mapping_version=1,
        created_at_ms=now_ms,
        changed_at_ms=now_ms,
    )
    session.add(row)
    session.flush()
    _add_version(session, row, number=1, mapping=mapping, author=author, now_ms=now_ms)
    return _domain(row, {hubspot.id: hubspot, mainstay.id: mainstay}, mapping)


def save(
    session: Session,
    instance: Instance,
    *,
    now_ms: int,
    author: str = "",
) -> Instance:
    """Store name, description and mapping of an existing instance; a changed mapping becomes a new version.

    Direction and accounts never change (waiting messages would be read on another account): delete the
    instance and create another one. ``enabled`` is left alone: see ``set_enabled``.
    """
    row = _row(session, instance.id)
    if (row.direction, row.hubspot_account_id, row.mainstay_account_id) != (
        instance.direction,
        instance.hubspot.id,
        instance.mainstay.id,
    ):
        raise ValueError("direction and accounts of an instance never change")
    current = session.get_one(models.MappingVersion, (row.id, row.mapping_version))
    row.name, row.description, row.changed_at_ms = instance.name, instance.description, now_ms
    if current.document != mapping_document(instance.mapping):
        row.mapping_version += 1
        _add_version(
            session,
            row,
            number=row.mapping_version,
            mapping=instance.mapping,
            author=author,
            now_ms=now_ms,
        )
    session.flush()
    return replace(instance, mapping_version=row.mapping_version)


def set_enabled(session: Session, instance_id: int, enabled: bool, now_ms: int) -> bool:
    """Enable or disable. False if it was so already. LookupError if it is unknown or deleted."""
    row = _row(session, instance_id)
    if row.deleted_at_ms is not None:
        raise LookupError(f"instance {instance_id} is deleted")
    if row.enabled == enabled:
        return False
    row.enabled, row.changed_at_ms = enabled, now_ms
    if enabled:
        row.first_enabled_at_ms = row.first_enabled_at_ms or now_ms
    else:
        row.disabled_at_ms = now_ms
    session.flush()
    return True


def delete(session: Session, instance_id: int, now_ms: int) -> None:
    """Take the instance away from the outside; its row, links and log stay."""
    row = _row(session, instance_id)
    if row.deleted_at_ms is not None:
        return
    row.name = f"{row.name[:180]} (deleted {row.id})"  # frees the name for another instance
    row.enabled = False
    row.disabled_at_ms = row.disabled_at_ms or now_ms
    row.deleted_at_ms = row.changed_at_ms = now_ms
    session.flush()


def existence(session: Session, instance_id: int) -> Existence:
    """Whether a waiting message's instance still wants it. An unknown id counts as deleted."""
    row = session.execute(
        select(models.Instance.enabled, models.Instance.deleted_at_ms).where(
            models.Instance.id == instance_id
        )
    ).one_or_none()
    if row is None or row.deleted_at_ms is not None:
        return Existence.DELETED
    return Existence.ENABLED if row.enabled else Existence.DISABLED


def load_routing(session: Session, sealer: Sealer) -> Routing:
    """The receivers' table: all accounts, the enabled instances, and the accounts' own webhook secrets."""
    known = accounts.all_accounts(session)
    secrets = {one.id: _webhook_secrets(session, sealer, one.id) for one in known}
    return Routing(
        accounts=tuple(known),
        instances=tuple(one for one in all_instances(session) if one.enabled),
        webhook_secrets={account_id: own for account_id, own in secrets.items() if own},
    )


def _webhook_secrets(session: Session, sealer: Sealer, account_id: int) -> tuple[str, ...]:
    """An account's own secrets. One whose credentials can't be decrypted must not lock out all others: its
    events are then refused, since a secret that nobody has fits no signature."""
    try:
        return accounts.credentials(session, sealer, account_id).webhook_secrets
    except CannotOpen:
        return (secrets_module.token_urlsafe(32),)


def _row(session: Session, instance_id: int) -> models.Instance:
    row = session.get(models.Instance, instance_id)
    if row is None:
        raise LookupError(f"there is no instance {instance_id}")
    return row


def _add_version(
    session: Session, row: models.Instance, *, number: int, mapping: Mapping, author: str, now_ms: int
) -> None:
    session.add(
        models.MappingVersion(
            instance_id=row.id,
            number=number,
            document=mapping_document(mapping),
            author=author,
            created_at_ms=now_ms,
        )
    )
    session.flush()


def _domain(row: models.Instance, known: dict[int, Account], mapping: Mapping) -> Instance:
    return Instance(
        id=row.id,
        name=row.name,
        direction=Direction(row.direction),
        hubspot=known[row.hubspot_account_id],
        mainstay=known[row.mainstay_account_id],
        mapping=mapping,
        enabled=row.enabled,
        mapping_version=row.mapping_version,
        description=row.description,
    )
