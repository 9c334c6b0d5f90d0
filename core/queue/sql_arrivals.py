"""Whether somebody has published, on SQLite: far cheaper to ask than the queue itself.

So a consumer hears within a few milliseconds of what another process published, without a poll of the table.
PostgreSQL has no such thing: there the consumer looks now and then (and production has RabbitMQ).
"""

import sqlite3

from sqlalchemy import Engine, PoolProxiedConnection

# 10 µs each. The first says whether any other connection has written anything at all.
_VERSION = "PRAGMA data_version"
_NEWEST = "SELECT id, message_id FROM queue_messages ORDER BY id DESC LIMIT 1"


class Arrivals:
    """For one thread. Keeps one connection of its own, because the version that it asks for leaves out what
    that very connection wrote."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: PoolProxiedConnection | None = None
        self._version = 0
        self._newest: object = None

    def any(self) -> bool:
        """Whether a message came since the last call; never, where that can't be told."""
        if self._engine.dialect.name != "sqlite":
            return False
        if self._connection is None:
            self._connection = self._engine.raw_connection()
        driver = self._connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        (version,) = driver.execute(_VERSION).fetchone()
        if version == self._version:
            return False
        # An id alone may be one that was used before.
        newest = driver.execute(_NEWEST).fetchone()
        came, self._version, self._newest = bool(newest != self._newest), version, newest
        return came

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
