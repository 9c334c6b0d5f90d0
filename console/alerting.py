"""Changing how alerts are set, for all entrances: checked, stored and noted in the audit log."""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from console.times import rfc3339
from core.domain.alerts import LARGEST_THRESHOLD, RULES, Rule, Setting
from core.notifying import addresses, standard_webhooks
from core.notifying.problems import NotSent
from core.notifying.sending import Sender
from core.store import alert_settings, audit
from core.store.alert_settings import EMAIL, WEBHOOK, Destination
from core.store.alerts import Alert

if TYPE_CHECKING:
    from core.wiring import Wiring

_EMAIL = re.compile(r"[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,190}")


class Wrong(ValueError):
    """What was given can't be taken. ``problems``: field → a sentence."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True)
class Made:
    """A new destination. ``secret`` is shown this one time (webhooks)."""

    destination: Destination
    secret: str


def rule_of(name: str) -> Rule | None:
    """The rule of that name, or None."""
    return next((rule for rule in Rule if rule == name), None)


def threshold(text: str) -> int:
    """A threshold as people write it; Wrong otherwise."""
    if not re.fullmatch("[0-9]{1,6}", text.strip()) or not 1 <= int(text) <= LARGEST_THRESHOLD:
        raise Wrong({"threshold": f"Write a whole number from 1 to {LARGEST_THRESHOLD:,}."})
    return int(text)


def set_rules(wiring: "Wiring", who: str, wanted: Iterable[Setting]) -> list[Setting]:
    """Store rules; returns those that changed."""
    with wiring.database.transaction() as session:
        changed = alert_settings.set_rules(session, wanted)
        if changed:
            lines = [_told(one) for one in changed]
            audit.record(session, wiring.clock(), who, "alerts.rules-changed", "", lines)
    return changed


def add(wiring: "Wiring", who: str, kind: str, address: str) -> Made:
    """A new destination; Wrong where it can't be one. A webhook gets a secret of its own."""
    address = address.strip()
    _check(kind, address)
    secret = standard_webhooks.new_secret() if kind == WEBHOOK else ""
    try:
        with wiring.database.transaction() as session:
            made = alert_settings.add(session, wiring.sealer, kind, address, secret, wiring.clock())
            audit.record(session, wiring.clock(), who, "alerts.destination-added", f"{kind} {_short(made)}")
    except IntegrityError:
        raise Wrong({"address": "This destination is there already."}) from None
    return Made(made, secret)


def change(
    wiring: "Wiring",
    who: str,
    destination_id: int,
    *,
    enabled: bool | None = None,
    rules: Sequence[str] | None = None,
) -> Destination | None:
    """Switch a destination, or choose its rules (empty = all); None if there is none."""
    with wiring.database.transaction() as session:
        found = alert_settings.destination(session, destination_id)
        if found is None:
            return None
        alert_settings.change(session, destination_id, enabled=enabled, rules=rules)
        details = [] if enabled is None else ["on" if enabled else "off"]
        details += [] if rules is None else [f"rules: {', '.join(rules) or 'all'}"]
        audit.record(
            session,
            wiring.clock(),
            who,
            "alerts.destination-changed",
            f"{found.kind} {_short(found)}",
            details,
        )
        return alert_settings.destination(session, destination_id)


def remove(wiring: "Wiring", who: str, destination_id: int) -> Destination | None:
    """The destination that is told nothing any more; None if there is none."""
    with wiring.database.transaction() as session:
        found = alert_settings.destination(session, destination_id)
        if found is not None:
            alert_settings.remove(session, destination_id)
            what = f"{found.kind} {_short(found)}"
            audit.record(session, wiring.clock(), who, "alerts.destination-removed", what)
    return found


def try_out(wiring: "Wiring", who: str, destination_id: int) -> Destination | None:
    """Send a test now; NotSent where it is not taken, None if there is no such destination."""
    with wiring.database.reading() as session:
        found = alert_settings.destination(session, destination_id, wiring.sealer)
    if found is None:
        return None
    result = "taken"
    try:
        Sender(wiring.settings).try_out(found, uuid.uuid4().hex, wiring.clock())
    except NotSent as problem:
        result = str(problem)
        raise
    finally:
        with wiring.database.transaction() as session:
            what = f"{found.kind} {_short(found)}"
            audit.record(session, wiring.clock(), who, "alerts.tested", what, [result])
    return found


def alert_document(one: Alert, origin: str) -> dict[str, Any]:
    """An alert for programs."""
    return {
        "id": one.id,
        "rule": one.rule,
        "state": "open" if one.resolved_at_ms is None else "resolved",
        "title": one.title,
        "text": one.text,
        "url": f"{origin}{one.path}",
        "opened_at": rfc3339(one.opened_at_ms),
        "resolved_at": rfc3339(one.resolved_at_ms) if one.resolved_at_ms else None,
    }


def destination_document(one: Destination) -> dict[str, Any]:
    """A destination for programs; no secret."""
    return {
        "id": one.id,
        "kind": one.kind,
        "address": one.address,
        "enabled": one.enabled,
        "rules": list(one.rules),
        "last_sent_at": rfc3339(one.sent_at_ms) if one.sent_at_ms else None,
        "problem": one.problem or None,
    }


def rule_document(one: Setting) -> dict[str, Any]:
    """A rule for programs."""
    text = RULES[one.rule]
    return {
        "rule": str(one.rule),
        "title": text.title,
        "explained": text.explained,
        "enabled": one.enabled,
        "threshold": one.threshold,
        "unit": text.unit,
    }


def _check(kind: str, address: str) -> None:
    if kind == EMAIL:
        if not _EMAIL.fullmatch(address):
            raise Wrong({"address": "Write an email address like oncall@example.edu."})
    elif kind == WEBHOOK:
        try:
            addresses.check(address)
        except ValueError as error:
            raise Wrong({"address": f"This is no webhook's address: {error}."}) from None
    else:
        raise Wrong({"kind": "Choose email or webhook."})


def _short(one: Destination) -> str:
    """A webhook's path may be a secret of its own: only its host is told on."""
    if one.kind == EMAIL:
        return one.address
    return f"{one.id} at {one.address.split('/')[2]}"


def _told(one: Setting) -> str:
    state = "on" if one.enabled else "off"
    return f"{one.rule}: {state}, from {one.threshold} {RULES[one.rule].unit}"
