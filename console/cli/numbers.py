"""Numbers on the command line."""

from typing import Any

import click

_MOST = 2**53  # what a database's column holds, with room


class _Number(click.IntRange):
    """An id or a count: 1 or more, and no more than can be stored."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number = int(super().convert(value, param, ctx))
        if number > _MOST:
            self.fail(f"{value} is too large", param, ctx)
        return number


NUMBER = _Number(1)
