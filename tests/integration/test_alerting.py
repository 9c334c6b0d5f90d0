"""From what is found to what somebody reads: once, grouped, over restarts, on both databases."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from consumers.chores import alerting as module
from consumers.chores.alert_rules import LOOKS
from consumers.chores.alerting import GIVE_UP_MS, Alerting
from core.domain.alerts import CLEAR_MS, Finding, Rule, Setting
from core.domain.codes import Code
from core.domain.fields import Platform
from core.domain.messages import Address, Lane, Message
from core.domain.outcomes import Problem
from core.gauges import Gauges
from core.queue.port import QueueUnavailable
from core.settings import Settings
from core.store import accounts, alert_settings, alerts, dead_letters, models, processes, sync_log, tallies
from core.store.alert_settings import EMAIL, WEBHOOK
from core.store.models import Base
from core.store.tallies import Key, Kind
from core.wiring import Wiring, connect
from tests.contract.databases import postgresql, sqlite
from tests.services.smtp import MailServer, mail_server

NOW = 1_795_428_000_000
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


@dataclass
class Scene:
    """A deployment of one incoming instance (7), whose time stands still. ``mail`` is where its alerts go."""

    wiring: Wiring
    mail: MailServer
    now_ms: int = NOW

    def __post_init__(self) -> None:
        self.wiring.clock = lambda: self.now_ms
        self.alerting = self.started()

    def started(self) -> Alerting:
        """A scheduler that has just begun."""
        return Alerting(self.wiring, Gauges(self.wiring))

    def later(self, ms: int) -> None:
        """Time passes, and the consumers show themselves."""
        self.now_ms += ms
        self.beat("incoming")

    def beat(self, role: str) -> None:
        with self.wiring.database.transaction() as session:
            processes.beat(session, f"elsewhere:1:1:{role}", role, self.now_ms)

    def open(self) -> list[str]:
        with self.wiring.database.reading() as session:
            return sorted(one.key for one in alerts.open_alerts(session))

    def problem(self, contact: str, code: Code = Code.INVALID_PHONE) -> None:
        with self.wiring.database.transaction() as session:
            about = sync_log.About(7, "incoming", f"hubspot:{contact}", contact, fingerprint=str(self.now_ms))
            sync_log.tell(session, about, [Problem(code, "why")], self.now_ms)

    def solved(self, contact: str) -> None:
        with self.wiring.database.transaction() as session:
            sync_log.tell(session, sync_log.About(7, "incoming", f"hubspot:{contact}"), [], self.now_ms)

    def hold(self) -> None:
        with self.wiring.database.transaction() as session:
            accounts.hold(session, 1, 1, "authentication-failed", "refused", self.now_ms)

    def subjects(self) -> list[str]:
        return [str(one["Subject"]) for one in self.mail.messages]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    database = sqlite(tmp_path) if request.param == "sqlite" else postgresql()
    with database as url, mail_server() as mail:
        settings = Settings.from_env(
            {
                "CROSSWALK_DATABASE_URL": url,
                "CROSSWALK_SECRET_KEY": "a-secret-key-of-the-tests-only",
                "CROSSWALK_CONSOLE_URL": "https://console.river.example",
                "CROSSWALK_SMTP_URL": mail.url,
                "CROSSWALK_ALERTS_FROM": "crosswalk@river.example",
                "CROSSWALK_ALERTS_NETWORKS": "127.0.0.0/8",
            }
        )
        wiring = connect(settings)
        Base.metadata.create_all(wiring.database.engine)
        with wiring.database.transaction() as session:
            for platform, values in (
                (Platform.HUBSPOT, {"access_token": "t"}),
                (Platform.MAINSTAY, {"api_token": "t"}),
            ):
                accounts.create(
                    session,
                    wiring.sealer,
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
                    created_at_ms=NOW,
                    changed_at_ms=NOW,
                )
            )
            session.flush()
            session.add(
                models.MappingVersion(
                    instance_id=7, number=1, document={"rows": [], "filters": []}, created_at_ms=NOW
                )
            )
            alert_settings.add(session, wiring.sealer, EMAIL, "oncall@river.example", "", NOW)
        one = Scene(wiring, mail)
        one.beat("incoming")
        yield one
        wiring.database.engine.dispose()


def test_an_alert_is_told_once_and_its_end_once(scene: Scene) -> None:
    scene.problem("1")
    scene.alerting.run()
    assert scene.open() == ["new-cause:7:invalid-phone"] and scene.subjects() == []
    scene.later(30_000)
    scene.alerting.run()
    (first,) = scene.mail.messages
    assert first["Subject"] == "Crosswalk: 1 new: The phone number isn't valid (Leads)"
    assert "https://console.river.example/help/errors/invalid-phone" in first.get_content()
    for _ in range(5):
        scene.problem("2")
        scene.later(10 * MINUTE_MS)
        scene.alerting.run()
    assert len(scene.mail.messages) == 1, "it lasts"
    scene.solved("1")
    scene.solved("2")
    scene.later(CLEAR_MS)
    scene.alerting.run()
    assert scene.open() == []
    scene.later(30_000)
    scene.alerting.run()
    assert scene.subjects()[1:] == ["Crosswalk: 1 resolved: The phone number isn't valid (Leads)"]
    scene.later(DAY_MS)
    scene.alerting.run()
    assert len(scene.mail.messages) == 2


def test_a_storm_is_one_letter_and_the_next_one_waits(scene: Scene) -> None:
    for number, code in enumerate(list(Code)[:10]):
        scene.problem(str(number), code)
    scene.hold()
    scene.later(2 * MINUTE_MS)
    scene.alerting.run()
    scene.later(30_000)
    scene.alerting.run()
    (subject,) = scene.subjects()
    assert "11 new:" in subject and "and 8 more" in subject
    scene.problem("99", Code.UNKNOWN_OPTION)
    for _ in range(8):
        scene.later(30_000)
        scene.alerting.run()
    assert len(scene.mail.messages) == 1, "not within five minutes"
    scene.later(60_000)
    scene.alerting.run()
    assert len(scene.mail.messages) == 2 and "1 new:" in scene.subjects()[1]


def test_what_comes_and_goes_before_anybody_was_told_is_never_told(scene: Scene) -> None:
    scene.problem("1")
    scene.alerting.run()
    scene.solved("1")
    scene.alerting.wait_ms = 10 * MINUTE_MS
    scene.later(CLEAR_MS)
    scene.alerting.run()
    scene.later(DAY_MS)
    scene.alerting.run()
    assert scene.mail.messages == [] and scene.open() == []


def test_a_restart_forgets_and_repeats_nothing(scene: Scene) -> None:
    scene.problem("1")
    scene.started().run()
    scene.later(30_000)
    scene.started().run()
    scene.later(10 * MINUTE_MS)
    scene.started().run()
    assert len(scene.mail.messages) == 1
    scene.solved("1")
    scene.later(CLEAR_MS)
    scene.started().run()
    scene.later(30_000)
    scene.started().run()
    assert len(scene.mail.messages) == 2


def test_what_was_sent_while_the_process_died_goes_out_under_the_same_id(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.problem("1")
    scene.alerting.run()
    scene.later(30_000)
    with monkeypatch.context() as killed:
        killed.setattr(module.alerts, "taken", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            scene.alerting.run()
    scene.problem("2", Code.UNKNOWN_OPTION)
    scene.started().run()
    assert len({str(one["Message-ID"]) for one in scene.mail.messages}) == 1
    assert len(scene.mail.messages) == 2, "both the same, without what came meanwhile"
    assert len(set(scene.subjects())) == 1


def test_a_destination_that_is_away_is_tried_again_for_a_day(scene: Scene) -> None:
    scene.problem("1")
    scene.alerting.run()
    scene.mail.refuse = "451 later"
    scene.later(30_000)
    scene.alerting.run()
    scene.later(30_000)
    scene.alerting.run()
    with scene.wiring.database.reading() as session:
        (one,) = alert_settings.destinations(session)
    assert one.problem == "the mail server refused the recipient"
    scene.mail.refuse = ""
    scene.later(2 * MINUTE_MS)
    scene.alerting.run()
    assert len(scene.mail.messages) == 1
    with scene.wiring.database.reading() as session:
        assert alert_settings.destinations(session)[0].problem == ""
    scene.mail.refuse = "451 later"
    scene.hold()
    scene.later(2 * MINUTE_MS)
    scene.alerting.run()
    for _ in range(80):
        scene.later(GIVE_UP_MS // 40)
        scene.alerting.run()
    scene.mail.refuse = ""
    scene.later(DAY_MS)
    scene.alerting.run()
    assert len(scene.mail.messages) == 1, "given up"


def test_one_destination_in_trouble_does_not_hold_up_another(scene: Scene) -> None:
    with scene.wiring.database.transaction() as session:
        url = "http://127.0.0.1:1/nobody"
        alert_settings.add(session, scene.wiring.sealer, WEBHOOK, url, "whsec_c2VjcmV0", NOW)
        alert_settings.add(session, scene.wiring.sealer, EMAIL, "second@river.example", "", NOW)
        alert_settings.change(session, 3, rules=["held-account"])
    scene.problem("1")
    scene.alerting.run()
    scene.later(30_000)
    scene.alerting.run()
    assert [one["To"] for one in scene.mail.messages] == ["oncall@river.example"]
    with scene.wiring.database.reading() as session:
        assert alert_settings.destination(session, 2).problem == "connection refused"  # type: ignore[union-attr]


def test_a_hold_is_told_after_two_minutes_and_while_it_flaps_once(scene: Scene) -> None:
    scene.hold()
    scene.later(MINUTE_MS)
    scene.alerting.run()
    assert scene.open() == []
    scene.later(MINUTE_MS)
    scene.alerting.run()
    assert scene.open() == ["held-account:1"]
    for _ in range(4):
        with scene.wiring.database.transaction() as session:
            accounts.release(session, 1)
        scene.later(MINUTE_MS)
        scene.alerting.run()
        scene.hold()
        with scene.wiring.database.transaction() as session:
            session.get_one(models.Account, 1).held_since_ms = NOW
        scene.later(15_000)
        scene.alerting.run()
    assert len(scene.mail.messages) == 1


def keys(scene: Scene, rule: Rule, threshold: int) -> list[Finding]:
    with scene.wiring.database.reading() as session:
        waiting = scene.alerting._waiting()
        return LOOKS[rule](scene.alerting._scene(session, waiting, scene.now_ms), threshold)


def test_dead_letters_are_found(scene: Scene) -> None:
    message = Message("m", Address(Lane.INCOMING, 7), "1", NOW, NOW)
    assert keys(scene, Rule.DEAD, 1) == []
    with scene.wiring.database.transaction() as session:
        for number in range(3):
            dead_letters.store(session, replace(message, id=f"m{number}"), Code.UNEXPECTED_ANSWER, "", NOW)
    (one,) = keys(scene, Rule.DEAD, 3)
    assert one.text.startswith("3 wait.") and keys(scene, Rule.DEAD, 4) == []


def test_a_backlog_is_found_by_the_age_of_its_oldest(scene: Scene) -> None:
    scene.wiring.queue._clock = lambda: scene.now_ms  # type: ignore[attr-defined]
    publisher = scene.wiring.queue.publisher()
    publisher._clock = lambda: scene.now_ms  # type: ignore[attr-defined]
    publisher.publish([Message("m", Address(Lane.INCOMING, 7), "1", NOW, NOW)])
    scene.later(14 * MINUTE_MS)
    assert keys(scene, Rule.BACKLOG, 15) == []
    scene.later(MINUTE_MS)
    (one,) = keys(scene, Rule.BACKLOG, 15)
    assert one.title == "Leads is behind" and "1 changes wait" in one.text
    scene.hold()
    assert keys(scene, Rule.BACKLOG, 15) == [], "what is held has an alert of its own"


def test_silence_is_found(scene: Scene) -> None:
    last = NOW - 4 * HOUR_MS
    counted = {Key(last, Kind.EVENTS, 1, ""): (1, last)}
    for ago_ms in range(DAY_MS, DAY_MS + 10 * HOUR_MS, 4 * MINUTE_MS):
        counted[Key(NOW - ago_ms, Kind.EVENTS, 1, "")] = (1, NOW - ago_ms)
    with scene.wiring.database.transaction() as session:
        tallies.add(session, counted)
    (one,) = keys(scene, Rule.SILENCE, 3)
    assert "None for 4.0 hours; at these hours usually one every 4 min" in one.text
    assert keys(scene, Rule.SILENCE, 5) == []


def test_a_connection_that_is_not_renewed_is_found(scene: Scene) -> None:
    values: dict[str, Any] = {"access_token": "a", "refresh_token": "r", "expires_at_ms": NOW}
    with scene.wiring.database.transaction() as session:
        accounts.replace_credentials(session, scene.wiring.sealer, 1, values)
    scene.later(24 * MINUTE_MS)
    assert keys(scene, Rule.EXPIRING, 10) == []
    scene.later(MINUTE_MS)
    (one,) = keys(scene, Rule.EXPIRING, 10)
    assert "my hubspot" in one.title


def test_refused_webhooks_are_found_with_their_reasons(scene: Scene) -> None:
    with scene.wiring.database.transaction() as session:
        tallies.add(
            session,
            {
                Key(NOW - 2 * MINUTE_MS, Kind.REFUSED, 0, "hubspot wrong"): (15, NOW),
                Key(NOW - 3 * MINUTE_MS, Kind.REFUSED, 0, "hubspot stale"): (5, NOW),
                Key(NOW - 20 * MINUTE_MS, Kind.REFUSED, 0, "mainstay wrong"): (50, NOW),
                Key(NOW - 2 * MINUTE_MS, Kind.REFUSED, 0, "mainstay no-table"): (50, NOW),  # sent again
            },
        )
    (one,) = keys(scene, Rule.REFUSED, 20)
    assert "5 stale, 15 wrong" in one.text


def test_a_missing_consumer_is_found(scene: Scene) -> None:
    assert keys(scene, Rule.MISSING, 2) == []
    scene.now_ms += 2 * MINUTE_MS
    (one,) = keys(scene, Rule.MISSING, 2)
    assert one.title == "No incoming consumer runs"


@pytest.mark.parametrize("ever", [True, False])
def test_a_consumer_that_was_stopped_or_never_ran_is_missed_after_two_minutes(
    scene: Scene, ever: bool
) -> None:
    if ever:
        scene.alerting.run()
    with scene.wiring.database.transaction() as session:
        processes.leave(session, "elsewhere:1:1:incoming")
    scene.now_ms += MINUTE_MS // 4
    scene.alerting.run()
    scene.now_ms += 2 * MINUTE_MS - 1
    scene.alerting.run()
    assert scene.open() == []
    scene.now_ms += 1
    scene.alerting.run()
    assert scene.open() == ["missing-process:incoming"]
    scene.alerting = scene.started()
    for _ in range(2):
        scene.now_ms += CLEAR_MS
        scene.alerting.run()
        assert scene.open() == ["missing-process:incoming"], "another scheduler does not forget it"
    scene.later(1)
    scene.alerting.run()
    scene.later(CLEAR_MS)
    scene.alerting.run()
    assert scene.open() == []


def test_a_broken_rule_or_an_absent_queue_silences_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.problem("1")
    scene.hold()
    scene.later(2 * MINUTE_MS)
    scene.alerting.run()
    assert len(scene.open()) == 2
    monkeypatch.setitem(module.LOOKS, Rule.NEW_CAUSE, lambda *_: 1 / 0)  # type: ignore[arg-type]
    monkeypatch.setattr(type(scene.wiring.queue), "depths", _away)
    with scene.wiring.database.transaction() as session:
        accounts.release(session, 1)
    scene.later(CLEAR_MS)
    scene.alerting.run()
    assert scene.open() == ["new-cause:7:invalid-phone"]


def _away(*_: object) -> None:
    raise QueueUnavailable("away")


def test_a_rule_that_is_switched_off_finds_nothing_and_ends_its_alerts(scene: Scene) -> None:
    scene.problem("1")
    scene.alerting.run()
    with scene.wiring.database.transaction() as session:
        assert alert_settings.set_rules(session, [Setting(Rule.NEW_CAUSE, False, 1)])
        assert not alert_settings.set_rules(session, [Setting(Rule.NEW_CAUSE, False, 1)])
    scene.later(CLEAR_MS)
    scene.alerting.run()
    assert scene.open() == []


def test_nothing_of_a_contact_stands_in_what_is_told(scene: Scene) -> None:
    with scene.wiring.database.transaction() as session:
        about = sync_log.About(7, "incoming", "hubspot:123454321", "123454321", "mstay-987", "https://x/987")
        sync_log.tell(session, about, [Problem(Code.INVALID_VALUE, "canary-message", "f")], NOW)
    scene.alerting.run()
    scene.later(30_000)
    scene.alerting.run()
    with scene.wiring.database.reading() as session:
        stored = json.dumps([str(one) for one in alerts.recent(session)])
    told = scene.mail.messages[0].as_string() + stored
    assert not re.search("123454321|mstay-987|canary-message", told)
