"""Connections to RabbitMQ on which no wait is endless. Used by the publisher, the consumer and the queue.

py-amqp waits without end wherever the caller gave no time-out: for the answer to an RPC, and in a write while
the broker stops reading (an alarm, a frozen host). Here every read and write ends at ``deadline``.
Nothing in here is shared between threads or processes.
"""

import random
import select
import socket
import ssl
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from amqp.exceptions import AccessRefused, AMQPError
from amqp.method_framing import frame_writer
from kombu.connection import Connection
from kombu.exceptions import KombuError
from kombu.transport import pyamqp
from kombu.utils.url import parse_url

# What a lost or confused connection raises. py-amqp takes itself apart when the peer goes, and what then
# still runs stumbles over the missing parts; bytes that it can't read surface as the last three.
BROKEN = (OSError, AMQPError, KombuError, AttributeError, TypeError, ValueError, LookupError, struct.error)

_SOCKET = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 9, "TCP_USER_TIMEOUT": 10_000}
_PARTIAL_FRAME_S = 0.05


class Link(pyamqp.Connection):
    """An AMQP connection. Set ``deadline`` (``time.monotonic()``) before using it; after it: TimeoutError.

    ``blocked`` is true while the broker says that it takes no messages (an alarm).
    """

    def __init__(self, *args: Any, deadline: float, **kwargs: Any) -> None:
        self.deadline = deadline
        self.blocked = False
        self._gathered: bytearray | None = None
        super().__init__(
            *args, on_blocked=self._on_alarm, on_unblocked=self._on_all_clear, frame_writer=_writer, **kwargs
        )

    def _on_alarm(self, _reason: str) -> None:
        self.blocked = True

    def _on_all_clear(self) -> None:
        self.blocked = False

    def within(self, seconds: float) -> "Link":
        """What follows has to be done in ``seconds`` from now."""
        self.deadline = time.monotonic() + seconds
        return self

    def left_s(self) -> float:
        """Seconds until the deadline; TimeoutError where it has passed."""
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("no answer in time")
        return left_s

    @contextmanager
    def in_one_write(self) -> Iterator[None]:
        """What is sent inside goes out in one write at the end, and nothing is read meanwhile: py-amqp makes
        six system calls for each message."""
        self._gathered = gathered = bytearray()
        try:
            yield
        finally:
            self._gathered = None
        if gathered:
            self.put(self.transport, gathered)

    def put(self, transport: Any, data: bytes | bytearray | memoryview) -> None:
        """Bytes on their way to the broker."""
        if self._gathered is not None:
            self._gathered += data
            return
        with transport.having_timeout(self.left_s()):
            transport.write(data)

    def connect(self, callback: Any = None) -> Any:
        """Connect; leaves no socket behind where that fails."""
        try:
            return super().connect(callback)
        except BaseException:
            self.collect()
            raise

    def blocking_read(self, timeout: float | None = None) -> Any:
        """One frame. py-amqp's own zero time-out spins for ever on half a frame of a peer that has frozen."""
        left_s = self.left_s()
        if timeout == 0:
            if self._gathered is not None or not self._readable():
                raise TimeoutError("nothing to read")
            timeout = _PARTIAL_FRAME_S
        return super().blocking_read(left_s if timeout is None else min(timeout, left_s))

    def _readable(self) -> bool:
        sock = self.transport.sock
        if isinstance(sock, ssl.SSLSocket) and sock.pending():
            return True
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))

    def collect(self) -> None:
        """Let go of the socket at once, without a word to the broker."""
        if self._transport and self._transport.sock:
            with suppress(OSError):
                self._transport.sock.settimeout(_PARTIAL_FRAME_S)  # a TLS farewell waits for the peer's
        super().collect()

    def close_politely(self, seconds: float = 1.0) -> None:
        """Say goodbye, so that the broker logs no error. Never raises, takes ``seconds`` at most."""
        try:
            self.within(seconds).close()
        except BROKEN:
            self.collect()

    def abandon(self) -> None:
        """In a forked child: close our copy of the parent's socket, and say nothing on it."""
        if self._transport and self._transport.sock:
            self._transport.sock.close()


@dataclass(frozen=True, slots=True)
class _Outlet:
    """What py-amqp's frames are written to."""

    link: Link
    transport: Any

    def write(self, data: memoryview) -> None:
        self.link.put(self.transport, data)


def _writer(connection: Link, transport: Any) -> Any:
    return frame_writer(connection, _Outlet(connection, transport))


class _Transport(pyamqp.Transport):
    Connection = Link


def connect(urls: Sequence[str], *, within_s: float, heartbeat_s: int = 0, name: str = "crosswalk") -> Link:
    """Connect to one of the brokers, each tried once in random order. Raises one of BROKEN.

    ``heartbeat_s`` 0: no heartbeats, for whoever can't pump them; TCP keepalive finds a lost peer.
    """
    deadline = time.monotonic() + within_s
    trouble: BaseException = TimeoutError("no answer in time")
    brokers = random.sample(urls, len(urls))
    for rest, url in zip(range(len(brokers), 0, -1), brokers, strict=True):
        share_s = (deadline - time.monotonic()) / rest
        if share_s <= 0:
            break
        try:
            return _connected(url, share_s, heartbeat_s, name)
        except AccessRefused:
            raise
        except BROKEN as error:
            trouble = error
    raise trouble


def _connected(url: str, within_s: float, heartbeat_s: int, name: str) -> Link:
    options = {getattr(socket, name): value for name, value in _SOCKET.items() if hasattr(socket, name)}
    # kombu and py-amqp check neither the certificate nor its host unless told so
    host = parse_url(url)["hostname"] or "localhost"
    secure = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": host} if url.startswith("amqps:") else False
    client = Connection(  # type: ignore[no-untyped-call]
        url,
        transport=_Transport,
        ssl=secure,
        connect_timeout=within_s,
        heartbeat=heartbeat_s,
        transport_options={
            "deadline": time.monotonic() + within_s,
            "socket_settings": options,
            "client_properties": {"connection_name": name, "product": "Crosswalk"},
        },
    )
    link: Link = client.transport.establish_connection()
    return link


def broker_urls(url: str) -> tuple[str, ...]:
    """The brokers of a setting like ``amqp://one//;amqp://two//``."""
    return tuple(part.strip() for part in url.split(";") if part.strip())


def told(error: BaseException) -> str:
    """An error in words for an operator: the broker's own where it gave any. Never holds a password."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, AMQPError):
        return str(getattr(error, "reply_text", "") or error)
    if isinstance(error, OSError) and error.strerror:
        return str(error.strerror)
    return type(error).__name__
