"""core.queue.port.Queue on RabbitMQ 3.10 to 4.x. The plan of the queues stands in topology.py."""

from collections.abc import Callable, Collection, Sequence
from logging import WARNING
from typing import Any

from amqp.exceptions import NotFound

from core.domain.messages import Address
from core.queue import topology
from core.queue.port import Depths, QueueUnavailable
from core.queue.rabbitmq_confirms import Outgoing
from core.queue.rabbitmq_connections import Connections, Lent
from core.queue.rabbitmq_consumer import RabbitConsumer
from core.queue.rabbitmq_link import Link, broker_urls, connect
from core.queue.rabbitmq_publisher import RabbitPublisher
from core.queue.topology import BrokerQueue, Difference, Topology
from core.telemetry import log

ERRAND_S = 5.0
DECLARE_S = 0.1  # more for each queue; 7 ms on a quiet machine
PING_S = 1.0
HEARTBEAT_S = 30


class RabbitQueue:
    """``url``: one broker, or several of a cluster separated by ``;``. Nothing connects before it is used;
    safe between threads and over a fork."""

    def __init__(
        self,
        url: str,
        retry_ladder_s: Sequence[float],
        *,
        prefix: str = "crosswalk",
        prefetch: int = 300,
        patience_s: float = 2.0,
    ) -> None:
        self.topology = Topology(tuple(retry_ladder_s), prefix)
        self._urls = broker_urls(url)
        self._prefetch = prefetch
        self._patience_s = patience_s
        self._errands = Connections(self._connect("errands"), limit=2)

    def publisher(self) -> RabbitPublisher:
        """See the port."""
        return RabbitPublisher(Connections(self._connect("publisher")), self.topology)

    def consumer(self) -> RabbitConsumer:
        """See the port. What all queues share is declared when it connects: copies can always wait."""
        connect_consumer = self._connect("consumer", HEARTBEAT_S)

        def connected(within_s: float) -> Link:
            link = connect_consumer(within_s)
            try:
                self._declare(link.within(ERRAND_S).channel(), ())
            except BaseException:
                link.collect()
                raise
            return link

        copies = RabbitPublisher(Connections(self._connect("copies"), limit=1), self.topology)
        return RabbitConsumer(
            connected, copies, self.topology, prefetch=self._prefetch, patience_s=self._patience_s
        )

    def declare(self, addresses: Collection[Address]) -> None:
        """See the port. A queue that exists with other arguments stays as it is, and works on as it did; the
        log says so, and ``differences`` says more."""
        timeout_s = ERRAND_S + len(addresses) * DECLARE_S
        self._errands.use(lambda lent: self._declare(lent.channel, addresses), timeout_s)

    def differences(self, addresses: Collection[Address]) -> list[Difference]:
        """What is missing on the broker or has other arguments than this version's, and how to mend it."""
        return self._errands.use(
            lambda lent: topology.differences(lent.channel, self.topology, addresses),
            ERRAND_S + len(addresses) * DECLARE_S,
        )

    def remove(self, address: Address) -> bool:
        """See the port. False also while a consumer still takes from it. Call it when the instance has been
        disabled or deleted for longer than the receivers' caches last and its messages are settled: RabbitMQ
        does not show what a process has taken and not settled, and quorum queues know no "delete if empty".
        """
        queue = self.topology.work_queue(address)
        return self._errands.use(lambda lent: _removed(lent.channel, queue), ERRAND_S)

    def depths(self, addresses: Collection[Address]) -> Depths:
        """See the port. Only what waits in the broker: RabbitMQ does not show here what processes have taken
        and not settled (``RabbitConsumer.unsettled`` does, per process), nor how old a message is. ``retry``
        counts the rungs of the present ladder setting.
        """
        names = {address: self.topology.queue(address) for address in addresses}
        rungs = [self.topology.rung(rung_ms) for rung_ms in self.topology.rungs_ms]
        ready = self._ready([*names.values(), *rungs])
        return Depths(
            {address: ready[name] for address, name in names.items()}, sum(ready[rung] for rung in rungs)
        )

    def broken_depths(self) -> dict[str, int]:
        """What the broker gave up on and the mover has not stored yet: by lane, and ``strays``."""
        ready = self._ready(list(self.topology.dead.values()))
        return {name: ready[queue] for name, queue in self.topology.dead.items()}

    def ping(self) -> str:
        """See the port: the broker takes and confirms a message that has no queue."""
        try:
            self._errands.use(self._probe, PING_S)
        except QueueUnavailable as error:
            if isinstance(error.__cause__, NotFound):
                return "RabbitMQ lacks Crosswalk's exchanges; run `crosswalk migrate`"
            return f"RabbitMQ: {error}"
        return ""

    def _probe(self, lent: Lent) -> None:
        lent.confirms.send([Outgoing(self.topology.probe, "", b"", "")], mandatory=False)
        lent.confirms.send([])  # the alarm that a first message meets is told after its confirm

    def close(self) -> None:
        """Let go of the connections for errands."""
        self._errands.close()

    def _declare(self, channel: Any, addresses: Collection[Address]) -> None:
        for difference in topology.declare(channel, self.topology, addresses):
            log("queue.differs", level=WARNING, name=difference.name, problem=difference.problem)

    def _ready(self, queues: Sequence[str]) -> dict[str, int]:
        def ready(lent: Lent) -> dict[str, int]:
            found = {queue: topology.depth(lent.channel, queue) for queue in queues}
            return {queue: depth[0] if depth else 0 for queue, depth in found.items()}

        return self._errands.use(ready, ERRAND_S)

    def _connect(self, name: str, heartbeat_s: int = 0) -> Callable[[float], Link]:
        def connected(within_s: float) -> Link:
            return connect(
                self._urls, within_s=within_s, heartbeat_s=heartbeat_s, name=f"{self.topology.prefix} {name}"
            )

        return connected


def _removed(channel: Any, queue: BrokerQueue) -> bool:
    if topology.depth(channel, queue.name) is None:
        return True
    channel.queue_unbind(queue.name, queue.exchange, queue.key)  # what comes now goes to the strays
    if topology.depth(channel, queue.name) == (0, 0):
        channel.queue_delete(queue.name)
        return True
    channel.queue_bind(queue.name, queue.exchange, queue.key)
    return False
