"""``crosswalk demo --production``: on servers of its own choice, in places of its own, or what is missing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url

from console.demo.processes import bare
from console.demo.servers import ServersMissing, find, place_name
from tests.end_to_end.production import Servers, make_virtual_host, metrics
from tests.end_to_end.scene import until
from tests.services.process import free_port
from tests.services.rabbitmq import RabbitNode

pytestmark = pytest.mark.services


def settings(servers: Servers) -> dict[str, str]:
    return {
        "CROSSWALK_BROKER_URL": servers.rabbitmq.url,
        "CROSSWALK_DATABASE_URL": servers.postgres.url,
        "CROSSWALK_REDIS_URL": servers.redis.url,
    }


def test_all_that_is_missing_is_told_at_once_and_without_passwords(tmp_path: Path) -> None:
    nowhere = {
        "CROSSWALK_BROKER_URL": "amqp://someone:s3cret@127.0.0.1:1//",
        "CROSSWALK_DATABASE_URL": "postgresql+psycopg://someone:s3cret@127.0.0.1:1/x",
        "CROSSWALK_REDIS_URL": "redis://someone:s3cret@127.0.0.1:1",
    }
    with pytest.raises(ServersMissing) as missing:
        find(nowhere, tmp_path, anew=True)
    told = str(missing.value)
    assert all(one in told for one in ("RabbitMQ at", "PostgreSQL at", "Redis at", *nowhere))
    assert "s3cret" not in told
    with pytest.raises(ServersMissing, match="sqlite, not PostgreSQL"):
        find(nowhere | {"CROSSWALK_DATABASE_URL": "sqlite:///x.db"}, tmp_path, anew=True)


def test_a_broker_that_needs_a_hand_is_told_with_the_commands(tmp_path: Path, servers: Servers) -> None:
    with pytest.raises(ServersMissing) as missing:
        find(settings(servers), tmp_path, anew=True)
    assert f"rabbitmqctl add_vhost {place_name(tmp_path)}" in str(missing.value)
    assert "PostgreSQL" not in str(missing.value)


@pytest.mark.processes
def test_the_demo_runs_in_places_of_its_own(tmp_path: Path, servers: Servers) -> None:
    folder, port = tmp_path / "demo", free_port(in_a_row=4)
    assert isinstance(servers.rabbitmq, RabbitNode)
    make_virtual_host(servers.rabbitmq, place_name(folder))
    command = [sys.executable, "-m", "console", "demo", "--production", "--port", str(port)]
    output = tmp_path / "output"
    with output.open("wb") as log:
        demo = subprocess.Popen(
            [*command, "--data", str(folder)],
            env=bare(os.environ) | settings(servers),
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: demo.poll() is not None or "What happens:" in output.read_text(), 90.0)
        assert "20 created" in output.read_text()
        receiver = f"http://127.0.0.1:{port}"
        assert metrics(receiver, "crosswalk_outcomes_total", direction="incoming", outcome="created") == 20
        assert metrics(receiver, "crosswalk_outcomes_total", direction="outgoing", outcome="created") == 20
        engine = create_engine(make_url(servers.postgres.url))
        assert "outcomes" in inspect(engine).get_table_names(schema=place_name(folder))
        assert inspect(engine).get_table_names(schema="public") == []
        engine.dispose()
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.wait()
