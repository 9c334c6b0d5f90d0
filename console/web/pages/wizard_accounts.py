"""The wizard's second step: which HubSpot and which Mainstay account, used before or added here."""

from typing import Any

from flask import flash, redirect, request, url_for

from console import account_list, connections
from console.access import Right
from console.configuration.problems import Refused
from console.web.errors import FormErrors
from console.web.pages.wizard import Open, keep, leaving, left, open_draft, step_page
from console.web.site import Console, Site, signed_in
from console.web.words import platform_problem
from core.domain.fields import Platform
from core.platforms.errors import PlatformError
from core.platforms.hubspot.oauth import SCOPE_TITLES, HubSpotOAuth
from core.queue.port import QueueUnavailable
from core.store import oauth_flows


def register(site: Site) -> None:
    """For those who configure."""
    site.route(
        "/wizard/<int:draft_id>/authentication", wizard_authentication, Right.CONFIGURE, ("GET", "POST")
    )


def wizard_authentication(console: Console, draft_id: int) -> Any:
    """Step 2."""
    draft, errors = open_draft(console, draft_id), FormErrors()
    told = ""
    if request.method == "POST":
        _choose(console, draft)
        do = request.form.get("do", "")
        if leaving():
            return left(draft)
        if do in ("hubspot-token", "mainstay-token"):
            platform = Platform(do.partition("-")[0])
            if add_by_token(console, draft, platform, errors):
                return redirect(url_for("wizard_authentication", draft_id=draft_id), 303)
        elif do == "mainstay-test":
            told = _test(console, errors)
        elif do == "connected":  # HubSpot's window told so; the form comes as it stands
            flash(_connected(console, draft))
        elif do == "next":
            _check_chosen(draft, errors)
            if not errors:
                return redirect(url_for("wizard_mapping", draft_id=draft_id), 303)
    return step_page(
        "wizard_authentication.html",
        draft,
        errors,
        known=account_list.known(console.wiring),
        given=request.form,
        told=told,
        scopes=SCOPE_TITLES,
        oauth_missing=oauth_missing(console),
    )


def add_by_token(console: Console, draft: Open | None, platform: Platform, errors: FormErrors) -> bool:
    """Store the account that the form's token belongs to, and choose it in the draft. False with errors."""
    box = f"{platform}_token"
    token = request.form.get(box, "").strip()
    errors.require(box, token, f"Paste the {platform.title} token.")
    if errors:
        return False
    wiring = console.wiring
    try:
        owner = connections.owner_of(wiring, platform, token)
        credentials: dict[str, Any] = {"api_token": token}
        if platform is Platform.HUBSPOT:
            credentials = {"access_token": token, "refresh_token": None, "expires_at_ms": None}
            credentials |= {"scopes": None}
        credentials |= {"connected_by": signed_in().email, "connected_at_ms": console.now_ms()}
        made = connections.connect(wiring, signed_in().email, platform, owner, credentials)
    except PlatformError as error:
        errors.add(box, platform_problem(error))
        return False
    except Refused as refused:
        for problem in refused.problems:
            errors.add(box, problem)
        return False
    except QueueUnavailable:
        errors.add(box, "The queue does not answer, so nothing was stored. Try again in a moment.")
        return False
    if draft is not None:
        if platform is Platform.HUBSPOT:
            draft.form.hubspot_id = made.account.id
        else:
            draft.form.mainstay_id = made.account.id
        keep(console, draft)
    flash(f"{platform.title} account {made.account.name} is connected ({made.account.external_id}).")
    return True


def oauth_missing(console: Console) -> tuple[str, ...]:
    """The settings without which HubSpot can't be connected by its sign-in page."""
    missing = HubSpotOAuth(console.wiring.settings, "", console.now_ms).missing_settings
    return missing if console.origin else (*missing, "CROSSWALK_PUBLIC_URL")


def _choose(console: Console, draft: Open) -> None:
    """Take the chosen accounts over. An instance that is being edited keeps its own."""
    if draft.current is not None:
        return
    known = {one.account.id: one.account for one in account_list.known(console.wiring)}
    for platform in Platform:
        chosen = known.get(request.form.get(str(platform), 0, int))
        if chosen is not None and chosen.platform is platform:
            if platform is Platform.HUBSPOT:
                draft.form.hubspot_id, draft.hubspot = chosen.id, chosen
            else:
                draft.form.mainstay_id, draft.mainstay = chosen.id, chosen
    keep(console, draft)


def _connected(console: Console, draft: Open) -> str:
    with console.wiring.database.reading() as session:
        flow = oauth_flows.latest(session, signed_in().id, draft.id, 0)
    return flow.message if flow is not None else "The account is connected."


def _check_chosen(draft: Open, errors: FormErrors) -> None:
    if draft.hubspot is None:
        errors.add("hubspot", "Choose a HubSpot account, or add one.")
    if draft.mainstay is None:
        errors.add("mainstay", "Choose a Mainstay account, or add one.")


def _test(console: Console, errors: FormErrors) -> str:
    """Ask Mainstay whose token it is; store nothing."""
    token = request.form.get("mainstay_token", "").strip()
    errors.require("mainstay_token", token, "Paste the Mainstay token.")
    if errors:
        return ""
    try:
        owner = connections.owner_of(console.wiring, Platform.MAINSTAY, token)
    except PlatformError as error:
        errors.add("mainstay_token", platform_problem(error))
        return ""
    return f"The token works. It belongs to the organisation {owner}."
