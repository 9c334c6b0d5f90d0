"""OAuth: the authorize page, tokens, introspection, revocation.

Source: …/docs/api-reference/legacy/authentication/manage-oauth-tokens, developers.hubspot.com (facts §6).
Everything goes in the form body; access tokens run out; a code works once.
"""

import base64
import hashlib
import time
from urllib.parse import urlencode

from sandbox.hubspot.portal import ALL_SCOPES, AuthorizationCode, Portal, Token, World
from sandbox.messages import Refusal, Request, Response, json_response
from sandbox.page.rendering import html_response
from sandbox.platform import Call

CODE_LIFETIME_S = 600.0


def _bad(error: str, description: str, status: str) -> Refusal:
    body = {"error": error, "error_description": description, "status": status, "message": description}
    return Refusal(json_response(400, body))


def authorize_page(world: World, call: Call[Portal]) -> Response:
    wanted = {name: values[0] for name, values in call.request.query.items()}
    scopes = [*wanted.get("scope", "").split(), *wanted.get("optional_scope", "").split()]
    if problem := _authorize_problem(world, wanted, scopes):
        return html_response("problem.html", 400, title="Authorization", problem=problem)
    return html_response(
        "authorize.html",
        title="Connect an app",
        scopes=scopes,
        portals=list(world.portals.values()),
        wanted=wanted,
    )


def _authorize_problem(world: World, wanted: dict[str, str], scopes: list[str]) -> str:
    settings = world.settings
    if wanted.get("client_id") != settings.client_id:
        return "No app has this client_id."
    redirect_uri = wanted.get("redirect_uri", "")
    if not redirect_uri.startswith(("http://", "https://")):
        return "redirect_uri is missing or not a web address."
    if settings.oauth_redirect_uris and redirect_uri not in settings.oauth_redirect_uris:
        return "redirect_uri is not one of the app's."
    # Since October 2024 the requested scopes must match the app's (facts §6).
    required = wanted.get("scope", "").split()
    if settings.app_scopes and set(required) != set(settings.app_scopes):
        return "The requested scopes do not match the app's."
    if unknown := [scope for scope in scopes if scope not in ALL_SCOPES]:
        return f"Unknown scopes: {', '.join(unknown)}."
    return ""


def decide(world: World, call: Call[Portal]) -> Response:
    """The allow and deny buttons."""
    form = call.request.form()
    scopes = [*form.get("scope", "").split(), *form.get("optional_scope", "").split()]
    if problem := _authorize_problem(world, form, scopes):
        return html_response("problem.html", 400, title="Authorization", problem=problem)
    answer = {"state": form["state"]} if form.get("state") else {}
    portal_id = form.get("portal", "")
    if form.get("decision") != "allow" or portal_id not in world.portals:
        answer |= {"error": "access_denied", "error_description": "The user denied the request."}
    else:
        answer["code"] = world.new_token("na1-code")
        world.codes[answer["code"]] = AuthorizationCode(
            portal_id,
            form["client_id"],
            form["redirect_uri"],
            scopes or list(ALL_SCOPES),
            form.get("code_challenge", ""),
            form.get("code_challenge_method", "plain"),
            time.time() + CODE_LIFETIME_S,
        )
    joint = "&" if "?" in form["redirect_uri"] else "?"
    location = f"{form['redirect_uri']}{joint}{urlencode(answer)}"
    return Response(302, headers=(("Location", location),))


def token(world: World, call: Call[Portal]) -> Response:
    form = call.request.form()
    _check_client(world, form)
    match form.get("grant_type"):
        case "authorization_code":
            return _exchange_code(world, form)
        case "refresh_token":
            return _refresh(world, form)
    raise _bad("unsupported_grant_type", "grant_type is not supported", "BAD_GRANT_TYPE")


def _check_client(world: World, form: dict[str, str]) -> None:
    settings = world.settings
    if form.get("client_id") != settings.client_id:
        raise _bad("invalid_client", "missing or unknown client id", "BAD_CLIENT_ID")
    if form.get("client_secret") != settings.client_secret:
        raise _bad("invalid_client", "missing or invalid client secret", "BAD_CLIENT_SECRET")


