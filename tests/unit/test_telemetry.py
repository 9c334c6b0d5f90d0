"""Log lines and metrics: fixed shapes, and never a contact's value."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from core import telemetry


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Give the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(style: telemetry.Style = "json") -> io.StringIO:
    stream = io.StringIO()
    telemetry.configure_logging("incoming", style, stream)
    return stream


def test_a_line_is_json_with_event_and_keys() -> None:
    stream = lines()
    telemetry.log("events.accepted", platform="hubspot", events=3)
    line = json.loads(stream.getvalue())
    assert {"level": "info", "role": "incoming", "event": "events.accepted"}.items() <= line.items()
    assert (line["platform"], line["events"]) == ("hubspot", 3)
    assert line["at"].endswith("+00:00")


def test_an_exception_is_told_without_its_text() -> None:
    stream = lines()
    try:
        raise ValueError("Ana Ruiz, ana@example.edu")
    except ValueError as error:
        telemetry.log("outcome.failed", level=logging.ERROR, error=error)
    assert "Ana" not in stream.getvalue()
    line = json.loads(stream.getvalue())
    assert line["error"] == "ValueError"
    assert line["trace"][0].startswith("test_telemetry.py:")


def test_what_a_thread_does_not_catch_is_told_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise ValueError("Ana Ruiz, ana@example.edu")

    stream = lines()
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    telemetry.tell_uncaught()
    thread = threading.Thread(target=fails, name="probe")
    thread.start()
    thread.join()
    line = json.loads(stream.getvalue())
    assert (line["event"], line["thread"], line["error"]) == ("thread.failed", "probe", "ValueError")
    assert "Ana" not in stream.getvalue() and line["trace"][-1].endswith("fails")


def test_another_librarys_arguments_are_not_told() -> None:
    stream = lines()
    logging.getLogger("urllib3.connectionpool").warning(
        "Retrying after %s: %s", "reset", "/contacts/6175550100/"
    )
    line = json.loads(stream.getvalue())
    assert "6175550100" not in stream.getvalue()
    assert line["text"] == "Retrying after %s: %s"


def test_gunicorn_is_heard_but_never_quotes_a_request() -> None:
    stream = lines()
    logging.getLogger("gunicorn.error").error("Worker (pid:%s) exited with code %s.", 7, 3)
    logging.getLogger("gunicorn.error").warning("Invalid request from ip=1.2.3.4: 'ana@example.edu'")
    assert "exited with code 3" in stream.getvalue()
    assert "ana@" not in stream.getvalue()


def test_plain_lines_read_like_a_story() -> None:
    stream = lines("plain")
    telemetry.log("outcome", instance=7, contact="hubspot:1", code="")
    assert stream.getvalue().rstrip().endswith("incoming  outcome instance=7 contact=hubspot:1")


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_metrics_count_with_bounded_labels() -> None:
    before = value("crosswalk_events_total", platform="hubspot", verdict="unwanted", reason="other-object")
    telemetry.record_events("hubspot", "unwanted", 4, "other-object")
    telemetry.record_events("hubspot", "unwanted", 0, "never-told")
    after = value("crosswalk_events_total", platform="hubspot", verdict="unwanted", reason="other-object")
    assert after == before + 4
    assert b"never-told" not in telemetry.metrics_page()[0]


def test_a_queue_that_vanished_is_told_as_empty() -> None:
    telemetry.record_depths({"incoming.991": 5}, {"incoming.991": 12.0})
    assert value("crosswalk_queue_depth_messages", queue="incoming.991") == 5
    telemetry.record_depths({})
    assert value("crosswalk_queue_depth_messages", queue="incoming.991") == 0
    assert value("crosswalk_queue_oldest_seconds", queue="incoming.991") == 0


def test_unconfirmed_messages_are_not_counted_as_published() -> None:
    before = value("crosswalk_messages_published_total", lane="incoming")
    telemetry.record_published({"incoming": 3}, 0.2, confirmed=False)
    assert value("crosswalk_messages_published_total", lane="incoming") == before
    telemetry.record_published({"incoming": 3}, 0.2, confirmed=True)
    assert value("crosswalk_messages_published_total", lane="incoming") == before + 3


_PROCESS = """
from core import telemetry
telemetry.record_outcome("incoming", "created", count=2)
telemetry.record_depths({"incoming.7": 3})
telemetry.record_depths({})
telemetry.record_held([("hubspot", "platform-unavailable")])
"""


def test_processes_of_one_directory_add_up(tmp_path: Path) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-W", "error", "-c", _PROCESS], env=environment, check=True)
    page = subprocess.run(
        [sys.executable, "-c", "from core import telemetry; print(telemetry.metrics_page()[0].decode())"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert 'crosswalk_outcomes_total{code="",direction="incoming",outcome="created"} 4.0' in page
    assert "crosswalk_held_accounts{" not in page, "the gauges of ended processes are forgotten"
    telemetry.forget_dead_processes(tmp_path, live_only=False)
    assert list(tmp_path.glob("counter_*.db")) == []


def test_a_living_process_keeps_its_files(tmp_path: Path) -> None:
    mine, parents = tmp_path / f"counter_{os.getpid()}.db", tmp_path / f"gauge_livesum_{os.getppid()}.db"
    mine.touch()
    parents.touch()
    telemetry.forget_dead_processes(tmp_path, live_only=False)
    assert mine.exists()
    assert parents.exists()
