"""Broken authentication and platforms that are down: the account is held, its events wait, it resumes."""

import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from consumers import health
from core.domain.messages import Address, Lane, Message
from core.store import accounts, instances, models, outcomes
from tests.end_to_end.scene import Outside, Scene, configuration, scene, until


def person(number: int) -> dict[str, str]:
    """A HubSpot contact of the source."""
    return {
        "firstname": "Ana",
        "lastname": f"Ruiz{number}",
        "phone": f"61755501{number:02}",
        "email": f"ana{number}@example.edu",
    }


def crowd(one: Scene, count: int, first: int = 0) -> list[str]:
    """Contacts in HubSpot, all queued."""
    ids = [one.hubspot.create(**person(first + number)) for number in range(count)]
    until(one.hubspot.quiet)
    return ids


def held(one: Scene) -> dict[str, str]:
    """The held accounts: name → code."""
    with one.wiring.database.reading() as session:
        return {hold.account.name: hold.code for hold in accounts.held(session)}


def attempts(one: Scene) -> set[int]:
    """How many tries the outcomes tell of."""
    with one.wiring.database.reading() as session:
        return {row.attempt for row in outcomes.following(session, 0)}


def stays_quiet(one: Scene, platform: Outside) -> None:
    """Hardly any call for a second, though everything waits."""
    before, end_s = platform.calls(), time.monotonic() + 1.2
    until(lambda: time.monotonic() > end_s)
    assert platform.calls() - before <= 2
    assert any(one.depths().queues.values()) or one.depths().retry


