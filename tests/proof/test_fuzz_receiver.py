"""A million strange requests at the receiver: every answer is a documented one, and none is slow.

Without sockets, in as many processes as there are processors. Each ten thousand have a seed of their own
that a failure tells: ``fuzz.attack(app, SEED, 10_000)`` sends the same again.
"""

import logging
import os
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.security import fuzz
from tests.unit.webhooks import kit

INPUTS = 1_000_000
PER_SEED = 10_000
SLOWEST_S = 3.0  # one request, processors shared


def attacked(seed: int) -> tuple[Counter[int], float]:
    logging.disable()
    tally = fuzz.attack(kit.site().client.application, seed, PER_SEED)
    return tally.statuses, tally.slowest_s


@pytest.mark.timeout(3600)
def test_a_million_strange_requests(capsys: pytest.CaptureFixture[str]) -> None:
    started_s, statuses, slowest_s = time.monotonic(), Counter[int](), 0.0
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for counted, took_s in pool.map(attacked, range(1_000, 1_000 + INPUTS // PER_SEED)):
            statuses += counted
            slowest_s = max(slowest_s, took_s)
    with capsys.disabled():
        print(
            f"\n{sum(statuses.values()):,} requests in {time.monotonic() - started_s:.0f} s", dict(statuses)
        )
        print(f"slowest: {slowest_s * 1000:.0f} ms")
    assert sum(statuses.values()) == INPUTS and slowest_s < SLOWEST_S
