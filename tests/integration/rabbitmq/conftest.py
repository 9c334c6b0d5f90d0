"""The queue on the machine's RabbitMQ, and on one of our own that a test may stop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.queue_rabbitmq import ErasableQueue, rabbitmq
from tests.services.fixtures import _private_rabbitmq, private_rabbitmq, rabbitmq_cluster
from tests.services.rabbitmq import RabbitNode

__all__ = ["_private_rabbitmq", "private_rabbitmq", "rabbitmq_cluster"]


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[ErasableQueue]:
    """Empty, with its shared parts declared."""
    with rabbitmq(tmp_path) as one:
        yield one


@pytest.fixture
def private_queue(private_rabbitmq: RabbitNode) -> Iterator[ErasableQueue]:
    """The same on a RabbitMQ of our own."""
    one = ErasableQueue(private_rabbitmq.url)
    one.declare([])
    yield one
    one.close()
