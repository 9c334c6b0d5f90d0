"""The receiver while its broker is away, frozen or short of memory: 503 in time, 204 when it is back."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import urllib3

from tests.end_to_end.scene import HUBSPOT_SECRET, until
from tests.integration.production.place import Place
from tests.services.rabbitmq import RabbitNode
from tests.unit.webhooks.kit import change, hubspot_headers, raw_of

pytestmark = [pytest.mark.services, pytest.mark.processes]
HTTP = urllib3.PoolManager(retries=False, maxsize=20)
LATEST_S = 4.0  # contract.md §5
NOBODY = itertools.count(900_001)  # contacts that HubSpot does not have: their messages end as gone


def post(place: Place) -> int:
    """A signed request; its status. It has to be answered in time."""
    now_ms = time.time_ns() // 1_000_000
    contacts = [next(NOBODY) for _ in range(3)]
    body = raw_of([change(contact=contact, occurredAt=now_ms) for contact in contacts])
    headers = hubspot_headers(body, secret=HUBSPOT_SECRET, at_ms=now_ms)
    started_s = time.monotonic()
    answer = HTTP.request("POST", f"{place.web}/webhooks/hubspot", body=body, headers=headers, timeout=10.0)
    assert time.monotonic() - started_s < LATEST_S
    if answer.status == 503:
        assert int(answer.headers["Retry-After"]) > 0
        place.books.refused.update(map(str, contacts))
    return answer.status


@contextmanager
def stopped(node: RabbitNode) -> Iterator[None]:
    node.stop()
    try:
        yield
    finally:
        node.start()


@contextmanager
def frozen(node: RabbitNode) -> Iterator[None]:
    node.freeze()
    try:
        yield
    finally:
        node.thaw()


@contextmanager
def blocked(node: RabbitNode) -> Iterator[None]:
    node.raise_alarm()
    try:
        yield
    finally:
        node.clear_alarm()


@pytest.mark.parametrize("trouble", [stopped, frozen, blocked], ids=lambda trouble: trouble.__name__)
def test_a_broker_in_trouble_is_503_in_time_and_204_when_it_is_back(
    place: Place, trouble: Callable[[RabbitNode], AbstractContextManager[None]]
) -> None:
    node = place.servers.rabbitmq
    assert isinstance(node, RabbitNode)
    until(lambda: post(place) == 204)
    with trouble(node):
        statuses: list[int] = []
        until(lambda: post(place) == 503)  # the first ones after an alarm may still pass
        threads = [threading.Thread(target=lambda: statuses.append(post(place))) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(statuses) == {503} and len(statuses) == 12
        assert HTTP.request("GET", f"{place.web}/readyz", timeout=10.0).status == 503
        assert HTTP.request("GET", f"{place.web}/healthz", timeout=10.0).status == 200
    until(lambda: post(place) == 204, 30.0)
    until(lambda: HTTP.request("GET", f"{place.web}/readyz", timeout=10.0).status == 200, 30.0)
    until(place.answers, 30.0)
    place.check()
