"""Many threads, one question: who asks, who is answered, and with what."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.platforms.together import Together


def test_those_who_come_meanwhile_are_asked_for_together() -> None:
    together, asked, others_wait = Together(), list[int](), threading.Event()

    def reserve(count: int) -> list[float]:
        asked.append(count)
        others_wait.wait(5.0)
        return [float(sum(asked[:-1]) + n) for n in range(count)]

    with ThreadPoolExecutor(16) as threads:
        answers = [threads.submit(together.take, reserve) for _ in range(16)]
        while len(together._waiting) < 15:
            pass
        others_wait.set()
        assert sorted(one.result(5.0) or 0.0 for one in answers) == [float(n) for n in range(16)]
    assert asked == [1, 15]
    assert together.take(lambda count: [7.0] * count) == 7.0


def test_who_finds_no_room_is_told() -> None:
    together = Together()
    assert together.take(lambda count: []) is None
    assert together.take(lambda count: [0.0]) == 0.0


def test_a_failure_is_everybodys_and_the_next_asks_again() -> None:
    together = Together()

    def away(count: int) -> list[float]:
        raise ConnectionError

    for _ in range(2):
        with pytest.raises(ConnectionError):
            together.take(away)
    assert together.take(lambda count: [0.0]) == 0.0
