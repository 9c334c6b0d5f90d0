"""One call to Mainstay: token, budget, request, answer, metric. Everything above works on parsed JSON."""

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from urllib3.exceptions import HTTPError

from core.domain.fields import Platform
from core.platforms.errors import AuthenticationFailed, PlatformError, RateLimited, UnexpectedAnswer
from core.platforms.mainstay import errors
from core.platforms.throttle import Throttle
from core.platforms.transport import Answer, BoundedPool, Credentials, Limits, RecordCall, failure, parsed


class Calls:
    """The calls of one organisation over held connections. Safe to share between threads.

    ``auth_scheme`` stands before the token: ``APIToken`` was seen in working clients (facts §1.2).
    """

    def __init__(
        self,
        *,
        base_url: str,
        auth_scheme: str,
        credentials: Callable[[], Credentials],
        record_call: RecordCall,
        limits: Limits,
        connections: int,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._auth_scheme = auth_scheme
        self._credentials = credentials
        self._record_call = record_call
        self._pool = BoundedPool(limits, connections)

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        throttle: Throttle,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        sent: Collection[str] = (),
    ) -> Any:
        """The JSON of a 2xx answer, None where its body is empty; anything else raises a PlatformError.

        ``path`` is percent-encoded and has its trailing slash: a redirect could lose the body or the header.
        A call with a ``body`` is a write; ``sent`` names its fields.
        """
        throttle.wait()
        credentials = self._credentials()
        if not credentials.sendable:
            raise _failed("the stored token is empty or damaged", 0, credentials)
        write = body is not None
        throttle.begin()
        started_s, status = time.monotonic(), 0
        try:
            answer = self._send(method, path, query, body, credentials)
            status = answer.status
        except HTTPError as error:
            raise failure(Platform.MAINSTAY, error, write=write) from None
        finally:
            self._record_call(Platform.MAINSTAY, operation, status, time.monotonic() - started_s)
        if not 200 <= status <= 299:
            raise _refusal(answer, credentials, throttle, write, sent)
        throttle.answered(answer.headers)
        if not answer.text.strip():
            return None
        document = parsed(answer.text)
        if document is None:
            raise UnexpectedAnswer(Platform.MAINSTAY, "not JSON", status=status, maybe_applied=write)
        return document

    def _send(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        body: Mapping[str, Any] | None,
        credentials: Credentials,
    ) -> Answer:
        url = f"{self._base_url}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {
            "Authorization": f"{self._auth_scheme} {credentials.token}",
            "Accept": "application/json",
            "User-Agent": "crosswalk",
        }
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
        response = self._pool.request(method, url, headers=headers, body=data)
        return Answer(response.status, response.headers, response.data.decode())


def _refusal(
    answer: Answer, credentials: Credentials, throttle: Throttle, write: bool, sent: Collection[str]
) -> PlatformError:
    error = errors.of_answer(answer, write=write, sent=sent)
    if isinstance(error, RateLimited):
        error.retry_after_s = throttle.refused(error.retry_after_s)
        return error
    throttle.answered(answer.headers)
    error.credential_version = credentials.version
    if isinstance(error, AuthenticationFailed):
        return _failed(error.detail, answer.status, credentials)
    return error


def _failed(detail: str, status: int, credentials: Credentials) -> AuthenticationFailed:
    error = AuthenticationFailed(Platform.MAINSTAY, detail, status=status)
    error.credential_version = credentials.version
    return error
