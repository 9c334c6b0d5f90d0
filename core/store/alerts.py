"""Alerts and what is to be told of them. The caller commits.

A notice waits in the table until its destination took it: an outbox, so that a restart forgets and repeats
nothing that could be avoided. A message that was sent while the process died goes out a second time, under
the same id.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import Session

from core.domain.alerts import Finding, Known, Rule
from core.store.alert_models import Alert as Row
from core.store.alert_models import AlertDestination, AlertNotice

KEPT_MS = 90 * 86_400_000
MOST_IN_A_MESSAGE = 100


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it is shown. ``resolved_at_ms`` None = open."""

    id: int
    rule: str
    title: str
    text: str
    path: str
    opened_at_ms: int
    seen_at_ms: int
    resolved_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a message: an alert that ``opened`` or ``resolved``."""

    event: str
    alert: Alert


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message for one destination. ``attempts``: how often it was tried in vain."""

    message_id: str
    destination_id: int
    told: Sequence[Told]
    attempts: int
    created_at_ms: int


def open_alerts(session: Session) -> list[Known]:
    """All that are open, as ``judge`` wants them."""
    return [_known(row) for row in session.scalars(select(Row).where(Row.active.is_not(None)))]


def last_resolved(session: Session, keys: Collection[str], since_ms: int) -> dict[str, Known]:
    """The last alert of each key that was resolved since then."""
    rows = session.scalars(
        select(Row)
        .where(Row.key.in_(list(keys)), Row.resolved_at_ms >= since_ms)
        .order_by(Row.resolved_at_ms)
    )
    return {row.key: _known(row) for row in rows}


def open_(session: Session, finding: Finding, now_ms: int) -> int:
    """A new alert, and a notice for every destination that wants to hear of its rule. Returns its id."""
    row = Row(
        rule=finding.rule,
        key=finding.key,
        active=finding.key,
        title=finding.title[:300],
        text=finding.text,
        path=finding.path,
        opened_at_ms=now_ms,
        seen_at_ms=now_ms,
    )
    session.add(row)
    session.flush()
    for one in session.scalars(select(AlertDestination).where(AlertDestination.enabled.is_(True))):
        if not one.rules or finding.rule in one.rules:
            _add_notice(session, row.id, one.id, "opened", now_ms)
    return row.id


def seen(session: Session, found: Mapping[int, Finding], now_ms: int) -> None:
    """These open alerts were found again, as they are now."""
    for alert_id, finding in found.items():
        values = {"title": finding.title[:300], "text": finding.text, "seen_at_ms": now_ms}
        session.execute(update(Row).where(Row.id == alert_id).values(values))


def reopen(session: Session, found: Mapping[int, Finding], now_ms: int) -> None:
    """These resolved alerts are open again; nobody is told, and who was not told yet that they were resolved
    will not be."""
    for alert_id, finding in found.items():
        values = {"active": finding.key, "resolved_at_ms": None}
        session.execute(update(Row).where(Row.id == alert_id).values(values))
        _drop_pending(session, alert_id, "resolved")
    seen(session, found, now_ms)


def resolve(session: Session, alert_ids: Iterable[int], now_ms: int) -> None:
    """These are over. Whoever was told that they opened is told; for the others there never was anything."""
    for alert_id in alert_ids:
        session.execute(
            update(Row).where(Row.id == alert_id).values({"active": None, "resolved_at_ms": now_ms})
        )
        _drop_pending(session, alert_id, "opened")
        for destination_id in _believing(session, alert_id):
            _add_notice(session, alert_id, destination_id, "resolved", now_ms)


def recent(session: Session, *, open_only: bool = False, limit: int = 50) -> list[Alert]:
    """Open ones first, then by time, newest first."""
    query = select(Row).order_by(Row.active.is_(None), Row.opened_at_ms.desc(), Row.id.desc()).limit(limit)
    if open_only:
        query = query.where(Row.active.is_not(None))
    return [_alert(row) for row in session.scalars(query)]


