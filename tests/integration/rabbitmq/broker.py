"""What the tests of RabbitMQ share."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pika  # type: ignore[import-untyped]
import pytest

from core.domain.messages import Address, Message
from core.queue.port import QueueUnavailable
from core.queue.rabbitmq import RabbitQueue
from core.queue.rabbitmq_publisher import RabbitPublisher
from tests.contract.queue_implementations import a_message


def some(address: Address, count: int) -> list[Message]:
    """Messages about different contacts."""
    return [a_message(address, number) for number in range(count)]


def ready(queue: RabbitQueue, address: Address) -> int:
    """How many messages wait."""
    return queue.depths([address]).queues[address]


@contextmanager
def refused_within(seconds: float, match: str = ".") -> Iterator[None]:
    """The block raises QueueUnavailable, and in time."""
    started_s = time.monotonic()
    with pytest.raises(QueueUnavailable, match=match):
        yield
    assert time.monotonic() - started_s < seconds


def accepted(publisher: RabbitPublisher, messages: list[Message]) -> bool:
    """Whether the queue took them."""
    try:
        publisher.publish(messages)
    except QueueUnavailable:
        return False
    return True


@contextmanager
def pika_channel(url: str) -> Iterator[Any]:
    """An independent witness."""
    connection = pika.BlockingConnection(pika.URLParameters(url.removesuffix("//") + "/%2F"))
    try:
        yield connection.channel()
    finally:
        connection.close()
