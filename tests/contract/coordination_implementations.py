"""The leases and budgets that test_coordination.py holds to the port.

``connect(kind, where)`` is one process's pair; the tests call it several times for one ``where``, and the
worker process once more.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fakeredis
import pytest
from redis.exceptions import RedisError

from core.coordination.port import Budgets, Leases
from core.coordination.redis import RedisBudgets, RedisLeases, open_redis
from core.coordination.sql import SqlBudgets, SqlLeases
from core.store.database import open_engine
from tests.contract import databases
from tests.services.process import unavailable

SHARED_KINDS = [  # several processes can reach them
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.services),
    pytest.param("redis", marks=pytest.mark.services),
]
KINDS = [*SHARED_KINDS, "fakeredis"]


@dataclass(frozen=True, slots=True)
class Pair:
    """What one process works with."""

    leases: Leases
    budgets: Budgets
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Store:
    """An empty store of one kind. ``where`` reaches it from another process (not fakeredis)."""

    kind: str
    where: str
    connect: Callable[[], Pair]


def now_ms() -> int:
    """The wall clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


@contextmanager
def store(kind: str, folder: Path) -> Iterator[Store]:
    """An empty store, removed afterwards."""
    if kind == "sqlite":
        with databases.sqlite(folder) as url:
            yield Store(kind, url, lambda: connect(kind, url))
    elif kind == "postgresql":
        with databases.postgresql() as url:
            yield Store(kind, url, lambda: connect(kind, url))
    elif kind == "fakeredis":
        server = fakeredis.FakeServer()
        yield Store(kind, "", lambda: _fake(server))
    else:
        prefix = f"contract-{uuid.uuid4().hex[:12]}:"
        client = open_redis(databases.REDIS)
        try:
            client.ping()
        except RedisError:
            unavailable("Redis is missing (TEST_REDIS_URL)")
        yield Store(kind, prefix, lambda: connect(kind, prefix))
        for key in client.scan_iter(f"{prefix}*"):
            client.delete(key)
        client.close()


def connect(kind: str, where: str) -> Pair:
    """A process's pair: ``where`` is a database URL, or a prefix of Redis keys."""
    if kind == "redis":
        client = open_redis(databases.REDIS)
        return Pair(RedisLeases(client, prefix=where), RedisBudgets(client, prefix=where), client.close)
    engine = open_engine(where)
    return Pair(SqlLeases(engine, now_ms), SqlBudgets(engine, now_ms), engine.dispose)


def _fake(server: fakeredis.FakeServer) -> Pair:
    client = fakeredis.FakeRedis(server=server, decode_responses=True)
    return Pair(RedisLeases(client), RedisBudgets(client), client.close)
