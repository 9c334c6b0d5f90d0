"""What the clients' contract tests share: a sandbox in this process, over real HTTP, and clients for it."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import urllib3

from core.coordination.port import Rate
from core.domain.fields import Platform
from core.platforms.hubspot.client import HubSpotClient, hubspot_client
from core.platforms.mainstay.client import MainstayClient, mainstay_client
from core.platforms.transport import Credentials, Limits
from sandbox import HubSpotSandbox, MainstaySandbox

PORTAL, HUBSPOT_TOKEN = "62515", "pat-na1-sandbox"
ORG, MAINSTAY_TOKEN = "river", "sandbox-token"
QUICK = Limits(connect_s=1.0, read_s=1.0, whole_s=2.0, max_bytes=4_000_000)


class FreeBudgets:
    """Every slot is free at once, unless the bucket is paused; remembers what was asked and paused."""

    def __init__(self) -> None:
        self.reserved: list[tuple[str, Rate]] = []
        self.pauses: list[tuple[str, float]] = []
        self._lock = threading.Lock()

    def reserve(self, bucket: str, rate: Rate, count: int, max_wait_s: float) -> list[float]:
        with self._lock:
            self.reserved.append((bucket, rate))
        return [0.0] * count

    def pause(self, bucket: str, seconds: float) -> None:
        with self._lock:
            self.pauses.append((bucket, seconds))

    def paused_s(self, bucket: str) -> float:
        return 0.0


@dataclass
class Holder:
    """The stored credentials of an account: replaced while clients are in use."""

    credentials: Credentials

    def __call__(self) -> Credentials:
        return self.credentials


@dataclass
class Bench:
    """One sandbox with its control API, and what a client under test was given."""

    url: str
    holder: Holder
    budgets: FreeBudgets = field(default_factory=FreeBudgets)
    recorded: list[tuple[Platform, str, int]] = field(default_factory=list)

    def record_call(self, platform: Platform, operation: str, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.recorded.append((platform, operation, status))

    def control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One call of the sandbox's control API."""
        answer = urllib3.request(method, f"{self.url}/_sandbox/{path}", json=body, timeout=5.0, retries=False)
        assert answer.status < 300, answer.data
        return json.loads(answer.data) if answer.data else None

    def fault(self, kind: str, **how: Any) -> None:
        self.control("POST", "faults", {"kind": kind, **how})

    def operations(self) -> dict[str, int]:
        """How often each operation reached the platform."""
        return dict(self.control("GET", "counters")["total"]["calls"])

    def contacts(self) -> list[dict[str, Any]]:
        return list(self.control("GET", "contacts")["contacts"])

    def add(self, *contacts: Mapping[str, Any]) -> list[str]:
        """Contacts made by a user of the platform; their ids."""
        made = self.control("POST", "contacts", {"contacts": list(contacts)})
        return [str(one["id"]) for one in made["contacts"]]

    def hubspot(self, version: str = "2026-09", limits: Limits = QUICK) -> HubSpotClient:
        return hubspot_client(
            host=self.url,
            version=version,
            portal=PORTAL,
            credentials=self.holder,
            budgets=self.budgets,
            rate=Rate(110, 10.0),
            record_call=self.record_call,
            limits=limits,
        )

    def mainstay(self, limits: Limits = QUICK, **more: Any) -> MainstayClient:
        return mainstay_client(
            base_url=self.url,
            organisation=ORG,
            credentials=self.holder,
            budgets=self.budgets,
            rate=Rate(10, 1.0),
            record_call=self.record_call,
            limits=limits,
            **more,
        )


@contextmanager
def hubspot_bench(**switches: Any) -> Iterator[Bench]:
    """A HubSpot sandbox without request limits, so that only the faults decide."""
    sandbox = HubSpotSandbox(webhooks=False, **{"limits": False, "hang_s": 1.0, **switches})
    with sandbox.running() as server:
        yield Bench(server.url, Holder(Credentials(HUBSPOT_TOKEN, 1)))


@contextmanager
def mainstay_bench(**switches: Any) -> Iterator[Bench]:
    """A Mainstay sandbox without a request limit."""
    sandbox = MainstaySandbox(webhooks=False, **{"limits": False, "hang_s": 1.0, **switches})
    with sandbox.running() as server:
        yield Bench(server.url, Holder(Credentials(MAINSTAY_TOKEN, 1)))


def person(number: int, **more: Any) -> dict[str, Any]:
    """A HubSpot contact's properties; number n is always the same person."""
    return {
        "email": f"p{number}@mail.example",
        "firstname": f"Ann{number}",
        "lastname": f"Lee{number}",
    } | more


def student(number: int, **more: Any) -> dict[str, Any]:
    """A Mainstay contact's values by field name."""
    return {"first_name": "Ann", "last_name": f"Lee{number}", "phone": f"617555{1000 + number}"} | more
