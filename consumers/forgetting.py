"""Removing all that is kept about a contact: because HubSpot told so, or because somebody asked for it."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from consumers.directory import Directory
from core.domain.fields import Direction
from core.domain.messages import Address, Lane
from core.queue.port import Queue
from core.queue.sql import SqlQueue
from core.store import erasure

Of = tuple[int, str]  # (account id, contact id)


def forget(
    session: Session, key: bytes, now_ms: int, hubspot: Of | None, mainstay: Collection[Of]
) -> dict[str, int]:
    """Erase a HubSpot record and Mainstay contacts, and leave their tombstones. Rows removed per table."""
    for account_id, contact in [*([hubspot] if hubspot else []), *mainstay]:
        erasure.bury(session, key, account_id, contact, now_ms)
    return erasure.erase(session, hubspot, mainstay)


def drop_waiting(queue: Queue, directory: Directory, hubspot: Of | None, mainstay: Collection[Of]) -> None:
    """Delete what waits about them in the embedded queue; RabbitMQ's messages end at the tombstones."""
    if not isinstance(queue, SqlQueue):
        return
    for account_id, contact in [*([hubspot] if hubspot else []), *mainstay]:
        fed = [one for one in directory.instances.values() if one.source.id == account_id]
        lanes = {Direction.INCOMING: Lane.INCOMING, Direction.OUTGOING: Lane.OUTGOING}
        queue.remove_contact([Address(lanes[one.direction], one.id) for one in fed], contact)
