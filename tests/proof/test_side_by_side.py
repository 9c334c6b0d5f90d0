"""Several processes of a kind at once."""

from itertools import pairwise
from pathlib import Path

import pytest

from core.store import jobs
from tests.end_to_end.processes import deployment
from tests.end_to_end.scene import configuration, until

pytestmark = pytest.mark.processes


def test_two_schedulers_and_three_consumers_do_each_thing_once(tmp_path: Path) -> None:
    """All events are lost: two sweeps at once find the contacts, three consumers carry them over."""
    with deployment(tmp_path, environment={"CROSSWALK_SWEEP_EVERY": "1s"}) as one:
        one.apply(configuration("incoming"))
        one.hubspot.set(webhooks=False)
        one.mainstay.set(webhooks=False)
        one.start("scheduler", "scheduler", "incoming", "incoming", "incoming")
        for number in range(40):
            one.hubspot.create(firstname="Ana", lastname=f"Ruiz{number}", phone=f"61755507{number:02}")
        until(lambda: len(one.mainstay.all()) == 40, 40.0)
        ends: list[int] = []

        def swept_twice_more() -> bool:
            with one.wiring.database.reading() as session:
                ends[:] = [job.finished_at_ms or 0 for job in jobs.recent(session, 50) if job.state == "done"]
            return len([end for end in ends if end > seen_ms]) >= 2

        seen_ms = one.wiring.clock()
        until(swept_twice_more, 30.0)
        for scheduler in [r for r in one.running if r.name == "scheduler"]:
            scheduler.term()
            assert scheduler.ended() == 0
            one.forget(scheduler)
        one.settle()
        writes = one.mainstay.counters()["total"]
        assert len(one.mainstay.all()) == writes["total_writes"] == 40
        assert one.codes() == [] and one.dead() == []
        assert all(later - earlier > 500 for earlier, later in pairwise(sorted(ends)))
