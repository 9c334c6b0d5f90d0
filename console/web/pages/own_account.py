"""The signed-in user's own account: password, authenticator app, signing out everywhere."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for

from console import passwords
from console.access import Right
from console.times import zone_names
from console.web.errors import FormErrors
from console.web.pages.signing_in import begin_try, signed_in_response
from console.web.site import Console, Site, role, signed_in
from core.store import attempts, users


def register(site: Site) -> None:
    """For everybody who is signed in."""
    site.route("/me", own_account, Right.VIEW)
    site.route("/me/password", change_password, Right.VIEW, ("POST",))
    site.route("/me/time-zone", change_time_zone, Right.VIEW, ("POST",))
    site.route("/me/authenticator", authenticator, Right.VIEW, ("GET", "POST"))
    site.route("/me/sign-out-everywhere", sign_out_everywhere, Right.VIEW, ("POST",))


def own_account(console: Console) -> Any:
    """The page."""
    return _page(FormErrors())


def change_password(console: Console) -> Any:
    """A new password ends all other sessions."""
    user, errors = signed_in(), FormErrors()
    new = request.form.get("new", "")
    _check_current(console, errors, "current")
    problem = passwords.problem(new)
    if problem:
        errors.add("new", problem)
    elif new != request.form.get("again"):
        errors.add("again", "The two passwords differ.")
    if errors:
        return _page(errors), 400
    with console.wiring.database.transaction() as session:
        users.change(session, user.id, password=passwords.hashed(new))
        console.audit(session, "password.changed", user.email)
        fresh = users.by_id(session, user.id)
    assert fresh is not None
    flash("Your password is changed. All other sessions have ended.")
    return signed_in_response(console, fresh, url_for("own_account"))


def change_time_zone(console: Console) -> Any:
    """Times are shown in this zone from now on."""
    errors = FormErrors()
    zone = request.form.get("zone", "")
    if zone not in zone_names():
        errors.add("zone", "Choose a time zone of the list.")
        return _page(errors), 400
    with console.wiring.database.transaction() as session:
        users.set_time_zone(session, signed_in().id, zone)
    flash(f"Times are shown in the zone {zone} from now on.")
    return redirect(url_for("own_account"), 303)


def authenticator(console: Console) -> Any:
    """Switch the authenticator app on (with a first code) or off. Both, and another app in its place, ask for
    the password: whoever found a browser signed in sets no second factor of their own."""
    user, errors = signed_in(), FormErrors()
    if request.method == "GET":
        return _authenticator_page(passwords.new_secret(), errors)
    if request.form.get("do") == "off":
        _check_current(console, errors, "current_off")
        if errors:
            return _page(errors), 400
        with console.wiring.database.transaction() as session:
            users.set_totp(session, user.id, None)
            console.audit(session, "authenticator.off", user.email)
        flash("Signing in asks for the password alone now.")
        return redirect(url_for("own_account"), 303)
    secret = request.form.get("secret", "")
    _check_current(console, errors, "current")
    step = passwords.code_step(secret, request.form.get("code", ""), console.now_ms()) if secret else None
    if step is None:
        errors.add(
            "code", "This code is not right. Check the clock of your phone, then enter the newest one."
        )
    if errors or step is None:
        return _authenticator_page(secret or passwords.new_secret(), errors), 400
    with console.wiring.database.transaction() as session:
        users.set_totp(session, user.id, console.wiring.sealer.seal({"secret": secret}))
        users.use_totp(session, user.id, step)
        console.audit(session, "authenticator.on", user.email)
    flash("From now on, signing in asks for a code of your app.")
    return redirect(url_for("own_account"), 303)


def sign_out_everywhere(console: Console) -> Any:
    """End every session of the user, this one too."""
    with console.wiring.database.transaction() as session:
        users.end_sessions(session, signed_in().id)
        console.audit(session, "sign-out.everywhere", signed_in().email)
    response = redirect(url_for("sign_in"), 303)
    console.cookies.drop_session(response)
    return response


def _check_current(console: Console, errors: FormErrors, where: str) -> None:
    """Whoever found a browser signed in does not know the password, and may not guess it at speed."""
    user = signed_in()
    if not user.password:
        return
    wait_s = begin_try(console, user.email)
    if wait_s:
        errors.add(where, f"Too many failed tries. Try again in {wait_s} seconds.")
    elif not passwords.fits(user.password, request.form.get(where, "")):
        errors.add(where, "This is not your current password.")
    else:
        with console.wiring.database.transaction() as session:
            attempts.succeeded(session, user.email, request.remote_addr or "")


def _page(errors: FormErrors) -> str:
    return render_template("own_account.html", errors=errors, role=role(), zones=zone_names())


def _authenticator_page(secret: str, errors: FormErrors) -> str:
    uri = passwords.provisioning_uri(secret, signed_in().email)
    return render_template("authenticator.html", secret=secret, uri=uri, errors=errors)
