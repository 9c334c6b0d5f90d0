"""What every command starts from: the environment, and what is connected from it on first use.

It is click's context object. Commands that touch the database get it checked first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from console.cli.failing import Failed
from core.settings import Settings
from core.store.database import migration_problem

if TYPE_CHECKING:
    from core.wiring import Wiring


def _connect(settings: Settings) -> "Wiring":
    from core.wiring import connect  # the platforms' clients take a second to import: not for --help

    return connect(settings)


@dataclass(slots=True)
class Start:
    """``environment`` is the process's; ``connect`` is replaced in tests."""

    environment: Mapping[str, str]
    connect: Callable[[Settings], "Wiring"] = _connect
    _wiring: "Wiring | None" = field(default=None, repr=False)

    def settings(self, *needs: str) -> Settings:
        """The settings; SettingsError with every problem. ``needs``: variables that may not be missing."""
        return Settings.from_env(self.environment, needs=needs)

    def wiring(self, *needs: str, migrated: bool = True) -> "Wiring":
        """Everything connected; Failed where the database is not at this version's schema."""
        if self._wiring is None:
            self._wiring = self.connect(self.settings(*needs))
        if migrated and (problem := migration_problem(self._wiring.database.engine)):
            raise Failed(problem)
        return self._wiring


start = click.make_pass_decorator(Start)
