"""How long changes took, as a histogram: counts by the upper edge of a bucket. Pure.

Written by the roll-ups (core/store/roll_ups.py), read by the Health page and the alerts.
"""

from collections.abc import Mapping

EDGES_MS = (
    *(100, 250, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 45_000),
    *(60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 21_600_000, 86_400_000),
)
BEYOND_MS = 10 * EDGES_MS[-1]  # stands for everything above the last edge


def edge_ms(delay_ms: int) -> int:
    """The upper edge of the bucket that a delay falls into."""
    return next((edge for edge in EDGES_MS if delay_ms <= edge), BEYOND_MS)


def quantile_ms(counts: Mapping[int, int], share: float) -> float | None:
    """The delay that ``share`` (0 to 1) of the changes stayed below, interpolated within its bucket.

    ``counts`` is by upper edge. None without any; the last edge for what lies beyond it.
    """
    total = sum(counts.values())
    if not total:
        return None
    wanted, seen, lower = share * total, 0, 0
    for edge in (*EDGES_MS, BEYOND_MS):
        count = counts.get(edge, 0)
        if count and seen + count >= wanted:
            upper = EDGES_MS[-1] if edge == BEYOND_MS else edge
            return min(lower, upper) + max(0, upper - lower) * max(0.0, wanted - seen) / count
        seen, lower = seen + count, edge
    return float(EDGES_MS[-1])
