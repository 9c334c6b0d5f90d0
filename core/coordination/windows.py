"""The arithmetic of an exact sliding window. Pure; Redis does the same in Lua (``redis_scripts.py``).

A bucket remembers its *slots*: when each reserved call starts or started, epoch ms, ascending.
"""

import math
from collections.abc import Sequence

from core.coordination.port import Rate

# A window is counted longer: a call that a busy machine or the network holds up comes closer to the one a
# window after it. How much closer depends on the way, not on the window, hence the bound.
MARGIN = 0.05
MOST_MARGIN_MS = 200.0
HORIZON_MS = 3_600_000  # nothing is reserved further ahead; a slot that is came from a clock that was wrong


def window_ms(rate: Rate) -> int:
    """The window with its margin, whole milliseconds, rounded up."""
    whole_ms = rate.window_s * 1000
    return math.ceil(whole_ms + min(whole_ms * MARGIN, MOST_MARGIN_MS))


def latest_ms(now: int, max_wait_s: float) -> int:
    """The last moment at which a slot may start for someone who waits at most ``max_wait_s``."""
    return now + min(round(max_wait_s * 1000), HORIZON_MS)


def still_counting(slots: Sequence[int], rate: Rate, now: int) -> list[int]:
    """Those of the slots that limit what may start from ``now`` on."""
    return [slot for slot in slots if now - window_ms(rate) < slot <= now + HORIZON_MS]


def next_starts(slots: Sequence[int], rate: Rate, count: int, earliest: int, latest: int) -> list[int]:
    """Up to ``count`` new starts between ``earliest`` and ``latest`` (epoch ms), ascending.

    A start comes no earlier than the slot before it, and no earlier than a window after the
    ``rate.limit``-th before it.
    """
    taken = list(slots)
    while len(taken) < len(slots) + count:
        start = max(earliest, taken[-1]) if taken else earliest
        if len(taken) >= rate.limit:
            start = max(start, taken[-rate.limit] + window_ms(rate))
        if start > latest:
            break
        taken.append(start)
    return taken[len(slots) :]
