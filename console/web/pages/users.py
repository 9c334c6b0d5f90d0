"""The console's users, for owners: add, change the role, disable."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy.exc import IntegrityError

from console.access import Right, Role, role_of
from console.web.errors import FormErrors
from console.web.site import Console, Site, signed_in
from core.store import users

LINK_MS = 3 * 24 * 3600 * 1000


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
    if "@" not in email or len(email) > 200 or any(map(str.isspace, email)):
        errors.add("email", "Enter an email address, such as ana@river.edu.")
    if role is None:
        errors.add("role", "Choose a role.")
    if errors or role is None:
        return _page(console, errors, given), 400
    try:
        with console.wiring.database.transaction() as session:
            user = users.add(
                session, email=email, role=role, name=given.get("name", "")[:200], now_ms=console.now_ms()
            )
            link = users.make_link(session, user.id, "password", console.now_ms() + LINK_MS)
            console.audit(session, "user.added", user.email, [f"role {role.title}"])
    except IntegrityError:
        errors.add("email", "Somebody with this email is a user already.")
        return _page(console, errors, given), 400
    address = f"{console.origin}{url_for('sign_in_link', token=link)}"
    return _page(console, FormErrors(), {}, added=user, link=address)


def change_user(console: Console, user_id: int) -> Any:
    """Another role, a new link, disable, or enable again. The last owner stays one."""
    do = request.form.get("do", "")
    link = ""
    with console.wiring.database.transaction() as session:
        user = users.by_id(session, user_id)
        if user is None:
            abort(404)
        last_owner = user.role == Role.OWNER and user.disabled_at_ms is None and users.owners(session) == 1
        role = role_of(request.form.get("role", ""))
        if do in ("disable", "role") and last_owner and role is not Role.OWNER:
            flash(f"{user.email} is the only owner left. Make somebody else an owner first.")
        elif do == "disable":
            users.change(session, user.id, disabled_at_ms=console.now_ms())
            console.audit(session, "user.disabled", user.email)
            flash(f"{user.email} can't sign in any more.")
        elif do == "enable":
            users.enable(session, user.id)
            console.audit(session, "user.enabled", user.email)
            flash(f"{user.email} may sign in again.")
        elif do == "role" and role is not None:
            users.change(session, user.id, role=role)
            console.audit(session, "user.role", user.email, [f"{Role(user.role).title} → {role.title}"])
            flash(f"{user.email} is {role.title} now.")
        elif do == "link":
            link = users.make_link(session, user.id, "password", console.now_ms() + LINK_MS)
            console.audit(session, "user.link", user.email)
    if link:
        address = f"{console.origin}{url_for('sign_in_link', token=link)}"
        return _page(console, FormErrors(), {}, added=user, link=address)
    if do == "role" and user.id == signed_in().id:
        return redirect(url_for("sign_in"), 303)
    return redirect(url_for("people"), 303)


def _page(console: Console, errors: FormErrors, given: Any, **more: Any) -> str:
    with console.wiring.database.reading() as session:
        known = users.every(session)
    return render_template("users.html", people=known, roles=list(Role), errors=errors, given=given, **more)
