"""Waits for a slot of an account's shared rate budget before each call, and learns from the answers.

One Throttle per bucket, process and priority; the budget itself is shared by all processes
(core/coordination). Without its store the calls go on at half the rate each: slower, never wrong.
"""

import copy
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.coordination.port import Budgets, CoordinationUnavailable, Rate
from core.domain.fields import Platform
from core.platforms.errors import RateLimited
from core.platforms.together import Together

BACKGROUND_SHARE = 0.8  # background calls leave the rest of each window to live ones
POLL_S = 0.25  # how often a background call looks whether there is room
MAX_PAUSE_S = 86_400.0

# What a 429 without Retry-After means, by HubSpot's policyName: seconds per refusal in a row. The first two
# as HubSpot's own Node client does it (facts/hubspot.md §5, read 2026-11-23). The daily limit ends at the
# portal's midnight; looking every ten minutes costs little and needs no time zone.
POLICY_S = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0, "DAILY": 600.0}
UNKNOWN_POLICY_S = 5.0
MOST_IN_A_ROW = 6  # the wait grows no further
SPACED_UP_TO = 1_000  # calls of a window; larger budgets hold nobody back
LATE_S = 0.5  # nobody is held back for longer: what is further off is no lateness, but a budget that shrank
SPACE_S = 0.05  # more than a window between a call and the one a window after it, as they go out
NOT_OURS_S = 0.3  # whose leases ran out looks again after this


def bucket_of(platform: Platform, external_id: str) -> str:
    """The name of an account's budget: its clients wait for it, Health and the alerts look at it."""
    return f"{platform}:{external_id}"


class Priority(StrEnum):
    """Live changes go before backfills and sweeps."""

    LIVE = "live"
    BACKGROUND = "background"


@dataclass(slots=True)
class _Learned:
    """What the answers told about a bucket; shared by all views of it."""

    rate: Rate
    in_a_row: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    together: Together = field(default_factory=Together)
    alone: threading.Lock = field(default_factory=threading.Lock)  # held by who waits without the store
    begun_s: deque[float] = field(default_factory=lambda: deque(maxlen=SPACED_UP_TO))  # when calls went out

    def space_s(self, now_s: float) -> float:
        """Seconds until a call may go out that has its slot: a busy machine lets threads go late, and late
        ones must not meet those that have the slots a window after them."""
        limit, window_s = self.rate.limit, self.rate.window_s
        with self.lock:
            at_s = now_s
            if limit <= SPACED_UP_TO and len(self.begun_s) >= limit:
                free_s = self.begun_s[-limit] + window_s + SPACE_S
                at_s = free_s if now_s < free_s <= now_s + LATE_S else now_s
            self.begun_s.append(at_s)
        return at_s - now_s


