"""RabbitMQ for the contract suite: the machine's broker, with a name prefix of its own."""

import os
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.domain.messages import Address
from core.queue.rabbitmq import RabbitQueue
from core.queue.rabbitmq_link import BROKEN, broker_urls, connect
from core.queue.rabbitmq_publisher import RabbitPublisher
from tests.services.process import unavailable

RABBITMQ = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
LADDER_S = (0.25, 0.5, 1.0)


class ErasableQueue(RabbitQueue):
    """Knows what it declared, and takes it away again."""

    def __init__(self, url: str, ladder_s: Collection[float] = LADDER_S, **options: float) -> None:
        super().__init__(url, tuple(ladder_s), prefix=f"test-{uuid.uuid4().hex[:12]}", **options)  # type: ignore[arg-type]
        self.url = url
        self._declared: set[Address] = set()
        self._publishers: list[RabbitPublisher] = []

    def publisher(self) -> RabbitPublisher:
        """See RabbitQueue."""
        self._publishers.append(super().publisher())
        return self._publishers[-1]

    def declare(self, addresses: Collection[Address]) -> None:
        """See RabbitQueue."""
        self._declared |= set(addresses)
        super().declare(addresses)

    def close(self) -> None:
        """See RabbitQueue; its publishers too."""
        super().close()
        for publisher in self._publishers:
            publisher.close()

    def erase(self) -> None:
        """Remove its queues and exchanges, whatever is in them."""
        self.close()
        link = connect(broker_urls(self.url), within_s=5)
        channel = link.within(30).channel()
        queues = [*self.topology.shared_queues(), *map(self.topology.work_queue, self._declared)]
        for queue in queues:
            channel.queue_delete(queue.name)
        for exchange in self.topology.exchanges():
            channel.exchange_delete(exchange.name)
        link.close_politely()


@contextmanager
def rabbitmq(_: Path) -> Iterator[ErasableQueue]:
    """The queue on RabbitMQ, empty."""
    try:
        connect(broker_urls(RABBITMQ), within_s=2).close_politely()
    except BROKEN:
        unavailable("RabbitMQ is missing (TEST_RABBITMQ_URL)")
    queue = ErasableQueue(RABBITMQ)
    try:
        queue.declare([])  # as `crosswalk migrate` does
        yield queue
    finally:
        queue.erase()
