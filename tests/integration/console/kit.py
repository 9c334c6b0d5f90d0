"""A console between both platforms in miniature, for its tests: signed-in clients, form tokens, drafts."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import urllib3
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache

from console import connections, passwords
from console.access import Role
from console.api.register import register_api
from console.web.app import create_app
from core.domain.fields import Platform
from core.domain.instances import Instance
from core.settings import Settings
from core.store import instances, users
from core.store.database import migrate
from core.wiring import Wiring, connect
from sandbox.hubspot.sandbox import HubSpotSandbox
from sandbox.mainstay.sandbox import MainstaySandbox

PASSWORD = "four words make passwords"
HASH = passwords.hashed(PASSWORD)
ORIGIN = "http://localhost"
CLIENT_SECRET = "the-app-secret-of-the-tests"
HUBSPOT_TOKEN, MAINSTAY_TOKEN = "pat-na1-sandbox", "sandbox-token"


class _Compiled(BytecodeCache):
    """Templates compiled once for all tests of a process; a changed source is compiled anew."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """What was kept, where it fits the source."""
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        self.kept[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')


@dataclass(slots=True)
class Scene:
    """``hubspot`` and ``mainstay`` are the sandboxes themselves; ``app`` is the console."""

    wiring: Wiring
    app: Flask
    hubspot: Any
    mainstay: Any
    hubspot_url: str
    mainstay_url: str
    _users: dict[Role, str] = field(default_factory=dict)

    def user(self, role: Role) -> str:
        """A user of that role; returns the email."""
        if role not in self._users:
            email = f"{role}@river.example"
            with self.wiring.database.transaction() as session:
                users.add(session, email=email, role=role, now_ms=self.wiring.clock(), password=HASH)
            self._users[role] = email
        return self._users[role]

    def browser(self, role: Role | None = None) -> "Browser":
        """A browser, signed in as somebody of that role."""
        browser = Browser(self.app.test_client())
        if role is not None:
            with self.wiring.database.transaction() as session:
                user = users.by_email(session, self.user(role))
                assert user is not None
                token = users.start_session(session, user, self.wiring.clock())
            browser.client.set_cookie("crosswalk", token)
        return browser

    def connect_both(self) -> tuple[int, int]:
        """Both accounts, connected by token; their ids."""
        made = [
            connections.connect(self.wiring, "test", platform, owner, credentials)
            for platform, owner, credentials in (
                (Platform.HUBSPOT, "62515", {"access_token": HUBSPOT_TOKEN}),
                (Platform.MAINSTAY, "river", {"api_token": MAINSTAY_TOKEN}),
            )
        ]
        return made[0].account.id, made[1].account.id

    def control(self, platform: Platform, method: str, path: str, body: Any = None) -> Any:
        """One call of a sandbox's control API."""
        url = self.hubspot_url if platform is Platform.HUBSPOT else self.mainstay_url
        answer = urllib3.request(method, f"{url}/_sandbox/{path}", json=body, timeout=5.0, retries=False)
        assert answer.status < 300, answer.data
        return json.loads(answer.data) if answer.data else None

    def instance(self, name: str) -> Instance | None:
        """A stored instance."""
        with self.wiring.database.reading() as session:
            return instances.by_name(session, name)


class Browser:
    """A test client that fills in forms' tokens and knows what a page says."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.page = ""
        self.status = 0
        self.path = ""

    def get(self, path: str) -> str:
        """Open a page and follow redirects."""
        return self._take(self.client.get(path, follow_redirects=True))

    def post(self, path: str, follow: bool = True, token: bool = True, **form: Any) -> str:
        """Send a form with the token of the last page."""
        data = {name.replace("__", "-"): value for name, value in form.items()}
        if token:
            data.setdefault("form_token", self.token())
        return self._take(self.client.post(path, data=data, follow_redirects=follow))

    def send(self, path: str, form: dict[str, Any]) -> str:
        """Send a form whose names are no Python names."""
        return self._take(
            self.client.post(path, data={"form_token": self.token(), **form}, follow_redirects=True)
        )

    def token(self) -> str:
        """The form token of this browser."""
        found = _TOKEN.search(self.page)
        if found is None:  # a page without a form, or none yet
            found = _TOKEN.search(self.client.get("/me", follow_redirects=True).text)
        assert found is not None
        return found[1]

    def words(self) -> str:
        """The page's text, without tags, white space folded."""
        text = re.sub(r"<(script|style|svg)\b.*?</\1>|<[^>]*>", " ", self.page, flags=re.DOTALL)
        return " ".join(unescape(text).split())

    def _take(self, answer: Any) -> str:
        self.page, self.status, self.path = answer.text, answer.status_code, answer.request.path
        self.answer = answer
        return str(self.page)


@contextmanager
def scene(folder: Path, **environment: str) -> Iterator[Scene]:
    """A console with both sandboxes, an empty database, and nobody in it."""
    hubspot = HubSpotSandbox(client_secret=CLIENT_SECRET, limits=False, webhooks=False, people=12)
    mainstay = MainstaySandbox(limits=False, webhooks=False, people=12, people_from=6)
    with hubspot.running() as one, mainstay.running() as other:
        settings = Settings.from_env(
            {
                "CROSSWALK_DATABASE_URL": f"sqlite:///{folder}/console.db",
                "CROSSWALK_SECRET_KEY": "a-secret-key-of-the-tests-only",
                "CROSSWALK_PUBLIC_URL": ORIGIN,
                "CROSSWALK_HUBSPOT_CLIENT_ID": "sandbox-client",
                "CROSSWALK_HUBSPOT_CLIENT_SECRET": CLIENT_SECRET,
                "CROSSWALK_HUBSPOT_API_URL": one.url,
                "CROSSWALK_HUBSPOT_APP_URL": one.url,
                "CROSSWALK_HUBSPOT_RATE": "1000/1s",
                "CROSSWALK_MAINSTAY_API_URL": other.url,
                "CROSSWALK_MAINSTAY_RATE": "1000/1s",
                **environment,
            }
        )
        wiring = connect(settings)
        migrate(wiring.database.engine)
        app = create_app(wiring, register_api)
        app.jinja_env.bytecode_cache = _COMPILED
        try:
            yield Scene(wiring, app, hubspot, mainstay, one.url, other.url)
        finally:
            wiring.database.engine.dispose()