def _exchange_code(world: World, form: dict[str, str]) -> Response:
    code = world.codes.pop(form.get("code", ""), None)
    if code is None or code.expires_at_s < time.time():
        raise _bad("invalid_grant", "missing or unknown auth code", "BAD_AUTH_CODE")
    if code.redirect_uri != form.get("redirect_uri"):
        raise _bad("invalid_grant", "redirect_uri does not match", "BAD_REDIRECT_URI")
    if code.code_challenge and not _verifies(code, form.get("code_verifier", "")):
        raise _bad("invalid_grant", "code_verifier does not match", "BAD_CODE_VERIFIER")
    refresh_token = world.new_token("na1-refresh")
    world.refresh_tokens[refresh_token] = Token(
        code.portal_id, code.scopes, "refresh_token", client_id=code.client_id
    )
    return _issue(world, refresh_token)


def _verifies(code: AuthorizationCode, verifier: str) -> bool:
    if code.challenge_method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return verifier == code.code_challenge


def _refresh(world: World, form: dict[str, str]) -> Response:
    refresh_token = form.get("refresh_token", "")
    grant = world.refresh_tokens.get(refresh_token)
    if grant is None:
        message = "refresh token is invalid, expired or revoked"
        raise _bad("invalid_grant", message, "BAD_REFRESH_TOKEN")
    if world.settings.rotate_refresh_token:
        del world.refresh_tokens[refresh_token]
        refresh_token = world.new_token("na1-refresh")
        world.refresh_tokens[refresh_token] = grant
    return _issue(world, refresh_token)


def _issue(world: World, refresh_token: str) -> Response:
    grant, lifetime_s = world.refresh_tokens[refresh_token], world.settings.oauth_expires_in_s
    access_token = world.new_token("na1-access")
    world.tokens[access_token] = Token(
        grant.portal_id, grant.scopes, "oauth", time.time() + lifetime_s, grant.client_id
    )
    return json_response(
        200,
        {
            "token_type": "bearer",
            "access_token": access_token,
            "refresh_token": refresh_token,
            "expires_in": lifetime_s,
            "hub_id": int(grant.portal_id),
            "scopes": grant.scopes,
            "user_id": 75514748,
            "token_use": "access_token",
        },
    )


def _named_token(request: Request) -> str:
    form = request.form()
    return form.get("token") or form.get("access_token") or form.get("refresh_token") or ""


def _details(world: World, named: str) -> dict[str, object]:
    grant = world.tokens.get(named) or world.refresh_tokens.get(named)
    if grant is None or grant.expired:
        return {"active": False}
    expires_in = 0 if grant.expires_at_s is None else round(grant.expires_at_s - time.time())
    return {
        "active": True,
        "hub_id": int(grant.portal_id),
        "user_id": 75514748,
        "user": "admin@school.example",
        "app_id": world.settings.app_id,
        "hub_domain": f"portal-{grant.portal_id}.example",
        "scopes": grant.scopes,
        "expires_in": expires_in,
        "is_private_distribution": False,
        "token_use": "refresh_token" if grant.kind == "refresh_token" else "access_token",
    }


def introspect(world: World, call: Call[Portal]) -> Response:
    _check_client(world, call.request.form())
    return json_response(200, _details(world, _named_token(call.request)))


def revoke(world: World, call: Call[Portal]) -> Response:
    """Revoking a refresh token ends its app's access tokens for the portal too, as uninstalling does."""
    _check_client(world, call.request.form())
    named = _named_token(call.request)
    grant = world.refresh_tokens.pop(named, None)
    world.tokens.pop(named, None)
    if grant is not None:
        end_app_access(world, grant.portal_id)
    return json_response(200, {})


def end_app_access(world: World, portal_id: str) -> None:
    for store in (world.tokens, world.refresh_tokens):
        gone = [t for t, grant in store.items() if grant.portal_id == portal_id and grant.kind != "static"]
        for each in gone:
            del store[each]


def old_token_details(world: World, call: Call[Portal]) -> Response:
    details = _details(world, call.groups["token"])
    if not details["active"]:
        raise _bad("invalid_token", "unknown access token", "BAD_ACCESS_TOKEN")
    return json_response(200, details)
