"""The console's users, for owners: add, change the role, disable."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for

from console import people as users
from console.access import Right, Role, role_of
from console.people import CannotChange, is_email
from console.web.errors import FormErrors
from console.web.site import Console, Site, signed_in
from core.store import users as store


def register(site: Site) -> None:
    """For owners."""
    site.route("/users", people, Right.OWN, ("GET", "POST"))
    site.route("/users/<int:user_id>", change_user, Right.OWN, ("POST",))


def people(console: Console) -> Any:
    """All users; adding one prints a link to set the first password."""
    if request.method == "GET":
        return _page(console, FormErrors(), {})
    errors, given = FormErrors(), request.form
    email, role = given.get("email", "").strip(), role_of(given.get("role", ""))
    if not is_email(email):
        errors.add("email", "Enter an email address, such as ana@river.edu.")
    if role is None:
        errors.add("role", "Choose a role.")
    if errors or role is None:
        return _page(console, errors, given), 400
    who, now_ms = signed_in().email, console.now_ms()
    try:
        with console.wiring.database.transaction() as session:
            user = users.add(session, who, now_ms, email=email, role=role, name=given.get("name", ""))
            token = users.link(session, who, now_ms, user, noted=False)
    except CannotChange as refused:
        errors.add("email", str(refused))
        return _page(console, errors, given), 400
    return _page(console, FormErrors(), {}, added=user, link=_address(console, token))


def change_user(console: Console, user_id: int) -> Any:
    """Another role, a new link, disable, or enable again. The last owner stays one."""
    do, token = request.form.get("do", ""), ""
    who, now_ms = signed_in().email, console.now_ms()
    with console.wiring.database.transaction() as session:
        user = store.by_id(session, user_id)
        if user is None:
            abort(404)
        role = role_of(request.form.get("role", ""))
        try:
            if do == "disable":
                users.disable(session, who, now_ms, user)
                flash(f"{user.email} can't sign in any more.")
            elif do == "enable":
                users.enable(session, who, now_ms, user)
                flash(f"{user.email} may sign in again.")
            elif do == "role" and role is not None:
                users.set_role(session, who, now_ms, user, role)
                flash(f"{user.email} is {role.title} now.")
            elif do == "link":
                token = users.link(session, who, now_ms, user)
        except CannotChange as refused:
            flash(str(refused))
    if token:
        return _page(console, FormErrors(), {}, added=user, link=_address(console, token))
    if do == "role" and user.id == signed_in().id:
        return redirect(url_for("sign_in"), 303)
    return redirect(url_for("people"), 303)


def _address(console: Console, token: str) -> str:
    return f"{console.origin}{url_for('sign_in_link', token=token)}"


def _page(console: Console, errors: FormErrors, given: Any, **more: Any) -> str:
    with console.wiring.database.reading() as session:
        known = store.every(session)
    return render_template("users.html", people=known, roles=list(Role), errors=errors, given=given, **more)
