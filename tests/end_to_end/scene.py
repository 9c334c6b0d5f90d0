"""A whole Crosswalk with both platforms in one process: real HTTP, real signatures, a real database.

``Scene`` starts both sandboxes, the receiver and the consumers (as threads), and lets a test act as an
outside user of either platform. ``settle`` waits until nothing is on its way any more.
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3
from werkzeug.serving import make_server

from console.configuration import applying, stored
from console.configuration.planning import plan
from console.configuration.platforms import WiredPlatforms
from console.configuration.reading import read
from console.statuses import look
from consumers.directory import Directory
from consumers.runner import Runner
from core.domain.fields import Direction
from core.domain.instances import Instance
from core.queue.port import Depths
from core.settings import Settings
from core.store import dead_letters, instances, outcomes, sync_log, sync_log_search
from core.store.database import migrate
from core.wiring import Wiring, connect
from sandbox.hubspot.sandbox import HubSpotSandbox
from sandbox.mainstay.sandbox import MainstaySandbox
from webhooks.app import create_app

PUBLIC_URL = "https://sync.example.edu"
HUBSPOT_SECRET = "hubspot-client-secret-of-the-tests"
MAINSTAY_SECRET = "whsec_" + base64.b64encode(b"mainstay-webhook-secret-of-the-tests").decode()
HTTP = urllib3.PoolManager(retries=False)

MAPPINGS = """
      - {mainstay: first_name, hubspot: firstname}
      - {mainstay: last_name,  hubspot: lastname}
      - {mainstay: phone,      hubspot: phone}
      - {mainstay: email,      hubspot: email}
"""
FIELD_TYPES = "{Birth Date: date, Program: multi-choice}"


def configuration(
    *directions: str, mappings: str = MAPPINGS, filters: dict[str, str] | None = None, extra: str = ""
) -> str:
    """A file with one enabled instance per direction between the sandbox's two default accounts."""
    lines = [
        "accounts:",
        "  hubspot: [{name: portal, portal_id: 62515, access_token: pat-na1-sandbox}]",
        "  mainstay:",
        "    - {name: river, org_id: river, api_token: sandbox-token, field_types: " + FIELD_TYPES + "}",
        "instances:",
    ]
    for direction in directions:
        lines += [
            f"  - name: {direction}",
            f"    direction: {direction}",
            "    hubspot: portal",
            "    mainstay: river",
            "    enabled: true",
            "    mappings:" + mappings.rstrip(),
        ]
        if filters and direction in filters:
            lines += [f"    filters: {filters[direction]}"]
    return "\n".join(lines) + "\n" + extra


