"""Looks at a call's JSON before anything works on it: readable, and not deeper than any document of ours."""

from typing import Any

from flask import Response, request

from console.api.problems import problem
from webhooks.bodies import decode
from webhooks.problems import NotDocumented

DEEPEST = 40


def refusal() -> Response | None:
    """415 or 400 where the present request's body is no JSON, 400 where it is nested so deep that working on
    it would fail; None where it can be read, or there is none."""
    if not request.is_json:
        has_body = bool(request.content_length) or "chunked" in request.headers.get("Transfer-Encoding", "")
        return problem(415, "Send JSON, as Content-Type: application/json.") if has_body else None
    try:
        document = decode(request.get_data() or b"null")
    except NotDocumented:
        return problem(400, "The body is no JSON.")
    if _depth(document) > DEEPEST:
        return problem(400, f"The body is nested deeper than {DEEPEST} levels.")
    return None


def _depth(document: Any) -> int:
    deepest, waiting = 0, [(document, 1)]
    while waiting:
        one, depth = waiting.pop()
        deepest = max(deepest, depth)
        if depth <= DEEPEST and isinstance(one, dict | list):
            waiting += [(member, depth + 1) for member in (one.values() if isinstance(one, dict) else one)]
    return deepest
