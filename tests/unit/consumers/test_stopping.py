"""SIGTERM ends a process in time, whatever it waits for (contract §1)."""

import subprocess
import sys
import time

WAITS = """
import os, signal, time
from consumers import stopping

stopping.LATEST_S = 0.2
with stopping.ended_by_signal(lambda: print("told", flush=True)):
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    {waits}
print("in good order", flush=True)
{after}
"""


def ran(waits: str, after: str = "") -> tuple[int, list[str], float]:
    """Its exit status, what it said, and the seconds it took."""
    started_s = time.monotonic()
    code = WAITS.format(waits=waits, after=after)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout.split("\n")[:-1], time.monotonic() - started_s


def test_who_waits_for_ever_is_ended() -> None:
    status, said, took_s = ran("time.sleep(50)")
    assert (status, said) == (0, ["told", "told"]) and took_s < 40


def test_who_ends_in_good_order_is_left_alone() -> None:
    assert ran("pass", "time.sleep(0.5); print('went on')")[:2] == (
        0,
        ["told", "told", "in good order", "went on"],
    )
