"""Takes a request's body whole, within a time, before a view works on it: slow senders keep no threads.

Wraps the console's application under gunicorn. What is larger than the console takes is handed on a little
too long, so that the application refuses it as it would have.
"""

import time
from collections.abc import Callable, Iterable
from io import BytesIO
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

QUICK_S = 0.5  # a form or a call is here at once, all the more so behind a proxy that buffers
BODY_S = 5.0
_SLOW = 4  # requests of a process, half its threads, that may take longer than QUICK_S at a time
_CHUNK_BYTES = 64 * 1024


def whole_bodies(
    wsgi_app: "WSGIApplication", most_bytes: int, clock_s: Callable[[], float] = time.monotonic
) -> "WSGIApplication":
    """``wsgi_app`` behind the reading of bodies; 408 where one does not come in time or breaks off."""
    slow = BoundedSemaphore(_SLOW)

    def call(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        socket = environ.get("gunicorn.socket")
        comes = environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING")
        if socket is None or not comes:
            return wsgi_app(environ, start_response)
        body, started_s, waits = bytearray(), clock_s(), False
        chunked = "HTTP_TRANSFER_ENCODING" in environ
        try:
            if chunked:  # gunicorn can't go on reading chunks after a time-out
                waits = slow.acquire(blocking=False)
            most_s = BODY_S if waits else QUICK_S
            whole = _read(environ, socket, body, most_bytes, started_s + most_s, clock_s)
            if not (whole or chunked) and (waits := slow.acquire(blocking=False)):
                whole = _read(environ, socket, body, most_bytes, started_s + BODY_S, clock_s)
            socket.settimeout(None)
        except (OSError, ParseException):
            whole = False
        finally:
            if waits:
                slow.release()
        whole = whole and (chunked or len(body) >= min(int(environ["CONTENT_LENGTH"]), most_bytes))
        if not whole:
            start_response("408 Request Timeout", [("Connection", "close"), ("Content-Length", "0")])
            return []
        environ["wsgi.input"] = BytesIO(bytes(body))
        environ["CONTENT_LENGTH"] = str(len(body))
        return wsgi_app(environ, start_response)

    return call


def _read(
    environ: "WSGIEnvironment",
    socket: Any,
    body: bytearray,
    most_bytes: int,
    until_s: float,
    clock_s: Callable[[], float],
) -> bool:
    """Add to ``body`` until it is whole (or too large): True; False when the time is over."""
    while len(body) <= most_bytes:
        left_s = until_s - clock_s()
        if left_s <= 0:
            return False
        socket.settimeout(left_s)
        try:
            part = environ["wsgi.input"].read(_CHUNK_BYTES)
        except TimeoutError:
            return False
        if not part:
            return True
        body += part
    return True
