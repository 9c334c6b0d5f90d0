"""A process for the tests: its arguments are KIND WHERE LIMIT WINDOW_S SECONDS.

Waits for a line on its input, then takes every slot that it can get at once, for so many seconds. Prints when
it began and ended (epoch seconds) and how many it got.
"""

import sys
import time

from core.coordination.port import Rate
from tests.contract.coordination_implementations import connect


def grab(kind: str, where: str, rate: Rate, seconds: float) -> tuple[float, float, int]:
    """Take slots that start now; returns (began, ended, slots)."""
    pair = connect(kind, where)
    began = time.time()
    got = 0
    while time.time() < began + seconds:
        got += len(pair.budgets.reserve("bucket", rate, 3, 0.0))
    pair.close()
    return began, time.time(), got


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    chosen = Rate(int(sys.argv[3]), float(sys.argv[4]))
    print(*grab(sys.argv[1], sys.argv[2], chosen, float(sys.argv[5])), flush=True)
