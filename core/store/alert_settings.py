"""How the alerts are set: rules, and whom to tell. The caller commits."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.domain.alerts import RULES, Rule, Setting
from core.store.alert_models import AlertDestination, AlertNotice, AlertRule
from core.store.sealing import Sealer

EMAIL, WEBHOOK = "email", "webhook"


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom to tell. ``rules`` empty = all. ``sent_at_ms`` 0 = nothing was sent yet; ``problem``: why the last
    message was not taken. ``secret`` signs a webhook's messages."""

    id: int
    kind: str
    address: str
    rules: tuple[str, ...]
    enabled: bool
    created_at_ms: int
    sent_at_ms: int
    problem: str
    secret: str = field(default="", repr=False)


def settings(session: Session) -> dict[Rule, Setting]:
    """Every rule as it is set, those that nobody changed included."""
    stored = {row.rule: row for row in session.scalars(select(AlertRule))}
    return {
        rule: Setting(rule, stored[rule].enabled, stored[rule].threshold)
        if rule in stored
        else Setting(rule, True, text.threshold)
        for rule, text in RULES.items()
    }


def set_rules(session: Session, wanted: Iterable[Setting]) -> list[Setting]:
    """Store the rules that differ from what is stored; returns those."""
    before = settings(session)
    changed = [one for one in wanted if before[one.rule] != one]
    for one in changed:
        session.merge(AlertRule(rule=one.rule, enabled=one.enabled, threshold=one.threshold))
    session.flush()
    return changed


def destinations(session: Session, sealer: Sealer | None = None) -> list[Destination]:
    """All of them, in the order they were made; their secrets only where a ``sealer`` is given."""
    rows = session.scalars(select(AlertDestination).order_by(AlertDestination.id))
    return [_destination(row, sealer) for row in rows]


def destination(session: Session, destination_id: int, sealer: Sealer | None = None) -> Destination | None:
    """One of them, None if there is none."""
    row = session.get(AlertDestination, destination_id)
    return _destination(row, sealer) if row else None


def add(session: Session, sealer: Sealer, kind: str, address: str, secret: str, now_ms: int) -> Destination:
    """A new one. IntegrityError if it is there already."""
    sealed = sealer.seal({"secret": secret}) if secret else None
    row = AlertDestination(
        kind=kind, address=address, sealed=sealed, rules=[], enabled=True, created_at_ms=now_ms
    )
    session.add(row)
    session.flush()
    return _destination(row, sealer)


def change(
    session: Session, destination_id: int, *, enabled: bool | None = None, rules: Iterable[str] | None = None
) -> None:
    """Switch it on or off, or choose its rules; None leaves them."""
    row = session.get_one(AlertDestination, destination_id)
    if enabled is not None:
        row.enabled = enabled
        if not enabled:  # what waited while it is off would come as old news
            _forget_pending(session, destination_id)
    if rules is not None:
        row.rules = list(rules)
    session.flush()


def remove(session: Session, destination_id: int) -> None:
    """It is told nothing any more."""
    session.execute(delete(AlertNotice).where(AlertNotice.destination_id == destination_id))
    session.execute(delete(AlertDestination).where(AlertDestination.id == destination_id))


def _forget_pending(session: Session, destination_id: int) -> None:
    session.execute(
        delete(AlertNotice).where(
            AlertNotice.destination_id == destination_id, AlertNotice.state == "pending"
        )
    )


def _destination(row: AlertDestination, sealer: Sealer | None) -> Destination:
    secret = str(sealer.open(row.sealed)["secret"]) if sealer and row.sealed else ""
    return Destination(
        row.id,
        row.kind,
        row.address,
        tuple(row.rules),
        row.enabled,
        row.created_at_ms,
        row.sent_at_ms or 0,
        row.problem or "",
        secret,
    )
