"""What leases and budgets do, whatever they are made of (core/coordination/port.py)."""

import math
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.coordination.port import Budgets, CoordinationUnavailable, Leases, Rate
from core.coordination.redis import RedisBudgets, RedisLeases, open_redis
from core.coordination.sql import SqlBudgets, SqlLeases
from core.owners import this_process
from core.store.database import open_engine
from tests.contract.coordination_implementations import KINDS, SHARED_KINDS, Pair, Store, now_ms, store
from tests.contract.databases import REDIS

A, B = "elsewhere:1:1:a", "elsewhere:1:1:b"


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    with store(request.param, tmp_path) as one:
        yield one


@pytest.fixture
def pair(opened: Store) -> Iterator[Pair]:
    """One process's leases and budgets."""
    one = opened.connect()
    yield one
    one.close()


@pytest.fixture
def leases(pair: Pair) -> Leases:
    """Nothing is leased."""
    return pair.leases


@pytest.fixture
def budgets(pair: Pair) -> Budgets:
    """Nothing is reserved."""
    return pair.budgets


def _soon(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.01)
    return True


def test_a_group_is_granted_whole_or_not_at_all(leases: Leases) -> None:
    assert leases.acquire([["x"]], A, 30) == [True]
    assert leases.acquire([["w", "x", "y"], ["z"]], B, 30) == [False, True]
    assert leases.acquire([["w"], ["y"], ["z"]], A, 30) == [True, True, False]


def test_ones_own_keys_count_as_free(leases: Leases) -> None:
    assert leases.acquire([["x", "y"], ["y", "z"]], A, 30) == [True, True]
    assert leases.acquire([["x", "new"]], A, 30) == [True]
    assert leases.acquire([["new"]], B, 30) == [False]


def test_nothing_asked_is_granted(leases: Leases) -> None:
    assert leases.acquire([], A, 30) == []
    assert leases.acquire([[], ["x"]], A, 30) == [True, True]
    assert leases.acquire([[]], B, 30) == [True]
    assert leases.renew([], A, 30) == set()
    leases.release([], A)


def test_only_the_owner_gives_back(leases: Leases) -> None:
    assert leases.acquire([["x", "y"]], A, 30) == [True]
    leases.release(["x", "y", "never"], B)
    assert leases.acquire([["x"]], B, 30) == [False]
    leases.release(["x"], A)
    assert leases.acquire([["x"], ["y"]], B, 30) == [True, False]


def test_a_refused_group_keeps_what_its_owner_had(leases: Leases) -> None:
    assert leases.acquire([["mine"], ["x"]], A, 30) == [True, True]
    assert leases.acquire([["other"]], B, 30) == [True]
    assert leases.acquire([["mine", "other"]], A, 30) == [False]
    assert leases.acquire([["mine"]], B, 30) == [False]


def test_a_lease_ends(leases: Leases) -> None:
    assert leases.acquire([["x"]], A, 0.2) == [True]
    assert leases.acquire([["x"]], B, 30) == [False]
    assert _soon(lambda: leases.acquire([["x"]], B, 30) == [True])
    assert leases.renew(["x"], A, 30) == set()
    leases.release(["x"], A)
    assert leases.acquire([["x"]], A, 30) == [False]


def test_renewing_extends_what_is_still_ones_own(leases: Leases) -> None:
    assert leases.acquire([["x", "y"]], A, 0.3) == [True]
    assert leases.acquire([["z"]], B, 30) == [True]
    assert leases.acquire([["gone"]], A, 0.01) == [True]
    started = time.monotonic()
    assert leases.renew(["x", "z", "never"], A, 30) == {"x"}
    assert _soon(lambda: leases.acquire([["y"]], B, 30) == [True])
    assert time.monotonic() - started < 2
    assert leases.acquire([["x"]], B, 30) == [False]
    assert leases.renew(["gone"], A, 30) == set()


def test_acquiring_again_extends(leases: Leases) -> None:
    assert leases.acquire([["x"], ["y"]], A, 0.2) == [True, True]
    assert leases.acquire([["x"]], A, 30) == [True]
    assert _soon(lambda: leases.acquire([["y"]], B, 30) == [True])
    assert leases.acquire([["x"]], B, 30) == [False]


