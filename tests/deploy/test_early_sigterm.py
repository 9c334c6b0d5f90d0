"""SIGTERM to a process that has only begun to import: exit status 0, as at any other moment (contract §1)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.demo.processes import bare

ROOT = Path(__file__).parents[2]
STOPPED = "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nraise RuntimeError('went on')\n"
GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:0")
PROCESSES = {
    "web": (*GUNICORN, "webhooks.wsgi:app"),
    "console": (*GUNICORN, "-c", "python:console.web.serving", "console.web.wsgi:app"),
    "incoming": ("-m", "console", "consume", "incoming"),
    "outgoing": ("-m", "console", "consume", "outgoing"),
    "scheduler": ("-m", "console", "schedule"),
}


def started(folder: Path, *arguments: str) -> int:
    """Run it with a library in its way that is stopped while it is imported; the exit status."""
    (folder / "phonenumbers.py").write_text(STOPPED)  # core.settings, and so everything, imports it
    path = os.pathsep.join([str(folder), str(ROOT)])
    done = subprocess.run(
        [sys.executable, *arguments],
        env=bare(os.environ) | {"PYTHONPATH": path, "TMPDIR": str(folder)},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    assert b"went on" not in done.stderr
    return done.returncode


@pytest.mark.processes
@pytest.mark.parametrize("name", PROCESSES)
def test_who_is_stopped_while_it_starts_ends_in_good_order(name: str, tmp_path: Path) -> None:
    assert started(tmp_path, *PROCESSES[name]) == 0


@pytest.mark.processes
def test_a_command_that_is_cut_short_is_not_done(tmp_path: Path) -> None:
    assert started(tmp_path, "-m", "console", "migrate") == -15
