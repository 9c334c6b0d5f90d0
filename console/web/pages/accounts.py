"""The connected accounts: state, test, a new token, name, webhook secret."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for

from console import account_list, connections
from console.access import Right
from console.account_list import Known
from console.configuration.problems import Refused
from console.web.errors import FormErrors
from console.web.pages.wizard_accounts import add_by_token, oauth_missing
from console.web.site import Console, Site, signed_in
from console.web.words import platform_problem
from core.domain.fields import Platform
from core.platforms.errors import PlatformError
from core.platforms.hubspot.oauth import SCOPE_TITLES
from core.queue.port import QueueUnavailable
from core.settings import webhook_secret


def register(site: Site) -> None:
    """Looking is for everybody, changing for those who configure."""
    site.route("/accounts", accounts, Right.VIEW)
    site.route("/accounts/<int:account_id>", account, Right.VIEW)
    site.route("/accounts/<int:account_id>/change", change_account, Right.CONFIGURE, ("POST",))
    site.route("/accounts/add", add_account, Right.CONFIGURE, ("GET", "POST"))


def accounts(console: Console) -> Any:
    """All accounts."""
    return render_template("accounts.html", known=account_list.known(console.wiring))


def account(console: Console, account_id: int) -> Any:
    """One account."""
    return _page(console, _known(console, account_id), FormErrors())


def add_account(console: Console) -> Any:
    """Connect an account outside of the wizard."""
    errors = FormErrors()
    if request.method == "POST":
        platform = request.form.get("platform", "")
        if platform not in list(Platform):
            abort(400)
        if add_by_token(console, None, Platform(platform), errors):
            return redirect(url_for("accounts"), 303)
    page = render_template(
        "account_add.html", errors=errors, oauth_missing=oauth_missing(console), scopes=SCOPE_TITLES
    )
    return page, 400 if errors else 200


def change_account(console: Console, account_id: int) -> Any:
    """Test the connection, or change name, token or webhook secret."""
    known, errors = _known(console, account_id), FormErrors()
    do = request.form.get("do", "")
    if do == "test":
        return _test(console, known)
    try:
        if do == "token":
            return _new_token(console, known, errors)
        if do == "describe":
            _describe(console, known, errors)
    except PlatformError as error:
        errors.add("token" if do == "token" else "name", platform_problem(error))
    except Refused as refused:
        for problem in refused.problems:
            errors.add("token" if do == "token" else "name", problem[:1].upper() + problem[1:])
    except QueueUnavailable:
        errors.add("", "The queue does not answer, so nothing was changed. Try again in a moment.")
    if errors:
        return _page(console, known, errors), 400
    return redirect(url_for("account", account_id=account_id), 303)


def _new_token(console: Console, known: Known, errors: FormErrors) -> Any:
    token, one = request.form.get("token", "").strip(), known.account
    errors.require("token", token, f"Paste the new {one.platform.title} token.")
    if errors:
        return _page(console, known, errors), 400
    owner = connections.owner_of(console.wiring, one.platform, token)
    if owner != one.external_id:
        errors.add("token", f"This token belongs to {owner}, but the account is {one.external_id}.")
        return _page(console, known, errors), 400
    credentials: dict[str, Any] = {"api_token": token}
    if one.platform is Platform.HUBSPOT:
        credentials = {"access_token": token, "refresh_token": None, "expires_at_ms": None, "scopes": None}
    credentials |= {"connected_by": signed_in().email, "connected_at_ms": console.now_ms()}
    connections.connect(console.wiring, signed_in().email, one.platform, owner, credentials)
    flash(f"{one.name} has a new token. What waited goes on by itself.")
    return redirect(url_for("account", account_id=one.id), 303)


def _describe(console: Console, known: Known, errors: FormErrors) -> None:
    name, secret = request.form.get("name", "").strip(), request.form.get("webhook_secret", "").strip()
    errors.require("name", name, "Enter a name.")
    changes: dict[str, Any] = {}
    if request.form.get("forget_secret") == "yes":
        changes["webhook_secrets"] = None
    elif secret:
        parts = [one.strip() for one in secret.split(",") if one.strip()]
        try:
            for one in parts:
                webhook_secret(one)
            changes["webhook_secrets"] = parts
        except ValueError as error:
            errors.add("webhook_secret", f"This is no webhook secret: {error}.")
    if not errors:
        connections.describe(
            console.wiring, signed_in().email, known.account, name=name[:180], changes=changes
        )
        flash(f"{name} is saved.")


def _test(console: Console, known: Known) -> Any:
    one = known.account
    client = console.wiring.hubspot(one) if one.platform is Platform.HUBSPOT else console.wiring.mainstay(one)
    try:
        owner = client.external_id()
        if owner == one.external_id:
            flash(f"{one.name}: {one.platform.title} answers, and the token is good.")
        else:
            flash(f"{one.name}: the token belongs to {owner} instead of {one.external_id}.", "error")
    except PlatformError as error:
        flash(f"{one.name}: {platform_problem(error)}", "error")
    return redirect(url_for("account", account_id=one.id), 303)


def _known(console: Console, account_id: int) -> Known:
    found = next((one for one in account_list.known(console.wiring) if one.account.id == account_id), None)
    if found is None:
        abort(404)
    return found


def _page(console: Console, known: Known, errors: FormErrors) -> str:
    return render_template(
        "account.html",
        known=known,
        errors=errors,
        given=request.form,
        scopes=SCOPE_TITLES,
        oauth_missing=oauth_missing(console),
    )