def test_what_a_dead_process_held_is_free(leases: Leases) -> None:
    dead = []
    for _ in range(2):
        script = "from core.owners import this_process; print(this_process('worker'))"
        dead.append(
            subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        )
    first, second = (one.stdout.strip() for one in dead)
    alive = this_process("other")
    assert leases.acquire([["x"], ["p"]], first, 60) == [True, True]
    assert leases.acquire([["y"], ["q"]], second, 60) == [True, True]
    assert leases.acquire([["z"]], alive, 60) == [True]
    assert leases.acquire([["x", "y"], ["p", "z"], ["q"]], A, 60) == [True, False, True]
    assert leases.acquire([["p"], ["x"]], B, 60) == [True, False]


def test_two_hundred_groups_in_one_call(leases: Leases) -> None:
    groups = [[f"hubspot {n}", f"mainstay {n}", f"phone {n}"] for n in range(200)]
    assert leases.acquire([groups[7], groups[150]], B, 30) == [True, True]
    granted = leases.acquire(groups, A, 30)
    assert [n for n, free in enumerate(granted) if not free] == [7, 150]
    held = {key for n, group in enumerate(groups) if granted[n] for key in group}
    assert leases.renew([key for group in groups for key in group], A, 30) == held
    leases.release([key for group in groups for key in group], A)
    assert leases.acquire(groups, B, 30) == [True] * 200


def test_of_many_at_once_one_gets_a_group(opened: Store) -> None:
    pairs = [opened.connect() for _ in range(4)]
    barrier = threading.Barrier(4)

    def run(number: int) -> list[bool]:
        got = []
        for turn in range(25):
            # Each asks in its own order, so that a store which locks key by key would grant halves.
            keys = [f"{turn} {n}" for n in range(6)]
            barrier.wait(10)
            got += pairs[number].leases.acquire(
                [keys if number % 2 else keys[::-1]], f"elsewhere:1:1:{number}", 30
            )
        return got

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, range(4)))
    assert [sum(turn) for turn in zip(*results, strict=True)] == [1] * 25
    for one in pairs:
        one.close()


def test_a_window_holds_no_more_than_its_limit(budgets: Budgets) -> None:
    rate = Rate(3, 30.0)
    assert budgets.reserve("bucket", rate, 5, 0) == [0, 0, 0]
    assert budgets.reserve("bucket", rate, 1, 5) == []
    [later] = budgets.reserve("bucket", rate, 1, 31)
    assert 30 < later <= 30.6


def test_slots_that_are_a_window_ahead_are_reserved_in_order(budgets: Budgets) -> None:
    waits = budgets.reserve("bucket", Rate(2, 10.0), 7, 25)
    assert [round(wait, 1) for wait in waits] == [0, 0, 10.2, 10.2, 20.4, 20.4]
    assert waits == sorted(waits)
    assert budgets.reserve("bucket", Rate(2, 10.0), 1, 20) == []


def test_a_slot_is_free_again_after_its_window(budgets: Budgets) -> None:
    rate = Rate(2, 0.2)
    started = time.monotonic()
    assert len(budgets.reserve("bucket", rate, 2, 0)) == 2
    assert _soon(lambda: budgets.reserve("bucket", rate, 1, 0) == [0])
    assert time.monotonic() - started >= 0.2


def test_buckets_do_not_touch_each_other(budgets: Budgets) -> None:
    rate = Rate(1, 30.0)
    assert budgets.reserve("one", rate, 1, 0) == [0]
    budgets.pause("one", 30)
    assert budgets.reserve("two", rate, 1, 0) == [0]
    assert budgets.paused_s("two") == 0


def test_a_smaller_limit_counts_what_the_larger_one_took(budgets: Budgets) -> None:
    assert len(budgets.reserve("bucket", Rate(10, 30.0), 8, 0)) == 8
    assert budgets.reserve("bucket", Rate(4, 30.0), 1, 0) == []
    assert len(budgets.reserve("bucket", Rate(10, 30.0), 8, 0)) == 2


def test_nothing_starts_during_a_pause(budgets: Budgets) -> None:
    rate = Rate(10, 1.0)
    budgets.pause("bucket", 20)
    assert 19 < budgets.paused_s("bucket") <= 20
    assert budgets.reserve("bucket", rate, 1, 15) == []
    [wait] = budgets.reserve("bucket", rate, 1, 25)
    assert 19 < wait <= 20


