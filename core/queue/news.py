"""Wakes the embedded queue's consumers of a process when something was published in the same process."""

import threading


class News:
    """Shared by the publishers and consumers of one ``SqlQueue``. Other processes poll."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.count = 0

    def tell(self) -> None:
        """Something is there."""
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout_s: float) -> None:
        """Until ``count`` is no longer ``seen``, at most ``timeout_s``."""
        with self._condition:
            self._condition.wait_for(lambda: self.count != seen, timeout_s)
