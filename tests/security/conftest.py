"""A console between both sandboxes, on SQLite and, where a test asks for ``either``, on PostgreSQL too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.console import kit
from tests.integration.test_cli_configuration import postgresql


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[kit.Scene]:
    """A fresh console with both sandboxes, on SQLite."""
    with kit.scene(tmp_path) as one:
        yield one


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[kit.Scene]:
    """The same on each database."""
    if request.param == "sqlite":
        with kit.scene(tmp_path) as one:
            yield one
        return
    with postgresql() as url:
        address = url.render_as_string(hide_password=False)
        with kit.scene(tmp_path, CROSSWALK_DATABASE_URL=address) as one:
            yield one
