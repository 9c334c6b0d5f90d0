"""Runs several processes as one command: starts them, notices the first that ends, stops them all.

Each child is in a process group of its own, so that Ctrl-C reaches this process alone and the children are
stopped in order, with time to finish. A child is told to end should this process be killed (Linux).
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_TAIL_BYTES = 4000


class ChildFailed(Exception):
    """A child ended by itself, or did not get ready. The text names it and says what it said last."""


@dataclass(frozen=True, slots=True)
class Child:
    """A command. ``log``: where its output goes; None = this process's own. ``ready``: it can be used."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    log: Path | None = None
    ready: Callable[[], bool] | None = None


@dataclass(slots=True)
class Supervisor:
    """The running children, in the order of their start."""

    _running: list[tuple[Child, "subprocess.Popen[bytes]"]] = field(default_factory=list)

    def start(self, child: Child, patience_s: float = 30.0) -> None:
        """Start it, and wait until it is ready; ChildFailed otherwise."""
        output: IO[bytes] | None = child.log.open("wb") if child.log else None
        try:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                list(child.command),
                env=dict(child.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,
                preexec_fn=_end_with_parent(os.getpid()),
            )
        finally:
            if output:
                output.close()
        self._running.append((child, process))
        deadline_s = time.monotonic() + patience_s
        while child.ready and not child.ready():
            self.check()
            if time.monotonic() > deadline_s:
                raise ChildFailed(
                    f"{child.name} did not get ready within {patience_s:.0f} s{_last_words(child)}"
                )
            time.sleep(0.05)

    def check(self) -> None:
        """ChildFailed if any child has ended."""
        for child, process in self._running:
            status = process.poll()
            if status is not None:
                raise ChildFailed(f"{child.name} has ended ({_status(status)}){_last_words(child)}")

    def stop(self, patience_s: float = 30.0) -> list[str]:
        """End all, the last started first, side by side; returns the names of those that had to be killed."""
        for _, process in reversed(self._running):
            _signal(process, signal.SIGTERM)
        killed = []
        deadline_s = time.monotonic() + patience_s
        for child, process in reversed(self._running):
            try:
                process.wait(max(0.0, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                killed.append(child.name)
            _signal(process, signal.SIGKILL)  # what is left of its group, too
            process.wait()
        self._running.clear()
        return killed


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    try:
        if number is signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except ProcessLookupError:
        pass


def _end_with_parent(parent: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: between fork and exec as little as possible is done

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it was killed before this line
            os.kill(os.getpid(), signal.SIGTERM)

    return ask


def _status(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def _last_words(child: Child) -> str:
    if child.log is None or not child.log.exists():
        return ""
    with child.log.open("rb") as file:
        file.seek(max(0, child.log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
    said = f"; it said last: {lines[-1][:300]}" if lines else ""
    return f"{said} (all of it: {child.log})"
