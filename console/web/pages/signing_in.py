"""Signing in and out: password, one-time code, links from the command line. Guessing is slowed down."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from console import passwords
from console.access import Right
from console.web.errors import FormErrors
from console.web.site import Console, Site, safe_path
from core.store import attempts, audit, users
from core.store.users import User

_TICKET_S = 300  # between the password and the code


def register(site: Site) -> None:
    """Open to everybody, but for signing out."""
    site.route("/sign-in", sign_in, None, ("GET", "POST"))
    site.route("/sign-in/code", sign_in_code, None, ("POST",))
    site.route("/sign-in/link/<token>", sign_in_link, None, ("GET", "POST"))
    site.route("/sign-out", sign_out, Right.VIEW, ("POST",))


def sign_in(console: Console) -> Any:  # noqa: PLR0911 - each refusal is said at once
    """Email and password."""
    onward = safe_path(request.values.get("next"), "")
    if request.method == "GET":
        if g.user is not None:
            return redirect(onward or url_for("home"), 303)
        return _form(console, onward)
    email, password = request.form.get("email", "").strip(), request.form.get("password", "")
    errors = FormErrors()
    errors.require("email", email, "Enter your email address.")
    errors.require("password", password, "Enter your password.")
    if errors:
        return _form(console, onward, errors, email)
    wait_s = begin_try(console, email)
    if wait_s:
        errors.add("email", f"Too many failed tries. Try again in {wait_s} seconds.")
        return _form(console, onward, errors, email, 429)
    with console.wiring.database.reading() as session:
        user = users.by_email(session, email)
    right = passwords.fits(user.password if user else "", password)
    if user is None or not right or user.disabled_at_ms is not None:
        errors.add("password", "Email and password don't fit together.")
        return _form(console, onward, errors, email, 401)
    if user.totp is not None:
        ticket = _tickets(console).dumps([user.id, user.generation])
        return render_template("sign_in_code.html", ticket=ticket, onward=onward, errors=errors)
    return signed_in_response(console, user, onward)


def sign_in_code(console: Console) -> Any:
    """The code of the authenticator app, after the password."""
    onward = safe_path(request.form.get("next"), "")
    ticket = request.form.get("ticket", "")
    try:
        user_id, generation = _tickets(console).loads(ticket, max_age=_TICKET_S)
    except (BadSignature, ValueError, TypeError):  # TypeError: made by a version that signed the id alone
        flash("That took too long. Sign in again.")
        return redirect(url_for("sign_in", next=onward or None), 303)
    with console.wiring.database.reading() as session:
        user = users.by_id(session, user_id)
    errors = FormErrors()
    if user is None or user.disabled_at_ms is not None or user.totp is None or user.generation != generation:
        return redirect(url_for("sign_in"), 303)
    wait_s = begin_try(console, user.email)
    if wait_s:
        errors.add("code", f"Too many failed tries. Try again in {wait_s} seconds.")
    elif not code_fits(console, user, request.form.get("code", "")):
        errors.add("code", "This code is not right, or was used already. Enter the newest one.")
    if errors:
        page = render_template("sign_in_code.html", ticket=ticket, onward=onward, errors=errors)
        return page, 401
    return signed_in_response(console, user, onward)


def sign_in_link(console: Console, token: str) -> Any:
    """A link that the command line printed: sets a password once, or opens the demo."""
    with console.wiring.database.reading() as session:
        user, purpose = users.of_link(session, token, console.now_ms())
    if user is None:
        return render_template(
            "error.html",
            status=410,
            title="This link is used up",
            text="It worked once, or its time is over. Ask an owner for a new one.",
            reference=g.reference,
        ), 410
    if purpose == "demo":
        return signed_in_response(console, user, "")
    errors = FormErrors()
    if request.method == "POST":
        password = request.form.get("password", "")
        problem = passwords.problem(password)
        if problem:
            errors.add("password", problem)
        elif password != request.form.get("again"):
            errors.add("again", "The two passwords differ.")
        else:
            return _first_password(console, user, token, password)
    return render_template("set_password.html", person=user, errors=errors), 400 if errors else 200


def sign_out(console: Console) -> Any:
    """End this session."""
    with console.wiring.database.transaction() as session:
        users.end_session(session, console.cookies.session(request))
        console.audit(session, "sign-out")
    response = redirect(url_for("sign_in"), 303)
    console.cookies.drop_session(response)
    g.user = None
    return response


def signed_in_response(console: Console, user: User, onward: str) -> Response:
    """Start a session for the user and go on."""
    with console.wiring.database.transaction() as session:
        old = console.cookies.session(request)
        if old:
            users.end_session(session, old)
        token = users.start_session(session, user, console.now_ms())
        attempts.succeeded(session, user.email, request.remote_addr or "")
        audit.record(session, console.now_ms(), user.email, "sign-in")
    response = redirect(onward or url_for("home"), 303)
    console.cookies.keep_session(response, token)
    g.mark = ""
    return response


def code_fits(console: Console, user: User, code: str) -> bool:
    """Whether the one-time code is right; it is then used up."""
    if user.totp is None:
        return False
    secret = str(console.wiring.sealer.open(user.totp)["secret"])
    step = passwords.code_step(secret, code, console.now_ms())
    if step is None:
        return False
    with console.wiring.database.transaction() as session:
        return users.use_totp(session, user.id, step)


def _first_password(console: Console, user: User, token: str, password: str) -> Response:
    with console.wiring.database.transaction() as session:
        if not users.end_link(session, token):
            return redirect(url_for("sign_in"), 303)
        users.change(session, user.id, password=passwords.hashed(password))
        audit.record(session, console.now_ms(), user.email, "password.set", user.email)
        fresh = users.by_id(session, user.id)
    assert fresh is not None
    if fresh.totp is not None:  # a link replaces the password, not the second factor
        flash("Your password is set. Sign in with it.")
        return redirect(url_for("sign_in"), 303)
    return signed_in_response(console, fresh, "")


def _form(
    console: Console, onward: str, errors: FormErrors | None = None, email: str = "", status: int = 200
) -> Any:
    sso = bool(console.wiring.settings.oidc_issuer and console.wiring.settings.oidc_client_id)
    with console.wiring.database.reading() as session:
        nobody = not users.every(session)
    page = render_template(
        "sign_in.html", onward=onward, errors=errors or FormErrors(), email=email, sso=sso, nobody=nobody
    )
    return page, 400 if errors and status == 200 else status


def begin_try(console: Console, email: str) -> int:
    """Begin a try with a password or a code: 0, or the seconds until the next one is taken."""
    with console.wiring.database.transaction() as session:
        wait_ms = attempts.begin(session, email, request.remote_addr or "", console.now_ms())
    return -(-wait_ms // 1000)


def _tickets(console: Console) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(console.cookies.key("tickets"))
