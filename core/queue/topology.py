"""Every exchange and queue that Crosswalk has on RabbitMQ (3.10 to 4.x), as data, and how to make them.

    crosswalk                 direct     routing key incoming.7 → queue crosswalk.incoming.7 (one per address)
      ├ alternate exchange    crosswalk.strays (fanout) → queue crosswalk.dead.strays
      └ gives up into         crosswalk.dead (topic)    → queue crosswalk.dead.incoming, .outgoing, .account
    crosswalk.wait.5000       fanout     → queue crosswalk.wait.5000: after 5000 ms back to crosswalk with
                                         the routing key it came with; one per rung, shared by all addresses
    crosswalk.probe           fanout     no queue: a message to it tells whether the broker takes messages

What must never be wrong stands in the arguments; what may be tuned (lengths, placement) in a policy file,
deploy/rabbitmq/. At-least-once dead-lettering needs quorum queues, ``reject-publish``, the strategy and the
exchange all at once (RabbitMQ documentation, Quorum Queues, read 2026-11-23). An ``x-delivery-limit`` on all
keeps 4.x's default of 20 away from queues that nobody consumes, and lets 3.10 requeue to the old place.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from amqp.exceptions import NotFound, PreconditionFailed

from core.domain.messages import Address, Lane

SHORT_RUNGS_S = (0.25, 1.0, 5.0)  # for what merely has to wait: a lease, a hold, a spent budget
WORK_DELIVERY_LIMIT = 50  # the last net: consumers give up long before
NO_DELIVERY_LIMIT = 1_000_000

_SAFE = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BrokerQueue:
    """A durable queue, and the (exchange, routing key) it is bound to."""

    name: str
    exchange: str
    key: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something is missing on the broker, or has other arguments. ``mend``: what an operator can do."""

    name: str
    problem: str
    mend: str


@dataclass(frozen=True, slots=True)
class Topology:
    """The names and arguments, for a retry ladder (seconds, ascending or not) and a name prefix."""

    retry_ladder_s: tuple[float, ...]
    prefix: str = "crosswalk"

    @property
    def work(self) -> str:
        """The exchange that messages are published to."""
        return self.prefix

    @property
    def probe(self) -> str:
        """The exchange without a queue."""
        return f"{self.prefix}.probe"

    @property
    def rungs_ms(self) -> tuple[int, ...]:
        """All waits there are, ascending."""
        return tuple(sorted({round(rung_s * 1000) for rung_s in (*SHORT_RUNGS_S, *self.retry_ladder_s)}))

    def wait(self, delay_s: float) -> str:
        """The exchange of the shortest rung that waits at least ``delay_s``; else of the longest one."""
        rungs_ms = self.rungs_ms
        return self.rung(next((rung for rung in rungs_ms if rung >= delay_s * 1000), rungs_ms[-1]))

    def rung(self, delay_ms: int) -> str:
        """Exchange and queue of one rung."""
        return f"{self.prefix}.wait.{delay_ms}"

    def queue(self, address: Address) -> str:
        """The work queue of an address."""
        return f"{self.prefix}.{address.key}"

    @property
    def dead(self) -> dict[str, str]:
        """What the broker gave up on: lane or ``strays`` → queue."""
        return {name: f"{self.prefix}.dead.{name}" for name in (*Lane, "strays")}

    def exchanges(self) -> list[Exchange]:
        """In an order in which each finds what it names."""
        strays, dead = f"{self.prefix}.strays", f"{self.prefix}.dead"
        alternate = {"alternate-exchange": strays}
        rungs = [Exchange(self.rung(rung_ms), "fanout") for rung_ms in self.rungs_ms]
        first = [Exchange(strays, "fanout"), Exchange(dead, "topic", alternate)]
        return [*first, Exchange(self.work, "direct", alternate), Exchange(self.probe, "fanout"), *rungs]

    def shared_queues(self) -> list[BrokerQueue]:
        """Those of no address. The dead ones come first: what dead-letters into them must find them."""
        return [*map(self._dead_queue, (*Lane, "strays")), *map(self._wait_queue, self.rungs_ms)]

    def work_queue(self, address: Address) -> BrokerQueue:
        """The queue of an instance (incoming, outgoing) or of a HubSpot account (account)."""
        arguments = {
            **_SAFE,
            "x-dead-letter-strategy": "at-least-once",
            "x-dead-letter-exchange": f"{self.prefix}.dead",
            "x-delivery-limit": WORK_DELIVERY_LIMIT,
        }
        return BrokerQueue(self.queue(address), self.work, address.key, arguments)

    def _wait_queue(self, rung_ms: int) -> BrokerQueue:
        arguments = {
            **_SAFE,
            "x-dead-letter-strategy": "at-least-once",
            "x-dead-letter-exchange": self.work,  # no routing key of its own: the message keeps its one
            "x-message-ttl": rung_ms,
            "x-delivery-limit": NO_DELIVERY_LIMIT,
        }
        return BrokerQueue(self.rung(rung_ms), self.rung(rung_ms), "", arguments)

    def _dead_queue(self, name: str) -> BrokerQueue:
        strays = name == "strays"
        exchange = f"{self.prefix}.strays" if strays else f"{self.prefix}.dead"
        arguments = {**_SAFE, "x-delivery-limit": NO_DELIVERY_LIMIT}
        return BrokerQueue(self.dead[name], exchange, "" if strays else f"{name}.*", arguments)


