"""Routes with their rights on the same line, and what every view works with.

``Site.route`` is the only way to add a page: nobody can forget to say who may see it. A view takes the
``Console`` and the route's variables; who is signed in is ``signed_in()``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import Flask, abort, g, redirect, request, url_for
from werkzeug.wrappers import Response

from console.access import Right, Role
from console.web.cookies import Cookies
from core.store import audit
from core.store.users import User
from core.wiring import Wiring

Answer = Any  # what Flask takes from a view


@dataclass(frozen=True, slots=True)
class Page:
    """A route as it was registered. ``right`` None = open to everybody."""

    path: str
    endpoint: str
    methods: tuple[str, ...]
    right: Right | None


@dataclass(slots=True)
class Console:
    """What the views work with."""

    wiring: Wiring
    cookies: Cookies
    origin: str  # where browsers reach the console, for OAuth redirects; no slash at the end

    def now_ms(self) -> int:
        """The wall clock, epoch milliseconds."""
        return self.wiring.clock()

    def audit(self, session: Any, action: str, subject: str = "", details: Sequence[str] = ()) -> None:
        """Note in the audit log what the signed-in user does, in the transaction that does it."""
        audit.record(session, self.now_ms(), signed_in().email, action, subject, details)


@dataclass(slots=True)
class Site:
    """The application while it is put together."""

    app: Flask
    console: Console
    pages: list[Page] = field(default_factory=list)

    def route(
        self,
        path: str,
        view: Callable[..., Answer],
        right: Right | None,
        methods: Sequence[str] = ("GET",),
        endpoint: str = "",
    ) -> None:
        """Serve ``view(console, **variables)`` at ``path`` to those who have the right."""
        name = endpoint or view.__name__
        guarded = partial(_guarded, self.console, view, right)
        self.app.add_url_rule(path, name, guarded, methods=list(methods))
        self.pages.append(Page(path, name, tuple(methods), right))


def signed_in() -> User:
    """The user of this request; only for routes that ask for a right."""
    user = g.user
    assert isinstance(user, User)
    return user


def role() -> Role:
    """The signed-in user's role."""
    return Role(signed_in().role)


def may(right: str) -> bool:
    """Whether the signed-in user has a right; False for nobody."""
    return g.user is not None and role().may(Right(right))


def _guarded(console: Console, view: Callable[..., Answer], right: Right | None, **variables: Any) -> Answer:
    if right is not None:
        if g.user is None:
            return _to_sign_in()
        if not role().may(right):
            abort(403)
    return view(console, **variables)


def _to_sign_in() -> Response:
    wanted = request.full_path.rstrip("?") if request.method == "GET" else ""
    return redirect(url_for("sign_in", next=wanted or None), 303)


def safe_path(path: str | None, otherwise: str) -> str:
    """A path of ours to go on to; anything that could lead elsewhere becomes ``otherwise``."""
    if (
        not path
        or not path.startswith("/")
        or path.startswith("//")
        or "\\" in path
        or not path.isprintable()
    ):
        return otherwise
    return path
