"""Who calls, and may they? Each view says what right it asks for; one that says nothing answers nobody."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, g, request

from console.access import Right, Role
from console.api import bodies, filters
from console.api.problems import problem
from console.web.site import Console
from core.store import api_tokens, attempts

View = TypeVar("View", bound=Callable[..., Any])
OPEN = ("api-docs.openapi_json",)


def needs(right: Right) -> Callable[[View], View]:
    """Marks a view with the right that it asks for."""

    def mark(view: View) -> View:
        view.right = right  # type: ignore[attr-defined]
        return view

    return mark


def guard(console: Console) -> Any:
    """401 without a good token, 403 without the right; None lets the call through."""
    if request.endpoint is None or request.endpoint in OPEN:
        return None
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    token = None
    if scheme.lower() == "bearer" and text.strip():
        with console.wiring.database.reading() as session:
            token = api_tokens.find(session, text.strip())
    if token is None:
        return _nobody(console, guessed=bool(text.strip()))
    view = current_app.view_functions[request.endpoint]
    right = getattr(view, "right", None)
    if right is None or not Role(token.role).may(right):
        return problem(403, f"The token {token.name!r} is of the role {token.role}, which may not do this.")
    now_ms = console.now_ms()
    if api_tokens.use_is_due(token, now_ms):
        with console.wiring.database.transaction() as session:
            api_tokens.used(session, token, now_ms)
    g.caller, g.role = f"API token {token.name}", Role(token.role)
    return filters.refusal(view) or bodies.refusal()


def _nobody(console: Console, *, guessed: bool) -> Any:
    """401; 429 for an address that sent many tokens that are none."""
    if guessed:
        with console.wiring.database.transaction() as session:
            wait_ms = attempts.wrong_token(session, request.remote_addr or "", console.now_ms())
        if wait_ms:
            answer = problem(429, "Too many wrong tokens came from your address. Try again later.")
            answer.headers["Retry-After"] = str(-(-wait_ms // 1000))
            return answer
    return problem(401, "Send a token: Authorization: Bearer …")
