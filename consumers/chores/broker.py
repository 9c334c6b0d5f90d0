"""RabbitMQ's chores, run by the scheduler: what the broker gave up on becomes dead letters, strays go back to
queues that it had lost, and the queues of deleted instances go.

For a minute a deleted instance's consumers end its messages as ``deleted``; then they leave its queue. What
still comes (a receiver's old table, a wait on the ladder) is ended here, and the emptied queue is removed.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from consumers.directory import RETIRED_MS, Directory
from consumers.giving_up import end_deleted, give_up, give_up_unreadable
from core import telemetry
from core.domain.codes import Code
from core.domain.fields import Direction
from core.domain.instances import Existence, Instance
from core.domain.messages import Address, Lane, Message, Unreadable
from core.queue.dead_mover import DeadMover
from core.queue.port import Publisher
from core.queue.rabbitmq import RabbitQueue
from core.store import instances
from core.wiring import Wiring

SETTLED_MS = 2 * RETIRED_MS  # after this, no consumer has a message of a deleted instance in hand any more


@dataclass(slots=True)
class BrokerChores:
    """One per scheduler. Nothing to do where the queue is embedded."""

    wiring: Wiring
    _removed: set[int] = field(default_factory=set)  # instances whose queues are gone for good

    def run(self, directory: Directory) -> int:
        """One round; returns how many messages the broker had given up. QueueUnavailable as usual."""
        queue, url = self.wiring.queue, self.wiring.settings.broker_url
        if not isinstance(queue, RabbitQueue) or url is None:
            return 0
        for instance_id in self._settled(directory):
            self._remove_queue(queue, url, directory.instances[instance_id])
        if not any(queue.broken_depths().values()):
            return 0
        with closing(queue.publisher()) as publisher:  # connects when first used
            home = _Home(queue, publisher, _wanted(directory))

            def keep(lane: Lane | None, body: bytes, headers: Mapping[str, object], problem: str) -> None:
                if not home.took(body, headers):
                    self.store(lane, body, headers, problem)

            moved = DeadMover(url, keep).move()
        telemetry.log("dead.moved", messages=moved - home.returned, returned=home.returned)
        return moved

    def store(self, lane: Lane | None, body: bytes, headers: Mapping[str, object], problem: str) -> None:
        """Keep one message as a dead letter; it is acknowledged after the commit.

        One that waited on the ladder while its instance was deleted ends as ``deleted``.
        """
        now_ms = self.wiring.clock()
        with self.wiring.database.transaction() as session:
            try:
                message = Message.from_json(body)
                account = message.address.lane is Lane.ACCOUNT
                if not account and _is_deleted(session, message.address.id):
                    end_deleted(session, message, now_ms)
                else:
                    give_up(session, message, Code.UNREADABLE_MESSAGE, problem, now_ms)
            except Unreadable as error:
                address = _address(str(headers.get("routing-key", "")), lane)
                why = f"{error}; {problem}"
                give_up_unreadable(
                    session, address, body, why, now_ms, came_before=True
                )  # or for all we know

    def _settled(self, directory: Directory) -> list[int]:
        candidates = directory.retired - self._removed
        if not candidates:
            return []
        with self.wiring.database.reading() as session:
            deleted_ms = instances.deleted_at_ms(session)
        return [one for one in sorted(candidates) if self.wiring.clock() - deleted_ms[one] > SETTLED_MS]

    def _remove_queue(self, queue: RabbitQueue, url: str, instance: Instance) -> None:
        address = Address(Lane(instance.direction), instance.id)
        if queue.depths([address]).queues[address]:
            DeadMover(url, self.store, queues={"deleted": queue.topology.queue(address)}).move()
        if queue.remove(address):
            self._removed.add(instance.id)
            telemetry.log("queue.removed", queue=address.key)


@dataclass(slots=True)
class _Home:
    """Strays go back to their queue where it is wanted still: the broker had lost it.

    Published before the stray is acknowledged: a crash in between brings it twice, as any redelivery does.
    """

    queue: RabbitQueue
    publisher: Publisher
    wanted: set[Address]
    returned: int = 0
    _made: set[Address] = field(default_factory=set)

    def took(self, body: bytes, headers: Mapping[str, object]) -> bool:
        """Whether it was a stray and is back. QueueUnavailable as usual: then it stays where it is."""
        if headers.get("given-up-in") != "strays":
            return False
        try:
            message = Message.from_json(body)
        except Unreadable:
            return False
        if message.address not in self.wanted:
            return False
        if message.address not in self._made:
            self.queue.declare([message.address])
            self._made.add(message.address)
        self.publisher.publish([message])
        self.returned += 1
        return True


def _wanted(directory: Directory) -> set[Address]:
    return {one for direction in Direction for one in directory.addresses(direction)}


def _address(key: str, lane: Lane | None) -> Address:
    try:
        return Address.of_key(key)
    except ValueError:
        return Address(lane or Lane.INCOMING, 0)


def _is_deleted(session: Session, instance_id: int) -> bool:
    return instances.existence(session, instance_id) is Existence.DELETED
