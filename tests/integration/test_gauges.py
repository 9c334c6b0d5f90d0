"""The gauges tell the state that all processes share, and which part of it could not be read."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from console import statuses
from core.domain.alerts import Finding, Rule
from core.domain.fields import Platform
from core.domain.messages import Address, Lane
from core.gauges import Gauges
from core.queue.port import Depths, QueueUnavailable
from core.settings import Settings
from core.store import accounts, alerts, instances, jobs, models, outcomes, processes
from core.store.database import DatabaseUnavailable
from core.store.models import Base
from core.store.outcomes import OutcomeRow
from core.wiring import Wiring, connect
from tests.contract.databases import postgresql, sqlite

NOW = 1_795_428_000_000
HOUR_MS = 3_600_000


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def wiring(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wiring]:
    """An incoming instance (7) between two accounts; time stands still."""
    with sqlite(tmp_path) if request.param == "sqlite" else postgresql() as url:
        secret = "a-secret-key-of-the-tests-only"
        one = connect(Settings.from_env({"CROSSWALK_DATABASE_URL": url, "CROSSWALK_SECRET_KEY": secret}))
        one.clock = lambda: NOW
        Base.metadata.create_all(one.database.engine)
        oauth = {"access_token": "t", "refresh_token": "r", "expires_at_ms": NOW - HOUR_MS}
        with one.database.transaction() as session:
            for platform, values in ((Platform.HUBSPOT, oauth), (Platform.MAINSTAY, {"api_token": "t"})):
                accounts.create(
                    session,
                    one.sealer,
                    platform=platform,
                    name=f"my {platform}",
                    external_id="1",
                    values=values,
                    now_ms=NOW,
                )
            session.add(
                models.Instance(
                    id=7,
                    name="Leads",
                    direction="incoming",
                    hubspot_account_id=1,
                    mainstay_account_id=2,
                    enabled=True,
                    created_at_ms=NOW - HOUR_MS,
                    changed_at_ms=NOW - HOUR_MS,
                )
            )
            session.flush()
            session.add(
                models.MappingVersion(
                    instance_id=7, number=1, document={"rows": [], "filters": []}, created_at_ms=NOW
                )
            )
        yield one
        one.database.engine.dispose()


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"crosswalk_{name}", labels)


def test_which_processes_run_and_which_are_needed(wiring: Wiring) -> None:
    gauges = Gauges(wiring)
    with wiring.database.transaction() as session:
        processes.beat(session, "elsewhere:1:1:a", "incoming", NOW)
        processes.beat(session, "elsewhere:1:1:b", "incoming", NOW)
        processes.beat(session, "elsewhere:1:1:c", "outgoing", NOW)
    gauges.tell()
    assert value("running_processes", role="incoming") == 2
    assert value("running_processes", role="scheduler") == 0
    assert [value("needed_processes", role=one) for one in ("incoming", "scheduler", "web")] == [1, 1, 1]
    assert not value("needed_processes", role="outgoing"), "no enabled instance is outgoing"
    with wiring.database.transaction() as session:
        instances.set_enabled(session, 7, False, NOW)
    gauges.tell()
    assert value("needed_processes", role="incoming") == 0


def test_how_long_ago_a_sweep_got_through(wiring: Wiring) -> None:
    gauges = Gauges(wiring)
    gauges.tell()
    assert value("sweep_age_seconds", queue="incoming.7") == 3600, "never swept since it was enabled"
    with wiring.database.transaction() as session:
        for state, at_ms in (("done", NOW - 60_000), ("failed", NOW - 1_000)):
            job = jobs.start(session, kind="sweep", instance_id=7, owner="x", now_ms=NOW - 90_000)
            jobs.finish(session, job.id, state, at_ms)
    gauges.tell()
    assert value("sweep_age_seconds", queue="incoming.7") == 60, "one that failed does not count"
    with wiring.database.transaction() as session:
        accounts.hold(session, 2, 1, "platform-unavailable", "down", NOW)
    gauges.tell()
    assert value("sweep_age_seconds", queue="incoming.7") == 0, "a held account is not swept"
    assert value("held_accounts", platform="mainstay", code="platform-unavailable") == 1


def test_an_access_that_is_not_renewed_and_an_open_alert(wiring: Wiring) -> None:
    gauges = Gauges(wiring)
    with wiring.database.transaction() as session:
        alerts.open_(session, Finding(Rule.SILENCE, "1", "Silent", "Nothing came.", "/accounts/1"), NOW)
    gauges.tell()
    assert value("access_overdue_seconds", platform="hubspot", account="my hubspot") == 3600
    assert value("access_overdue_seconds", platform="mainstay", account="my mainstay") is None
    assert value("open_alerts", rule="silence") == 1
    assert value("open_alerts", rule="backlog") == 0
    assert value("budget_limit_calls", platform="hubspot", account="my hubspot", budget="calls") == 110


def test_how_long_a_queue_waits_that_does_not_tell(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    """RabbitMQ's does not. Every look is another process's."""
    leads, now = Address(Lane.INCOMING, 7), [NOW]
    wiring.clock = lambda: now[0]

    def look(later_s: int, depth: int) -> float | None:
        now[0] += later_s * 1000
        depths = Depths({leads: depth})
        monkeypatch.setattr(wiring.queue, "depths", lambda _: depths)
        seen = Gauges(wiring).waiting().oldest_s.get(leads)
        assert Gauges(wiring).oldest_s(depths).get(leads) == seen
        [told] = statuses.look(wiring)["instances"]
        assert told["oldest_s"] == seen
        return seen

    assert Gauges(wiring).oldest_s(Depths({leads: 3})) == {}, "nobody has looked yet"
    assert [look(1, 0), look(9, 3), look(20, 3), look(900, 2)] == [None, 0, 20, 920]
    assert [look(5, 0), look(5, 1), look(60, 1)] == [None, 0, 60]
    with wiring.database.transaction() as session:
        accepted = {"accepted_at_ms": now[0] - 2_000, "finished_at_ms": now[0], "occurred_at_ms": NOW}
        done = {"direction": "incoming", "outcome": "updated", "cause": "webhook", "instance_id": 7}
        outcomes.record(session, [OutcomeRow("m", 0, hubspot_account_id=1, **done, **accepted)])
    assert look(1, 1) == 3, "the one that waits came after one that is done"


def test_which_part_does_not_answer(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    gauges = Gauges(wiring)
    gauges.tell()
    assert (value("reachable", part="database"), value("reachable", part="queue")) == (1, 1)

    def away(*_: object) -> None:
        raise QueueUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(type(wiring.queue), "depths", away)
        with pytest.raises(QueueUnavailable):
            gauges.tell()
    assert (value("reachable", part="database"), value("reachable", part="queue")) == (1, 0)
    broken = replace(wiring)
    broken.database = connect(
        Settings.from_env(
            {"CROSSWALK_DATABASE_URL": "sqlite:////nowhere/at/all.db", "CROSSWALK_SECRET_KEY": "x" * 20}
        )
    ).database
    with pytest.raises(DatabaseUnavailable):
        Gauges(broken).tell()
    assert value("reachable", part="database") == 0
