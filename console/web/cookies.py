"""The console's cookies and the form tokens that hang on them.

``__Host-`` and Secure wherever the console is reached by https. SameSite is Lax: Strict would drop the cookie
on HubSpot's redirect back. A form token is a keyed digest of the browser's cookie (signed in or not), so that
no other site can make a form of ours.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from flask import Request
from werkzeug.wrappers import Response

_SESSION, _BROWSER = "crosswalk", "crosswalk-browser"


@dataclass(frozen=True, slots=True)
class Cookies:
    """``secret_keys`` as in the settings: the first one signs, any of them is taken."""

    secret_keys: Sequence[str] = field(repr=False)
    secure: bool

    def key(self, purpose: str) -> bytes:
        """A key of our own for one purpose, from the newest secret key."""
        return _key(self.secret_keys[0], purpose)

    def session(self, request: Request) -> str:
        """The session's token, or empty."""
        return request.cookies.get(self._named(_SESSION), "")

    def browser(self, request: Request) -> str:
        """The browser's random mark, or empty."""
        return request.cookies.get(self._named(_BROWSER), "")

    def keep_session(self, response: Response, token: str) -> None:
        """Signed in. Ends with the browser; the server ends it earlier."""
        self._set(response, _SESSION, token)

    def drop_session(self, response: Response) -> None:
        """Signed out."""
        response.delete_cookie(self._named(_SESSION), secure=self.secure, httponly=True, samesite="Lax")

    def keep_browser(self, response: Response, mark: str) -> None:
        """Mark the browser, for the forms before the sign-in."""
        self._set(response, _BROWSER, mark)

    def form_token(self, mark: str) -> str:
        """What every form of this browser carries."""
        return _token(self.secret_keys[0], mark)

    def fits(self, mark: str, token: str) -> bool:
        """Whether a form's token is this browser's."""
        wanted = [_token(key, mark).encode() for key in self.secret_keys]
        return bool(mark) and any(hmac.compare_digest(one, token.encode()) for one in wanted)

    def _named(self, name: str) -> str:
        return f"__Host-{name}" if self.secure else name

    def _set(self, response: Response, name: str, value: str) -> None:
        response.set_cookie(
            self._named(name), value, secure=self.secure, httponly=True, samesite="Lax", path="/"
        )


def new_mark() -> str:
    """A browser's random mark."""
    return secrets.token_urlsafe(24)


def _key(secret_key: str, purpose: str) -> bytes:
    return hmac.new(secret_key.encode(), f"crosswalk console {purpose}".encode(), hashlib.sha256).digest()


def _token(secret_key: str, mark: str) -> str:
    return hmac.new(_key(secret_key, "forms"), mark.encode(), hashlib.sha256).hexdigest()
