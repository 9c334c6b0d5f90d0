"""Kills at random with RabbitMQ, PostgreSQL and Redis, and of these three themselves."""

import random
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.end_to_end.chaos import chaos
from tests.services.fixtures import (  # noqa: F401
    _private_postgres,
    _private_rabbitmq,
    _private_redis,
    private_postgres,
    private_rabbitmq,
    private_redis,
)
from tests.services.postgres import Postgres
from tests.services.process import Server
from tests.services.rabbitmq import RabbitNode
from tests.services.redis import RedisServer

pytestmark = [pytest.mark.processes, pytest.mark.services]


@pytest.mark.parametrize("seed", range(2))
def test_processes_are_killed(
    tmp_path: Path,
    private_rabbitmq: RabbitNode,  # noqa: F811
    private_postgres: Postgres,  # noqa: F811
    private_redis: RedisServer,  # noqa: F811
    seed: int,
) -> None:
    environment = settings(f"kills{seed}", private_postgres, private_rabbitmq, private_redis)
    chaos(tmp_path, kills=25, people=40, seed=seed, environment=environment)


def test_what_they_stand_on_is_killed_too(
    tmp_path: Path,
    private_rabbitmq: RabbitNode,  # noqa: F811
    private_postgres: Postgres,  # noqa: F811
    private_redis: RedisServer,  # noqa: F811
) -> None:
    servers: list[Server] = [private_rabbitmq, private_postgres, private_redis]

    def strike(dice: random.Random) -> None:
        server = dice.choice(servers)
        server.kill()
        server.start()

    environment = settings("strikes", private_postgres, private_rabbitmq, private_redis)
    chaos(tmp_path, kills=9, people=30, seed=5, environment=environment, strike=strike)


def settings(database: str, postgres: Postgres, rabbitmq: RabbitNode, redis: RedisServer) -> dict[str, str]:
    """The environment of the production mode, with a database of its own."""
    engine = create_engine(postgres.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {database}"))
    engine.dispose()
    rabbitmq.ctl("stop_app")  # queues of the last test are gone
    rabbitmq.ctl("reset")
    rabbitmq.ctl("start_app")
    redis.ask(b"FLUSHALL")
    return {
        "CROSSWALK_DATABASE_URL": f"{postgres.url.rpartition('/')[0]}/{database}",
        "CROSSWALK_BROKER_URL": rabbitmq.url,
        "CROSSWALK_REDIS_URL": redis.url,
    }
