"""Short transactions on an Engine for the tables that are no records: the embedded queue, leases, budgets.

They differ from ``Database.transaction()`` in how long they wait for other writers, and in whether the commit
must survive a power cut. The engine comes from ``open_engine``: on SQLite a transaction takes the writers'
lock when it begins.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, TimeoutError


@contextmanager
def translated(unavailable: type[Exception]) -> Iterator[None]:
    """Raise ``unavailable`` where the database does not answer or does not take what it was given."""
    try:
        yield
    except DBAPIError as error:
        # The original's first line only, and no chain: SQLAlchemy's own text quotes the parameters.
        said = (str(error.orig).strip().splitlines() or [""])[0][:200]
        raise unavailable(f"the database did not do it: {type(error.orig).__name__}: {said}") from None
    except (TimeoutError, sqlite3.Error) as error:
        raise unavailable(f"the database did not answer: {type(error).__name__}") from None


@contextmanager
def writing(engine: Engine, timeout_s: float, *, durable: bool = True) -> Iterator[Connection]:
    """A transaction that commits at the end and waits at most ``timeout_s`` for other writers.

    ``durable=False``: a power cut may take back the last commits (a killed process never does).
    """
    timeout_ms = max(1, round(timeout_s * 1000))
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                _limit(connection, timeout_ms, durable)
                yield connection
            return
        changed = {"busy_timeout": timeout_ms, "synchronous": 2 if durable else 1}  # 2 = FULL, 1 = NORMAL
        before = _pragmas(connection, changed)
        try:
            with connection.begin():
                yield connection
        finally:
            _pragmas(connection, before)


@contextmanager
def reading(engine: Engine, timeout_s: float) -> Iterator[Connection]:
    """A look at the tables; on SQLite it neither waits for the writers nor holds them up."""
    with engine.connect().execution_options(read_only=True) as connection, connection.begin():
        if engine.dialect.name != "sqlite":
            _limit(connection, max(1, round(timeout_s * 1000)), durable=True)
        yield connection


def _limit(connection: Connection, timeout_ms: int, durable: bool) -> None:
    # set_config(…, true) lasts until the end of the transaction, like SET LOCAL.
    connection.execute(
        text(
            "SELECT set_config('statement_timeout', :ms, true), set_config('lock_timeout', :ms, true),"
            " set_config('synchronous_commit', :commit, true)"
        ),
        {"ms": str(timeout_ms), "commit": "on" if durable else "off"},
    )


def _pragmas(connection: Connection, wanted: dict[str, int]) -> dict[str, int]:
    """Set them on the driver's connection, outside any transaction; returns what they were."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    before = {}
    for name, value in wanted.items():
        before[name] = int(driver.execute(f"PRAGMA {name}").fetchone()[0])
        if before[name] != value:
            driver.execute(f"PRAGMA {name}={value}")
    return before
