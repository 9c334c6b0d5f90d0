"""What is kept goes after its time, in small steps; what is still needed stays."""

import dataclasses

from sqlalchemy import func, select

from consumers.chores import retention
from core.store import console_models, models
from tests.integration.console.kit import Scene

DAY_MS = 24 * 3600 * 1000


def rows(now_ms: int, age_ms: int) -> list[object]:
    at_ms, common = now_ms - age_ms, {"hubspot_account_id": 1, "direction": "incoming"}
    name = str(age_ms)
    return [
        models.Outcome(
            **common, message_id=name, outcome="created", cause="event",
            occurred_at_ms=at_ms, accepted_at_ms=at_ms, finished_at_ms=at_ms,
        ),
        models.SyncLogEntry(at_ms=at_ms, direction="incoming", code="invalid-phone", message="x"),
        models.DeadLetter(
            message_id=name, lane="incoming", code="rate-limited", message="x", attempts=1, body=b"",
            first_failed_at_ms=at_ms, last_failed_at_ms=at_ms, state="replayed", settled_at_ms=at_ms,
        ),
        models.Job(kind="sweep", state="done", started_at_ms=at_ms, beat_at_ms=at_ms, finished_at_ms=at_ms),
        models.Suspect(message_id=name, at_ms=at_ms),
        models.CreateIntent(
            source_account_id=1, contact=name, target_account_id=2, sealed=b"", created_at_ms=at_ms
        ),
        console_models.AuditEntry(at_ms=at_ms, who="x", action="x"),
        console_models.Session(token=name, user_id=1, generation=1, created_at_ms=at_ms, seen_at_ms=at_ms),
        console_models.SignInLink(token=name, user_id=1, purpose="password", expires_at_ms=at_ms),
        console_models.Attempt(who=name, last_at_ms=at_ms),
        console_models.OAuthFlow(state=name, id=name, user_id=1, sealed=b"", created_at_ms=at_ms),
        console_models.Draft(user_id=1, document={}, created_at_ms=at_ms, changed_at_ms=at_ms),
    ]  # fmt: skip


def test_everything_of_a_time_goes_after_it_and_the_young_stays(either: Scene) -> None:
    either.connect_both()
    now_ms, database = either.wiring.clock(), either.wiring.database
    with database.transaction() as session:
        session.add(console_models.User(id=1, email="x", role="viewer", created_at_ms=now_ms))
        session.flush()
        session.add_all(rows(now_ms, 3 * 365 * DAY_MS))
        session.add_all(rows(now_ms, 3600 * 1000))
    tables = {type(one) for one in rows(now_ms, 1)}
    assert retention.run(either.wiring) == len(tables)
    assert retention.run(either.wiring) == 0
    with database.reading() as session:
        for table in tables:
            left = session.scalar(select(func.count()).select_from(table))
            # connecting both accounts stands in the audit log, too
            assert left == (3 if table is console_models.AuditEntry else 1), table


def test_a_dead_letter_that_nobody_settled_is_never_removed(scene: Scene) -> None:
    old = next(one for one in rows(scene.wiring.clock(), 9999 * DAY_MS) if isinstance(one, models.DeadLetter))
    old.state, old.settled_at_ms = "dead", None
    with scene.wiring.database.transaction() as session:
        session.add(old)
    assert retention.run(scene.wiring) == 0


def test_the_settings_decide_how_long(scene: Scene) -> None:
    with scene.wiring.database.transaction() as session:
        session.add(rows(scene.wiring.clock(), 2 * DAY_MS)[0])
    assert retention.run(scene.wiring) == 0
    scene.wiring.settings = dataclasses.replace(scene.wiring.settings, keep_outcomes_s=86_400.0)
    assert retention.run(scene.wiring) == 1
