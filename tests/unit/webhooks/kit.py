"""What the receiver's tests share: a table of instances, signed requests, a publisher in memory."""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.domain.fields import Direction, Field, FieldType, Filter, Mapping, Option, Platform, Row
from core.domain.instances import Account, Instance
from core.domain.messages import Address, Lane, Message
from core.domain.routing import Routing, Stamp
from core.platforms.hubspot import signature as hubspot_signature
from core.platforms.mainstay import signature as mainstay_signature
from core.queue.port import QueueUnavailable, nothing
from core.settings import Settings
from webhooks.app import create_app

NOW_MS = 1_795_000_000_000
SECRET = "11111111-2222-3333-4444-555555555555"
OLD_SECRET = "99999999-2222-3333-4444-555555555555"
GLOBAL_SECRET = "whsec_R2xvYmFsU2VjcmV0MDEyMzQ1Njc4OQ=="
RIVER_SECRET = "whsec_Uml2ZXJTZWNyZXQwMTIzNDU2Nzg5MDE="
LAKE_SECRET = "whsec_TGFrZVNlY3JldDAxMjM0NTY3ODkwMTI="
KEY = b"k" * 32

PORTAL = Account(1, Platform.HUBSPOT, "main-portal", "62515")
SECOND_PORTAL = Account(2, Platform.HUBSPOT, "second-portal", "700")
RIVER = Account(3, Platform.MAINSTAY, "river-university", "river")
LAKE = Account(4, Platform.MAINSTAY, "lake-college", "lake")
HILL = Account(5, Platform.MAINSTAY, "hill-school", "hill")  # no secret of its own

STAGE = Field(
    "lifecyclestage", "Stage", FieldType.CHOICE, (Option("lead", "Lead"), Option("customer", "Customer"))
)
ROWS = (
    Row(Field("first_name", "First Name"), Field("firstname", "First name")),
    Row(Field("last_name", "Last Name"), Field("lastname", "Last name")),
    Row(Field("phone", "Phone", FieldType.PHONE), Field("phone", "Phone", FieldType.PHONE)),
    Row(Field("email", "Email", FieldType.EMAIL), Field("email", "Email", FieldType.EMAIL)),
    Row(
        Field("custom.Birth Date", "Birth Date", FieldType.DATE),
        Field("birth_date", "Birth date", FieldType.DATE),
    ),
)


def instance(
    number: int, direction: Direction, hubspot: Account = PORTAL, mainstay: Account = RIVER
) -> Instance:
    """An enabled instance; incoming ones filter by ``lifecyclestage``."""
    filters = (Filter(STAGE, ("lead",)),) if direction is Direction.INCOMING else ()
    return Instance(number, f"instance-{number}", direction, hubspot, mainstay, Mapping(ROWS, filters), True)


INCOMING = instance(7, Direction.INCOMING)
OUTGOING = instance(8, Direction.OUTGOING)
TABLE = Routing(
    accounts=(PORTAL, SECOND_PORTAL, RIVER, LAKE, HILL),
    instances=(INCOMING, OUTGOING, instance(9, Direction.OUTGOING, mainstay=HILL)),
    webhook_secrets={RIVER.id: (RIVER_SECRET,), LAKE.id: (LAKE_SECRET,)},
)
TO_INCOMING, TO_OUTGOING = Address(Lane.INCOMING, 7), Address(Lane.OUTGOING, 8)
TO_PORTAL = Address(Lane.ACCOUNT, 1)


def settings(**more: str) -> Settings:
    """Enough settings for the receiver."""
    environment = {
        "SECRET_KEY": "k" * 40,
        "PUBLIC_URL": "https://sync.example.edu",
        "HUBSPOT_CLIENT_SECRET": f"{SECRET},{OLD_SECRET}",
        "MAINSTAY_WEBHOOK_SECRET": GLOBAL_SECRET,
    }
    return Settings.from_env({f"CROSSWALK_{name}": value for name, value in (environment | more).items()})


