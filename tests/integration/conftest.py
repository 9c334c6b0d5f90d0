"""Both platforms in miniature, and a command line with its configuration applied."""

import pytest

from sandbox.hubspot.sandbox import HubSpotSandbox
from sandbox.mainstay.sandbox import MainstaySandbox
from tests.integration.shell import Shell


@pytest.fixture(scope="module")
def platforms():
    hubspot = HubSpotSandbox({"62515": ["hs-token"]}, people=3, limits=False)
    mainstay = MainstaySandbox(
        {"river": ["ms-token"], "ocean": ["ocean-token"]}, people=3, people_from=2, limits=False
    )
    with hubspot.running() as first, mainstay.running() as second:
        yield {"CROSSWALK_HUBSPOT_API_URL": first.url, "CROSSWALK_MAINSTAY_API_URL": second.url}


@pytest.fixture
def bare(tmp_path, capsys, platforms):
    environment = {
        **platforms,
        "CROSSWALK_DATABASE_URL": f"sqlite:///{tmp_path}/crosswalk.db",
        "CROSSWALK_SECRET_KEY": "a key for the tests",
        "HUBSPOT_TOKEN": "hs-token",
        "MAINSTAY_TOKEN": "ms-token",
    }
    return Shell(environment, capsys, tmp_path)


@pytest.fixture
def shell(bare):
    assert bare("migrate") == 0
    assert bare("instances", "apply", bare.file()) == 0
    return bare


@pytest.fixture
def wiring(shell):
    made = shell.store()
    yield made
    made.database.engine.dispose()
