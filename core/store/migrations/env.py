"""Alembic's entry point: upgrades on the engine that ``core.store.database.migrate`` hands over."""

from alembic import context
from sqlalchemy import text

from core.store import alert_models, console_models, health_models  # noqa: F401 - their tables belong to Base, too
from core.store.models import Base


def run() -> None:
    engine = context.config.attributes["engine"]
    with engine.connect() as connection:
        postgresql = connection.dialect.name == "postgresql"
        if postgresql:
            connection.execute(text("SET statement_timeout = '120s'"))
            connection.execute(text("SELECT pg_advisory_lock(727355)"))  # another migration may take its time
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