def stamp(at_ms: int = NOW_MS) -> Stamp:
    """A request's stamp with countable ids."""
    ids = itertools.count(1)
    return Stamp(at_ms, KEY, "US", lambda: f"id-{next(ids)}", "trace")


@dataclass
class MemoryPublisher:
    """Keeps what was published; ``down`` makes it the queue that does not confirm."""

    messages: list[Message] = field(default_factory=list)
    down: bool = False
    calls: int = 0
    timeouts_s: list[float] = field(default_factory=list)

    def publish(
        self, messages: Sequence[Message], *, timeout_s: float = 3.0, sent: Callable[[], None] = nothing
    ) -> None:
        """Keep them all, or none."""
        sent()
        self.calls += 1
        self.timeouts_s.append(timeout_s)
        if self.down:
            raise QueueUnavailable("down")
        self.messages.extend(messages)

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass
class Site:
    """A receiver without a network: its client and its queue."""

    client: FlaskClient
    queue: MemoryPublisher

    def hubspot(self, body: Any, *, path: str = "/webhooks/hubspot", **signing: Any) -> TestResponse:
        """POST ``body`` (JSON, or bytes as they are) as HubSpot does."""
        raw = raw_of(body)
        return self.client.post(path, data=raw, headers=hubspot_headers(raw, **signing))

    def mainstay(self, body: Any, **signing: Any) -> TestResponse:
        """POST ``body`` as Mainstay does; ``secret`` is the global one unless given."""
        raw = raw_of(body)
        return self.client.post("/webhooks/mainstay", data=raw, headers=mainstay_headers(raw, **signing))


def site(table: Routing = TABLE, **more: str) -> Site:
    """A receiver at NOW_MS over ``table``, ready at once."""
    queue = MemoryPublisher()
    app = create_app(
        settings(**more), queue, lambda: table, lambda: KEY, lambda: {"queue": ""}, clock=lambda: NOW_MS
    )
    return Site(app.test_client(), queue)


def raw_of(body: Any) -> bytes:
    """JSON bytes; bytes stay."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def hubspot_headers(
    raw: bytes,
    *,
    secret: str = SECRET,
    at_ms: int = NOW_MS,
    uri: str = "https://sync.example.edu/webhooks/hubspot",
    content_type: str = "application/json",
) -> dict[str, str]:
    """The headers of a v3 delivery."""
    return {
        "Content-Type": content_type,
        "X-HubSpot-Request-Timestamp": str(at_ms),
        "X-HubSpot-Signature-v3": hubspot_signature.v3(secret, "POST", uri, raw, str(at_ms)),
    }


def mainstay_headers(
    raw: bytes, *, secret: str = GLOBAL_SECRET, at_s: int = NOW_MS // 1000, webhook_id: str = "evt_1"
) -> dict[str, str]:
    """The headers of a Standard Webhooks delivery."""
    return {
        "Content-Type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": mainstay_signature.sign(secret, webhook_id, str(at_s), raw),
    }


def change(name: str = "firstname", value: Any = "Ana", contact: Any = 101, **more: Any) -> dict[str, Any]:
    """A contact.propertyChange."""
    event = {
        "eventId": 1,
        "subscriptionId": 12345,
        "portalId": 62515,
        "appId": 54321,
        "occurredAt": NOW_MS - 1000,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": contact,
        "propertyName": name,
        "propertyValue": value,
        "changeSource": "CRM_UI",
    }
    return event | more


def happened(kind: str, contact: Any = 101, **more: Any) -> dict[str, Any]:
    """An event of another type, ``contact.deletion`` for instance."""
    event = {"portalId": 62515, "occurredAt": NOW_MS - 1000, "subscriptionType": kind, "objectId": contact}
    return event | more


def told(org: str = "hill", contact: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A Mainstay contact.updated."""
    event = {
        "id": "evt_1",
        "type": "contact.updated",
        "org_id": org,
        "occurred_at": "2026-11-18T11:06:39Z",
        "contact": contact
        if contact is not None
        else {"id": "ahd2b33d72814c61b", "first_name": "Ana", "phone": "6175550100"},
    }
    return event | more
