"""Giving a message up: the dead letter, its outcome and its entry in the Sync Log, once each, together."""

import uuid
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy.orm import Session

from core.domain.codes import Code
from core.domain.fields import Direction, Platform
from core.domain.messages import Address, Lane, Message, Unreadable
from core.domain.outcomes import Outcome, Problem
from core.store import dead_letters, links, models, outcomes, sync_log
from core.store.dead_letters import DeadLetter
from core.store.outcomes import OutcomeRow


def give_up(session: Session, message: Message, code: Code, why: str, now_ms: int) -> None:
    """Keep a message for somebody to replay or discard; nothing if it was given up already."""
    if not dead_letters.store(session, message, code, why, now_ms):
        return
    _record(session, message, Outcome.DEAD, code, why, now_ms)
    lane = message.address.lane
    source = Platform.MAINSTAY if lane is Lane.OUTGOING else Platform.HUBSPOT
    from_hubspot = source is Platform.HUBSPOT
    if lane is not Lane.ACCOUNT:
        pair = links.Pair(*_accounts(session, message.address))
        links.skipped(session, pair, source, [message.contact], message.address.id, now_ms)
    about = sync_log.About(
        instance_id=0 if lane is Lane.ACCOUNT else message.address.id,
        direction=_direction(lane),
        contact=f"{source}:{message.contact}",
        hubspot_id=message.contact if from_hubspot else None,
        mainstay_id=None if from_hubspot else message.contact,
        fingerprint="dead",
    )
    told_ms = sync_log.last_open_ms(session, about)
    changed = message.generation > 0 or message.occurred_at_ms > told_ms
    sync_log.tell(session, about, [Problem(code, why)], now_ms, again=changed)


def discard(session: Session, letters: Iterable[DeadLetter], who: str, reason: str, now_ms: int) -> int:
    """Give dead letters up for good: a later change of the contact is synced all the same. Each contact's
    timeline says so. Returns how many were still dead."""
    known = {letter.id: letter for letter in letters}
    done = dead_letters.settle(session, known, "discarded", now_ms, who=who, reason=reason)
    why = f"the dead letter was discarded by {who or 'somebody'}{': ' + reason if reason else ''}"
    for letter_id in done:
        try:
            message = Message.from_json(known[letter_id].body)
        except Unreadable:
            continue  # nobody's timeline
        over = replace(message, generation=message.generation + 1, job=0)
        _record(session, over, Outcome.DISCARDED, Code(known[letter_id].code), why, now_ms)
    return len(done)


def end_deleted(session: Session, message: Message, now_ms: int) -> None:
    """The message of an instance that was deleted meanwhile ends as ``deleted``, wherever it turned up."""
    _record(session, message, Outcome.DELETED, None, "the instance was deleted", now_ms)


def _record(
    session: Session, message: Message, outcome: Outcome, code: Code | None, why: str, now_ms: int
) -> None:
    lane = message.address.lane
    hubspot_account, mainstay_account = _accounts(session, message.address)
    from_hubspot = lane is not Lane.OUTGOING
    outcomes.record(
        session,
        [
            OutcomeRow(
                message_id=message.id,
                generation=message.generation,
                direction=_direction(lane),
                outcome=outcome,
                code=code,
                cause=message.cause,
                occurred_at_ms=message.occurred_at_ms,
                accepted_at_ms=message.accepted_at_ms,
                finished_at_ms=now_ms,
                hubspot_account_id=hubspot_account,
                mainstay_account_id=mainstay_account,
                instance_id=0 if lane is Lane.ACCOUNT else message.address.id,
                hubspot_id=message.contact if from_hubspot else None,
                mainstay_id=None if from_hubspot else message.contact,
                attempt=message.attempt,
                story={"notes": [why]},
                job_id=message.job,
            )
        ],
    )


def give_up_unreadable(
    session: Session, address: Address, body: bytes, why: str, now_ms: int, *, came_before: bool = False
) -> None:
    """Keep bytes that are no message of ours. ``came_before``: they may be kept already, by a process that
    was killed before it acknowledged them."""
    stored = dead_letters.store_unreadable(
        session,
        lane=address.lane,
        address_id=address.id,
        message_id=uuid.uuid5(uuid.NAMESPACE_OID, f"{address.key}:{body.hex()}").hex,
        body=body,
        why=why,
        now_ms=now_ms,
        came_before=came_before,
    )
    if stored:
        instance_id = 0 if address.lane is Lane.ACCOUNT else address.id
        about = sync_log.About(instance_id=instance_id, direction=_direction(address.lane))
        sync_log.tell(session, about, [Problem(Code.UNREADABLE_MESSAGE, why)], now_ms, again=True)


def _direction(lane: Lane) -> Direction:
    return Direction.OUTGOING if lane is Lane.OUTGOING else Direction.INCOMING


def _accounts(session: Session, address: Address) -> tuple[int, int]:
    if address.lane is Lane.ACCOUNT:
        return address.id, 0
    row = session.get(models.Instance, address.id)
    return (row.hubspot_account_id, row.mainstay_account_id) if row is not None else (0, 0)
