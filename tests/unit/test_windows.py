"""The arithmetic of rate budgets."""

from hypothesis import given
from hypothesis import strategies as st

from core.coordination.port import Rate
from core.coordination.windows import HORIZON_MS, latest_ms, next_starts, still_counting, window_ms

NOW = 1_800_000_000_000

_CALLS = st.lists(
    st.tuples(
        st.integers(0, 3_000),  # ms since the call before
        st.integers(1, 8),  # slots asked for
        st.floats(0, 10),  # the longest wait, seconds
        st.integers(0, 2_000),  # a pause still to run, ms
    ),
    max_size=40,
)


@given(_CALLS, st.integers(1, 6), st.sampled_from([0.1, 1.0, 2.5]))
def test_no_window_ever_holds_more_than_the_limit(
    calls: list[tuple[int, int, float, int]], limit: int, window_s: float
) -> None:
    rate, now, stored, everything = Rate(limit, window_s), NOW, list[int](), list[int]()
    for passed_ms, count, max_wait_s, paused_ms in calls:
        now += passed_ms
        slots = still_counting(stored, rate, now)
        starts = next_starts(slots, rate, count, now + paused_ms, latest_ms(now, max_wait_s))
        assert all(now + paused_ms <= start <= now + max_wait_s * 1000 + 0.5 for start in starts)
        assert len(starts) <= count
        stored = [*slots, *starts]
        everything += starts
    assert everything == sorted(everything)
    pairs = zip(everything, everything[limit:], strict=False)
    assert all(later - earlier >= window_s * 1000 * 1.02 for earlier, later in pairs)


@given(st.integers(1, 20), st.integers(1, 20))
def test_an_unused_budget_gives_its_limit_at_once(limit: int, count: int) -> None:
    starts = next_starts([], Rate(limit, 1.0), count, NOW, NOW)
    assert starts == [NOW] * min(limit, count)


def test_the_window_has_its_margin() -> None:
    assert window_ms(Rate(110, 10.0)) == 10_200
    assert window_ms(Rate(10, 1.0)) == 1_050
    assert window_ms(Rate(1, 0.0001)) == 1


def test_slots_that_a_wrong_clock_left_behind_do_not_count() -> None:
    rate = Rate(2, 10.0)
    slots = [NOW - 10_200, NOW - 10_199, NOW, NOW + HORIZON_MS, NOW + HORIZON_MS + 1]
    assert still_counting(slots, rate, NOW) == slots[1:4]


def test_nobody_reserves_beyond_the_horizon() -> None:
    assert latest_ms(NOW, 86_400) == NOW + HORIZON_MS
    assert latest_ms(NOW, 0.25) == NOW + 250
