"""Messages that are processed alone, and how often they were. Each call is a transaction of its own: what is
noted here has to survive the process that notes it."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from core.store import models
from core.store.database import Database


def isolated(database: Database, message_ids: Sequence[str]) -> set[str]:
    """Those of the messages that are noted."""
    with database.reading() as session:
        rows = session.scalars(
            select(models.Suspect.message_id).where(models.Suspect.message_id.in_(message_ids))
        )
        return set(rows)


def isolate(database: Database, message_ids: Sequence[str], now_ms: int) -> None:
    """From now on these are processed alone."""
    with database.transaction() as session:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        rows = [{"message_id": one, "tries": 0, "at_ms": now_ms} for one in message_ids]
        session.execute(insert(models.Suspect).values(rows).on_conflict_do_nothing())


def forgive(database: Database, message_ids: Sequence[str], now_ms: int) -> None:
    """Noted, and with no try alone so far: the process that handled them lives."""
    with database.transaction() as session:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        rows = [{"message_id": one, "tries": 0, "at_ms": now_ms} for one in message_ids]
        statement = insert(models.Suspect).values(rows)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["message_id"], set_={"tries": 0, "at_ms": statement.excluded.at_ms}
            )
        )


def tried_alone(database: Database, message_id: str, now_ms: int) -> int:
    """Note one more try alone, before it begins; returns how many that makes."""
    with database.transaction() as session:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        statement = insert(models.Suspect).values(message_id=message_id, tries=1, at_ms=now_ms)
        statement = statement.on_conflict_do_update(
            index_elements=["message_id"], set_={"tries": models.Suspect.tries + 1, "at_ms": now_ms}
        )
        return session.scalars(statement.returning(models.Suspect.tries)).one()


def clear(database: Database, message_ids: Sequence[str]) -> None:
    """These were processed to the end."""
    with database.transaction() as session:
        session.execute(delete(models.Suspect).where(models.Suspect.message_id.in_(message_ids)))
