"""The throttle over an exact window with a clock of its own: who waits, and what answers teach it."""

from dataclasses import dataclass, field

import pytest

from core.coordination.port import CoordinationUnavailable, Rate
from core.domain.fields import Platform
from core.platforms.errors import RateLimited
from core.platforms.throttle import SPACE_S, Priority, Throttle

RATE = Rate(10, 1.0)


@dataclass
class Window:
    """``Budgets`` for one bucket and one thread; time passes only when somebody sleeps."""

    now_s: float = 0.0
    slots: list[float] = field(default_factory=list)
    paused_until_s: float = 0.0
    away: bool = False
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds

    def reserve(self, bucket: str, rate: Rate, count: int, max_wait_s: float) -> list[float]:
        if self.away:
            raise CoordinationUnavailable("away")
        start = max(self.now_s, self.paused_until_s, *self.slots[-1:])
        if len(self.slots) >= rate.limit:
            start = max(start, self.slots[-rate.limit] + rate.window_s)
        if start - self.now_s > max_wait_s:
            return []
        self.slots.append(start)
        return [start - self.now_s]

    def pause(self, bucket: str, seconds: float) -> None:
        if self.away:
            raise CoordinationUnavailable("away")
        self.paused_until_s = max(self.paused_until_s, self.now_s + seconds)

    def paused_s(self, bucket: str) -> float:
        return max(0.0, self.paused_until_s - self.now_s)


def throttle(window: Window, rate: Rate = RATE, max_wait_s: float = 5.0) -> Throttle:
    return Throttle(window, Platform.HUBSPOT, "hubspot:1", rate, max_wait_s=max_wait_s, sleep=window.sleep)


def test_calls_start_at_once_until_the_window_is_full() -> None:
    window = Window()
    one = throttle(window)
    for _ in range(25):
        one.wait()
    assert [round(at_s) for at_s in window.slots] == [0] * 10 + [1] * 10 + [2] * 5


def test_too_long_a_wait_is_told() -> None:
    window = Window()
    one = throttle(window, max_wait_s=0.5)
    one.pause(30.0)
    with pytest.raises(RateLimited) as caught:
        one.wait()
    assert caught.value.retry_after_s == 30.0
    assert window.slept == []


def test_background_calls_leave_a_fifth_to_live_ones() -> None:
    window = Window()
    live = throttle(window, max_wait_s=0.3)
    low = live.with_priority(Priority.BACKGROUND)
    for _ in range(8):
        low.wait()
    assert window.slept == []
    with pytest.raises(RateLimited):
        low.wait()
    window.slept.clear()
    live.wait()
    live.wait()
    assert window.slept == [] and len(window.slots) == 10


def test_a_background_call_takes_the_room_that_comes_free() -> None:
    window = Window()
    low = throttle(window).with_priority(Priority.BACKGROUND)
    for _ in range(9):
        low.wait()
    assert 1.0 <= window.now_s < 1.5


def test_background_calls_never_stand_before_live_ones() -> None:
    window = Window()
    low = throttle(window, max_wait_s=0.6).with_priority(Priority.BACKGROUND)
    for _ in range(10):
        window.reserve("", RATE, 1, 0)
    with pytest.raises(RateLimited):
        low.wait()
    assert len(window.slots) == 10


@pytest.mark.parametrize(
    ("retry_after_s", "policy", "waits_s"),
    [
        (7.0, "DAILY", [7.0, 7.0]),
        (None, "TEN_SECONDLY_ROLLING", [10.0, 20.0]),
        (None, "secondly", [1.0, 2.0]),
        (None, "DAILY", [600.0, 600.0]),
        (None, "", [5.0, 10.0]),
    ],
)
def test_a_refusal_pauses_for_everybody(
    retry_after_s: float | None, policy: str, waits_s: list[float]
) -> None:
    window = Window()
    one = throttle(window)
    assert [one.refused(retry_after_s, policy) for _ in waits_s] == waits_s
    assert window.paused_until_s == max(waits_s)


def test_an_answer_ends_the_row_of_refusals() -> None:
    one = throttle(Window())
    one.refused(None, "SECONDLY")
    one.answered({})
    assert one.refused(None, "SECONDLY") == 1.0


@pytest.mark.parametrize(
    ("most", "interval_ms", "limit"),
    [
        ("100", "10000", 100),
        ("250", "10000", 110),
        ("19", "1000", 110),
        ("5", "1000", 50),
        ("odd", "10000", 110),
        ("0", "10000", 110),
        ("100", "0", 110),
    ],
)
def test_the_platforms_own_limit_counts_where_it_is_lower(most: str, interval_ms: str, limit: int) -> None:
    one = throttle(Window(), Rate(110, 10.0))
    one.answered({"X-HubSpot-RateLimit-Max": most, "X-HubSpot-RateLimit-Interval-Milliseconds": interval_ms})
    assert one.rate == Rate(limit, 10.0)


def test_nothing_remaining_is_a_short_pause() -> None:
    window = Window()
    one = throttle(window)
    one.answered({"X-HubSpot-RateLimit-Max": "100", "X-HubSpot-RateLimit-Remaining": "0"})
    assert window.paused_until_s == 1.0
    one.answered({"X-HubSpot-RateLimit-Max": "100", "X-HubSpot-RateLimit-Remaining": "3"})
    assert window.paused_until_s == 1.0


def test_without_the_store_calls_go_on_at_half_the_rate() -> None:
    window = Window(away=True)
    one = throttle(window)
    for _ in range(5):
        one.wait()
    assert window.now_s == pytest.approx(1.0)
    one.pause(3.0)
    assert one.refused(4.0) == 4.0


def test_a_call_that_went_late_moves_those_a_window_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    window = Window(now_s=100.0)
    monkeypatch.setattr("core.platforms.throttle.time.monotonic", lambda: window.now_s)
    one = throttle(window)
    for _ in range(10):
        one.wait()
    window.now_s += 0.4  # the machine was busy
    for _ in range(10):
        one.begin()
    window.now_s += 0.6  # the slots of the next window
    window.slept.clear()
    one.begin()
    assert window.slept == [pytest.approx(0.4 + SPACE_S)]
    one.begin()
    assert window.slept == [pytest.approx(0.4 + SPACE_S)]