class Throttle:
    """Holds calls back to ``rate`` per bucket. Safe to share between threads.

    ``max_wait_s`` bounds how long ``wait`` blocks; ``sleep`` is handed in so that tests need not wait.
    """

    def __init__(
        self,
        budgets: Budgets,
        platform: Platform,
        bucket: str,
        rate: Rate,
        *,
        max_wait_s: float = 15.0,
        priority: Priority = Priority.LIVE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._budgets = budgets
        self._platform = platform
        self._configured = rate
        self._learned = _Learned(rate)
        self._max_wait_s = max_wait_s
        self._priority = priority
        self._sleep = sleep
        self._ours: Callable[[], bool] | None = None
        self.bucket = bucket

    def with_priority(self, priority: Priority) -> "Throttle":
        """The same bucket for calls of another priority."""
        view = copy.copy(self)
        view._priority = priority
        return view

    def while_ours(self, ours: Callable[[], bool]) -> "Throttle":
        """The same bucket for calls that may begin only while ``ours()`` is true (see ``begin``)."""
        view = copy.copy(self)
        view._ours = ours
        return view

    @property
    def rate(self) -> Rate:
        """What is used at the moment: the configured rate, or less where the platform says so."""
        return self._learned.rate

    def begin(self) -> None:
        """The last look before the bytes go out: a process that stood still may have lost what it works on
        to another one, and a call that it begins now would bring back old values. RateLimited if so, since
        like a spent budget it costs no try."""
        wait_s = self._learned.space_s(time.monotonic())
        if wait_s > 0:
            self._sleep(wait_s)
        if self._ours is not None and not self._ours():
            raise RateLimited(self._platform, "the leases ran out before the call", retry_after_s=NOT_OURS_S)

    def wait(self) -> None:
        """Return when the call may start. RateLimited with ``retry_after_s`` if that is too far away."""
        try:
            if self._priority is Priority.LIVE:
                self._wait_live()
            else:
                self._wait_in_background()
        except CoordinationUnavailable:
            with self._learned.alone:  # one after the other, however many threads call
                self._sleep(2 * self.rate.window_s / self.rate.limit)

    def refused(self, retry_after_s: float | None, policy: str = "") -> float:
        """A 429: nobody calls for so many seconds. Returns them."""
        with self._learned.lock:
            self._learned.in_a_row = min(self._learned.in_a_row + 1, MOST_IN_A_ROW)
            in_a_row = self._learned.in_a_row
        if retry_after_s is None:
            each_s = POLICY_S.get(policy.upper(), UNKNOWN_POLICY_S)
            # The daily limit's wait does not grow: it is a look-out, not a back-off.
            retry_after_s = each_s if policy.upper() == "DAILY" else each_s * in_a_row
        self.pause(retry_after_s)
        return retry_after_s

    def answered(self, headers: Mapping[str, str]) -> None:
        """An answer other than 429: believe HubSpot's own figures where it gives them.

        Source: ``X-HubSpot-RateLimit-Max``, ``-Remaining``, ``-Interval-Milliseconds`` (usage guidelines,
        facts/hubspot.md §5). Search answers and Mainstay carry none.
        """
        self._learned.in_a_row = 0
        most = _number(headers.get("X-HubSpot-RateLimit-Max"))
        interval_s = _number(headers.get("X-HubSpot-RateLimit-Interval-Milliseconds"), 10_000.0) / 1000
        if most < 1 or interval_s <= 0:
            return
        ours = self._configured
        allowed = max(1, int(most * ours.window_s / interval_s))
        self._learned.rate = Rate(min(ours.limit, allowed), ours.window_s)
        if _number(headers.get("X-HubSpot-RateLimit-Remaining"), 1.0) < 1:
            # When the window moves on is not told: look again after a tenth of it.
            self.pause(interval_s / 10)

    def pause(self, seconds: float) -> None:
        """No call of this bucket starts for so long, in any process."""
        try:
            self._budgets.pause(self.bucket, min(max(seconds, 0.0), MAX_PAUSE_S))
        except CoordinationUnavailable:
            return  # the caller of the refused call waits all the same: it was told how long

    def _wait_live(self) -> None:
        wait_s = self._learned.together.take(
            lambda count: self._budgets.reserve(self.bucket, self.rate, count, self._max_wait_s)
        )
        if wait_s is None:
            raise self._too_long()
        if wait_s > 0:
            self._sleep(wait_s)

    def _wait_in_background(self) -> None:
        """Take only what is free this moment, and only the first part of a window: a slot reserved ahead
        would stand before the live calls that come meanwhile."""
        share = Rate(max(1, int(self.rate.limit * BACKGROUND_SHARE)), self.rate.window_s)
        waited_s = 0.0
        while not self._budgets.reserve(self.bucket, share, 1, 0.0):
            if waited_s >= self._max_wait_s:
                raise self._too_long()
            step_s = min(POLL_S, self.rate.window_s / 4)
            self._sleep(step_s)
            waited_s += step_s

    def _too_long(self) -> RateLimited:
        paused_s = self._budgets.paused_s(self.bucket)
        return RateLimited(
            self._platform,
            f"no room within {self._max_wait_s:g} s in the budget {self.bucket}",
            retry_after_s=max(paused_s, min(self.rate.window_s, 5.0)),
        )


def _number(text: str | None, otherwise: float = 0.0) -> float:
    try:
        return float(text) if text is not None else otherwise
    except ValueError:
        return otherwise