DOWN = [
    ("hubspot", {"kind": "503"}),
    ("hubspot", {"kind": "garbage"}),
    ("mainstay", {"kind": "500"}),
    ("mainstay", {"kind": "reset"}),
    ("mainstay", {"kind": "500", "path": "/contacts"}),  # the probe's first call would still be answered
    ("mainstay", {"kind": "500", "method": "POST"}),  # only writing is out of order
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held accounts are probed sooner than after five seconds."""
    monkeypatch.setattr(health, "PROBE_S", (1.5, 30.0))


@pytest.mark.parametrize(
    ("platform", "rule"), DOWN, ids=lambda one: one if isinstance(one, str) else "-".join(one.values())
)
def test_a_platform_that_is_down_is_held_and_resumes(
    tmp_path: Path, platform: str, rule: dict[str, Any]
) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        crowd(one, 8)
        broken: Outside = getattr(one, platform)
        broken.fault(**rule)
        one.start("incoming")
        account = "portal" if platform == "hubspot" else "river"
        until(lambda: held(one) == {account: "platform-unavailable"})
        stays_quiet(one, broken)
        broken.mend()
        until(lambda: not held(one))
        one.settle()
        assert len(one.mainstay.all()) == 8
        assert one.codes() == ["platform-unavailable"]
        assert one.log()[0].resolved_at_ms is not None
        assert one.dead() == [] and attempts(one) == {0}


def test_nothing_is_told_again_while_the_platform_stays_down(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        crowd(one, 8)
        one.mainstay.fault(kind="500", method="POST")
        one.start("incoming")
        for _ in range(3):  # the probe succeeds, the next contact fails
            until(lambda: bool(held(one)))
            until(lambda: not held(one))
        assert one.codes() == ["platform-unavailable"] and one.log()[0].resolved_at_ms is None
        assert one.dead() == []
        one.mainstay.mend()
        one.settle()
        assert one.codes() == ["platform-unavailable"] and one.log()[0].resolved_at_ms is not None
        assert len(one.mainstay.all()) == 8 and attempts(one) == {0}


REFUSALS = [("hubspot", "401"), ("mainstay", "401"), ("hubspot", "403"), ("mainstay", "403")]


@pytest.mark.parametrize(("platform", "kind"), REFUSALS)
def test_refused_credentials_hold_the_account_once(tmp_path: Path, platform: str, kind: str) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        broken: Outside = getattr(one, platform)
        broken.fault(kind=kind)
        one.start("incoming", "incoming", "outgoing")
        crowd(one, 2)
        one.mainstay.create(first_name="Ben", last_name="Okafor", phone="6175550199", email="b@example.edu")
        account = "portal" if platform == "hubspot" else "river"
        until(lambda: held(one) == {account: "authentication-failed"})
        stays_quiet(one, broken)
        assert one.codes() == ["authentication-failed"]
        broken.mend()  # the old token was repaired
        until(lambda: not held(one))
        one.settle()
        assert len(one.mainstay.all()) == len(one.hubspot.all()) == 3
        assert one.codes() == ["authentication-failed"] and one.log()[0].resolved_at_ms is not None
        assert one.dead() == [] and attempts(one) == {0}


def test_a_new_token_resumes_and_a_late_refusal_of_the_old_one_does_not_hold_again(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.mainstay.post("orgs", org="river", tokens=["another-token"])
        one.start("incoming")
        crowd(one, 1)
        until(lambda: held(one) == {"river": "authentication-failed"})
        one.apply(configuration("incoming").replace("sandbox-token", "another-token"))
        assert held(one) == {}
        with one.wiring.database.transaction() as session:
            river = next(a for a in accounts.all_accounts(session) if a.name == "river")
            assert not health.hold_credentials(
                session, river, None, version=1, detail="late", now_ms=one.wiring.clock()
            )
        one.settle()
        assert len(one.mainstay.all()) == 1
        one.mainstay.post("orgs", org="river", tokens=["a-third-token"])
        crowd(one, 1, first=1)
        until(lambda: held(one) == {"river": "authentication-failed"})
        assert one.codes() == ["authentication-failed"] * 2


def test_a_single_forbidden_call_is_the_contacts_problem(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.mainstay.fault(kind="403", method="POST")
        one.start("incoming")
        crowd(one, 3)
        one.settle()
        assert held(one) == {} and one.dead() == []
        assert one.codes() == ["permission-missing"] * 3


def test_an_outage_that_turns_out_as_a_refusal_is_held_as_one(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.mainstay.fault(kind="503")
        one.start("incoming")
        crowd(one, 6)
        until(lambda: held(one) == {"river": "platform-unavailable"})
        one.mainstay.mend()
        one.mainstay.fault(kind="401")
        until(lambda: held(one) == {"river": "authentication-failed"})
        one.mainstay.mend()
        one.settle()
        assert len(one.mainstay.all()) == 6
        assert one.codes() == ["platform-unavailable", "authentication-failed"]


def test_messages_of_a_disabled_instance_end_though_its_account_is_held(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.mainstay.fault(kind="401")
        one.start("incoming")
        crowd(one, 3)
        until(lambda: bool(held(one)))
        switch(one, enabled=False)
        until(one.idle, 5.0)
        assert one.outcomes() == {"disabled": 3}
        assert held(one)


def test_disabling_acts_at_once_and_enabling_again_works(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        crowd(one, 5)
        switch(one, enabled=False)
        one.start("incoming")
        one.settle()
        assert one.outcomes() == {"disabled": 5} and one.mainstay.all() == []
        switch(one, enabled=True)
        one.wiring.queue.publisher().publish([look(one, "incoming", one.hubspot.all()[0]["id"])])
        one.settle()
        assert len(one.mainstay.all()) == 1


def test_disabling_acts_between_reading_and_writing(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        crowd(one, 3)
        one.mainstay.fault(kind="slow", delay_s=0.7, method="GET")
        one.start("incoming")
        until(lambda: one.mainstay.calls() > 0)
        switch(one, enabled=False)
        one.settle()
        assert one.outcomes() == {"disabled": 3} and one.mainstay.all() == []


def test_what_waits_on_the_ladder_ends_with_its_instance(tmp_path: Path) -> None:
    with scene(tmp_path, ladder="1h") as one:
        one.apply(configuration("incoming"))
        one.mainstay.fault(kind="500")
        one.start("incoming")
        crowd(one, 2)
        until(lambda: one.depths().retry == 2)
        switch(one, enabled=False)
        until(one.idle, 5.0)
        assert one.outcomes() == {"disabled": 2}


def test_a_deleted_instance_ends_its_messages_and_keeps_links_and_log(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        crowd(one, 1)
        one.hubspot.create(firstname="Eve", lastname="Lee", phone="12", email="eve@example.edu")
        one.settle()
        one.stop()
        told = one.codes()
        crowd(one, 2, first=1)
        with one.wiring.database.transaction() as session:
            instances.delete(session, one.instance("incoming").id, one.wiring.clock())
        one.start("incoming")
        one.settle()
        assert one.outcomes() == {"created": 1, "error": 1, "deleted": 2}
        assert one.codes() == told == ["invalid-phone"]
        with one.wiring.database.reading() as session:
            assert session.scalar(select(func.count()).select_from(models.Link)) == 1


def test_a_held_accounts_own_business_waits_but_not_a_privacy_deletion(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        gone, private = crowd(one, 2)
        one.settle()
        one.hubspot.fault(kind="401")
        one.hubspot.archive(gone)
        until(lambda: held(one) == {"portal": "authentication-failed"})
        one.hubspot.post("privacy-delete", id=private)
        until(lambda: one.outcomes().get("erased", 0) == 1)
        assert one.outcomes().get("handled", 0) == 0 and one.codes() == ["authentication-failed"]
        one.hubspot.mend()
        one.settle()
        assert one.outcomes()["handled"] == 1 and one.dead() == []
        assert one.codes() == ["authentication-failed"] and not held(one)
        with one.wiring.database.reading() as session:
            assert session.scalar(select(func.count()).select_from(models.Link)) == 0


def test_deletions_meet_an_outage_like_contacts(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        records = crowd(one, 6)
        one.settle()
        one.hubspot.fault(kind="503")
        for record in records:
            one.hubspot.archive(record)
        until(lambda: held(one) == {"portal": "platform-unavailable"})
        one.hubspot.mend()
        one.settle()
        assert one.outcomes()["handled"] == 6 and one.dead() == []
        assert one.codes() == ["platform-unavailable"] and one.log()[0].resolved_at_ms is not None


def test_a_merge_waits_for_a_held_organisation(tmp_path: Path) -> None:
    with scene(tmp_path, ladder="0.1s") as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        first, second = crowd(one, 2)
        one.settle()
        one.mainstay.fault(kind="401")
        one.hubspot.post("merge", primary=first, other=second)
        until(lambda: held(one) == {"river": "authentication-failed"})
        one.mainstay.mend()
        one.settle(30.0)
        assert one.outcomes()["handled"] >= 1 and one.dead() == []
        survivor = {r["id"] for r in one.hubspot.all()}
        assert survivor & {c["crm_id"] for c in one.mainstay.all()}


def switch(one: Scene, *, enabled: bool) -> None:
    """Enable or disable the instance."""
    with one.wiring.database.transaction() as session:
        instances.set_enabled(session, one.instance("incoming").id, enabled, one.wiring.clock())


def look(one: Scene, instance: str, contact: str) -> Message:
    """A fresh message about a contact."""
    direction = one.instance(instance).direction
    now_ms = one.wiring.clock()
    address = Address(Lane(direction), one.instance(instance).id)
    return Message(uuid.uuid4().hex, address, contact, now_ms, now_ms)


def test_contacts_that_fail_since_before_others_got_through_are_given_up(tmp_path: Path) -> None:
    """However many they are. Once nobody else comes, every call is theirs, and the platform is not down."""
    with scene(tmp_path, ladder="5s,0.2s") as one:  # they are tried again when all others are through
        one.apply(configuration("incoming"))
        one.mainstay.fault(kind="500", method="POST", contains="Ruiz")
        one.start("incoming")
        for number in range(8):
            crowd(one, 1, first=number)
            one.hubspot.create(**person(50 + number) | {"lastname": "Okafor"})
            until(lambda number=number: len(one.mainstay.all()) == number + 1)
        one.settle()
        assert held(one) == {}
        assert {letter.code for letter in one.dead()} == {"platform-unavailable"} and len(one.dead()) == 8
