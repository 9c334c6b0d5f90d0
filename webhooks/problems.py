"""What goes wrong with a request, and how it is told: ``application/problem+json`` (RFC 9457).

The texts say what the sender may know and nothing more: one 401 is like another, whatever was wrong with the
signature (the reason stands in our log and metrics), and no text quotes the request.
"""

import json
from http import HTTPStatus

from flask import Response


class Refusal(Exception):
    """The request is answered with ``status``. ``reason`` is a metric's label."""

    status = HTTPStatus.BAD_REQUEST
    detail = ""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooLarge(Refusal):
    """413: more than the documented deliveries can be."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    detail = "A request may have at most 1 MiB."


class NotJson(Refusal):
    """415: the headers announce something else than plain JSON."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    detail = "Send application/json, not compressed."


class NotAuthentic(Refusal):
    """401: missing, malformed, wrong, stale or future-dated signature; or a body that never fully came."""

    status = HTTPStatus.UNAUTHORIZED
    detail = "The signature does not fit."


class NotDocumented(Refusal):
    """400: authentic, but not the documented JSON: no JSON, or no member of it can be read."""

    status = HTTPStatus.BAD_REQUEST
    detail = "The body is not the documented JSON."


class TryAgain(Refusal):
    """503: the queue did not confirm, or the table of instances was never loaded."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    detail = "Not accepted just now; please send it again."


RETRY_AFTER_S = 5


def problem(status: int, detail: str = "") -> Response:
    """An error's answer; a 503 names the seconds until another try."""
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        document["detail"] = detail
    response = Response(json.dumps(document), status, content_type="application/problem+json")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response
