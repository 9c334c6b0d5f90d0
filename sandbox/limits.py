"""Request limits: how many calls a key may make in a rolling interval."""

import time
from collections import deque


class RollingLimit:
    """Counts calls per key; figures are given with each call, so that settings act at once."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[float]] = {}

    def take(self, key: str, limit: int, interval_s: float) -> int | None:
        """Takes one call of ``key``'s budget: what remains, or ``None`` when it is spent."""
        now = time.monotonic()
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - interval_s:
            calls.popleft()
        if len(calls) >= limit:
            return None
        calls.append(now)
        return limit - len(calls)

    def wait_s(self, key: str, interval_s: float) -> float:
        """Seconds until the oldest call of ``key`` leaves the interval."""
        calls = self._calls.get(key)
        return max(0.0, calls[0] + interval_s - time.monotonic()) if calls else 0.0

    def clear(self) -> None:
        self._calls.clear()
