"""Whether a platform is silent: no webhook for a while, though at this time there usually are some. Pure.

Nights, weekends and holidays are quiet without anything being wrong. So the present gap is held against the
same hours of a week ago (of a day ago while an account is younger): had they been busy, this is silence.
"""

from dataclasses import dataclass

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
LEAST_LOOK_MS = 3 * 3_600_000  # "usually every …" is judged over at least so long


@dataclass(frozen=True, slots=True)
class Sign:
    """An account's last sign of life. ``usual_s``: at this time there usually is one so often, None where
    that is not known (a new account) or there usually is none."""

    last_ms: int
    gap_s: float
    expected: int  # busy minutes in the same hours before
    usual_s: float | None

    def silent(self, least_gap_s: float, least_expected: int) -> bool:
        """Whether the gap is long, and so many busy minutes were to be expected in it."""
        return bool(self.last_ms) and self.gap_s >= least_gap_s and self.expected >= least_expected


def same_hours_before(first_ms: int, last_ms: int, now_ms: int) -> tuple[int, int] | None:
    """The times to hold a gap against, (from, until) epoch ms; None where the account is too young."""
    look_ms = max(now_ms - last_ms, LEAST_LOOK_MS)
    for ago_ms in (WEEK_MS, DAY_MS):
        if first_ms and first_ms <= now_ms - ago_ms - look_ms:
            return now_ms - ago_ms - look_ms, now_ms - ago_ms
    return None


def sign(last_ms: int, now_ms: int, look_ms: int, busy_minutes: int) -> Sign:
    """``busy_minutes`` of the ``look_ms`` before (0 where nothing is known)."""
    gap_ms = now_ms - last_ms if last_ms else 0
    # The look may be longer than the gap: as many are expected as the gap's share of it.
    expected = int(busy_minutes * min(1.0, gap_ms / look_ms)) if look_ms else 0
    usual_s = look_ms / 1000 / busy_minutes if busy_minutes else None
    return Sign(last_ms, gap_ms / 1000, expected, usual_s)
