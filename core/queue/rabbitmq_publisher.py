"""core.queue.port.Publisher on RabbitMQ."""

from collections.abc import Callable, Sequence

from core.domain.messages import Message
from core.queue.port import nothing
from core.queue.rabbitmq_confirms import Outgoing, outgoing
from core.queue.rabbitmq_connections import Connections
from core.queue.topology import Topology


class RabbitPublisher:
    """One connection per thread that publishes at the same time, up to four. Connects when first used."""

    def __init__(self, connections: Connections, topology: Topology) -> None:
        self._connections = connections
        self._topology = topology

    def publish(
        self, messages: Sequence[Message], *, timeout_s: float = 3.0, sent: Callable[[], None] = nothing
    ) -> None:
        """See the port. A message for a queue that does not exist is kept among the strays."""
        ours = [outgoing(message, self._topology.work) for message in messages]
        self.send(ours, timeout_s=timeout_s, sent=sent)

    def send(
        self, messages: Sequence[Outgoing], *, timeout_s: float, sent: Callable[[], None] = nothing
    ) -> None:
        """All confirmed on return, or QueueUnavailable within ``timeout_s``."""
        if messages:
            self._connections.use(lambda lent: lent.confirms.send(messages, sent=sent), timeout_s)

    def close(self) -> None:
        """See the port."""
        self._connections.close()
