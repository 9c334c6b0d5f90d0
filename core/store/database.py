"""The database: engine, transactions, migrations. SQLite for one machine, PostgreSQL for many.

``Database.transaction()`` is the only way to write; the commit is at the end of the ``with`` block. No
transaction is open while a platform is called.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

Done = TypeVar("Done")
MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_MS = 20_000
# A server that is gone without a word (its machine, the network) is noticed after 10 s where it owes us an
# acknowledgement, and after half a minute elsewhere; the system's own patience lasts for up to two hours.
_NOTICED = {
    "keepalives_idle": 20,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
}
# A standby that became the one that is asked, or the other way round (PostgreSQL, appendix A, error codes).
_READ_ONLY = "25006"
_NO_DATABASE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


class DatabaseUnavailable(Exception):
    """The database does not answer. The text says what it said, without credentials."""


class CannotStore(Exception):
    """A text or number that no database column takes: a NUL, half a surrogate pair, more than 64 bits."""

    def __init__(self) -> None:
        super().__init__("It has a character or a number that can't be stored.")


def open_engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine with this product's settings, whose errors quote no values; connects when first used. Creates
    SQLite's folder."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(
            url,
            pool_pre_ping=True,
            pool_size=pool_size,
            max_overflow=10,
            hide_parameters=True,
            connect_args={
                "connect_timeout": 3,
                "application_name": "crosswalk",
                "client_encoding": "utf8",
                **_NOTICED,
            },
        )
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=10,
        hide_parameters=True,
        connect_args={"timeout": _BUSY_MS / 1000},
    )
    if parsed.database and parsed.database != ":memory:":
        folder = Path(parsed.database).parent
        event.listen(engine, "do_connect", lambda *_: _make_folder(folder))
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediately)
    return engine


def file_exists(engine: Engine) -> bool:
    """Whether there is a database to look into: SQLite makes a missing file when it is first connected to."""
    name = engine.url.database
    return engine.dialect.name != "sqlite" or not name or name == ":memory:" or Path(name).exists()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnavailable(
            f"the database's folder {folder} can't be made ({error.strerror}): see CROSSWALK_DATABASE_URL"
        ) from None


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    # SQLAlchemy begins transactions itself (below); the driver must not begin its own, deferred ones.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # NORMAL may lose the last commits in a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.close()


def _begin_immediately(connection: Connection) -> None:
    # Two readers that both go on to write end in "database is locked": writers take the lock at once.
    deferred = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if deferred else "BEGIN IMMEDIATE")


class Database:
    """Transactions on one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reader = engine.execution_options(read_only=True)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls back. DatabaseUnavailable if it can't be reached."""
        with _translated(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for looking only: on SQLite it does not take the writers' lock."""
        with _translated(), Session(self._reader, expire_on_commit=False) as session:
            yield session

    def retry(self, work: Callable[[], Done]) -> Done:
        """Run a whole transaction again, twice, when it lost against another (a deadlock)."""
        for attempt in range(3):
            try:
                return work()
            except DatabaseUnavailable:
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def ping(self) -> str:
        """Empty if the database answers, else what is wrong."""
        try:
            with self.reading() as session:
                session.execute(text("SELECT 1"))
        except DatabaseUnavailable as error:
            return str(error)
        return ""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise DatabaseUnavailable(f"the database does not answer: {_first_line(error)}") from error
    except NoConnectionFree as error:
        raise DatabaseUnavailable("the database does not answer: all connections are busy") from error
    except (DataError, OverflowError, UnicodeEncodeError):
        raise CannotStore from None  # the drivers' own texts quote it
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(f"the database connection broke: {_first_line(error)}") from error
        if getattr(error.orig, "sqlite_errorcode", None) in _NO_DATABASE:
            raise DatabaseUnavailable(f"the database can't be read: {_first_line(error)}") from error
        if getattr(error.orig, "sqlstate", None) == _READ_ONLY:
            raise DatabaseUnavailable(f"the database takes nothing: {_first_line(error)}") from error
        raise


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0][:200] if error.orig else type(error).__name__


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def migrate(engine: Engine, revision: str = "head") -> tuple[str, str]:
    """Upgrade to ``revision``; returns the revisions before and after. Safe to run twice, and beside a
    running previous version (migrations only add)."""
    before = current_revision(engine)
    config = _alembic()
    config.attributes["engine"] = engine
    with _translated():
        command.upgrade(config, revision)
    return before, current_revision(engine)


def encoding_problem(engine: Engine) -> str:
    """Empty if the database can hold every text; else a sentence that says what to do."""
    if engine.dialect.name == "sqlite":
        return ""
    with _translated(), engine.connect() as connection:
        encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding == "UTF8":
        return ""
    return (
        f"the database's encoding is {encoding}, which can't hold every name: make it with "
        "`createdb --encoding=UTF8 --template=template0`"
    )


def current_revision(engine: Engine) -> str:
    """The revision that the database is at, or empty."""
    with _translated(), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def head_revision() -> str:
    """The revision that this program was written for."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""


def migration_problem(engine: Engine) -> str:
    """Empty if the database is at head; else a sentence that says what to do."""
    current, head = current_revision(engine), head_revision()
    if current == head:
        return ""
    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if current and current not in known:
        # Migrations only add, so a newer database serves an older program: that is how upgrades roll.
        return ""
    return "the database is empty or behind this version: run `crosswalk migrate` first"
