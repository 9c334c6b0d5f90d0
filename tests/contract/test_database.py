"""What a database in trouble looks like to the house: DatabaseUnavailable, and never for long."""

import socket
from pathlib import Path

import pytest
from sqlalchemy import create_engine, delete, event, text

from core.store.database import Database, DatabaseUnavailable, open_engine
from core.store.models import Lease
from tests.contract.databases import postgresql


def test_no_free_connection_is_a_database_that_does_not_answer(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'one.db'}", pool_size=1, max_overflow=0, pool_timeout=0.1)
    database = Database(engine)
    with database.reading() as session:
        session.execute(text("SELECT 1"))
        assert "all connections are busy" in database.ping()
    assert database.ping() == ""
    engine.dispose()


def test_a_standby_that_takes_no_writes() -> None:
    with postgresql() as url:
        engine = open_engine(url)
        database = Database(engine)

        @event.listens_for(engine, "begin")
        def _(connection):  # type: ignore[no-untyped-def]
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")

        with pytest.raises(DatabaseUnavailable, match="takes nothing"), database.transaction() as session:
            session.execute(delete(Lease))
        assert database.ping() == ""
        engine.dispose()


def test_a_server_that_is_gone_without_a_word_is_noticed() -> None:
    with postgresql() as url:
        engine = open_engine(url)
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            with socket.socket(fileno=driver.fileno()) as borrowed:
                try:
                    if borrowed.family == socket.AF_UNIX:
                        pytest.skip("PostgreSQL is reached over a socket of this machine")
                    user_timeout_ms = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
                    idle_s = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
                finally:
                    borrowed.detach()
            assert (user_timeout_ms, idle_s) == (10_000, 20)
        engine.dispose()
