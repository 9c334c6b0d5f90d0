"""The receiver's Flask application: its routes, each with its verifier on the same line, and its errors."""

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask, Response, abort, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from core.domain.fields import Platform
from core.domain.routing import Routing
from core.platforms.mainstay import events, signature
from core.queue.port import Publisher
from core.settings import Settings
from core.telemetry import log, record_request
from webhooks import health, hubspot, mainstay
from webhooks.problems import problem
from webhooks.publishing import Publishing
from webhooks.receiver import Note, Receiver
from webhooks.routing_table import RoutingTable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def now_ms() -> int:
    """The wall clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


def create_app(
    settings: Settings,
    queue_publisher: Publisher,
    load_routing: Callable[[], Routing],
    digest_key: Callable[[], bytes],
    readiness: Callable[[], dict[str, str]],
    *,
    tell_shared: Callable[[], None] = lambda: None,
    note: Note = lambda kind, account_id, word, count: None,
    clock: Callable[[], int] = now_ms,
) -> Flask:
    """Build the receiver; nothing is connected before the first request.

    ``settings.public_url`` must be set. ``readiness`` gives each check's problem, empty where it is ready.
    ``tell_shared`` sets the gauges of what all processes share, for ``/metrics``; ``note`` counts what the
    Health page shows (core/tallies.py).
    """
    app = Flask("webhooks", static_folder=None)
    app.url_map.merge_slashes = False  # a redirect would lose a POST's body
    table = RoutingTable(load_routing, digest_key)
    receiver = Receiver(settings, Publishing(queue_publisher), table, clock, note)
    checks = health.Readiness(lambda: {"instances": table.problem(), **readiness()})

    def route(path: str, view: Callable[[], object], method: str) -> None:
        app.add_url_rule(path, path, view, methods=[method], provide_automatic_options=False)  # type: ignore[arg-type]

    route("/webhooks/hubspot", partial(receiver.receive, Platform.HUBSPOT, hubspot.opened), "POST")
    opened = partial(mainstay.opened, signature.speakers, events.parse)
    route("/webhooks/mainstay", partial(receiver.receive, Platform.MAINSTAY, opened), "POST")
    route("/healthz", health.alive, "GET")
    route("/readyz", checks.ready, "GET")
    route("/metrics", health.Metrics(tell_shared).page, "GET")

    app.wsgi_app = _hostless(app.wsgi_app)  # type: ignore[assignment,method-assign]
    app.before_request(_start)
    app.after_request(partial(_finish, settings))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)
    return app


def _hostless(wsgi_app: "WSGIApplication") -> "WSGIApplication":
    """Flask refuses some Host headers; nothing here depends on the one that was sent."""

    def call(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ["HTTP_HOST"] = "receiver"
        return wsgi_app(environ, start_response)

    return call


def _start() -> None:
    g.started_s = time.monotonic()
    if request.environ["PATH_INFO"].startswith("//"):
        abort(404)  # another path, and nobody signed this one; Flask takes it for the one with a single slash


def _finish(settings: Settings, response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if (settings.public_url or "").startswith("https:"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    endpoint = request.url_rule.rule if request.url_rule else "other"
    record_request(endpoint, response.status_code, time.monotonic() - g.started_s)
    return response


def _http_error(error: HTTPException) -> Response:
    answer = problem(error.code or 400)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def _bug(error: Exception) -> Response:
    """A fault of ours: nothing was accepted for sure, so the sender is asked to send it again."""
    log("request.failed", level=logging.ERROR, error=error)
    return problem(503, "Not accepted just now; please send it again.")
