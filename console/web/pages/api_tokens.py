"""The JSON API's tokens, for owners: made here, shown once, revoked here."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for

from console.access import Right, Role, role_of
from console.web.errors import FormErrors
from console.web.site import Console, Site, signed_in
from core.store import api_tokens as store


def register(site: Site) -> None:
    """For owners."""
    site.route("/tokens", tokens, Right.OWN, ("GET", "POST"))
    site.route("/tokens/<int:token_id>/revoke", revoke_token, Right.OWN, ("POST",))


def tokens(console: Console) -> Any:
    """All tokens; a new one is shown this one time."""
    if request.method == "GET":
        return _page(console, FormErrors())
    errors, name = FormErrors(), request.form.get("name", "").strip()
    role = role_of(request.form.get("role", ""))
    errors.require("name", name, "Say what the token is for.")
    if len(name) > store.LONGEST_NAME:
        errors.add("name", f"Use at most {store.LONGEST_NAME} characters.")
    if role is None:
        errors.add("role", "Choose a role.")
    if errors or role is None:
        return _page(console, errors), 400
    with console.wiring.database.transaction() as session:
        made, text = store.create(
            session, name=name, role=role, author=signed_in().email, now_ms=console.now_ms()
        )
        console.audit(session, "api-token.created", made.name, [f"role {role.title}"])
    return _page(console, errors, made=made, text_of_token=text)


def revoke_token(console: Console, token_id: int) -> Any:
    """The token works no more."""
    with console.wiring.database.transaction() as session:
        revoked = store.revoke(session, token_id, console.now_ms())
        if revoked is None:
            abort(404)
        console.audit(session, "api-token.revoked", revoked.name)
    flash(f"The token {revoked.name} works no more.")
    return redirect(url_for("tokens"), 303)


def _page(console: Console, errors: FormErrors, **more: Any) -> str:
    with console.wiring.database.reading() as session:
        known = store.every(session)
    return render_template(
        "tokens.html", tokens=known, roles=list(Role), errors=errors, given=request.form, **more
    )
