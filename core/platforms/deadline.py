"""A moment by which an answer is whole, from its status line to its last byte, under all outbound HTTP.

A socket's time-out counts from byte to byte: who sends one now and then is never late. And header lines and
the sizes of chunks are read by http.client and urllib3 in one go, where nobody looks at the clock. Here every
read of the socket gets what is left, and no more.
"""

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection


class _Left(io.RawIOBase):
    """What a socket still says, until a moment (monotonic): TimeoutError from then on."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, until_s: float) -> None:
        self._raw, self._sock, self._until_s = raw, sock, until_s
        self._between_s = sock.gettimeout()

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """As the socket gives it, within what is left."""
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer is not whole in time")
        self._sock.settimeout(left_s if self._between_s is None else min(left_s, self._between_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """The socket's file as well."""
        super().close()
        self._raw.close()


def _answers(whole_s: float) -> type[HTTPResponse]:
    class Answer(HTTPResponse):
        def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
            super().__init__(sock, *arguments, **named)
            until_s = time.monotonic() + whole_s
            self.fp = io.BufferedReader(_Left(self.fp.detach(), sock, until_s))

    return Answer


def pools(whole_s: float) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """urllib3's pools by scheme. An answer that is not whole ``whole_s`` after its request is a time-out."""
    answers = _answers(whole_s)

    class Plain(HTTPConnection):
        response_class = answers

    class Secure(HTTPSConnection):
        response_class = answers

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
