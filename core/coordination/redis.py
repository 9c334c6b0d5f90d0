"""Leases and rate budgets in Redis, by one Lua script per call. The clock is the server's.

One Redis server (or a primary with replicas), not a cluster: a script's keys are spread over all of it. What
a fail-over forgets makes the product slower or meets a 429, nothing worse.

A lease key is stored as it is given: a caller that leases a phone or an email gives its keyed digest.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError
from redis.retry import Retry

from core.coordination.port import CoordinationUnavailable, Rate
from core.coordination.redis_scripts import ACQUIRE, PAUSE, RELEASE, RENEW, RESERVE
from core.coordination.windows import HORIZON_MS, still_counting, window_ms
from core.owners import is_dead

PREFIX = "crosswalk:"


def open_redis(url: str) -> Redis:
    """A client for ``redis://…`` that gives up after a second; connects when first used, thread-safe."""
    # One more try at once: the server may have closed a connection that was idle.
    again = Retry(NoBackoff(), 1, supported_errors=(ConnectionError,))
    return Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0, retry=again)


class RedisLeases:
    """``Leases``. What a process held that is dead, and ran on this host, counts as free (``owners.py``)."""

    def __init__(self, client: Redis, *, prefix: str = PREFIX) -> None:
        self._prefix = f"{prefix}lease:"
        self._acquire = client.register_script(ACQUIRE)
        self._renew = client.register_script(RENEW)
        self._release = client.register_script(RELEASE)

    def acquire(self, groups: Sequence[Collection[str]], owner: str, ttl_s: float) -> list[bool]:
        """See the port. All groups in one script."""
        keys = [self._prefix + key for group in groups for key in group]
        sizes = [len(group) for group in groups]
        dead: set[str] = set()
        while True:
            with _translated():
                arguments: list[str | int] = [owner, _ms(ttl_s), len(dead), *dead, *sizes]
                holders = [_text(holder) for holder in self._acquire(keys=keys, args=arguments)]
            found = {holder for holder in set(holders) - {""} if is_dead(holder)}
            if not found:
                return [holder == "" for holder in holders]
            dead |= found  # a group may have several dead holders: each round finds at least one more

    def renew(self, keys: Collection[str], owner: str, ttl_s: float) -> set[str]:
        """See the port. A lease that ran out is lost, even if nobody took it."""
        names = list(keys)
        if not names:
            return set()
        with _translated():
            answers = self._renew(keys=[self._prefix + key for key in names], args=[owner, _ms(ttl_s)])
        return {name for name, extended in zip(names, answers, strict=True) if extended}

    def release(self, keys: Collection[str], owner: str) -> None:
        """See the port."""
        if keys:
            with _translated():
                self._release(keys=[self._prefix + key for key in keys], args=[owner])


class RedisBudgets:
    """``Budgets``. A bucket is a list of the reserved slots that still count; it ends by itself."""

    def __init__(self, client: Redis, *, prefix: str = PREFIX) -> None:
        self._client = client
        self._prefix = prefix
        self._reserve = client.register_script(RESERVE)
        self._pause = client.register_script(PAUSE)

    def reserve(self, bucket: str, rate: Rate, count: int, max_wait_s: float) -> list[float]:
        """See the port. Slots are handed out in order: nobody overtakes what is reserved already."""
        if count < 1:
            return []
        longest_ms = min(round(max_wait_s * 1000), HORIZON_MS)
        with _translated():
            waits = self._reserve(
                keys=[self._slots(bucket), self._pause_of(bucket)],
                args=[rate.limit, window_ms(rate), count, longest_ms, HORIZON_MS],
            )
        return [wait / 1000 for wait in waits]

    def pause(self, bucket: str, seconds: float) -> None:
        """See the port. A shorter pause doesn't end a longer one."""
        if seconds > 0:
            with _translated():
                self._pause(keys=[self._pause_of(bucket)], args=[_ms(seconds)])

    def paused_s(self, bucket: str) -> float:
        """See the port."""
        with _translated():
            remaining_ms = self._client.pttl(self._pause_of(bucket))
        return max(0, int(remaining_ms)) / 1000

    def used(self, bucket: str, rate: Rate) -> int:
        """See the port."""
        with _translated():
            seconds, micros = self._client.time()
            slots = [int(slot) for slot in self._client.lrange(self._slots(bucket), 0, -1)]
        return len(still_counting(slots, rate, seconds * 1000 + micros // 1000))

    def _slots(self, bucket: str) -> str:
        return f"{self._prefix}budget:{bucket}"

    def _pause_of(self, bucket: str) -> str:
        return f"{self._prefix}pause:{bucket}"


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise CoordinationUnavailable(f"Redis did not do it: {type(error).__name__}") from error


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _text(answer: str | bytes) -> str:
    return answer.decode() if isinstance(answer, bytes) else answer
