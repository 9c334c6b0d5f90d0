"""core.queue.port.Consumer on RabbitMQ: one connection, owned by the process's main thread.

Heartbeats are pumped in ``receive``. Copies that have to wait are published on a connection of their own: a
broker in need (memory, disk) stops reading from connections that publish, and would not hear the
acknowledgements on them either. Any trouble ends both connections; the broker gives what was unsettled to
others, and the next call connects again.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from logging import WARNING

from core.domain.messages import Address
from core.queue import topology
from core.queue.port import Delivery, Later, QueueUnavailable
from core.queue.rabbitmq_confirms import DELIVERIES, Outgoing, outgoing
from core.queue.rabbitmq_link import BROKEN, Link, told
from core.queue.rabbitmq_publisher import RabbitPublisher
from core.queue.rabbitmq_subscription import Subscription, Token
from core.queue.topology import Topology
from core.telemetry import log

CONNECT_S = 3.0
ANSWER_S = 5.0  # for an answer of the broker
CONFIRM_S = 10.0
LOOK_AGAIN_S = 0.5  # for a queue that could not be made
STEP_S = 0.2  # between two looks at heartbeats and missing queues while nothing comes


class RabbitConsumer:
    """Takes from any number of work queues. ``prefetch`` deliveries per queue are kept ready at most.

    A queue that is not wanted for ``patience_s`` (an account's batch takes that long, or it is held) is left:
    what was sent but never seen goes back to its end as a copy, because RabbitMQ would count a requeue as a
    failed delivery.
    """

    def __init__(
        self,
        connect: Callable[[float], Link],
        publisher: RabbitPublisher,
        topology: Topology,
        *,
        prefetch: int = 100,
        patience_s: float = 2.0,
    ) -> None:
        self._connect = connect
        self._publisher = publisher
        self._topology = topology
        self._prefetch = prefetch
        self._patience_s = patience_s
        self._link: Link | None = None
        self._subscriptions: dict[Address, Subscription] = {}

    def receive(self, wanted: Collection[Address], limit: int, wait_s: float) -> list[Delivery]:
        """See the port. ``Delivery.deliveries`` counts what the broker counts: also those taken along by a
        connection that broke while they waited here."""
        until_s = time.monotonic() + wait_s
        with self._unbroken() as link:
            while True:
                self._follow(link, set(wanted))
                self._pump(link, until_s)
                found = self._found(wanted, limit)
                if found or time.monotonic() >= until_s:
                    return found

    def settle(self, done: Sequence[Delivery], later: Sequence[Later] = ()) -> None:
        """See the port. First the copies, confirmed; only then the acknowledgements. These are not confirmed
        by RabbitMQ: should the connection break right now, the deliveries come back."""
        copies = [one for one in later if _ours(one.delivery)]
        deliveries = [one for one in (*done, *(one.delivery for one in copies)) if _ours(one)]
        if not deliveries:
            return
        try:
            self._publisher.send(
                [outgoing(one.message, self._topology.wait(one.delay_s)) for one in copies],
                timeout_s=CONFIRM_S,
            )
        except QueueUnavailable:
            self._drop()
            raise
        with self._unbroken():
            self._acknowledge(deliveries)

    def unsettled(self) -> dict[Address, int]:
        """Messages that the broker keeps for this process and no longer shows in a queue's depth."""
        return {address: one.unsettled for address, one in self._subscriptions.items() if one.unsettled}

    def close(self) -> None:
        """See the port. Never raises; takes a few seconds at most."""
        if self._link:
            with suppress(QueueUnavailable), self._unbroken() as link:
                for subscription in self._subscriptions.values():
                    subscription.stop()
                    self._hand_back(subscription)
                link.close_politely()
        self._drop()
        self._publisher.close()

    @contextmanager
    def _unbroken(self) -> Iterator[Link]:
        try:
            if self._link is None:
                self._link = self._connect(CONNECT_S)
            self._link.within(ANSWER_S)
            yield self._link
        except BROKEN as error:
            self._drop()
            raise QueueUnavailable(told(error)) from error
        except QueueUnavailable:
            self._drop()
            raise

    def _drop(self) -> None:
        for subscription in self._subscriptions.values():
            subscription.void()
        self._subscriptions.clear()
        if self._link:
            self._link.collect()
            self._link = None

    def _follow(self, link: Link, wanted: set[Address]) -> None:
        """Take from what is wanted; leave what has not been wanted for a while."""
        now_s = time.monotonic()
        for address in wanted:
            link.within(ANSWER_S)
            subscription = self._subscriptions.get(address)
            if subscription is None:
                subscription = Subscription(link, address, self._topology.queue(address), self._prefetch)
                self._subscriptions[address] = subscription
            subscription.unwanted_since_s = None
            if subscription.consuming or now_s < subscription.retry_at_s:
                continue
            if not subscription.start() and not self._made(link, subscription):
                subscription.retry_at_s = now_s + LOOK_AGAIN_S
        for address in [one for one in self._subscriptions if one not in wanted]:
            self._leave(self._subscriptions[address], now_s)

    def _made(self, link: Link, subscription: Subscription) -> bool:
        """Make a queue that is wanted and that the broker lacks: it lost what it had, and came back empty.
        While the queue is missing, what is published for it strays."""
        channel = link.channel()
        topology.declare(channel, self._topology, [subscription.address])
        channel.close()
        log("queue.made", level=WARNING, queue=subscription.address.key)
        return subscription.start()

    def _leave(self, subscription: Subscription, now_s: float) -> None:
        if subscription.unwanted_since_s is None:
            subscription.unwanted_since_s = now_s
        if now_s - subscription.unwanted_since_s < self._patience_s:
            return
        subscription.stop()
        self._hand_back(subscription)
        if not subscription.unsettled:
            del self._subscriptions[subscription.address]
            subscription.close()

    def _hand_back(self, subscription: Subscription) -> None:
        unseen = subscription.take(self._prefetch)
        copies = [
            Outgoing(
                self._topology.work,
                one.address.key,
                one.raw,
                one.message.id if one.message else "",
                {DELIVERIES: one.deliveries - 1} if one.deliveries > 1 else {},
            )
            for one in unseen
        ]
        self._publisher.send(copies, timeout_s=ANSWER_S)
        self._acknowledge(unseen)

    def _pump(self, link: Link, until_s: float) -> None:
        """Read what came; wait for the first thing to come until ``until_s``, in small steps."""
        wait_s = min(STEP_S, max(0.0, until_s - time.monotonic()))
        if any(one.has_unseen for one in self._subscriptions.values() if one.unwanted_since_s is None):
            wait_s = 0.0
        link.within(ANSWER_S).heartbeat_tick()
        with suppress(TimeoutError):
            link.drain_events(timeout=wait_s)
            while True:
                link.drain_events(timeout=0)

    def _found(self, wanted: Collection[Address], limit: int) -> list[Delivery]:
        return [
            delivery
            for address in wanted
            if address in self._subscriptions
            for delivery in self._subscriptions[address].take(limit)
        ]

    def _acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        tags: dict[Subscription, list[int]] = {}
        for delivery in deliveries:
            assert isinstance(delivery.token, Token)
            tags.setdefault(delivery.token.subscription, []).append(delivery.token.tag)
        for subscription, settled in tags.items():
            subscription.settle(settled)


def _ours(delivery: Delivery) -> bool:
    """Not lost meanwhile: what was, is somebody else's by now."""
    token = delivery.token
    return isinstance(token, Token) and token.subscription.holds(token.tag)
