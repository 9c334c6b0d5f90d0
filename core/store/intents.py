"""Create intents: written before a create is sent, closed with its answer. The caller commits.

After a crash or a lost answer the open intent says that a contact may exist already, and with which keys it
was sent, so that it is looked up before anything is created again. The keys are the only contact values at
rest: encrypted, and gone when the intent is closed.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.store import models
from core.store.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Intent:
    """An open create: ``keys`` are the values it sent, by target field name."""

    contact: str
    keys: Mapping[str, str] = field(repr=False)
    created_at_ms: int


def open_(
    session: Session,
    sealer: Sealer,
    source_account_id: int,
    target_account_id: int,
    wanted: Iterable[Intent],
) -> None:
    """Store intents; one that is open already gets the new time and keys: it is sent again."""
    rows = [
        {
            "source_account_id": source_account_id,
            "target_account_id": target_account_id,
            "contact": one.contact,
            "sealed": sealer.seal(dict(one.keys)),
            "created_at_ms": one.created_at_ms,
        }
        for one in wanted
    ]
    if rows:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        statement = insert(models.CreateIntent).values(rows)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["source_account_id", "contact", "target_account_id"],
                set_={
                    "sealed": statement.excluded.sealed,
                    "created_at_ms": statement.excluded.created_at_ms,
                },
            )
        )


def find(
    session: Session,
    sealer: Sealer,
    source_account_id: int,
    target_account_id: int,
    contacts: Collection[str],
) -> dict[str, Intent]:
    """The open intents of these source contacts."""
    rows = session.scalars(
        select(models.CreateIntent).where(
            models.CreateIntent.source_account_id == source_account_id,
            models.CreateIntent.target_account_id == target_account_id,
            models.CreateIntent.contact.in_(list(contacts)),
        )
    )
    return {
        row.contact: Intent(
            row.contact, {k: str(v) for k, v in sealer.open(row.sealed).items()}, row.created_at_ms
        )
        for row in rows
    }


def of_contact(
    session: Session, sealer: Sealer, source_account_id: int, contact: str
) -> list[tuple[int, Intent]]:
    """The open intents of a source contact: (target account id, intent)."""
    rows = session.scalars(
        select(models.CreateIntent).where(
            models.CreateIntent.source_account_id == source_account_id,
            models.CreateIntent.contact == contact,
        )
    )
    return [
        (
            row.target_account_id,
            Intent(contact, {k: str(v) for k, v in sealer.open(row.sealed).items()}, row.created_at_ms),
        )
        for row in rows
    ]


def close(
    session: Session, source_account_id: int, target_account_id: int, contacts: Collection[str]
) -> None:
    """The create was answered (or will never be sent): forget its keys."""
    if contacts:
        session.execute(
            delete(models.CreateIntent).where(
                models.CreateIntent.source_account_id == source_account_id,
                models.CreateIntent.target_account_id == target_account_id,
                models.CreateIntent.contact.in_(list(contacts)),
            )
        )


def newest_towards(session: Session, target_account_id: int) -> int:
    """When the newest open intent towards an account was stored (epoch ms), 0 if none is open."""
    return (
        session.scalar(
            select(models.CreateIntent.created_at_ms)
            .where(models.CreateIntent.target_account_id == target_account_id)
            .order_by(models.CreateIntent.created_at_ms.desc())
            .limit(1)
        )
        or 0
    )