def test_a_shorter_pause_does_not_end_a_longer_one(budgets: Budgets) -> None:
    budgets.pause("bucket", 20)
    budgets.pause("bucket", 1)
    budgets.pause("bucket", 0)
    assert budgets.paused_s("bucket") > 19


def test_a_pause_ends(budgets: Budgets) -> None:
    rate = Rate(10, 1.0)
    started = time.monotonic()
    budgets.pause("bucket", 0.2)
    assert budgets.reserve("bucket", rate, 1, 0) == []
    assert _soon(lambda: budgets.reserve("bucket", rate, 1, 0) == [0])
    assert time.monotonic() - started >= 0.19
    assert budgets.paused_s("bucket") == 0


def test_what_is_taken_of_a_window_is_told(budgets: Budgets) -> None:
    rate = Rate(5, 30.0)
    assert budgets.used("a", rate) == 0
    budgets.reserve("a", rate, 3, 0.0)
    assert budgets.used("a", rate) == 3
    budgets.reserve("a", rate, 4, 60.0)  # two of them a window ahead
    assert budgets.used("a", rate) == 7
    assert budgets.used("b", rate) == 0


def test_nothing_is_reserved_for_nobody(budgets: Budgets) -> None:
    assert budgets.reserve("bucket", Rate(1, 30.0), 0, 10) == []
    assert budgets.reserve("bucket", Rate(1, 30.0), 1, 0) == [0]


def test_threads_never_get_more_than_the_limit(opened: Store) -> None:
    pairs = [opened.connect() for _ in range(3)]
    rate = Rate(40, 30.0)

    def run(one: Pair) -> int:
        return sum(len(one.budgets.reserve("bucket", rate, 1, 0)) for _ in range(30))

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(run, pairs)) == 40
    for one in pairs:
        one.close()


@pytest.mark.parametrize("opened", SHARED_KINDS, indirect=True)
def test_processes_never_get_more_than_the_limit_in_any_window(opened: Store) -> None:
    rate = Rate(20, 0.2)
    command = [sys.executable, "-W", "error", "-m", "tests.contract.coordination_worker", opened.kind]
    workers = [
        subprocess.Popen(
            [*command, opened.where, str(rate.limit), str(rate.window_s), "1.0"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    spans = [[float(part) for part in worker.communicate(timeout=30)[0].split()] for worker in workers]
    whole_s = max(span[1] for span in spans) - min(span[0] for span in spans)
    got = sum(span[2] for span in spans)
    assert 2 * rate.limit <= got <= rate.limit * math.ceil(whole_s / rate.window_s)


def _calls(leases: Leases, budgets: Budgets) -> list[Callable[[], object]]:
    return [
        lambda: leases.acquire([["x"]], A, 30),
        lambda: leases.renew(["x"], A, 30),
        lambda: leases.release(["x"], A),
        lambda: budgets.reserve("bucket", Rate(1, 1.0), 1, 0),
        lambda: budgets.pause("bucket", 1),
        lambda: budgets.paused_s("bucket"),
    ]


def test_a_database_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    for call in _calls(SqlLeases(engine, now_ms), SqlBudgets(engine, now_ms)):
        with pytest.raises(CoordinationUnavailable, match="the database"):
            call()
    engine.dispose()


def test_a_redis_that_is_not_there_is_said_so_at_once() -> None:
    with socket.socket() as bound:  # bound, but nobody listens
        bound.bind(("127.0.0.1", 0))
        client = open_redis(f"redis://127.0.0.1:{bound.getsockname()[1]}")
        for call in _calls(RedisLeases(client), RedisBudgets(client)):
            started = time.monotonic()
            with pytest.raises(CoordinationUnavailable, match="Redis"):
                call()
            assert time.monotonic() - started < 1


def test_a_redis_that_does_not_answer_is_given_up_after_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = open_redis(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(CoordinationUnavailable):
            RedisLeases(client).acquire([["x"]], A, 30)
        assert time.monotonic() - started < 3
        client.close()


@pytest.mark.services
def test_a_redis_that_forgot_its_scripts_is_told_them_again(tmp_path: Path) -> None:
    with store("redis", tmp_path) as one:
        pair = one.connect()
        assert pair.leases.acquire([["x"]], A, 30) == [True]
        client = open_redis(REDIS)
        client.script_flush()
        assert pair.leases.acquire([["x"]], B, 30) == [False]
        client.close()
        pair.close()
