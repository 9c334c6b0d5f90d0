"""Retry all: every contact of a problem is tried again, once, and who gets through leaves it."""

from pathlib import Path

import pytest

from consumers import scheduler
from consumers.jobs import retrying
from core.domain.codes import Code
from core.domain.outcomes import Problem
from core.store import jobs, problems, sync_log
from core.store.jobs import Job
from core.store.problems import Key
from tests.end_to_end.clockwork import record, scheduled
from tests.end_to_end.scene import Scene, configuration, scene, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler looks more often; no sweep comes in between."""
    monkeypatch.setattr(scheduler, "TURN_S", 0.1)
    monkeypatch.setattr(scheduler, "CACHE_MS", 3_600_000)


def failing(one: Scene, count: int) -> Key:
    """Records of HubSpot that are said to have failed; the last one has no usable phone to this day."""
    one.apply(configuration("incoming"))
    one.hubspot.set(webhooks=False)
    one.mainstay.set(webhooks=False)
    instance_id = one.instance("incoming").id
    contacts = [one.hubspot.create(**record(number)) for number in range(count - 1)]
    contacts.append(one.hubspot.create(**{**record(count), "phone": "12"}))
    with one.wiring.database.transaction() as session:
        for number, contact in enumerate(contacts):
            about = sync_log.About(instance_id, "incoming", f"hubspot:{contact}", hubspot_id=contact)
            found = [
                Problem(Code.INVALID_PHONE, "phone", "phone"),
                Problem(Code.INVALID_PHONE, "mobile", "mobile"),
            ]
            sync_log.tell(session, about, found, one.wiring.clock() - 1_000 + number)
    return Key(instance_id, 0, Code.INVALID_PHONE)


def job(one: Scene, job_id: int) -> Job:
    with one.wiring.database.reading() as session:
        found = jobs.get(session, job_id)
    assert found is not None
    return found


def test_all_are_tried_once_and_who_fails_again_is_told_again(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        key = failing(one, 12)
        one.start("incoming")
        begun = retrying.begin(one.wiring, key, "ida")
        assert retrying.begin(one.wiring, key, "ida").id == begun.id  # a second click
        assert (begun.total, begun.author) == (12, "ida")
        with scheduled(one):
            until(lambda: job(one, begun.id).state not in jobs.OPEN, 60.0)
        done = job(one, begun.id)
        assert (done.state, done.queued, done.counts) == ("done", 12, {"created": 11, "error": 1})
        with one.wiring.database.reading() as session:
            left = problems.group(session, key, one.wiring.clock())
        assert left is not None and left.contacts.number == 1
        assert len(one.mainstay.all()) == 11


def test_a_retry_that_is_stopped_or_whose_instance_is_gone_queues_nothing_more(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        key = failing(one, 5)
        begun = retrying.begin(one.wiring, key, "ida")
        first = retrying.Contacts(one.wiring).portion(begun, 3)
        assert len(first.messages) == 3 and not first.end
        again = retrying.Contacts(one.wiring).portion(begun, 3)
        assert [m.id for m in again.messages] == [m.id for m in first.messages]
        rest = retrying.Contacts(one.wiring).portion(Job(**{**_members(begun), "cursor": first.cursor}), 3)
        assert len(rest.messages) == 2 and rest.end
        gone = Job(**{**_members(begun), "instance_id": 999})
        assert retrying.Contacts(one.wiring).portion(gone, 3).end
        with one.wiring.database.transaction() as session:
            assert jobs.finish(session, begun.id, "stopped", 1)


def _members(one: Job) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__slots__}
