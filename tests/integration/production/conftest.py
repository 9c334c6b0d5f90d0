"""The three servers, private ones: a test may stop them."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.production import Servers
from tests.integration.production.place import Place, at_work
from tests.services.fixtures import (
    _private_postgres,
    _private_rabbitmq,
    _private_redis,
    private_postgres,
    private_rabbitmq,
    private_redis,
)
from tests.services.postgres import Postgres
from tests.services.rabbitmq import RabbitNode
from tests.services.redis import RedisServer

__all__ = [
    "_private_postgres",
    "_private_rabbitmq",
    "_private_redis",
    "private_postgres",
    "private_rabbitmq",
    "private_redis",
]


@pytest.fixture
def servers(private_rabbitmq: RabbitNode, private_postgres: Postgres, private_redis: RedisServer) -> Servers:
    """All of them, running."""
    return Servers(private_rabbitmq, private_postgres, private_redis)


@pytest.fixture(scope="session")
def place(
    _private_rabbitmq: RabbitNode,
    _private_postgres: Postgres,
    _private_redis: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """One deployment of real processes for all tests that ask for it; each leaves it in order."""
    for server in (_private_rabbitmq, _private_postgres, _private_redis):
        if not server.runs:
            server.start()
    servers = Servers(_private_rabbitmq, _private_postgres, _private_redis)
    with at_work(tmp_path_factory.mktemp("production"), servers) as one:
        yield one