@dataclass(slots=True)
class Outside:
    """Acts on a sandbox as an outside user, through its control API."""

    url: str
    wrapped: bool  # HubSpot's control API takes {"properties": {…}}

    def _values(self, values: dict[str, Any]) -> dict[str, Any]:
        return {"properties": values} if self.wrapped else values

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Any control call."""
        answer = HTTP.request(method, f"{self.url}/_sandbox/{path}", json=body)
        assert answer.status < 300, (method, path, answer.status, answer.data)
        return json.loads(answer.data) if answer.data else None

    def create(self, **values: Any) -> str:
        """A new contact; returns its id."""
        return str(self.ask("POST", "contacts", self._values(values))["id"])

    def get(self, contact_id: str) -> dict[str, Any]:
        """The contact as it is now: HubSpot's ``properties``, Mainstay's contact."""
        answer: dict[str, Any] = self.ask("GET", f"contacts/{contact_id}")
        return {**answer, **answer.get("properties", {})}

    def edit(self, contact_id: str, **values: Any) -> None:
        """Change a contact."""
        self.ask("PATCH", f"contacts/{contact_id}", self._values(values))

    def archive(self, contact_id: str) -> None:
        """HubSpot: into the recycle bin. Mainstay: archived."""
        self.ask("DELETE", f"contacts/{contact_id}")

    def all(self) -> list[dict[str, Any]]:
        """Every live contact."""
        return [{**one, **one.get("properties", {})} for one in self.ask("GET", "contacts")["contacts"]]

    def post(self, path: str, **body: Any) -> Any:
        """Any other control call."""
        return self.ask("POST", path, body)

    def set(self, **switches: Any) -> None:
        """Turn switches."""
        self.ask("PATCH", "settings", switches)

    def fault(self, **rule: Any) -> str:
        """Add a fault; returns its number."""
        return str(self.ask("POST", "faults", rule).get("id"))

    def mend(self) -> None:
        """Remove all faults."""
        self.ask("DELETE", "faults")

    def calls(self) -> int:
        """How many calls the API has had so far (the control API's not counted)."""
        return sum(int(one["total_calls"]) for one in self.counters()["accounts"].values())

    def counters(self) -> dict[str, Any]:
        """All counters."""
        answer: dict[str, Any] = self.ask("GET", "counters")
        return answer

    def quiet(self) -> bool:
        """No webhook waits to be delivered."""
        return bool(self.ask("GET", "deliveries")["quiet"])

    def refused(self) -> frozenset[str]:
        """The contacts of whom a webhook was not accepted at once, and so was sent again."""
        events = self.ask("GET", "deliveries")["refused"]
        return frozenset(str(one["objectId"] if self.wrapped else one["contact"]["id"]) for one in events)


@dataclass(slots=True)
class Scene:
    """See the module. ``ladder`` is CROSSWALK_RETRY_LADDER."""

    folder: Path
    ladder: str = "0.2s,0.2s"
    environment: dict[str, str] = field(default_factory=dict)
    hubspot_options: dict[str, Any] = field(default_factory=dict)
    mainstay_options: dict[str, Any] = field(default_factory=dict)
    hubspot: Outside = field(init=False)
    mainstay: Outside = field(init=False)
    wiring: Wiring = field(init=False)
    _stack: ExitStack = field(default_factory=ExitStack)
    _runners: list[tuple[Runner, threading.Thread]] = field(default_factory=list)

    def __enter__(self) -> "Scene":
        try:
            self._set_up()
        except BaseException:
            self._stack.close()  # a server left running would hang the end of the test run
            raise
        return self

    def _set_up(self) -> None:
        hubspot = HubSpotSandbox(client_secret=HUBSPOT_SECRET, limits=False, **self.hubspot_options)
        mainstay = MainstaySandbox(
            webhook_secrets={"river": [MAINSTAY_SECRET]}, limits=False, **self.mainstay_options
        )
        self.hubspot = Outside(self._stack.enter_context(hubspot.running()).url, True)
        self.mainstay = Outside(self._stack.enter_context(mainstay.running()).url, False)
        self.wiring = connect(self.settings())
        migrate(self.wiring.database.engine)
        self._serve()

    def settings(self) -> Settings:
        """The settings that a process of this scene would have."""
        return Settings.from_env(self.env())

    def env(self) -> dict[str, str]:
        """The environment that a process of this scene would have."""
        return {
            "CROSSWALK_DATABASE_URL": f"sqlite:///{self.folder}/crosswalk.db",
            "CROSSWALK_SECRET_KEY": "a-secret-key-of-the-tests-only",
            "CROSSWALK_PUBLIC_URL": PUBLIC_URL,
            "CROSSWALK_HUBSPOT_CLIENT_SECRET": HUBSPOT_SECRET,
            "CROSSWALK_HUBSPOT_API_URL": self.hubspot.url,
            "CROSSWALK_HUBSPOT_RATE": "1000/1s",
            "CROSSWALK_HUBSPOT_SEARCH_LAG": "1s",
            "CROSSWALK_MAINSTAY_API_URL": self.mainstay.url,
            "CROSSWALK_MAINSTAY_RATE": "1000/1s",
            "CROSSWALK_MAINSTAY_WEBHOOK_SECRET": MAINSTAY_SECRET,
            "CROSSWALK_RETRY_LADDER": self.ladder,
            **self.environment,
        }

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._stack.close()
        self.wiring.database.engine.dispose()

    def _serve(self) -> None:
        publisher = self.wiring.queue.publisher()
        app = create_app(
            self.wiring.settings,
            publisher,
            self.wiring.load_routing,
            self.wiring.digest_key,
            self.wiring.readiness,
        )
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(server.server_close)
        self._stack.callback(server.shutdown)
        self._stack.callback(publisher.close)
        for outside, path in ((self.hubspot, "hubspot"), (self.mainstay, "mainstay")):
            outside.set(
                webhook_url=f"http://127.0.0.1:{server.server_port}/webhooks/{path}",
                sign_url=f"{PUBLIC_URL}/webhooks/{path}",
            )

    def apply(self, text: str) -> None:
        """Apply a configuration; the receiver knows it within its cache's five seconds, so wait for nothing:
        a fresh receiver has no cache yet."""
        with self.wiring.database.reading() as session:
            now = stored.take(session, self.wiring.sealer)
        made = plan(read(text, {}), now, WiredPlatforms(self.wiring))
        wiring = self.wiring
        applying.carry_out(made, wiring.database, wiring.sealer, wiring.queue, wiring.clock, author="test")

    def start(self, *directions: str) -> None:
        """Start a consumer per direction."""
        for direction in directions or ("incoming", "outgoing"):
            runner = Runner(connect(self.settings()), Direction(direction))
            thread = threading.Thread(target=runner.run, daemon=True)
            thread.start()
            self._runners.append((runner, thread))

    def stop(self) -> None:
        """Stop all consumers."""
        for runner, _ in self._runners:
            runner.stop()
        for runner, thread in self._runners:
            thread.join(30)
            assert not thread.is_alive()
            runner.wiring.database.engine.dispose()
        self._runners.clear()

    def instance(self, name: str) -> Instance:
        """An instance by its name."""
        with self.wiring.database.reading() as session:
            found = instances.by_name(session, name)
        assert found is not None
        return found

    def depths(self) -> Depths:
        """What waits in the queues."""
        directory = Directory.load(self.wiring)
        return self.wiring.queue.depths([one for d in Direction for one in directory.addresses(d)])

    def idle(self) -> bool:
        """Nothing is queued, waiting, in flight, or on its way as a webhook."""
        if not (self.hubspot.quiet() and self.mainstay.quiet()):
            return False
        return bool(look(self.wiring)["idle"])

    def settle(self, deadline_s: float = 20.0) -> None:
        """Wait until nothing is on its way any more."""
        until(lambda: self.idle() and self.idle(), deadline_s)

    def log(self) -> list[sync_log.Entry]:
        """The Sync Log, oldest first."""
        with self.wiring.database.reading() as session:
            return list(sync_log_search.search(session, sync_log.Search(newest_first=False)))

    def codes(self) -> list[str]:
        """The Sync Log's codes, oldest first."""
        return [entry.code for entry in self.log()]

    def outcomes(self) -> dict[str, int]:
        """How many messages ended how."""
        with self.wiring.database.reading() as session:
            counted: dict[str, int] = {}
            for (_, outcome), number in outcomes.counts(session).items():
                counted[outcome] = counted.get(outcome, 0) + number
        return counted

    def dead(self) -> list[dead_letters.DeadLetter]:
        """The dead letters."""
        with self.wiring.database.reading() as session:
            return dead_letters.search(session, dead_letters.Search())


def until(condition: Callable[[], bool], deadline_s: float = 20.0) -> None:
    """Wait for a condition, or fail."""
    end_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end_s, "the condition did not come true in time"
        time.sleep(0.03)


@contextmanager
def scene(folder: Path, **options: Any) -> Iterator[Scene]:
    """A scene for one test."""
    with Scene(folder, **options) as one:
        yield one
