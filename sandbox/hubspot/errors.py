"""HubSpot's error bodies.

Source: https://developers.hubspot.com/docs/api-reference/error-handling, 2026-03 (facts §4.3, §5).
The texts of 401 and 404 are unknown; these are the sandbox's own.
"""

import json
import uuid
from collections.abc import Sequence

from sandbox.hubspot.values import ValueProblem
from sandbox.messages import JsonObject, Refusal, Response, json_response

TEXTS = {
    400: ("VALIDATION_ERROR", "Invalid input"),
    401: (
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found. This API supports OAuth 2.0 authentication.",
    ),
    403: ("MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call."),
    404: ("OBJECT_NOT_FOUND", "resource not found"),
    409: ("CONFLICT", "Conflict"),
    414: ("URI_TOO_LONG", "URI Too Long"),
    423: ("LOCKED", "This account is locked after a high volume of writes; wait at least 2 seconds."),
    477: ("MIGRATION_IN_PROGRESS", "This Hub is being moved to another data center."),
    500: ("INTERNAL_ERROR", "internal error"),
    502: ("INTERNAL_ERROR", "Bad gateway"),
    503: ("SERVICE_UNAVAILABLE", "Service temporarily unavailable"),
    504: ("INTERNAL_ERROR", "Gateway timeout"),
}


def error_body(category: str, message: str, errors: Sequence[JsonObject] = ()) -> JsonObject:
    body: JsonObject = {
        "status": "error",
        "message": message,
        "correlationId": str(uuid.uuid4()),
        "category": category,
    }
    if errors:
        body["errors"] = list(errors)
    return body


def error(status: int, message: str = "", category: str = "", errors: Sequence[JsonObject] = ()) -> Response:
    usual_category, usual_message = TEXTS.get(status, ("INTERNAL_ERROR", "error"))
    return json_response(status, error_body(category or usual_category, message or usual_message, errors))


def refusal(status: int, message: str = "", category: str = "", errors: Sequence[JsonObject] = ()) -> Refusal:
    return Refusal(error(status, message, category, errors))


def values_message(problems: Sequence[ValueProblem]) -> str:
    """The documented oddity: the details again, as JSON inside the message."""
    details = [
        {
            "isValid": False,
            "message": p.message,
            "error": p.code,
            "name": p.name,
            "localizedErrorMessage": p.message,
        }
        for p in problems
    ]
    return f"Property values were not valid: {json.dumps(details, ensure_ascii=False)}"


def value_errors(problems: Sequence[ValueProblem]) -> list[JsonObject]:
    return [{"message": p.message, "code": p.code, "context": {"propertyName": [p.name]}} for p in problems]


def missing_scopes(scopes: Sequence[str]) -> Response:
    context = {"requiredGranularScopes": list(scopes)}
    message = "One or more of the following scopes are required."
    return error(403, errors=[{"message": message, "context": context}])


def too_many(policy: str, retry_after_s: int | None) -> Response:
    """A 429 as seen (hubspot-api-python issue 117) and documented (usage guide): it has no category."""
    body: JsonObject = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": str(uuid.uuid4()),
        "policyName": policy,
        "groupName": "publicapi:crm:contacts",
    }
    if policy == "TEN_SECONDLY_ROLLING":
        body["message"] = "You have reached your ten_secondly_rolling limit."
    if policy == "DAILY":
        body["requestId"] = str(uuid.uuid4())
    headers = (("Retry-After", str(retry_after_s)),) if retry_after_s is not None else ()
    return json_response(429, body, headers)
