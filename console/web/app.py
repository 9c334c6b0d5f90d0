"""The console's Flask application: its pages, what surrounds every request, and its errors."""

import hashlib
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, g, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from console.activities import action_words, word_of
from console.times import local, rfc3339, short, span
from console.web import headers
from console.web.bodies import whole_bodies
from console.web.cookies import Cookies, new_mark
from console.web.navigation import PLACES
from console.web.pages import (
    accounts,
    activity,
    alerts,
    api_tokens,
    audit_log,
    beginning,
    connecting,
    contact,
    contact_linking,
    contact_privacy,
    contact_sync,
    contacts,
    dead_letter_actions,
    dead_letters,
    health,
    help_pages,
    home,
    instances,
    integrations,
    jobs,
    own_account,
    problems,
    signing_in,
    single_sign_on,
    sync_log,
    users,
    versions,
    what_if,
    wizard,
    wizard_accounts,
    wizard_count,
    wizard_mapping,
    wizard_preview,
)
from console.web.site import Console, Site, may
from core.queue.port import QueueUnavailable
from core.store import audit
from core.store import users as store
from core.store.database import CannotStore, DatabaseUnavailable
from core.store.sealing import CannotOpen
from core.telemetry import log
from core.wiring import Wiring

STATIC = Path(__file__).parent / "static"
LARGEST_FORM = 2 * 1024 * 1024  # bytes: a mapping of some hundred rows with their options
_UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
_PAGES = (
    signing_in,
    own_account,
    home,
    problems,
    sync_log,
    activity,
    dead_letters,
    dead_letter_actions,
    jobs,
    what_if,
    contacts,
    contact,
    contact_sync,
    contact_linking,
    contact_privacy,
    integrations,
    instances,
    beginning,
    versions,
    wizard,
    wizard_accounts,
    wizard_count,
    wizard_mapping,
    wizard_preview,
    connecting,
    accounts,
    users,
    api_tokens,
    audit_log,
    help_pages,
    health,
    alerts,
)


def create_app(wiring: Wiring, register_api: Callable[[Flask, Console], None] | None = None) -> Flask:
    """Build the console. ``register_api`` adds the JSON API under /api/v1."""
    settings = wiring.settings
    origin = settings.console_url or settings.public_url or ""
    secure = urlsplit(origin).scheme == "https"
    cookies = Cookies(settings.secret_keys, secure)
    console = Console(wiring, cookies, origin)
    app = Flask("console.web", root_path=str(Path(__file__).parent))
    app.config.update(
        SECRET_KEY=cookies.key("notes").hex(),  # Flask's own cookie carries notes from page to page
        SESSION_COOKIE_NAME="__Host-crosswalk-notes" if secure else "crosswalk-notes",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM,
        MAX_FORM_PARTS=20_000,
        SEND_FILE_MAX_AGE_DEFAULT=31_536_000,  # every address of a file carries its content's digest
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(rfc3339=rfc3339, short=short, span=span, local=_local)
    app.url_map.merge_slashes = False  # its redirect would quote the Host that was asked for
    app.wsgi_app = whole_bodies(app.wsgi_app, LARGEST_FORM)  # type: ignore[assignment,method-assign]
    if settings.console_proxies:  # the address alone: our own comes from the settings, never from a request
        proxies = settings.console_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    site = Site(app, console)
    app.before_request(lambda: _begin(console))
    app.after_request(lambda response: _finish(console, response))
    app.context_processor(lambda: _everywhere(console))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failed)
    for page in _PAGES:
        page.register(site)
    single_sign_on.register(site)
    app.extensions["pages"] = site.pages
    if register_api is not None:
        register_api(app, console)
    return app


def _begin(console: Console) -> Any:
    """Who is it, and is the form ours? The API has its own tokens and no cookies."""
    g.user, g.reference, g.mark = None, secrets.token_hex(4), ""
    audit.come_from(request.remote_addr or "")
    if request.endpoint == "static" or request.path.startswith("/api/") or request.path == "/healthz":
        return None
    token = console.cookies.session(request)
    now_ms = console.now_ms()
    if token:
        with console.wiring.database.reading() as session:
            g.user, due = store.of_session(session, token, now_ms)
        if g.user is not None and due:
            with console.wiring.database.transaction() as session:
                store.seen(session, token, now_ms)
    g.mark = token if g.user is not None else console.cookies.browser(request) or new_mark()
    if request.method in _UNSAFE and not _is_ours(console):
        return _page_error(400, "This form has expired", "Go back, reload the page and try again.")
    return None


def _is_ours(console: Console) -> bool:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    token = request.form.get("form_token", "") or request.headers.get("X-Form-Token", "")
    return console.cookies.fits(g.mark, token)


def _finish(console: Console, response: Response) -> Response:
    if g.get("user") is None and g.get("mark") and request.endpoint != "static":
        console.cookies.keep_browser(response, g.mark)
    return headers.add(response, secure=console.cookies.secure)


def _everywhere(console: Console) -> dict[str, Any]:
    """What every template may use."""
    return {
        "user": g.get("user"),
        "may": may,
        "form_token": console.cookies.form_token(g.mark) if g.get("mark") else "",
        "places": [place for place in PLACES if g.get("user") is not None and may(place.right)],
        "asset": _asset,
        "now_ms": console.now_ms(),
        "word_of": word_of,
        "action_words": action_words,
        "known_pages": current_app.view_functions,
    }


def _local(at_ms: int) -> str:
    """A time in the reader's zone; before anybody has signed in, UTC."""
    user = g.get("user")
    return local(at_ms, user.time_zone if user is not None else "UTC")


def _asset(name: str) -> str:
    """A file's address, with its content's digest: browsers keep it for as long as it does not change."""
    mark = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return url_for("static", filename=name, v=mark)


def _http_error(error: HTTPException) -> Any:
    texts = {
        403: ("You may not do this", "Your role does not include it. An owner can give you another one."),
        404: ("There is nothing here", "It may have been deleted, or the address has a slip."),
        405: ("That does not work this way", "Go back and use the page's own buttons."),
        413: ("That is too much at once", "The form is larger than the console takes."),
    }
    if error.code is not None and error.code < 400:
        return error.get_response()
    title, text = texts.get(error.code or 500, ("That did not work", error.description or ""))
    return _page_error(error.code or 500, title, text)


def _failed(error: Exception) -> Any:
    """Something of ours, or something that we need is away. The reference is in the log as well."""
    if isinstance(error, DatabaseUnavailable | QueueUnavailable):
        what = "database" if isinstance(error, DatabaseUnavailable) else "queue"
        log("console.unavailable", level=logging.WARNING, what=what, reference=g.reference)
        return _page_error(503, f"The {what} does not answer", "Nothing was changed. Try again in a moment.")
    if isinstance(error, CannotStore):
        return _page_error(400, "That can't be looked up or kept", str(error))
    if isinstance(error, CannotOpen):
        return _page_error(503, "Stored credentials can't be opened", str(error))
    log("console.failed", level=logging.ERROR, error=error, reference=g.reference, page=request.endpoint)
    return _page_error(500, "Something went wrong on our side", "It was noted. Try again in a moment.")


def _page_error(status: int, title: str, text: str) -> Any:
    try:
        page = render_template("error.html", status=status, title=title, text=text, reference=g.reference)
    except DatabaseUnavailable:
        page = f"{title}. {text}"
    return page, status
