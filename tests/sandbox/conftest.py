"""Both sandboxes, started once and reset for each test, with a receiver for their webhooks."""

from collections.abc import Iterator

import pytest

from sandbox import HubSpotSandbox, MainstaySandbox
from tests.sandbox.receiver import Receiver, Server, listening

QUICK = {"limits": False, "batch_window_s": 0.005, "retry_schedule_s": [0.01] * 9, "hang_s": 0.3}


@pytest.fixture(scope="session")
def _hubspot() -> Iterator[Server]:
    platform = HubSpotSandbox({"62515": ["pat-one"], "70001": ["pat-two"]}, unique_admithub_id=True, **QUICK)
    with platform.running() as server:
        yield Server(server.url, "Bearer pat-one")


@pytest.fixture(scope="session")
def _mainstay() -> Iterator[Server]:
    tokens = {"river": ["river-token"], "lake": ["lake-token"]}
    with MainstaySandbox(tokens, **QUICK).running() as server:
        yield Server(server.url, "APIToken river-token")


@pytest.fixture
def hubspot(_hubspot: Server) -> Server:
    _hubspot.control("POST", "reset")
    return _hubspot


@pytest.fixture
def mainstay(_mainstay: Server) -> Server:
    _mainstay.control("POST", "reset")
    return _mainstay


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver
