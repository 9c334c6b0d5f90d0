"""Puts the JSON API under /api/v1 of the console's application: blueprints, OpenAPI 3.1, problems as JSON."""

from collections.abc import Callable
from typing import Any

from flask import Flask, request
from flask_smorest import Api
from werkzeug.exceptions import HTTPException

from console.api import (
    accounts,
    activity,
    alerts,
    audit,
    bulk,
    by_hand,
    contacts,
    dead_letters,
    health,
    instances,
    jobs,
    log,
    status,
    triage,
    users,
)
from console.api.problems import of_exception, problem
from console.api.tokens import guard
from console.web.site import Console

PREFIX = "/api/v1"
_PARTS = (
    accounts,
    instances,
    bulk,
    contacts,
    by_hand,
    jobs,
    log,
    activity,
    triage,
    dead_letters,
    status,
    health,
    alerts,
    users,
    audit,
)
_SECURITY = {"bearer": {"type": "http", "scheme": "bearer", "description": "A token made by an owner."}}


class _Api(Api):
    """flask-smorest's API, whose own refusals (422, 404 of an identified thing) are problems too."""

    def handle_http_exception(self, error: HTTPException) -> Any:
        """RFC 9457; ``errors`` names the members of the request that are wrong."""
        details = getattr(error, "data", None) or {}
        return problem(error.code or 500, error.description or "", errors=details.get("messages"))


def register_api(app: Flask, console: Console) -> None:
    """Add the API to the console's application."""
    app.config.update(
        API_TITLE="Crosswalk",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {"description": "What the command line can do, under the same names and shapes."},
            "components": {"securitySchemes": _SECURITY},
            "security": [{"bearer": []}],
        },
    )
    pages = {kind: app.error_handler_spec[None][None][kind] for kind in (HTTPException, Exception)}
    api = _Api(app)  # takes the application's errors over, so the pages' handlers are put back below
    for part in _PARTS:
        api.register_blueprint(part.blueprint(console), url_prefix=f"{PREFIX}{part.AT}")
    app.before_request(lambda: guard(console) if request.path.startswith(f"{PREFIX}/") else None)
    for kind, page in pages.items():
        _share(app, kind, page)


def _share(app: Flask, kind: type[Exception], page: Callable[[Any], Any]) -> None:
    """Errors under the prefix are JSON; all others stay what the pages make of them."""

    def handle(error: Exception) -> Any:
        return of_exception(error) if request.path.startswith(f"{PREFIX}/") else page(error)

    app.register_error_handler(kind, handle)
