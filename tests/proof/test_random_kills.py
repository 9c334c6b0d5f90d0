"""Two hundred kills at random, under traffic both ways."""

from pathlib import Path

import pytest

from tests.end_to_end.chaos import chaos

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("seed", range(4))
def test_two_hundred_kills(tmp_path: Path, seed: int) -> None:
    chaos(tmp_path, kills=50, people=80, seed=seed)
