"""HubSpot's OAuth: where to send an admin, codes and refresh tokens into access tokens.

Source: https://developers.hubspot.com/docs/api-reference/legacy/authentication/manage-oauth-tokens and the
2026-03 token endpoint (facts of 2026-11-23): form-encoded, everything in the body, access tokens live
1,800 s, a code works once. Authlib does the protocol; nothing here stores anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError

from core.domain.fields import Platform
from core.platforms.bounded_session import BoundedSession
from core.platforms.errors import AuthenticationFailed, PlatformError, Unavailable, UnexpectedAnswer
from core.settings import Settings
from core.unanswered import in_words

SCOPES = (
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.schemas.contacts.read",
)
# What each scope is for, in an admin's words.
SCOPE_TITLES = {
    "oauth": "know which portal it is",
    "crm.objects.contacts.read": "read contacts",
    "crm.objects.contacts.write": "create and update contacts",
    "crm.schemas.contacts.read": "read the list of contact properties",
}
TOKEN_PATH = "/oauth/2026-03/token"  # noqa: S105 - a path
_TIMEOUT_S = 10.0
_DEAD_GRANT = ("invalid_grant", "invalid_token", "BAD_REFRESH_TOKEN", "BAD_AUTH_CODE")


@dataclass(frozen=True, slots=True)
class Grant:
    """What HubSpot gave: tokens, until when (epoch ms), for which portal, with which scopes."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at_ms: int
    portal_id: str
    scopes: tuple[str, ...]

    @property
    def missing_scopes(self) -> tuple[str, ...]:
        """The scopes that the work needs and this grant lacks."""
        return tuple(scope for scope in SCOPES if self.scopes and scope not in self.scopes)

    def credentials(self) -> dict[str, Any]:
        """In the form of core.store.accounts.Credentials."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_at_ms": self.expires_at_ms,
        }


class HubSpotOAuth:
    """One HubSpot app, as the settings describe it."""

    def __init__(self, settings: Settings, redirect_uri: str, clock: Callable[[], int]) -> None:
        self._settings, self._redirect_uri, self._clock = settings, redirect_uri, clock

    @property
    def missing_settings(self) -> tuple[str, ...]:
        """The variables without which nobody can be sent to HubSpot."""
        needed = {
            "CROSSWALK_HUBSPOT_CLIENT_ID": self._settings.hubspot_client_id,
            "CROSSWALK_HUBSPOT_CLIENT_SECRET": self._settings.hubspot_client_secrets,
        }
        return tuple(name for name, value in needed.items() if not value)

    def authorize_url(self, state: str, verifier: str) -> str:
        """HubSpot's page that asks the admin. PKCE S256; ``verifier`` stays with us."""
        with self._session() as session:
            url, _ = session.create_authorization_url(
                f"{self._settings.hubspot_app_url}/oauth/authorize", state=state, code_verifier=verifier
            )
        return str(url)

    def exchange(self, code: str, verifier: str) -> Grant:
        """The tokens of a code that HubSpot sent the admin back with. PlatformError."""
        return self._ask(
            lambda session, url: session.fetch_token(
                url, grant_type="authorization_code", code=code, code_verifier=verifier, timeout=_TIMEOUT_S
            )
        )

    def refresh(self, refresh_token: str) -> Grant:
        """New tokens. AuthenticationFailed where the grant was revoked; other PlatformErrors pass."""
        return self._ask(
            lambda session, url: session.refresh_token(url, refresh_token=refresh_token, timeout=_TIMEOUT_S),
            refresh_token,
        )

    def _ask(self, ask: Callable[[Any, str], Mapping[str, Any]], refresh_token: str = "") -> Grant:
        try:
            with self._session() as session:
                told = ask(session, f"{self._settings.hubspot_api_url}{TOKEN_PATH}")
        except AuthlibBaseError as error:
            raise _refused(str(error.error or "refused")) from None
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            raise Unavailable(Platform.HUBSPOT, f"the token endpoint answers {status}") from None
        except requests.RequestException as error:
            raise Unavailable(Platform.HUBSPOT, in_words(error)) from None
        except ValueError:
            raise UnexpectedAnswer(Platform.HUBSPOT, "the token endpoint's answer is no JSON") from None
        return self._grant(told, refresh_token)

    def _grant(self, told: Mapping[str, Any], refresh_token: str) -> Grant:
        access, portal = told.get("access_token"), told.get("hub_id")
        refresh = told.get("refresh_token") or refresh_token
        lifetime_s = told.get("expires_in")
        if not (isinstance(access, str) and access and refresh and isinstance(lifetime_s, int | float)):
            raise UnexpectedAnswer(Platform.HUBSPOT, "the token endpoint's answer lacks a token")
        scopes = told.get("scopes") or str(told.get("scope") or "").split()
        return Grant(
            access_token=access,
            refresh_token=str(refresh),
            expires_at_ms=self._clock() + round(lifetime_s * 1000),
            portal_id=str(portal or ""),
            scopes=tuple(str(scope) for scope in scopes),
        )

    def _session(self) -> Any:
        return BoundedSession(
            self._settings.hubspot_client_id,
            (self._settings.hubspot_client_secrets or ("",))[0],
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 - a method's name
            scope=" ".join(SCOPES),
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
        )


def _refused(error: str) -> PlatformError:
    if error in _DEAD_GRANT:
        return AuthenticationFailed(Platform.HUBSPOT, f"the connection was revoked ({error})", status=400)
    return AuthenticationFailed(
        Platform.HUBSPOT, f"HubSpot refuses the app ({error}): check the client id and secret", status=400
    )
