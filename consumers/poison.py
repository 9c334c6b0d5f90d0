"""Messages that stop their worker: after the second delivery one is taken alone, after the fifth it is dead.

Every unsettled delivery of a killed process comes back one count higher, its innocent neighbours too. So only
tries alone count against a message: they are noted before the work begins. Whoever is noted stays alone, also
where waiting in the queue forgets how often it was handed out.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from consumers.giving_up import give_up
from core import telemetry
from core.domain.codes import Code
from core.domain.outcomes import Outcome
from core.queue.port import Delivery
from core.store import suspects
from core.store.database import Database

ALONE_FROM = 3  # the delivery from which on a message is taken alone
ALONE_TRIES = 3  # the third, fourth and fifth delivery


@dataclass(slots=True)
class Sorted:
    """Deliveries: to process now, to put back for a moment, to give up. ``alone``: ``now`` is one contact's
    suspects."""

    now: list[Delivery] = field(default_factory=list)
    back: list[Delivery] = field(default_factory=list)
    dead: list[Delivery] = field(default_factory=list)
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Suspects:
    """Sorts deliveries by how often they came back."""

    database: Database
    clock: Callable[[], int]

    def sort(self, deliveries: Sequence[Delivery], *, busy: bool) -> Sorted:
        """What becomes of what was received. The innocent go first, together; then one suspect, alone.

        ``busy``: another suspect is at work in this process. If that one stops the worker, a second one would
        count the try as its own.
        """
        if not deliveries:
            return Sorted()
        noted = suspects.isolated(self.database, [_id(one) for one in deliveries])
        fresh = [one for one in deliveries if one.deliveries >= ALONE_FROM and _id(one) not in noted]
        if fresh:
            suspects.isolate(self.database, [_id(one) for one in fresh], self.clock())
        suspicious = [one for one in deliveries if one.deliveries >= ALONE_FROM or _id(one) in noted]
        innocent = [one for one in deliveries if one not in suspicious]
        if innocent:
            return Sorted(now=innocent, back=suspicious)
        if busy:
            return Sorted(back=suspicious)
        one = [each for each in suspicious if _contact(each) == _contact(suspicious[0])]
        rest = [each for each in suspicious if _contact(each) != _contact(suspicious[0])]
        tries = max(suspects.tried_alone(self.database, _id(each), self.clock()) for each in one)
        if tries > ALONE_TRIES:
            return Sorted(back=rest, dead=one)
        return Sorted(now=one, back=rest, alone=True)

    def isolate(self, deliveries: Sequence[Delivery]) -> None:
        """A batch of these failed by a fault of our own: from now on one by one, and no try alone counts."""
        suspects.forgive(self.database, [_id(one) for one in deliveries], self.clock())

    def clear(self, deliveries: Sequence[Delivery]) -> None:
        """These were processed to the end."""
        if deliveries:
            suspects.clear(self.database, [_id(one) for one in deliveries])

    def bury(self, deliveries: Sequence[Delivery]) -> None:
        """These stopped their worker too often."""
        why = "the worker stopped every time it handled this message alone"
        with self.database.transaction() as session:
            for one in deliveries:
                assert one.message is not None
                give_up(session, one.message, Code.UNREADABLE_MESSAGE, why, self.clock())
        self.clear(deliveries)
        for one in deliveries:
            telemetry.record_outcome(one.address.lane, Outcome.DEAD, Code.UNREADABLE_MESSAGE)
            telemetry.log(
                "message.dead", level=logging.WARNING, queue=one.address.key, code=Code.UNREADABLE_MESSAGE
            )


def _contact(delivery: Delivery) -> str:
    assert delivery.message is not None
    return delivery.message.contact


def _id(delivery: Delivery) -> str:
    assert delivery.message is not None
    return delivery.message.id
