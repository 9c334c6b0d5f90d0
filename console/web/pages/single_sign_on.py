"""Signing in by an institution's OpenID Connect provider (optional). Authlib does the protocol.

Only users whom an owner has added may come in: the provider says who somebody is, never what they may do.
"""

from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from flask import flash, redirect, url_for
from joserfc.errors import JoseError

from console.web.pages.signing_in import signed_in_response
from console.web.site import Console, Site
from core.platforms.bounded_session import BoundedSession
from core.store import users
from core.store.users import User


class _Provider(FlaskOAuth2App):  # type: ignore[misc]
    client_cls = BoundedSession


def register(site: Site) -> None:
    """Nothing where no provider is set."""
    settings = site.console.wiring.settings
    if not (settings.oidc_issuer and settings.oidc_client_id):
        return
    oauth = OAuth(site.app)
    provider = oauth.register(
        name="oidc",
        client_cls=_Provider,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        server_metadata_url=f"{settings.oidc_issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
    )

    def sso_start(console: Console) -> Any:
        try:
            return provider.authorize_redirect(f"{console.origin}{url_for('sso_callback')}")
        except (AuthlibBaseError, requests.RequestException, ValueError):
            return _refused("Your institution's sign-in does not answer. Try again in a moment.")

    def sso_callback(console: Console) -> Any:
        try:
            claims = provider.authorize_access_token().get("userinfo") or {}
        except (AuthlibBaseError, JoseError, requests.RequestException, ValueError):
            return _refused("Signing in did not work. Try again, or use your password.")
        user = _user(console, claims, settings.oidc_issuer or "")
        if user is None:
            return _refused("You are not among the console's users yet. Ask an owner to add you.")
        return signed_in_response(console, user, "")

    site.route("/sign-in/sso", sso_start, None)
    site.route("/sign-in/sso/callback", sso_callback, None)


def _user(console: Console, claims: dict[str, Any], issuer: str) -> User | None:
    """The user of these claims: by subject, or the first time by a verified email."""
    subject, email = str(claims.get("sub") or ""), str(claims.get("email") or "")
    if not subject:
        return None
    known = f"{issuer} {subject}"
    with console.wiring.database.transaction() as session:
        user = users.by_subject(session, known)
        if user is None and email and claims.get("email_verified") in (True, "true"):
            user = users.by_email(session, email)
            if user is None or user.subject is not None:
                return None
            users.change(session, user.id, subject=known)
    return user if user is not None and user.disabled_at_ms is None else None


def _refused(text: str) -> Any:
    flash(text)
    return redirect(url_for("sign_in"), 303)
