"""Requests are worked on in the order in which they came."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from webhooks.problems import TryAgain
from webhooks.turns import Turns


def _later() -> float:
    return time.monotonic() + 10.0


def test_who_comes_first_goes_first() -> None:
    turns, order = Turns(1), list[int]()
    with ThreadPoolExecutor(8) as pool:

        def work(number: int) -> None:
            with turns.one(_later()):
                order.append(number)

        with turns.one(_later()):
            for number in range(8):
                pool.submit(work, number)
                while len(turns._line) <= number:
                    time.sleep(0.001)
            assert order == []
    assert order == list(range(8))


def test_no_more_than_so_many_at_a_time() -> None:
    turns, let_go = Turns(2), Event()

    def hold() -> None:
        with turns.one(_later()):
            let_go.wait(10.0)

    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(hold), pool.submit(hold)]
        while turns._free:
            time.sleep(0.001)
        with pytest.raises(TryAgain), turns.one(time.monotonic() + 0.02):
            raise AssertionError("a third")
        let_go.set()
        for one in held:
            one.result()
    assert (turns._free, list(turns._line)) == (2, [])


def test_an_error_inside_gives_the_turn_back() -> None:
    turns = Turns(1)
    with pytest.raises(ValueError, match="inside"), turns.one(_later()):
        raise ValueError("inside")
    with turns.one(_later()):
        assert turns._free == 0


def test_who_only_waits_on_hands_the_turn_on_and_hands_it_on_once() -> None:
    turns = Turns(1)
    with turns.one(_later()) as first:
        first.end()
        with turns.one(_later()):
            first.end()  # a publisher that sends a second time says so a second time
            with pytest.raises(TryAgain), turns.one(time.monotonic()):
                pass
    with turns.one(time.monotonic()):
        pass
