"""What an assessor reads is complete: every route and every table stands in the pages of deploy/."""

import pkgutil
from importlib import import_module
from pathlib import Path

import core.store
from core.store.models import Base
from tests.security import routes

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_every_route_is_in_the_table_with_who_may_use_it() -> None:
    """A new route: `make routes`, then look at its line in the difference."""
    assert (DEPLOY / "routes.md").read_text() == routes.table()


def test_every_test_that_the_pages_name_exists() -> None:
    import re

    tests = DEPLOY.parent / "tests"
    for page in ("security.md", "routes.md"):
        named = set(re.findall(r"\b(?:[a-z_]+/)+test_\w+\.py", (DEPLOY / page).read_text()))
        assert named and not [one for one in named if not (tests / one).exists()], page


def test_every_table_is_in_the_data_map() -> None:
    """A new table: a line in deploy/security.md §4: what of persons it holds, and how long."""
    for module in pkgutil.iter_modules(core.store.__path__):
        if module.name != "migrations":
            import_module(f"core.store.{module.name}")
    text = (DEPLOY / "security.md").read_text()
    assert [name for name in sorted(Base.metadata.tables) if f"`{name}`" not in text] == []
