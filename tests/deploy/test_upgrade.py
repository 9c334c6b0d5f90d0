"""Two versions side by side on one broker and one database, and back again: nothing lost, nothing doubled."""

from pathlib import Path

import pytest

from tests.deploy.previous import Previous
from tests.end_to_end.processes import Deployment, Running
from tests.end_to_end.production import Books, Crowd, in_processes, started
from tests.end_to_end.scene import configuration, until
from tests.integration.production.place import Place
from tests.services.rabbitmq import RabbitNode

pytestmark = [pytest.mark.services, pytest.mark.processes]


def ended(one: Deployment, processes: list[Running]) -> None:
    """SIGTERM to all of them; each ends with 0."""
    for each in processes:
        each.term()
    for each in processes:
        assert each.ended() == 0, each.log.read_text()[-2000:]
        one.forget(each)


def new(one: Deployment, *names: str) -> list[Running]:
    """This version's processes."""
    known = list(one.running)
    one.start(*names)
    return [each for each in one.running if each not in known]


@pytest.mark.timeout(300)
def test_an_upgrade_rolls_process_by_process_and_rolls_back(tmp_path: Path) -> None:
    previous = Previous(tmp_path / "previous")
    with started(RabbitNode()) as servers, in_processes(tmp_path, servers, migrated=False) as one:
        previous.crosswalk(one, "migrate")
        (tmp_path / "crosswalk.yaml").write_text(configuration("incoming", "outgoing"))
        previous.crosswalk(one, "instances", "apply", str(tmp_path / "crosswalk.yaml"))
        receiver = previous.start(one, "web")
        workers = previous.start(one, "incoming", "outgoing", "scheduler")
        crowd = Crowd(one.hubspot, one.mainstay)
        crowd.turn_up(2)
        until(lambda: len(one.mainstay.all()) == len(one.hubspot.all()) == 4, 30.0)

        one.crosswalk("migrate")  # forward, while the previous version runs
        place = Place(one, servers, Books(one).open(), crowd)
        with place.load(
            "Forward"
        ):  # what the previous receiver queues, both versions carry over, then this one
            ours = new(one, "incoming", "outgoing", "scheduler")
            ended(one, workers)
        place.check()

        previous.start(one, "incoming", "outgoing", "scheduler")  # and back
        ended(one, ours)
        ended(one, receiver)
        new_receiver = new(one, "web")
        with place.load("Back"):  # what this version queues, the previous one carries over
            pass
        place.check()
        ended(one, new_receiver)
        previous.start(one, "web")
