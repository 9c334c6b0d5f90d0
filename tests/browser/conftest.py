"""A real browser (Debian's Chromium, by Playwright) before a console on loopback.

Skipped with one line where there is no Chromium; fails where CI=true. ``make browser`` installs it.
"""

import logging
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from console.access import Role
from core.store import users
from tests.integration.console import kit

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
_ARGUMENTS = [
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
]


@dataclass(frozen=True, slots=True)
class Site:
    """A running console. ``scene`` has the sandboxes behind it."""

    url: str
    scene: kit.Scene

    def cookie(self, role: Role) -> dict[str, str]:
        """The cookie of a session of somebody with that role."""
        with self.scene.wiring.database.transaction() as session:
            user = users.by_email(session, self.scene.user(role))
            assert user is not None
            token = users.start_session(session, user, self.scene.wiring.clock())
        return {"name": "crosswalk", "value": token, "url": self.url}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    if not CHROMIUM:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no Chromium: run `make browser`")
        pytest.skip("there is no Chromium: run `make browser`")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A console of its own for a test that changes something."""
    with served(tmp_path) as one:
        yield one


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A console for the tests of a module that only look."""
    with served(tmp_path_factory.mktemp("console")) as one:
        yield one


class served:
    """Serves a console on a free port of loopback."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._url = f"http://127.0.0.1:{self._port}"
        self._scene = kit.scene(folder, CROSSWALK_CONSOLE_URL=self._url)

    def __enter__(self) -> Site:
        scene = self._scene.__enter__()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = make_server("127.0.0.1", self._port, scene.app, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return Site(self._url, scene)

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
        self._scene.__exit__(None, None, None)


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages; any console error, blocked content or fault of a script fails the test."""
    contexts: list[Any] = []
    faults: list[str] = []

    def note(said: Any, url: str, allowed: str) -> None:
        ours = said.location["url"].startswith(url)  # HubSpot's page is not ours to judge
        if said.type == "error" and ours and not (allowed and allowed in said.text):
            faults.append(said.text)

    def open_page(site: Site, role: Role | None = None, allowed: str = "", **options: Any) -> Any:
        wanted = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **options}
        context = browser.new_context(base_url=site.url, **wanted)
        context.set_default_timeout(8000)
        contexts.append(context)
        if role is not None:
            context.add_cookies([site.cookie(role)])
        context.on("console", lambda said: note(said, site.url, allowed))
        context.on("weberror", lambda error: faults.append(str(error.error)))
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert not faults, faults
