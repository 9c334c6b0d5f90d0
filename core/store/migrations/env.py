"""Alembic's entry point: upgrades on the engine that ``core.store.database.migrate`` hands over."""

import time

from alembic import context
from sqlalchemy import Connection, text

from core.store import alert_models, console_models, health_models  # noqa: F401 - their tables belong to Base, too
from core.store.models import Base

TURN_S = 120.0  # another migration may take its time


def _wait_for_turn(connection: Connection) -> None:
    """One migration at a time. Asked for again and again, each time in a transaction of its own: who waited
    inside one would be waited for by ``CREATE INDEX CONCURRENTLY`` (PostgreSQL), and neither would go on."""
    until_s = time.monotonic() + TURN_S
    while not connection.scalar(text("SELECT pg_try_advisory_lock(727355)")):
        connection.commit()
        if time.monotonic() > until_s:
            raise TimeoutError("another migration has not ended within two minutes")
        time.sleep(0.1)


def run() -> None:
    engine = context.config.attributes["engine"]
    with engine.connect() as connection:
        postgresql = connection.dialect.name == "postgresql"
        if postgresql:
            connection.execute(text("SET statement_timeout = '120s'"))
            _wait_for_turn(connection)
            # A migration must not queue behind a long reader and block the running version meanwhile.
            connection.execute(text("SET lock_timeout = '4s'"))
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            transaction_per_migration=True,
        )
        try:
            with context.begin_transaction():
                context.run_migrations()
            connection.commit()
        finally:
            if postgresql:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(727355)"))
                connection.commit()


run()
