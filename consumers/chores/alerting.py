"""Looks for what somebody should know, remembers it, and tells it once. Run by the scheduler, under a lease.

    find (alert_rules.py) → judge (core/domain/alerts.py) → store, with notices → send what is due

A rule that can't be looked at leaves its alerts as they are. Messages are grouped: the first waits half a
minute for others, the next one five minutes; what comes and goes meanwhile is never told.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from consumers.chores.alert_rules import LOOKS, Scene
from core import telemetry
from core.domain.alerts import RULES, Finding, Rule, Verdict, judge
from core.domain.fields import Direction
from core.gauges import Gauges, Waiting
from core.notifying.problems import NotSent
from core.notifying.sending import Sender
from core.queue.port import QueueUnavailable
from core.store import accounts, alert_settings, alerts, instances, processes
from core.store.alert_settings import Destination
from core.store.alerts import Envelope
from core.store.database import DatabaseUnavailable
from core.wiring import Wiring

WAIT_MS, GAP_MS = 30_000, 300_000
AGAIN_MS = (60_000, 300_000, 900_000, 3_600_000)  # after the first, second, third, … failure
GIVE_UP_MS = 24 * 3_600_000
_QUIET_MS = max(text.quiet_ms for text in RULES.values())


@dataclass(slots=True)
class Alerting:
    """One per scheduler. ``wait_ms`` and ``gap_ms`` group messages."""

    wiring: Wiring
    gauges: Gauges
    wait_ms: int = WAIT_MS
    gap_ms: int = GAP_MS
    _sender: Sender = field(init=False)
    _gone_ms: dict[str, int] = field(default_factory=dict)  # directions without a consumer, since when

    def __post_init__(self) -> None:
        self._sender = Sender(self.wiring.settings)

    def run(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """One round. DatabaseUnavailable."""
        self._look()
        with self.wiring.database.reading() as session:
            known = alert_settings.destinations(session, self.wiring.sealer)
        for one in known:
            if one.enabled and not stopping():
                self._deliver(one)

    def _look(self) -> None:
        now_ms = self.wiring.clock()
        waiting = self._waiting()
        with self.wiring.database.reading() as session:
            found, judged = _found(self._scene(session, waiting, now_ms))
        with self.wiring.database.transaction() as session:
            open_ = alerts.open_alerts(session)
            before = alerts.last_resolved(session, {one.key for one in found}, now_ms - _QUIET_MS)
            verdict = judge(found, open_, before, judged, now_ms)
            alerts.seen(session, verdict.seen, now_ms)
            alerts.reopen(session, verdict.reopened, now_ms)
            alerts.resolve(session, verdict.resolved, now_ms)
            for finding in verdict.opened:
                alerts.open_(session, finding, now_ms)
            alerts.forget(session, now_ms)
        _tell(verdict)

    def _scene(self, session: Session, waiting: Waiting | None, now_ms: int) -> Scene:
        return Scene(
            session=session,
            sealer=self.wiring.sealer,
            now_ms=now_ms,
            instances={one.id: one for one in instances.all_instances(session)},
            accounts={one.id: one for one in accounts.all_accounts(session)},
            holds={one.account.id: one for one in accounts.held(session)},
            waiting=waiting,
            gone_ms=self._gone(session, now_ms),
        )

    def _gone(self, session: Session, now_ms: int) -> dict[str, int]:
        """Which directions have no consumer, and since when as far as is known: one that ended in good order
        leaves no trace, so what counts then is when this was first seen."""
        running = {one.role for one in processes.running(session, now_ms)}
        seen_ms = processes.last_beats(session)
        told = {one.key for one in alerts.open_alerts(session)}
        before, self._gone_ms = self._gone_ms, {}
        for role in {str(one) for one in Direction} - running:
            lasts = f"{Rule.MISSING}:{role}" in told  # since before this scheduler began
            self._gone_ms[role] = before.get(role, 0 if lasts else seen_ms.get(role, now_ms))
        return self._gone_ms

    def _waiting(self) -> Waiting | None:
        try:
            return self.gauges.waiting()
        except QueueUnavailable:
            return None

    def _deliver(self, destination: Destination) -> None:
        """Send what is due for one destination. No transaction is open meanwhile."""
        now_ms = self.wiring.clock()
        with self.wiring.database.transaction() as session:
            envelope = alerts.claim(
                session,
                destination.id,
                now_ms,
                wait_ms=self.wait_ms,
                gap_ms=self.gap_ms,
                sent_at_ms=destination.sent_at_ms,
            )
        if envelope is None:
            return
        try:
            self._sender.send(destination, envelope, now_ms)
        except NotSent as problem:
            self._failed(destination, envelope, str(problem))
            return
        telemetry.record_notice(destination.kind, "sent")
        telemetry.log("alerts.sent", destination=destination.id, notices=len(envelope.told))
        with self.wiring.database.transaction() as session:
            alerts.taken(session, envelope, self.wiring.clock())

    def _failed(self, destination: Destination, envelope: Envelope, why: str) -> None:
        now_ms = self.wiring.clock()
        pause_ms = AGAIN_MS[min(envelope.attempts, len(AGAIN_MS) - 1)]
        due_ms: int | None = now_ms + int(pause_ms * random.uniform(1.0, 1.2))
        if now_ms - envelope.created_at_ms > GIVE_UP_MS:
            due_ms = None
        telemetry.record_notice(destination.kind, "failed" if due_ms else "given-up")
        telemetry.log("alerts.not-sent", level=logging.WARNING, destination=destination.id, why=why)
        with self.wiring.database.transaction() as session:
            alerts.refused(session, envelope, why, due_ms)


def _found(scene: Scene) -> tuple[list[Finding], set[Rule]]:
    """What the rules find, and which could be looked at. One that is switched off finds nothing."""
    found: list[Finding] = []
    judged: set[Rule] = set()
    for rule, setting in alert_settings.settings(scene.session).items():
        if rule is Rule.BACKLOG and scene.waiting is None:
            continue
        try:
            found += LOOKS[rule](scene, setting.threshold) if setting.enabled else []
        except DatabaseUnavailable:
            raise
        except Exception as error:
            # One rule that breaks must not silence the others.
            telemetry.log("alerts.broken", level=logging.ERROR, rule=rule, error=error)
            continue
        judged.add(rule)
    return found, judged


def _tell(verdict: Verdict) -> None:
    for finding in verdict.opened:
        telemetry.log("alert.opened", level=logging.WARNING, rule=finding.rule, subject=finding.subject)
    for alert_id in verdict.resolved:
        telemetry.log("alert.resolved", alert=alert_id)
