"""Connecting HubSpot by its own sign-in page: there, back, and how the wizard hears of it.

State and PKCE; a state works once, for the user who started it, for ten minutes. The pages run in a pop-up
(the last one tells the wizard by BroadcastChannel and closes) or, without one, in the same tab.
"""

import secrets
from typing import Any

from flask import jsonify, redirect, render_template, request, url_for

from console import connections
from console.access import Right
from console.configuration.problems import Refused
from console.web.pages.wizard_accounts import oauth_missing
from console.web.site import Console, Site, signed_in
from core.domain.fields import Platform
from core.platforms.errors import AuthenticationFailed, PlatformError
from core.platforms.hubspot.oauth import SCOPE_TITLES, Grant, HubSpotOAuth
from core.queue.port import QueueUnavailable
from core.store import drafts, oauth_flows
from core.store.oauth_flows import Flow

_DENIED = "HubSpot says that the request was refused there. Nothing was connected; you can try again."
_OLD = "This answer of HubSpot belongs to no open request of yours: it took too long, or came twice."


def register(site: Site) -> None:
    """For those who configure."""
    site.route("/connect/hubspot", connect_hubspot, Right.CONFIGURE)
    site.route("/connect/hubspot/callback", connect_callback, Right.CONFIGURE)
    site.route("/connect/hubspot/done/<flow_id>", connect_done, Right.CONFIGURE)
    site.route("/connect/hubspot/latest", connect_latest, Right.CONFIGURE)


def connect_hubspot(console: Console) -> Any:
    """Off to HubSpot. A GET, because a form may not lead to another origin under our content policy."""
    missing = oauth_missing(console)
    if missing:
        return _ended(None, "failed", f"An operator has to set {' and '.join(missing)} first."), 503
    verifier = secrets.token_urlsafe(48)
    with console.wiring.database.transaction() as session:
        state, _ = oauth_flows.start(
            session,
            console.wiring.sealer,
            signed_in().id,
            request.args.get("draft", 0, int),
            verifier,
            console.now_ms(),
            popup=request.args.get("popup") == "yes",
        )
    return redirect(_oauth(console).authorize_url(state, verifier), 302)


def connect_callback(console: Console) -> Any:
    """HubSpot sent the admin back, with a code or with a refusal."""
    with console.wiring.database.transaction() as session:
        flow = oauth_flows.take(
            session, console.wiring.sealer, request.args.get("state", ""), signed_in().id, console.now_ms()
        )
    if flow is None:
        return _ended(None, "failed", _OLD), 400
    code = request.args.get("code", "")
    if request.args.get("error") or not code:
        _finish(console, flow, "failed", _DENIED)
    else:
        _exchange(console, flow, code)
    popup = "yes" if flow.popup else None
    return redirect(url_for("connect_done", flow_id=flow.id, popup=popup), 303)


def connect_done(console: Console, flow_id: str) -> Any:
    """How it ended; closes by itself where it is a pop-up."""
    with console.wiring.database.reading() as session:
        flow = oauth_flows.get(session, flow_id, signed_in().id)
    if flow is None:
        return _ended(None, "failed", _OLD), 404
    return _ended(flow, flow.status, flow.message)


def connect_latest(console: Console) -> Any:
    """For the wizard, where no message of the pop-up came through: the newest trip of a draft."""
    with console.wiring.database.reading() as session:
        flow = oauth_flows.latest(
            session, signed_in().id, request.args.get("draft", 0, int), request.args.get("since", 0, int)
        )
    return jsonify(status=flow.status if flow else "none", message=flow.message if flow else "")


def _exchange(console: Console, flow: Flow, code: str) -> None:
    try:
        grant = _oauth(console).exchange(code, flow.verifier)
        if grant.missing_scopes:
            _finish(console, flow, "failed", _missing(grant))
            return
        owner = grant.portal_id or connections.owner_of(console.wiring, Platform.HUBSPOT, grant.access_token)
        credentials = grant.credentials() | {
            "scopes": list(grant.scopes),
            "connected_by": signed_in().email,
            "connected_at_ms": console.now_ms(),
        }
        made = connections.connect(console.wiring, signed_in().email, Platform.HUBSPOT, owner, credentials)
    except AuthenticationFailed as error:
        _finish(console, flow, "failed", f"HubSpot did not accept the answer: {error.detail}. Try again.")
        return
    except PlatformError as error:
        _finish(console, flow, "failed", f"HubSpot does not answer ({error.detail}). Try again in a moment.")
        return
    except Refused as refused:
        _finish(console, flow, "failed", " ".join(refused.problems))
        return
    except QueueUnavailable:
        _finish(console, flow, "failed", "The queue does not answer, so nothing was stored. Try again.")
        return
    _choose(console, flow, made.account.id)
    if made.new:
        message = f"Portal {made.account.external_id} is connected as {made.account.name}."
    else:
        message = (
            f"Portal {made.account.external_id} was connected already, as {made.account.name}."
            " Its connection is renewed."
        )
    _finish(console, flow, "connected", message, made.account.id)


def _choose(console: Console, flow: Flow, account_id: int) -> None:
    """The draft takes the account; an instance that is being edited keeps its own."""
    with console.wiring.database.transaction() as session:
        draft = drafts.get(session, flow.draft_id, signed_in().id)
        if draft is not None and not draft.instance_id:
            drafts.save(session, draft.id, {**draft.document, "hubspot_id": account_id}, console.now_ms())


def _missing(grant: Grant) -> str:
    words = [SCOPE_TITLES.get(scope, scope) for scope in grant.missing_scopes]
    scopes = ", ".join(grant.missing_scopes)
    return (
        f"HubSpot granted too little: the permission to {' and to '.join(words)} is missing ({scopes})."
        " Nothing was connected. Add the scopes to the app in HubSpot, then try again."
    )


def _finish(console: Console, flow: Flow, status: str, message: str, account_id: int = 0) -> None:
    with console.wiring.database.transaction() as session:
        oauth_flows.finish(session, flow.id, status, message, account_id)


def _oauth(console: Console) -> HubSpotOAuth:
    redirect_uri = f"{console.origin}{url_for('connect_callback')}"
    return HubSpotOAuth(console.wiring.settings, redirect_uri, console.now_ms)


def _ended(flow: Flow | None, status: str, message: str) -> str:
    draft_id = flow.draft_id if flow else request.args.get("draft", 0, int)
    onward = url_for("wizard_authentication", draft_id=draft_id) if draft_id else url_for("accounts")
    return render_template(
        "connect_done.html", status=status, message=message, onward=onward, draft_id=draft_id
    )
