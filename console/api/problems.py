"""What goes wrong with a call: ``application/problem+json`` (RFC 9457). ``code``: one of contract §7's."""

import json
import logging
from http import HTTPStatus
from typing import Any

from flask import Response, g
from werkzeug.exceptions import HTTPException

from console.alerting import Wrong
from console.configuration.problems import Refused
from console.contact_argument import NotTied
from console.contacts import linking
from console.contacts.leased import Busy
from console.contacts.naming import Unclear
from console.job_control import CannotSwitch, NoSuchJob
from console.people import CannotChange
from console.starting import CannotStart
from console.versions import NoSuchVersion
from core.coordination.port import CoordinationUnavailable
from core.platforms.errors import PlatformError
from core.queue.port import QueueUnavailable
from core.store.database import CannotStore, DatabaseUnavailable
from core.store.sealing import CannotOpen
from core.telemetry import log


class NoSuchThing(Exception):
    """404 with a sentence that says what there is."""


def problem(status: int, detail: str = "", *, code: str = "", errors: Any = None) -> Response:
    """An error's answer. ``errors``: what is wrong with which member, or a list of sentences."""
    document: dict[str, Any] = {
        "type": f"/help/errors/{code}" if code else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "request_id": g.get("reference", ""),
    }
    document |= {"detail": detail} if detail else {}
    document |= {"code": code} if code else {}
    document |= {"errors": errors} if errors else {}
    response = Response(json.dumps(document), status, content_type="application/problem+json")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "5"
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="crosswalk"'
    return response


def of_exception(error: Exception) -> Response:  # noqa: PLR0911 - a table
    """The answer to an exception of a view."""
    match error:
        case HTTPException():
            details = getattr(error, "data", None) or {}
            return problem(error.code or 500, error.description or "", errors=details.get("messages"))
        case Refused() | linking.Refused() | Busy() | Unclear():
            return _refusal(error)
        case NoSuchThing() | NotTied() | NoSuchJob() | NoSuchVersion():
            return problem(404, str(error))
        case Wrong():
            return problem(422, str(error), errors=error.problems)
        case CannotStart() | CannotSwitch() | CannotChange():
            return problem(409, str(error))
        case PlatformError():
            status = 503 if error.retryable else 502
            return problem(status, str(error), code=str(error.code))
        case QueueUnavailable() | DatabaseUnavailable() | CoordinationUnavailable():
            return problem(503, "The queue or the database does not answer; nothing was changed.")
        case CannotStore():
            return problem(422, str(error))
        case CannotOpen():
            return problem(503, str(error))
    log("api.failed", level=logging.ERROR, error=error, reference=g.get("reference", ""))
    return problem(500, "Something went wrong on our side; it was noted.")


def _refusal(error: Refused | linking.Refused | Busy | Unclear) -> Response:
    match error:
        case Refused():
            return problem(422, "Nothing was changed.", errors=list(error.problems))
        case linking.Refused():
            return problem(409, str(error), code=str(error.code or ""))
        case Busy():
            return problem(503, str(error))
    return problem(422, str(error))
