"""The receiver's copy of the table: fresh while the database answers, and still there when it does not."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core.domain.routing import Routing
from tests.unit.webhooks.kit import (
    KEY,
    NOW_MS,
    TABLE,
    MemoryPublisher,
    change,
    hubspot_headers,
    mainstay_headers,
    raw_of,
    settings,
    told,
)
from webhooks.app import create_app
from webhooks.routing_table import MAX_AGE_S, RoutingTable

EMPTY = Routing()


class Database:
    """Gives ``table``; raises or hangs on demand."""

    def __init__(self) -> None:
        self.table, self.loads, self.now_s = TABLE, 0, 1000.0
        self.down = False
        self.answers = threading.Event()
        self.answers.set()

    def load(self) -> Routing:
        self.loads += 1
        self.answers.wait(10)
        if self.down:
            raise OSError("the database is away")
        return self.table

    def cache(self) -> RoutingTable:
        return RoutingTable(self.load, lambda: KEY, lambda: self.now_s)


def until(condition: Callable[[], bool]) -> None:
    """Wait for ``condition``, at most ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        threading.Event().wait(0.005)


def routing(cache: RoutingTable) -> Routing | None:
    table = cache.current(patience_s=10)
    return table.routing if table else None


def test_it_is_loaded_once_for_many_requests() -> None:
    database = Database()
    cache = database.cache()
    assert [routing(cache) for _ in range(50)] == [TABLE] * 50
    assert database.loads == 1


def test_it_is_never_older_than_its_limit_while_the_database_answers() -> None:
    database = Database()
    cache = database.cache()
    assert routing(cache) == TABLE
    database.table, database.now_s = EMPTY, database.now_s + MAX_AGE_S + 0.01
    assert routing(cache) == EMPTY


def test_it_is_refreshed_beside_the_requests() -> None:
    database = Database()
    cache = database.cache()
    assert routing(cache) == TABLE
    database.table, database.now_s = EMPTY, database.now_s + MAX_AGE_S / 2
    database.answers.clear()
    assert routing(cache) == TABLE, "nobody waits for a table that is young enough"
    database.answers.set()
    until(lambda: routing(cache) == EMPTY)


def test_an_outage_keeps_the_last_good_table() -> None:
    database = Database()
    cache = database.cache()
    assert routing(cache) == TABLE
    database.down, database.now_s = True, database.now_s + 3600
    assert routing(cache) == TABLE
    assert cache.problem() == ""
    database.down, database.table, database.now_s = False, EMPTY, database.now_s + 60
    assert routing(cache) == EMPTY


def test_a_hanging_database_is_waited_for_once() -> None:
    database = Database()
    cache = database.cache()
    assert routing(cache) == TABLE
    database.answers.clear()
    database.now_s += 3600
    assert cache.current(patience_s=0.01) is not None
    loads = database.loads
    database.now_s += 60
    started_s = time.monotonic()
    for _ in range(20):
        assert cache.current(patience_s=5) is not None
    assert time.monotonic() - started_s < 4
    assert database.loads == loads, "one load at a time"
    database.answers.set()


def test_without_any_table_the_receiver_asks_for_another_try() -> None:
    database = Database()
    database.down = True
    queue = MemoryPublisher()
    app = create_app(settings(), queue, database.load, lambda: KEY, dict, clock=lambda: NOW_MS)
    client = app.test_client()
    hubspot, mainstay = raw_of([change()]), raw_of(told())

    def post(platform: str, raw: bytes, headers: dict[str, str]) -> Any:
        return client.post(f"/webhooks/{platform}", data=raw, headers=headers)

    answer = post("hubspot", hubspot, hubspot_headers(hubspot))
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert post("hubspot", hubspot, {"Content-Type": "application/json"}).status_code == 401
    assert post("mainstay", mainstay, mainstay_headers(mainstay)).status_code == 503
    assert b"never loaded" in client.get("/readyz").data
    assert client.get("/healthz").status_code == 200
    database.down = False
    until(lambda: post("hubspot", hubspot, hubspot_headers(hubspot)).status_code == 204)
    assert len(queue.messages) == 1


def test_a_digest_key_that_cannot_be_read_is_no_table(caplog: pytest.LogCaptureFixture) -> None:
    def locked() -> bytes:
        raise LookupError("no key fits")

    assert RoutingTable(lambda: TABLE, locked).current(patience_s=10) is None


def test_a_changed_instance_is_seen() -> None:
    database = Database()
    cache = database.cache()
    assert routing(cache) == TABLE
    database.table = replace(TABLE, instances=())
    database.now_s += MAX_AGE_S + 0.01
    assert routing(cache) == replace(TABLE, instances=())


def test_a_table_that_may_lack_somebody_new_is_loaded_again_soon() -> None:
    """An instance that was applied a moment ago gets its first event."""
    now_s, loads = [100.0], []

    def load() -> Routing:
        loads.append(now_s[0])
        return Routing()

    cache = RoutingTable(load, lambda: b"key", lambda: now_s[0])
    first = cache.current(patience_s=10)
    assert cache.newer(patience_s=10) is first  # loaded this very moment
    now_s[0] += 0.3
    assert cache.current() is first
    assert cache.newer(patience_s=10) is not first
    assert loads == [100.0, 100.3]


def test_the_first_request_has_more_patience() -> None:
    """A worker that has just started on a busy machine: a 503 would only bring the same request again."""
    database = Database()
    database.answers.clear()
    cache = RoutingTable(database.load, lambda: KEY)  # by the real clock
    threading.Timer(0.8, database.answers.set).start()
    table = cache.current()
    assert table is not None and table.routing == TABLE