def claim(
    session: Session, destination_id: int, now_ms: int, *, wait_ms: int, gap_ms: int, sent_at_ms: int
) -> Envelope | None:
    """The message that is due for a destination, None if there is none.

    A message is put together when its first notice is ``wait_ms`` old, so that what happens together is told
    together, and not within ``gap_ms`` of the one before. One that failed is due again as it was.
    """
    notice = AlertNotice
    mine = (notice.destination_id == destination_id, notice.state == "pending")
    begun = session.scalar(select(notice.message_id).where(*mine, notice.message_id != "").limit(1))
    if begun is None:
        fresh = session.execute(
            select(notice.id, notice.created_at_ms).where(*mine).order_by(notice.id).limit(MOST_IN_A_MESSAGE)
        ).all()
        if not fresh or now_ms - fresh[0][1] < wait_ms or now_ms - sent_at_ms < gap_ms:
            return None
        begun = uuid.uuid4().hex
        ids = [row[0] for row in fresh]
        session.execute(update(notice).where(notice.id.in_(ids)).values(message_id=begun))
    return _envelope(session, begun, now_ms)


def taken(session: Session, envelope: Envelope, now_ms: int) -> None:
    """The destination took the message."""
    _settle(session, envelope, {"state": "sent"})
    _note(session, envelope.destination_id, {"sent_at_ms": now_ms, "problem": ""})


def refused(session: Session, envelope: Envelope, problem: str, due_at_ms: int | None) -> None:
    """It did not; ``due_at_ms`` None = it is not tried again."""
    change = {"attempts": envelope.attempts + 1}
    _settle(
        session, envelope, change | ({"state": "failed"} if due_at_ms is None else {"due_at_ms": due_at_ms})
    )
    _note(session, envelope.destination_id, {"problem": problem[:300]})


def forget(session: Session, now_ms: int) -> int:
    """Delete what was resolved long ago; returns how many alerts went."""
    old = list(session.scalars(select(Row.id).where(Row.resolved_at_ms < now_ms - KEPT_MS).limit(1_000)))
    session.execute(delete(AlertNotice).where(AlertNotice.alert_id.in_(old)))
    session.execute(delete(Row).where(Row.id.in_(old)))
    return len(old)


def _envelope(session: Session, message_id: str, now_ms: int) -> Envelope | None:
    rows = session.execute(
        select(AlertNotice, Row)
        .join(Row, Row.id == AlertNotice.alert_id)
        .where(AlertNotice.message_id == message_id, AlertNotice.state == "pending")
        .order_by(AlertNotice.id)
    ).all()
    if not rows or rows[0][0].due_at_ms > now_ms:
        return None
    return Envelope(
        message_id=message_id,
        destination_id=rows[0][0].destination_id,
        told=[Told(notice.event, _alert(row)) for notice, row in rows],
        attempts=rows[0][0].attempts,
        created_at_ms=rows[0][0].created_at_ms,
    )


def _add_notice(session: Session, alert_id: int, destination_id: int, event: str, now_ms: int) -> None:
    session.add(
        AlertNotice(
            alert_id=alert_id,
            destination_id=destination_id,
            event=event,
            created_at_ms=now_ms,
            due_at_ms=now_ms,
        )
    )
    session.flush()


def _drop_pending(session: Session, alert_id: int, event: str) -> None:
    # One that is part of a message stays: it may be on its way.
    session.execute(
        delete(AlertNotice).where(
            AlertNotice.alert_id == alert_id,
            AlertNotice.event == event,
            AlertNotice.state == "pending",
            AlertNotice.message_id == "",
        )
    )


def _believing(session: Session, alert_id: int) -> list[int]:
    """The destinations that heard more often that the alert is open than that it is over."""
    notice = AlertNotice
    balance = func.sum(case((notice.event == "opened", 1), else_=-1))
    query = select(notice.destination_id).where(notice.alert_id == alert_id, notice.state != "failed")
    return list(session.scalars(query.group_by(notice.destination_id).having(balance > 0)))


def _settle(session: Session, envelope: Envelope, values: Mapping[str, object]) -> None:
    session.execute(
        update(AlertNotice).where(AlertNotice.message_id == envelope.message_id).values(dict(values))
    )


def _note(session: Session, destination_id: int, values: Mapping[str, object]) -> None:
    session.execute(
        update(AlertDestination).where(AlertDestination.id == destination_id).values(dict(values))
    )


def _known(row: Row) -> Known:
    return Known(row.id, Rule(row.rule), row.key, row.seen_at_ms, row.resolved_at_ms)


def _alert(row: Row) -> Alert:
    return Alert(
        row.id,
        row.rule,
        row.title,
        row.text,
        row.path,
        row.opened_at_ms,
        row.seen_at_ms,
        row.resolved_at_ms,
    )
