"""Calls for one contact each, several side by side, for platforms that take no batches.

One bad contact never fails its neighbours, and no more calls are made once it is clear that all would fail.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from core import tracing
from core.domain.contacts import Contact
from core.platforms.apart import MOST_FAILED_IN_A_ROW, is_everybodys, marked
from core.platforms.errors import (
    AuthenticationFailed,
    PermissionMissing,
    PlatformError,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
)
from core.platforms.ports import Answer

TRIES = 3  # of a call that came too soon
TOO_LONG_S = 2.5


def each(pool: Executor, keys: Sequence[str], one: Callable[[str], Contact]) -> dict[str, Answer]:
    """One call per key. Where nobody could be answered because the token is refused, the budget is spent or
    the permission is missing, that is raised; otherwise it stands in the place of the contacts concerned."""
    watch = _Watch()

    def guarded(key: str) -> Answer:
        if watch.ended is not None:
            return marked(watch.ended, False)
        for again in range(TRIES - 1, -1, -1):
            try:
                found = one(key)
            except PlatformError as error:
                if again and _came_too_soon(error):
                    continue  # the throttle holds the next call back until then
                watch.failed(error)
                return error
            watch.succeeded()
            return found
        raise AssertionError("unreachable")

    several = len(keys) > 1
    answers = dict(zip(keys, (pool.map if several else map)(tracing.here(guarded), keys), strict=True))
    errors = [answer for answer in answers.values() if isinstance(answer, PlatformError)]
    whole = (AuthenticationFailed, RateLimited, PermissionMissing)
    if errors and len(errors) == len(answers) and all(isinstance(error, whole) for error in errors):
        raise errors[0]
    return answers


class _Watch:
    """Over the calls of one method: whether the platform answers at all. Shared by the threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed_in_a_row = 0
        self.ended: PlatformError | None = None

    def succeeded(self) -> None:
        with self._lock:
            self._failed_in_a_row = 0

    def failed(self, error: PlatformError) -> None:
        with self._lock:
            if is_everybodys(error) and not isinstance(error, PermissionMissing):
                self.ended = error
            elif isinstance(error, Unavailable | UnexpectedAnswer):
                self._failed_in_a_row += 1
                if self._failed_in_a_row >= MOST_FAILED_IN_A_ROW:
                    self.ended = Unavailable(
                        error.platform, f"{self._failed_in_a_row} in a row failed", status=error.status
                    )
            else:
                self._failed_in_a_row = 0


def _came_too_soon(error: PlatformError) -> bool:
    """A 429 that is over at once: our calls came closer on their way. Without another try here the rest of
    the batch would go back into the queue, and all that was read for it would be read again."""
    return error.status == 429 and (error.retry_after_s or TOO_LONG_S) < TOO_LONG_S