def declare(channel: Any, topology: Topology, addresses: Collection[Address] = ()) -> list[Difference]:
    """Make what is missing. What exists with other arguments is left as it is, and told.

    py-amqp opens the channel again after the broker closed it over a difference.
    """
    found = [_declared_exchange(channel, exchange) for exchange in topology.exchanges()]
    queues = [*topology.shared_queues(), *(topology.work_queue(address) for address in sorted(addresses))]
    found += [_declared_queue(channel, queue) for queue in queues]
    return [difference for difference in found if difference]


def differences(channel: Any, topology: Topology, addresses: Collection[Address] = ()) -> list[Difference]:
    """What ``declare`` would tell, without making anything."""
    found = []
    for exchange in topology.exchanges():
        if _exists(channel, exchange):
            found.append(_declared_exchange(channel, exchange))
    queues = [*topology.shared_queues(), *(topology.work_queue(address) for address in sorted(addresses))]
    for queue in queues:
        if depth(channel, queue.name) is None:
            found.append(Difference(queue.name, "it is missing", "run `crosswalk migrate`"))
        else:
            found.append(_declared_queue(channel, queue))
    return [difference for difference in found if difference]


def depth(channel: Any, queue: str) -> tuple[int, int] | None:
    """(messages ready, consumers) of a queue, or None where there is none."""
    try:
        declared = channel.queue_declare(queue, passive=True)
    except NotFound:
        return None
    return int(declared.message_count), int(declared.consumer_count)


def _exists(channel: Any, exchange: Exchange) -> bool:
    try:
        channel.exchange_declare(exchange.name, exchange.kind, passive=True)
    except NotFound:
        return False
    return True


def _declared_exchange(channel: Any, exchange: Exchange) -> Difference | None:
    try:
        channel.exchange_declare(
            exchange.name, exchange.kind, durable=True, auto_delete=False, arguments=dict(exchange.arguments)
        )
    except PreconditionFailed as error:
        mend = (
            "no message is in an exchange: stop all processes of Crosswalk, delete it with"
            f" `rabbitmqadmin delete exchange name={exchange.name}`, run `crosswalk migrate`, start again"
        )
        return Difference(exchange.name, error.reply_text, mend)
    return None


def _declared_queue(channel: Any, queue: BrokerQueue) -> Difference | None:
    difference = None
    try:
        channel.queue_declare(queue.name, durable=True, auto_delete=False, arguments=dict(queue.arguments))
    except PreconditionFailed as error:
        mend = (
            "let the consumers empty it (crosswalk status), stop all processes of Crosswalk, delete it with"
            f" `rabbitmqctl delete_queue {queue.name}`, run `crosswalk migrate` and start them again"
        )
        difference = Difference(queue.name, error.reply_text, mend)
    channel.queue_bind(queue.name, queue.exchange, queue.key)
    return difference
