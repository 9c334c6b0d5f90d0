"""What a database in trouble looks like to the house: DatabaseUnavailable, and never for long."""

import subprocess
import sys
import uuid
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, delete, event, make_url, text

from console.cli.main import run
from console.cli.start import Start
from core.store.database import Database, DatabaseUnavailable, migrate, open_engine
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
    """The waits go to the system with each connection (PostgreSQL, libpq's parameters); their effect over a
    network is the system's."""
    with postgresql() as url:
        engine = open_engine(url)
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            told = driver.info.get_parameters()
        engine.dispose()
    assert (told["tcp_user_timeout"], told["keepalives_idle"]) == ("10000", "20")


MIGRATE = """
import sys
from core.store.database import migrate, open_engine
from core.store.models import Base

engine = open_engine(sys.argv[1])
Base.metadata.drop_all(engine)  # what the schema has from the start
migrate(engine)
"""


def test_migrations_that_begin_at_once_take_turns() -> None:
    """One of them builds an index concurrently, and waits for every older transaction of the database."""
    with ExitStack() as stack:
        urls = [stack.enter_context(postgresql()) for _ in range(3)]
        running = [
            subprocess.Popen([sys.executable, "-c", MIGRATE, url], stderr=subprocess.PIPE) for url in urls
        ]
        told = [one.communicate(timeout=100)[1].decode()[-300:] for one in running]
    assert [one.returncode for one in running] == [0, 0, 0], told


def test_a_database_that_can_not_hold_every_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    name = f"contract_{uuid.uuid4().hex[:12]}"
    with postgresql() as url:
        server = create_engine(
            make_url(url).difference_update_query(["options"]), isolation_level="AUTOCOMMIT"
        )
        with server.connect() as connection:
            connection.execute(
                text(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
            )
        try:
            ours = server.url.set(database=name).render_as_string(hide_password=False)
            environment = {"CROSSWALK_DATABASE_URL": ours, "CROSSWALK_SECRET_KEY": "a key for the tests"}
            start = Start(environment)
            assert run(["migrate"], start) == 1
            assert "encoding is SQL_ASCII" in capsys.readouterr().err
            engine = start.wiring(migrated=False).database.engine
            migrate(engine)  # one that was made by an earlier version
            assert run(["migrate"], start) == 0
            assert "Warning: the database's encoding is SQL_ASCII" in capsys.readouterr().err
            engine.dispose()
        finally:
            with server.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name}"))
            server.dispose()
