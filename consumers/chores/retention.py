"""Deletes what is older than it is kept, in small steps, so that nobody waits for it.

Called by the scheduler. How long the kinds of records are kept is set by ``CROSSWALK_KEEP_…``;
what is only of passing use has its time here.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from core.settings import Settings
from core.store import console_models, models, users
from core.wiring import Wiring

DAY_MS = 24 * 3600 * 1000
INTENTS_KEPT_MS = 30 * DAY_MS  # encrypted keys of creates that were never answered and never looked at again
DRAFTS_KEPT_MS = 90 * DAY_MS
_STEP = 1_000


def run(wiring: Wiring) -> int:
    """One step: at most a thousand rows per table. Returns how many went."""
    gone = 0
    for key, condition in _old(wiring.settings, wiring.clock()):
        with wiring.database.reading() as session:
            keys = list(session.scalars(select(key).where(condition).limit(_STEP)))
        if keys:
            with wiring.database.transaction() as session:
                session.execute(delete(key.class_).where(key.in_(keys)))
            gone += len(keys)
    return gone


def _old(settings: Settings, now_ms: int) -> Iterator[tuple[InstrumentedAttribute[Any], ColumnElement[bool]]]:
    """Each table's key, and which rows go."""

    def before(kept_s: float) -> int:
        return now_ms - round(kept_s * 1000)

    outcome, log, dead, job = models.Outcome, models.SyncLogEntry, models.DeadLetter, models.Job
    yield outcome.id, outcome.finished_at_ms < before(settings.keep_outcomes_s)
    yield log.id, log.at_ms < before(settings.keep_log_s)
    yield dead.id, (dead.state != "dead") & (dead.settled_at_ms < before(settings.keep_dead_letters_s))
    yield job.id, job.finished_at_ms < before(settings.keep_jobs_s)
    yield console_models.AuditEntry.id, console_models.AuditEntry.at_ms < before(settings.keep_audit_s)
    yield models.Suspect.message_id, models.Suspect.at_ms < now_ms - DAY_MS
    yield models.CreateIntent.id, models.CreateIntent.created_at_ms < now_ms - INTENTS_KEPT_MS
    signed_in, flow, link = console_models.Session, console_models.OAuthFlow, console_models.SignInLink
    yield (
        signed_in.token,
        or_(
            signed_in.seen_at_ms < now_ms - users.IDLE_MS,
            signed_in.created_at_ms < now_ms - users.ABSOLUTE_MS,
        ),
    )
    yield flow.state, flow.created_at_ms < now_ms - DAY_MS
    yield link.token, link.expires_at_ms < now_ms - DAY_MS
    yield console_models.Attempt.who, console_models.Attempt.last_at_ms < now_ms - DAY_MS
    yield console_models.Draft.id, console_models.Draft.changed_at_ms < now_ms - DRAFTS_KEPT_MS
