"""The HTTP pool under both clients: bounded in time and size, no redirects, no retries of its own.

``BoundedPool`` is a urllib3 pool manager, so that it also fits under hubspot-api-client. Every answer is
read whole before it is handed on. ``failure`` turns urllib3's errors into ours; statuses are the platforms'
affair.
"""

import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util import Retry, Timeout

from core.domain.fields import Platform
from core.platforms.deadline import pools
from core.platforms.errors import PlatformError, Unavailable, UnexpectedAnswer
from core.unanswered import in_words, reason_of

CONNECT_S = 3.0
READ_S = 10.0
WHOLE_S = 30.0  # for one answer from its first to its last byte
MAX_ANSWER_BYTES = 32 * 1024 * 1024  # 100 contacts with every property stay far below

# (platform, operation, HTTP status or 0 without an answer, seconds): where each call is counted.
RecordCall = Callable[[Platform, str, int, float], None]


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token and which one it is: the version goes into AuthenticationFailed, so that a late 401 of an
    old token does not hold the account again."""

    token: str = field(repr=False)
    version: int

    @property
    def sendable(self) -> bool:
        """Whether a header can carry it. http.client quotes a header that it refuses in its exception."""
        return bool(self.token) and self.token.isascii() and self.token.isprintable()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: any status, the headers, the whole body as text."""

    status: int
    headers: Mapping[str, str]
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how large an answer may be. Times in seconds."""

    connect_s: float = CONNECT_S
    read_s: float = READ_S
    whole_s: float = WHOLE_S
    max_bytes: int = MAX_ANSWER_BYTES


class AnswerTooLarge(HTTPError):
    """More bytes than an answer may have."""


class BoundedPool(urllib3.PoolManager):
    """A pool manager that never follows a redirect, never retries, and reads every answer within limits.

    A body that is not UTF-8 is handed on with replacement characters: hubspot-api-client 12.0.0 decodes the
    bodies of errors and would raise UnicodeDecodeError in place of the status.
    """

    def __init__(self, limits: Limits, connections: int) -> None:
        super().__init__(num_pools=2, maxsize=connections, cert_reqs="CERT_REQUIRED")
        self.pool_classes_by_scheme = pools(limits.whole_s)
        self._limits = limits

    def urlopen(self, method: str, url: str, redirect: bool = True, **kw: Any) -> urllib3.HTTPResponse:  # type: ignore[override]
        """One request, one answer, read whole. urllib3's exceptions as they are."""
        kw |= {
            "retries": Retry(0, redirect=False),
            "timeout": Timeout(connect=self._limits.connect_s, read=self._limits.read_s),
            "preload_content": False,
        }
        response = super().urlopen(method, url, redirect=False, **kw)
        try:
            data = self._read(response)
        except BaseException:
            response.close()  # the connection is in no state to be used again
            raise
        response.release_conn()
        return urllib3.HTTPResponse(
            body=io.BytesIO(data.decode("utf-8", "replace").encode()),  # bytes would make an empty body None
            headers=response.headers,
            status=response.status,
            reason=response.reason,
            request_method=method,
            decode_content=False,
            enforce_content_length=False,
        )

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        # read1 hands over what has arrived; read would wait for the full amount however slowly it comes.
        while chunk := response.read1(65_536):
            size += len(chunk)
            if size > self._limits.max_bytes:
                raise AnswerTooLarge(f"more than {self._limits.max_bytes} bytes")
            chunks.append(chunk)
        return b"".join(chunks)


def failure(platform: Platform, error: Exception, *, write: bool) -> PlatformError:
    """What a failed request means. ``write``: whether it may have been carried out all the same.

    Only a connection that never came about is known to have carried nothing.
    """
    reason = reason_of(error)
    if isinstance(reason, AnswerTooLarge):
        return UnexpectedAnswer(platform, "the answer is too large", maybe_applied=write)
    never_sent = isinstance(reason, NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
    return Unavailable(platform, in_words(reason), maybe_applied=write and not never_sent)


def parsed(body: bytes | str) -> Any:
    """The JSON of an answer; None where it is not JSON (JSON's own null is no documented answer either)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def retry_after_s(headers: Mapping[str, str], now_s: Callable[[], float] = time.time) -> float | None:
    """``Retry-After`` in seconds (a number or an HTTP date); None where absent or over a day."""
    text = (headers.get("Retry-After") or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now_s()
        except (ValueError, TypeError, OverflowError):
            return None
    return seconds if 0 <= seconds <= 86_400 else None
