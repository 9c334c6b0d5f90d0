"""Makes requests that nobody would send: mutated real deliveries, grown structures, headers of any kind.

``Fuzzer.request`` gives one at a time from a seeded source; ``send`` puts it to a receiver without a socket:
hundreds of thousands fit into minutes. Most are signed rightly, so that the parser and the routing are
reached, too.
"""

import gzip
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from random import Random
from typing import Any

from flask import Flask

from core.platforms.hubspot import signature as hubspot_signature
from core.platforms.mainstay import signature as mainstay_signature
from tests.unit.webhooks import kit

DOCUMENTED = {200, 204, 400, 401, 404, 405, 413, 415}
MIB = 1024 * 1024
_WORDS = (
    "",
    "\0",
    "é",
    "\ud800",
    "𝔘",
    "../..",
    "%00",
    "\r\n",
    "x" * 3000,
    "-1",
    "1e999",
    "NaN",
    "null",
    "[]",
    "{}",
)
_NUMBERS = (
    0,
    -1,
    1,
    2**31,
    2**53 + 1,
    2**63,
    2**64,
    -(2**63) - 1,
    10**300,
    0.1,
    1e308,
    -0.0,
    True,
    False,
    None,
)
_NAMES = (
    "X-HubSpot-Signature-v3",
    "X-HubSpot-Request-Timestamp",
    "X-HubSpot-Signature",
    "X-HubSpot-Signature-Version",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "Content-Type",
    "Content-Encoding",
    "Content-Length",
    "Transfer-Encoding",
    "Expect",
    "Host",
    "Range",
    "Cookie",
    "Authorization",
    "X-Forwarded-For",
    "X-Http-Method-Override",
)
_PATHS = (
    "/webhooks/hubspot",
    "/webhooks/mainstay",
    "/webhooks/hubspot/",
    "/webhooks",
    "//webhooks/hubspot",
    "/",
    "/healthz",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. ``headers`` may hold what no client library would send."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(slots=True)
class Fuzzer:
    """A seeded source of requests."""

    seed: int
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def request(self) -> Asked:
        """The next one."""
        chance = self.random.random
        path = self.random.choice(_PATHS[:2]) if chance() < 0.95 else self.random.choice(_PATHS)
        method = "POST" if chance() < 0.97 else self.random.choice(("GET", "PUT", "HEAD", "OPTIONS", "BREW"))
        body = self._body(path)
        headers = dict(self._signed(path, body)) if chance() < 0.8 else {"Content-Type": "application/json"}
        for _ in range(self.random.choice((0, 0, 0, 0, 1, 1, 3, 10))):
            name = self.random.choice(_NAMES)
            if chance() < 0.2:
                headers.pop(name, None)
            else:
                headers[name] = self._header(headers.get(name, ""))
        query = "" if chance() < 0.95 else self._text(20)
        return Asked(method, path, query, tuple(headers.items()), body)

    def _signed(self, path: str, body: bytes) -> list[tuple[str, str]]:
        if "mainstay" in path:
            secret = self.random.choice((kit.GLOBAL_SECRET, kit.RIVER_SECRET, kit.LAKE_SECRET))
            at = str(kit.NOW_MS // 1000)
            signature = mainstay_signature.sign(secret, "evt_1", at, body)
            own = [("webhook-id", "evt_1"), ("webhook-timestamp", at), ("webhook-signature", signature)]
        else:
            at, uri = str(kit.NOW_MS), f"https://sync.example.edu{path}"
            signature = hubspot_signature.v3(kit.SECRET, "POST", uri, body, at)
            own = [("X-HubSpot-Signature-v3", signature), ("X-HubSpot-Request-Timestamp", at)]
        return [("Content-Type", "application/json"), *own]

    def _body(self, path: str) -> bytes:
        kind = self.random.random()
        if kind < 0.15:
            return self.random.randbytes(self.random.choice((0, 1, 2, 7, 60, 500)))
        document = self._document(path)
        raw = json.dumps(document, ensure_ascii=self.random.random() < 0.7).encode("utf-8", "surrogatepass")
        if kind < 0.5:
            return raw
        if kind < 0.85:
            return self._mutated(raw)
        return self.random.choice(
            (
                b"[" * self.random.randint(1, 3000),
                b'{"a":' * self.random.randint(1, 3000),
                b"[" + b"9" * self.random.randint(1, 6000) + b"]",
                b'[{"objectId": ' + b"1" * self.random.randint(1, 5000) + b"}]",
                b'{"' + b"k" * self.random.randint(1, 9000) + b'": 1}',
                gzip.compress(b"[" * self.random.randint(1, 9000)),
                raw.replace(b'"', b"'"),
                raw + raw,
                b"\xef\xbb\xbf" + raw,
                raw.decode("utf-8", "replace").encode("utf-16"),
            )
        )

    def _document(self, path: str) -> Any:
        made: Callable[[], Any] = self._told if "mainstay" in path else self._event
        members = [made() for _ in range(self.random.choice((0, 1, 1, 1, 2, 5, 30)))]
        return members[0] if len(members) == 1 and self.random.random() < 0.3 else members

    def _event(self) -> Any:
        kinds = (
            "contact.propertyChange",
            "contact.creation",
            "contact.deletion",
            "contact.merge",
            "object.merge",
        )
        event = kit.change(contact=self.random.randint(1, 999)) | {
            "subscriptionType": self.random.choice(kinds)
        }
        return self._spoilt(event)

    def _told(self) -> Any:
        org = self.random.choice(("river", "lake", "hill", "nowhere"))
        event = kit.told(org)
        event["contact"] = self._spoilt(dict(event["contact"]))
        return self._spoilt(event)

    def _spoilt(self, document: dict[str, Any]) -> Any:
        for _ in range(self.random.choice((0, 0, 1, 1, 2, 4))):
            key = self.random.choice([*document, self._text(8)])
            if self.random.random() < 0.2:
                document.pop(key, None)
            else:
                document[key] = self._value(3)
        return document if self.random.random() < 0.97 else self._value(2)

    def _value(self, depth: int) -> Any:
        kind = self.random.random()
        if kind < 0.35:
            return self._text(30)
        if kind < 0.7 or depth == 0:
            return self.random.choice(_NUMBERS)
        if kind < 0.85:
            return [self._value(depth - 1) for _ in range(self.random.randint(0, 3))]
        return {self._text(5): self._value(depth - 1) for _ in range(self.random.randint(0, 3))}

    def _text(self, longest: int) -> str:
        if self.random.random() < 0.3:
            return self.random.choice(_WORDS)
        return "".join(
            chr(self.random.choice((32, 65, 97, 48, 0xE9, 0x4E2D, 0x200B))) for _ in range(longest)
        )

    def _header(self, now: str) -> str:
        kind = self.random.random()
        if kind < 0.4 and now:
            return self._mutated(now.encode("latin-1", "replace")).decode("latin-1").translate(_NO_BREAKS)
        word = self.random.choice(
            (*_WORDS, "gzip", "identity", "chunked", "application/json", "text/html", "v1", "v2")
        )
        return word.encode("latin-1", "replace").decode("latin-1").translate(_NO_BREAKS)

    def _mutated(self, raw: bytes) -> bytes:
        data = bytearray(raw)
        for _ in range(self.random.choice((1, 1, 2, 8))):
            at = self.random.randrange(len(data) + 1)
            match self.random.randrange(4):
                case 0 if data:
                    data[at % len(data)] = self.random.randrange(256)
                case 1:
                    data[at:at] = self.random.randbytes(self.random.randint(1, 4))
                case 2:
                    del data[at : at + self.random.randint(1, 20)]
                case _:
                    data[at:at] = data[: self.random.randint(1, 40)]
        return bytes(data)


_NO_BREAKS = {10: " ", 13: " ", 0: " "}  # a server never hands these on


@dataclass(slots=True)
class Tally:
    """What came of many requests. Times in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest_s: float = 0.0
    slowest: Asked | None = None


def send(app: Flask, asked: Asked) -> tuple[int, bytes]:
    """Status and body. Whatever the application raises is raised."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": asked.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": asked.path,
        "QUERY_STRING": asked.query.encode("utf-8", "surrogatepass").decode("latin-1"),
        "SERVER_NAME": "receiver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(asked.body),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(asked.body)),
    }
    for name, value in asked.headers:
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    answered: list[str] = []
    parts = app.wsgi_app(environ, lambda status, *_: answered.append(status) or (lambda _: None))
    body = b"".join(parts)
    return int(answered[0][:3]), body


def attack(app: Flask, seed: int, count: int) -> Tally:
    """Send so many; AssertionError with the request at the first answer that is not documented."""
    fuzzer, tally = Fuzzer(seed), Tally()
    for number in range(count):
        asked = fuzzer.request()
        started_s = time.perf_counter()
        status, body = send(app, asked)
        took_s = time.perf_counter() - started_s
        assert status in DOCUMENTED, (seed, number, status, asked)
        assert b"Traceback" not in body, (seed, number, asked)
        tally.statuses[status] += 1
        if took_s > tally.slowest_s:
            tally.slowest_s, tally.slowest = took_s, asked
    return tally
