"""The connections of a process to RabbitMQ: made when needed, lent to one user at a time, never used again
after a doubt. Used by the publisher (any number of threads) and by the queue's own errands.
"""

import os
import queue as queues
import time
from collections.abc import Callable
from typing import Any, TypeVar

from amqp.exceptions import RecoverableConnectionError

from core.queue.port import QueueUnavailable
from core.queue.rabbitmq_confirms import Blocked, Confirms
from core.queue.rabbitmq_link import BROKEN, Link, told

T = TypeVar("T")


class Connections:
    """At most ``limit`` links, each lent to one caller at a time. Safe between threads, and after a fork:
    a child starts with none of its parent's."""

    def __init__(self, connect: Callable[[float], Link], limit: int = 4) -> None:
        self._connect = connect
        self._limit = limit
        self._idle = _Idle(limit)

    def use(self, action: Callable[["Lent"], T], timeout_s: float) -> T:
        """The answer of ``action``, or QueueUnavailable within ``timeout_s``.

        ``action`` runs twice where the broker had dropped an idle connection meanwhile (a restart).
        """
        deadline = time.monotonic() + timeout_s
        try:
            try:
                return self._used(action, deadline, new=False)
            except _WentStale:
                return self._used(action, deadline, new=True)
        except Blocked as error:
            raise QueueUnavailable(told(error)) from error
        except BROKEN as error:
            self._forget_idle()
            raise QueueUnavailable(told(error)) from error

    def _used(self, action: Callable[["Lent"], T], deadline: float, *, new: bool) -> T:
        idle = self._of_this_process()
        lent, kept = _taken(idle, deadline), None
        try:
            if lent and (new or not lent.link.connected):
                lent.link.collect()
                lent = None
            if lent is None:
                new = True
                lent = Lent(self._connect(_left_s(deadline)))
            lent.link.deadline = deadline
            answer = action(lent)
            kept = lent
            return answer
        except Blocked:
            kept = lent
            raise
        except (RecoverableConnectionError, OSError) as error:
            if new or isinstance(error, TimeoutError):
                raise
            raise _WentStale from error
        finally:
            if lent and not kept:
                lent.link.collect()
            idle.slots.put(kept)

    def _forget_idle(self) -> None:
        """One link was found dead: the others that lie here probably are, too."""
        for lent in self._of_this_process().emptied():
            lent.link.collect()

    def close(self) -> None:
        """Say goodbye on all idle links."""
        for lent in self._of_this_process().emptied():
            lent.link.close_politely()

    def _of_this_process(self) -> "_Idle":
        idle = self._idle
        if idle.pid != os.getpid():
            for lent in list(idle.slots.queue):
                if lent:
                    lent.link.abandon()
            self._idle = idle = _Idle(self._limit)
        return idle


class _Idle:
    """The links that one process owns and nobody uses. None = a place where one may be made."""

    def __init__(self, limit: int) -> None:
        self.pid = os.getpid()
        self.slots: queues.LifoQueue[Lent | None] = queues.LifoQueue()
        for _ in range(limit):
            self.slots.put(None)

    def emptied(self) -> list["Lent"]:
        """All idle links, each replaced by a free place."""
        taken: list[Lent | None] = []
        while True:
            try:
                taken.append(self.slots.get_nowait())
            except queues.Empty:
                break
        for _ in taken:
            self.slots.put(None)
        return [lent for lent in taken if lent]


class Lent:
    """A link, and the channels on it, opened when first used."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._confirms: Confirms | None = None
        self._channel: Any = None

    @property
    def confirms(self) -> Confirms:
        """The channel for messages."""
        if self._confirms is None:
            self._confirms = Confirms(self.link)
        return self._confirms

    @property
    def channel(self) -> Any:
        """The channel for everything else."""
        if self._channel is None:
            self._channel = self.link.channel()
        return self._channel


class _WentStale(Exception):
    """An idle link turned out to be closed: worth one try on a new one."""


def _taken(idle: _Idle, deadline: float) -> Lent | None:
    try:
        return idle.slots.get(timeout=_left_s(deadline))
    except queues.Empty:
        raise TimeoutError("all connections are busy") from None


def _left_s(deadline: float) -> float:
    return max(0.001, deadline - time.monotonic())
