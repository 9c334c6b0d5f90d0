"""The Health page and its twins: what they tell of figures that are known, and of parts that are away."""

import json
import re
import threading
from dataclasses import replace

import pytest
from click.testing import CliRunner

from console.access import Role
from console.cli.main import crosswalk
from console.cli.start import Start
from console.health import components
from core.domain.delays import edge_ms
from core.domain.messages import Address, Lane, Message
from core.store import accounts, api_tokens, audit, dead_letters, processes, roll_ups, tallies
from core.store.health_models import RollUp
from core.store.tallies import Key, Kind
from tests.integration.console.kit import Scene

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


@pytest.fixture
def filled(scene: Scene) -> Scene:
    """An hour of life of one instance, from HubSpot to Mainstay."""
    scene.connect_both()
    browser = scene.browser(Role.OWNER)
    browser.post("/integrations/hubspot/new", direction="incoming")
    browser.post("/wizard/1/details", name="Leads", do="next")
    browser.post("/wizard/1/preview", do="finish")
    browser.post("/integrations/hubspot/instances/1/enable", since="now")
    minute = now_ms(scene) - now_ms(scene) % MINUTE_MS - 5 * MINUTE_MS
    with scene.wiring.database.transaction() as session:
        for outcome, code, delay_ms, messages in (
            ("updated", "", edge_ms(900), 19),
            ("updated", "", edge_ms(50_000), 1),
            ("filtered", "", 0, 4),
            ("error", "invalid-phone", 0, 3),
        ):
            session.add(
                RollUp(
                    span_ms=MINUTE_MS,
                    start_ms=minute,
                    instance_id=1,
                    direction="incoming",
                    outcome=outcome,
                    code=code,
                    delay_ms=delay_ms,
                    messages=messages,
                    tries=2 if code else 0,
                )
            )
        session.flush()
        roll_ups._roll_hours(session, minute, minute + 1)
        tallies.add(
            session,
            {
                Key(minute, Kind.CALLS, 1, "ok"): (30, minute),
                Key(minute, Kind.CALLS, 1, "limited"): (2, minute),
                Key(minute, Kind.EVENTS, 1, ""): (12, minute),
                Key(minute, Kind.REFUSED, 0, "hubspot stale"): (7, minute),
            },
        )
        audit.record(session, minute, "ops@river.example", "release.deployed", "0.2.0")
    return scene


def now_ms(scene: Scene) -> int:
    return scene.wiring.clock()


def beat(scene: Scene, *roles: str) -> None:
    with scene.wiring.database.transaction() as session:
        for role in roles:
            processes.beat(session, f"elsewhere:1:1:{role}", role, now_ms(scene))


def test_the_page_tells_delays_outcomes_calls_and_marks(filled):
    browser = filled.browser(Role.VIEWER)
    page = browser.get("/health")
    told = browser.words()
    assert "Changes arrive after 0.9 s ; 95 % within 1 s. 27 ended, 2 tries had to be repeated." in told
    assert "32 calls" in told and "768 calls a day at this pace" in told
    assert "of 1,000 in 1 s" in told and "HubSpot: signed more than five minutes ago 7" in told
    assert "Release deployed: 0.2.0" in told and 'class="mark deploy"' in page
    assert page.count('role="img"') == 3, "incoming twice, HubSpot's calls"
    assert "Filtered out 4" in page and "Nothing came in this time." in told
    assert re.search(r"Show as table.*Written.*20", told)


@pytest.mark.parametrize("over", ["1h", "24h", "7d", "30d", "nonsense"])
def test_every_stretch_of_time_shows_the_same_sums(filled, over):
    browser = filled.browser(Role.VIEWER)
    browser.get(f"/health?over={over}")
    assert browser.status == 200
    assert "27 ended" in browser.words()


def test_parts_that_are_missing_are_named(filled):
    browser = filled.browser(Role.VIEWER)
    browser.get("/health/live")
    told = browser.words()
    assert "3 parts do not work" in told and "Process incoming: none showed itself within a minute" in told
    assert "Process outgoing" not in told, "no outgoing instance is on"
    beat(filled, "scheduler", "web", "incoming")
    browser.get("/health/live")
    assert "All parts work." in browser.words()
    with filled.wiring.database.transaction() as session:
        accounts.hold(session, 1, 1, "authentication-failed", "refused", now_ms(filled))
    browser.get("/health/live")
    assert "Held: The connection has expired or was revoked" in browser.words()


def test_what_waits_and_dead_letters_are_counted(filled):
    at_ms = now_ms(filled)
    message = Message("m1", Address(Lane.INCOMING, 1), "1", at_ms, at_ms)
    filled.wiring.queue.publisher().publish([message, replace(message, id="m2", contact="2")])
    with filled.wiring.database.transaction() as session:
        dead_letters.store(session, message, "unexpected-answer", "why", at_ms)
    browser = filled.browser(Role.VIEWER)
    browser.get("/health")
    assert re.search(r"Leads HubSpot → Mainstay 2 0(\.\d)? s", browser.words())
    assert "Dead letters both 1" in browser.words()
    assert "The 2 that wait need at least" in browser.words()


def test_silence_is_told_against_the_same_hours_of_the_day_before(filled):
    at_ms = now_ms(filled)
    with filled.wiring.database.transaction() as session:
        session.query(tallies.Tally).delete()
        before = {
            Key(at_ms - at_ms % MINUTE_MS - DAY_MS - n * MINUTE_MS, Kind.EVENTS, 1, ""): (
                1,
                at_ms - DAY_MS - n * MINUTE_MS,
            )
            for n in range(0, 600, 4)
        }
        last = at_ms - 4 * HOUR_MS
        tallies.add(session, {**before, Key(last - last % MINUTE_MS, Kind.EVENTS, 1, ""): (1, last)})
    browser = filled.browser(Role.VIEWER)
    browser.get("/health")
    assert re.search(r"none for 4 h; usually one every (3\.9|4) min", browser.words())


def test_a_queue_that_hangs_does_not_hang_the_page(filled, monkeypatch):
    stuck = threading.Event()
    monkeypatch.setattr(components, "PATIENCE_S", 0.2)
    monkeypatch.setattr(type(filled.wiring.queue), "ping", lambda self: stuck.wait(30) and "")
    browser = filled.browser(Role.VIEWER)
    browser.get("/health")
    stuck.set()
    assert browser.status == 200 and "no answer within 0.2 s" in browser.words()


def test_the_api_and_the_command_tell_the_same(filled):
    beat(filled, "scheduler", "web", "incoming")
    with filled.wiring.database.transaction() as session:
        _, token = api_tokens.create(
            session, name="t", role=Role.VIEWER, author="test", now_ms=now_ms(filled)
        )
    answer = filled.app.test_client().get(
        "/api/v1/health?over=24h", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200, answer.text
    told = answer.json
    assert told["directions"][0]["outcomes"] == {"written": 20, "filtered": 4, "error": 3}
    assert told["accounts"][0]["calls"] == {"ok": 30, "limited": 2}
    start = Start({}, lambda _: filled.wiring)
    start._wiring = filled.wiring
    run = CliRunner().invoke(crosswalk, ["health", "--over", "24h", "--json"], obj=start)
    assert run.exit_code == 0, run.output
    again = json.loads(run.output)
    assert {**again, "at": "", "accounts": []} == {**told, "at": "", "accounts": []}
    plain = CliRunner().invoke(crosswalk, ["health"], obj=start)
    assert plain.exit_code == 0 and "dead letters" in plain.output
