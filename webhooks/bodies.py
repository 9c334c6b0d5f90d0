"""A request's bytes, whole and bounded, and the JSON in them.

Called by the receiver before and after the signature is verified. What never fully comes (a lying
Content-Length, a broken chunk, a stalled sender) can't carry a signature, so it is answered like one that
does not fit.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from flask import Request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_options_header

from webhooks.problems import NotAuthentic, NotDocumented, NotJson, TooLarge

LIMIT_BYTES = 1024 * 1024
_CHUNK_BYTES = 16 * 1024
_DISCARD_BYTES = 8 * LIMIT_BYTES
_DISCARD_S = 1.0
_BROKEN = (OSError, ParseException, HTTPException)  # time-out, sender gone, broken chunk


def check_size(request: Request, clock_s: Callable[[], float] = time.monotonic) -> None:
    """TooLarge by what the headers announce."""
    if (request.content_length or 0) > LIMIT_BYTES:
        _discard(request, clock_s)
        raise TooLarge("declared")


def read(request: Request, until_s: float, clock_s: Callable[[], float] = time.monotonic) -> bytes:
    """The raw body; TooLarge beyond the limit, NotAuthentic if it is not there ``until_s`` on ``clock_s``."""
    body = bytearray()
    try:
        for part in _parts(request, until_s, clock_s):
            body += part
            if len(body) > LIMIT_BYTES:
                _discard(request, clock_s)
                raise TooLarge("counted")
    except _BROKEN:
        raise NotAuthentic("incomplete") from None
    if request.content_length is not None and len(body) != request.content_length:
        raise NotAuthentic("incomplete")
    return bytes(body)


def _parts(request: Request, until_s: float, clock_s: Callable[[], float]) -> Iterator[bytes]:
    """What comes in, piece by piece; TimeoutError when it takes too long."""
    socket = request.environ.get("gunicorn.socket")
    while True:
        left_s = until_s - clock_s()
        if left_s <= 0:
            raise TimeoutError
        if socket is not None:
            socket.settimeout(left_s)
        part = request.stream.read(_CHUNK_BYTES)
        if not part:
            return
        yield part


def _discard(request: Request, clock_s: Callable[[], float]) -> None:
    """Read on for a moment: who is still sending when the connection closes never sees the answer."""
    size = 0
    with contextlib.suppress(*_BROKEN):
        for part in _parts(request, clock_s() + _DISCARD_S, clock_s):
            size += len(part)
            if size > _DISCARD_BYTES:
                return


def check_type(headers: Mapping[str, str]) -> None:
    """NotJson where the headers (by lower-case name) announce something else."""
    if parse_options_header(headers.get("content-type"))[0].lower() != "application/json":
        raise NotJson("type")
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise NotJson("encoding")


def decode(body: bytes) -> Any:
    """The JSON of an authentic body; NotDocumented for anything else, whatever the bytes.

    A member's name that stands twice has its last value (as Python reads it); NaN and Infinity are no JSON.
    """
    try:
        return _DECODER.decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise NotDocumented("json") from None


def _refuse(_: str) -> NoReturn:
    raise ValueError("no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
