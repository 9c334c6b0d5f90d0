"""The receiver's metrics page is that of the whole deployment, where all processes share a folder."""

import socket
import subprocess
import sys

import pytest
from sqlalchemy import func, select

from core.store import models
from tests.end_to_end.production import metrics
from tests.end_to_end.scene import until
from tests.integration.production.place import Place
from tests.services.process import free_port
from tests.services.rabbitmq import RabbitNode

pytestmark = [pytest.mark.services, pytest.mark.processes]


def outcomes(place: Place, direction: str) -> int:
    with place.one.wiring.database.reading() as session:
        query = select(func.count()).select_from(models.Outcome).filter_by(direction=direction)
        return session.scalar(query) or 0


def test_the_counters_add_up_over_all_processes(place: Place) -> None:
    place.one.settle()
    before = counters(place)
    with place.load("Counted"):
        pass
    place.check()
    grown = {name: value - before[name] for name, value in counters(place).items()}
    for direction in ("incoming", "outgoing"):
        assert grown[f"told {direction}"] == grown[f"stored {direction}"] > 0
        assert 0 < grown[f"written {direction}"] <= grown[f"stored {direction}"]
    for platform in ("hubspot", "mainstay"):
        assert grown[f"calls {platform}"] == grown[f"served {platform}"] > 0
    assert grown["published"] == grown["accepted"] > 0


def counters(place: Place) -> dict[str, float]:
    """What the page tells beside what the database, the platforms and the queue know."""
    found: dict[str, float] = {
        "published": metrics(place.web, "crosswalk_messages_published_total"),
        "accepted": place.books.events(),
        "served hubspot": place.one.hubspot.calls(),
        "served mainstay": place.one.mainstay.calls(),
    }
    for platform in ("hubspot", "mainstay"):
        found[f"calls {platform}"] = metrics(place.web, "crosswalk_platform_calls_total", platform=platform)
    written = "crosswalk_change_to_written_seconds_count"
    for direction in ("incoming", "outgoing"):
        found[f"told {direction}"] = metrics(place.web, "crosswalk_outcomes_total", direction=direction)
        found[f"stored {direction}"] = outcomes(place, direction)
        found[f"written {direction}"] = metrics(place.web, written, direction=direction)
    return found


def test_depths_and_ages_are_told_while_nobody_consumes(place: Place) -> None:
    incoming = f"incoming.{place.one.instance('incoming').id}"
    place.one.kill("incoming")
    place.crowd.turn_up(3)
    until(lambda: metrics(place.web, "crosswalk_queue_depth_messages", queue=incoming) >= 3)
    until(lambda: metrics(place.web, "crosswalk_queue_oldest_seconds", queue=incoming) > 0)
    place.one.start("incoming")
    place.check()
    assert metrics(place.web, "crosswalk_queue_depth_messages") == 0
    assert metrics(place.web, "crosswalk_queue_oldest_seconds") == 0


def test_a_broker_that_is_away_is_told_and_the_page_still_comes(place: Place) -> None:
    node = place.servers.rabbitmq
    assert isinstance(node, RabbitNode)
    assert metrics(place.web, "crosswalk_shared_known") == 1
    node.freeze()
    try:
        until(lambda: metrics(place.web, "crosswalk_shared_known") == 0)
        assert metrics(place.web, "crosswalk_requests_total") > 0
    finally:
        node.thaw()
    until(place.answers)
    until(lambda: metrics(place.web, "crosswalk_shared_known") == 1)


def test_a_consumer_serves_its_metrics_where_it_is_asked_to(place: Place) -> None:
    port = free_port()
    command = [sys.executable, "-m", "console", "consume", "incoming", "--metrics-port", str(port)]
    place.one._launch("incoming", command)
    until(lambda: answers(port))
    assert metrics(f"http://127.0.0.1:{port}", "crosswalk_outcomes_total") > 0
    done = subprocess.run(
        command, env=place.one.process_env(), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1 and f"--metrics-port {port}" in done.stderr
    place.end("incoming")


def answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
