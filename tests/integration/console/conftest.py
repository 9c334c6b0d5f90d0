"""The console of these tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.console import kit


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[kit.Scene]:
    """A fresh console with both sandboxes."""
    with kit.scene(tmp_path) as one:
        yield one
