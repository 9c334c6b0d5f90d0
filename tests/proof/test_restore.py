"""The database is lost and restored from yesterday's dump: what is lost, and how the sweep heals the rest.

The runbook's entry *Restore from a backup*, carried out to the letter.
"""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, make_url, select, text

from core.store import models
from tests.deploy.test_upgrade import ended
from tests.end_to_end.processes import Deployment
from tests.end_to_end.production import Crowd, in_processes, started
from tests.end_to_end.scene import configuration
from tests.services.postgres import programs
from tests.services.rabbitmq import RabbitNode

pytestmark = [pytest.mark.services, pytest.mark.processes]
OURS = ("web", "incoming", "outgoing", "scheduler")


def count(one: Deployment, table: type[models.Base]) -> int:
    with one.wiring.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def run(program: str, url: str, *arguments: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    done = subprocess.run([str(programs() / program), *arguments, plain], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def restore(url: str, dump: Path) -> None:
    """An empty database in the place of the lost one, then pg_restore."""
    name = make_url(url).database
    engine = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    command = [str(programs() / "pg_restore"), "--no-owner", "-d", plain, str(dump)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(240)
def test_what_came_since_the_backup_is_found_again(tmp_path: Path) -> None:
    with started(RabbitNode()) as servers, in_processes(tmp_path, servers) as one:
        url = one.env()["CROSSWALK_DATABASE_URL"]
        one.apply(configuration("incoming", "outgoing"))
        one.start(*OURS)
        crowd = Crowd(one.hubspot, one.mainstay)
        crowd.turn_up(3)
        one.settle(60.0)
        dumped_at = datetime.now(UTC).isoformat(timespec="seconds")
        run("pg_dump", url, "-Fc", "-f", str(tmp_path / "crosswalk.dump"))
        crowd.turn_up(3)
        crowd.change("Since")
        one.settle(60.0)
        crowd.check()
        known = count(one, models.Outcome)

        ended(one, [each for each in one.running if each.name in OURS])
        one.wiring.database.engine.dispose()
        restore(url, tmp_path / "crosswalk.dump")
        crowd.change("Meanwhile")  # while nobody listens

        one.crosswalk("migrate")
        one.start(*OURS)
        for instance in ("incoming", "outgoing"):
            one.crosswalk("sweep", instance, "--since", dumped_at)
        one.settle(90.0)
        crowd.check()  # each person once on either side, both sides equal
        assert count(one, models.Link) == len(crowd.records) + len(crowd.contacts)
        assert one.codes() == [] and one.dead() == []
        assert count(one, models.Outcome) < 2 * known  # lost: the timeline since the backup; a new one began
