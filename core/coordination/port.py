"""Leases and rate budgets, shared by all processes. Implementations: ``sql.py`` and ``redis.py``.

Neither is the only guard of anything: losing them makes the product slower, never wrong.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


class CoordinationUnavailable(Exception):
    """The store behind leases and budgets does not answer. Wait and try again; nothing was granted."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``limit`` calls in any ``window_s`` seconds, e.g. ``110/10s``."""

    limit: int
    window_s: float


class Leases(Protocol):
    """Try-locks with an end. A group is granted whole or not at all; nobody ever waits inside."""

    def acquire(self, groups: Sequence[Collection[str]], owner: str, ttl_s: float) -> list[bool]:
        """For each group of keys: all of them are now ``owner``'s until ``ttl_s`` from now, or none is.

        Keys that ``owner`` holds already count as free (and are extended).
        """

    def renew(self, keys: Collection[str], owner: str, ttl_s: float) -> set[str]:
        """Extend; returns the keys that still belong to ``owner`` (the others were lost)."""

    def release(self, keys: Collection[str], owner: str) -> None:
        """Give back what is ``owner``'s; the rest is left alone."""


class Budgets(Protocol):
    """Exact sliding windows: at most ``rate.limit`` slots in any ``rate.window_s``, over all processes."""

    def reserve(self, bucket: str, rate: Rate, count: int, max_wait_s: float) -> list[float]:
        """Up to ``count`` slots that start within ``max_wait_s``: seconds from now for each, ascending.

        Fewer (or none) where the budget is spent for longer: what is returned is reserved, the rest is not.
        """

    def pause(self, bucket: str, seconds: float) -> None:
        """No slot of this bucket starts for ``seconds`` from now (a 429's Retry-After)."""

    def paused_s(self, bucket: str) -> float:
        """How long the bucket is still paused, 0 if it is not."""

    def used(self, bucket: str, rate: Rate) -> int:
        """How many slots of the running window are taken, those that are reserved ahead included."""
