"""A server of our own: a process group that a test may stop, kill or freeze, and its temporary folder."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest


def unavailable(what: str) -> NoReturn:
    """Skip on a laptop, with one line; fail where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}: needed where CI=true", pytrace=False)
    pytest.skip(what)


def free_port(in_a_row: int = 1) -> int:
    """The first of ``in_a_row`` TCP ports that nobody listens on.

    Never one that the system lends to outgoing connections (32768 and up on Linux): such a port
    can be gone again before the process that was to have it has started; nor one of the half from which
    the tests' other worker chooses.
    """
    half = 10_240 + 10_880 * (os.environ.get("PYTEST_XDIST_WORKER", "gw0")[-1] in "13579")
    while True:
        first = random.SystemRandom().randrange(half, half + 10_880 - in_a_row)
        try:
            with contextlib.ExitStack() as held:
                for port in range(first, first + in_a_row):
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
        except OSError:
            continue
        return first


def eventually(holds: Callable[[], object], within_s: float = 10.0, every_s: float = 0.05) -> None:
    """Wait until ``holds()`` is true; AssertionError after ``within_s``."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s:g} s"
        time.sleep(every_s)


class Server:
    """One server process. Subclasses say how it is started and when it is ready."""

    name = "server"

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"crosswalk-{self.name}-"))
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        """What to run."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """What it is run with."""
        return dict(os.environ)

    def user(self) -> str | None:
        """Who runs it, where it may not be us."""
        return None

    def answers(self) -> bool:
        """Whether it is ready."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    @property
    def runs(self) -> bool:
        """Whether it was started and not ended."""
        return self._process is not None

    def start(self, within_s: float = 60.0) -> None:
        """Start it, and wait until it is ready."""
        self.launch()
        self.await_ready(within_s)

    def launch(self) -> None:
        """Start it."""
        with (self.folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                env=self.environment(),
                user=self.user(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def await_ready(self, within_s: float = 60.0) -> None:
        """Wait until it is ready."""

        def ready() -> bool:
            assert self._process and self._process.poll() is None, self._output()
            return self.answers()

        eventually(ready, within_s)

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM, all_of_it=False)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL, all_of_it=True)

    def freeze(self) -> None:
        """It answers nothing any more, and its connections stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after ``freeze``."""
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        """End it and forget its data."""
        self.thaw()
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal(self, number: int) -> None:
        for pid in _family(self._process.pid) if self._process else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _end(self, number: int, *, all_of_it: bool) -> None:
        if not self._process:
            return
        family = _family(self._process.pid)
        for pid in family if all_of_it else family[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        self._process.wait(timeout=30)
        self._process = None
        eventually(lambda: not any(_lives(pid) for pid in family), within_s=30)

    def _output(self) -> str:
        return (self.folder / "output.log").read_text(errors="replace")[-2000:]


def _family(pid: int) -> list[int]:
    """A process and all its descendants: servers put theirs into groups and sessions of their own."""
    pids = [pid]
    for parent in pids:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                pids += [int(child) for child in task.read_text().split()]
    return pids


def _lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
