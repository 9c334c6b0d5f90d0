"""The fixtures of the private servers; a conftest.py takes those it needs with ``import``.

Each server starts once per run, when first asked for, and is running again before each test that asks for it.
"""

from collections.abc import Iterator
from typing import TypeVar

import pytest

from tests.services.postgres import Postgres
from tests.services.process import Server
from tests.services.rabbitmq import RabbitCluster, RabbitNode
from tests.services.redis import RedisServer

S = TypeVar("S", bound=Server)


@pytest.fixture(scope="session")
def _private_rabbitmq() -> Iterator[RabbitNode]:
    yield from _kept(RabbitNode())


@pytest.fixture(scope="session")
def _private_postgres() -> Iterator[Postgres]:
    yield from _kept(Postgres())


@pytest.fixture(scope="session")
def _private_redis() -> Iterator[RedisServer]:
    yield from _kept(RedisServer())


@pytest.fixture
def private_rabbitmq(_private_rabbitmq: RabbitNode) -> RabbitNode:
    """A RabbitMQ that the test may stop."""
    return _running(_private_rabbitmq)


@pytest.fixture
def private_postgres(_private_postgres: Postgres) -> Postgres:
    """A PostgreSQL that the test may stop."""
    return _running(_private_postgres)


@pytest.fixture
def private_redis(_private_redis: RedisServer) -> RedisServer:
    """A Redis that the test may stop."""
    return _running(_private_redis)


@pytest.fixture
def rabbitmq_cluster() -> Iterator[RabbitCluster]:
    """Three RabbitMQ nodes that the test may stop."""
    cluster = RabbitCluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


def _kept(server: S) -> Iterator[S]:
    try:
        yield server
    finally:
        server.remove()


def _running(server: S) -> S:
    server.thaw()
    if not server.runs:
        server.start()
    return server
