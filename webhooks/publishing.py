"""Puts a request's messages into the queue, or says within three seconds that it did not.

Used by the receiver. While the queue does not confirm, one request at a time tries it and all others are
refused at once: otherwise each would hold a thread for the whole time-out, and the requests behind them
would wait longer than the platforms do.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Lock

from core.domain.messages import Message
from core.queue.port import Publisher, QueueUnavailable, nothing
from core.telemetry import record_published
from webhooks.problems import TryAgain


class Publishing:
    """Shared by all threads of a worker."""

    def __init__(self, publisher: Publisher, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._publisher = publisher
        self._clock_s = clock_s
        self._lock = Lock()
        self._failing = False
        self._probing = False

    def publish(
        self, messages: Sequence[Message], timeout_s: float, sent: Callable[[], None] = nothing
    ) -> None:
        """All of them are durable on return; TryAgain if that is not sure. ``sent`` is called, perhaps twice,
        when nothing but waiting is left to do."""
        if not messages:
            return
        probe = self._admit()
        if probe:
            sent()  # this may take its time
        started_s = self._clock_s()
        confirmed = False
        try:
            self._publisher.publish(messages, timeout_s=timeout_s, sent=sent)
            confirmed = True
        except QueueUnavailable:
            raise TryAgain("unconfirmed") from None
        finally:
            with self._lock:
                self._failing = not confirmed
                if probe:
                    self._probing = False
            lanes = Counter(str(message.address.lane) for message in messages)
            record_published(lanes, self._clock_s() - started_s, confirmed=confirmed)

    def _admit(self) -> bool:
        """Whether this request is the one that tries a failing queue; TryAgain if another one does."""
        with self._lock:
            if not self._failing:
                return False
            if self._probing:
                raise TryAgain("queue-failing")
            self._probing = True
            return True
