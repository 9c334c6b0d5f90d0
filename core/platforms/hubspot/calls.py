"""One call to HubSpot: token, budget, request, answer, metric. Everything above works on parsed JSON.

hubspot-api-client carries it: one API object is held per portal and process, because each access to
``client.crm…batch_api`` makes a new connection pool (facts/hubspot.md §7.2, measured). Its typed methods know
the numbered paths only, so the date-based ones go through its ``call_api`` with plain dicts (§7.5).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hubspot import HubSpot as HubSpotLibrary
from hubspot.crm.contacts import ApiException
from urllib3.exceptions import HTTPError

from core.domain.fields import Platform
from core.platforms.errors import AuthenticationFailed, PlatformError, RateLimited, UnexpectedAnswer
from core.platforms.hubspot import errors
from core.platforms.throttle import Throttle
from core.platforms.transport import Answer, BoundedPool, Credentials, Limits, RecordCall, failure, parsed

JSON = Mapping[str, Any]
CONNECTIONS = 8


class Calls:
    """The calls of one portal. Safe to share between threads; make it after a fork.

    ``credentials`` is asked before each call, so that a renewed token reaches held objects. ``version`` is
    a date-based path version, or ``v3``.
    """

    def __init__(
        self,
        host: str,
        version: str,
        credentials: Callable[[], Credentials],
        record_call: RecordCall,
        limits: Limits,
    ) -> None:
        # Without a token: it goes with each call, so that two threads never mix two credential versions.
        self._api = HubSpotLibrary(host=host).crm.contacts.batch_api.api_client
        self._api.rest_client.pool_manager = BoundedPool(limits, CONNECTIONS)
        self._version = version
        self._credentials = credentials
        self._record_call = record_call
        self._timeout_s = (limits.connect_s, limits.read_s)

    def contacts(self, tail: str = "") -> str:
        """The path of the contact API, e.g. ``contacts("/batch/read")``."""
        if self._version == "v3":
            return f"/crm/v3/objects/contacts{tail}"
        return f"/crm/objects/{self._version}/contacts{tail}"

    def catalogue(self) -> str:
        """The path of the contacts' property catalogue."""
        if self._version == "v3":
            return "/crm/v3/properties/contacts"
        return f"/crm/properties/{self._version}/contacts"

    def account(self) -> str:
        """The path that tells which portal a token belongs to."""
        return f"/account-info/{self._version}/details"

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        throttle: Throttle,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: JSON | None = None,
        write: bool = False,
    ) -> JSON:
        """The JSON object of a 2xx answer (207 included); anything else raises a PlatformError."""
        throttle.wait()
        credentials = self._credentials()
        if not credentials.sendable:
            raise _failed("the stored token is empty or damaged", 0, credentials)
        throttle.begin()
        started_s, status = time.monotonic(), 0
        try:
            answer = self._send(method, path, query, body, credentials)
            status = answer.status
        except HTTPError as error:
            raise failure(Platform.HUBSPOT, error, write=write) from None
        finally:
            self._record_call(Platform.HUBSPOT, operation, status, time.monotonic() - started_s)
        if not 200 <= status <= 299:
            raise _refusal(answer, credentials, throttle, write)
        throttle.answered(answer.headers)
        document = parsed(answer.text)
        if not isinstance(document, Mapping):
            raise UnexpectedAnswer(Platform.HUBSPOT, "not a JSON object", status=status, maybe_applied=write)
        return document

    def _send(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        body: JSON | None,
        credentials: Credentials,
    ) -> Answer:
        bearer = {"in": "header", "key": "Authorization", "value": f"Bearer {credentials.token}"}
        try:
            answer = self._api.call_api(
                path,
                method,
                query_params=list(query),
                header_params={"Accept": "application/json", "Content-Type": "application/json"},
                body=dict(body) if body is not None else None,
                auth_settings=["oauth2"],
                _request_auth=bearer,
                _preload_content=False,
                _request_timeout=self._timeout_s,
            )
        except ApiException as error:
            if not error.status:  # the library's own wrapping of a TLS failure
                raise HTTPError("TLS") from None
            return Answer(error.status, error.headers or {}, error.body or "")
        return Answer(answer.status, answer.headers, answer.data.decode())


def _refusal(answer: Answer, credentials: Credentials, throttle: Throttle, write: bool) -> PlatformError:
    error = errors.of_answer(answer, write=write)
    if isinstance(error, RateLimited):
        error.retry_after_s = throttle.refused(error.retry_after_s, errors.policy(answer.text))
        return error
    throttle.answered(answer.headers)
    if answer.status in errors.NOT_APPLIED and error.retry_after_s:
        throttle.pause(error.retry_after_s)  # locked or being moved: true for the whole portal
    error.credential_version = credentials.version
    if isinstance(error, AuthenticationFailed):
        return _failed(error.detail, answer.status, credentials)
    return error


def _failed(detail: str, status: int, credentials: Credentials) -> AuthenticationFailed:
    error = AuthenticationFailed(Platform.HUBSPOT, detail, status=status)
    error.credential_version = credentials.version
    return error
