"""Publishes messages again, one by one, each with its own answer: for replaying dead letters.

A path of its own beside the service's publisher: the confirm that is awaited is this very message's.
"""

import threading
from collections.abc import Sequence
from typing import Any

import pika  # type: ignore[import-untyped]
from pika.exceptions import (  # type: ignore[import-untyped]
    ChannelClosedByBroker,
    NackError,
    UnroutableError,
)

from core.domain.messages import Message
from core.queue.pika_link import with_connection
from core.queue.port import QueueUnavailable
from core.queue.topology import Topology


class ReplayStopped(QueueUnavailable):
    """Not all were published. The first ``confirmed`` messages are in the queue for good; the next one may be
    (publish it again: a second look at a contact does no harm), and those after it are not."""

    def __init__(self, problem: str, confirmed: int) -> None:
        super().__init__(problem)
        self.confirmed = confirmed


def publish_confirmed(
    url: str, messages: Sequence[Message], *, prefix: str = "crosswalk", timeout_s: float = 30.0
) -> None:
    """All are in their work queues on return; ReplayStopped where not, also for a queue that is not there.

    The headers are fresh: nothing of a message's earlier death comes along.
    """
    progress = [0]

    def publish(connection: Any, over: threading.Event) -> None:
        _publish(connection, over, messages, Topology((), prefix), progress)

    try:
        with_connection(url, timeout_s, publish, "replay")
    except QueueUnavailable as error:
        raise ReplayStopped(str(error), progress[0]) from error


def _publish(
    connection: Any,
    over: threading.Event,
    messages: Sequence[Message],
    topology: Topology,
    progress: list[int],
) -> None:
    for address in {message.address for message in messages}:
        try:  # looked up first: the alternate exchange would take a stray, and confirm it
            connection.channel().queue_declare(topology.queue(address), passive=True)
        except ChannelClosedByBroker:
            raise QueueUnavailable(f"there is no queue for {address.key}") from None
    channel = connection.channel()
    channel.confirm_delivery()
    for message in messages:
        if over.is_set():
            return
        properties = pika.BasicProperties(
            delivery_mode=2, content_type="application/json", message_id=message.id, app_id="crosswalk"
        )
        try:
            channel.basic_publish(
                topology.work, message.address.key, message.to_json(), properties, mandatory=True
            )
        except UnroutableError:
            raise QueueUnavailable(f"no queue takes {message.address.key}") from None
        except NackError:
            raise QueueUnavailable(f"the queue {message.address.key} is full or has no majority") from None
        progress[0] += 1
