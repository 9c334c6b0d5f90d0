"""Databases for the contract suites: a SQLite file, or a schema of its own in a PostgreSQL server."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from core.store.database import open_engine
from core.store.models import Base, Budget, Lease, QueueMessage
from tests.services.process import unavailable

POSTGRESQL = os.environ.get("TEST_POSTGRESQL_URL", "postgresql+psycopg:///test?host=/var/run/postgresql")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    """The URL of a new file with the embedded tables."""
    url = f"sqlite:///{folder / 'crosswalk.db'}"
    _create_tables(url)
    yield url


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a new schema with the embedded tables; dropped afterwards."""
    schema = f"contract_{uuid.uuid4().hex[:12]}"
    server = create_engine(POSTGRESQL, connect_args={"connect_timeout": 2})
    try:
        try:
            with server.begin() as connection:
                connection.execute(text(f"CREATE SCHEMA {schema}"))
        except OperationalError:
            unavailable("PostgreSQL is missing (TEST_POSTGRESQL_URL)")
        url = make_url(POSTGRESQL).update_query_dict({"options": f"-csearch_path={schema}"})
        try:
            rendered = url.render_as_string(hide_password=False)
            _create_tables(rendered)
            yield rendered
        finally:
            with server.begin() as connection:
                connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    finally:
        server.dispose()


def _create_tables(url: str) -> None:
    engine = open_engine(url)
    tables = [Base.metadata.tables[model.__tablename__] for model in (QueueMessage, Lease, Budget)]
    Base.metadata.create_all(engine, tables=tables)
    engine.dispose()
