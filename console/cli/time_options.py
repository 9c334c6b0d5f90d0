"""Options that take a time: ``--since`` and ``--until``."""

import time
from typing import Any

import click

from console.times import time_ms


class TimeType(click.ParamType[int, str]):
    """Epoch milliseconds from ``2h``, a date or RFC 3339; ``end``: a date means its end."""

    name = "time"

    def __init__(self, *, end: bool = False) -> None:
        self._end = end

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return time_ms(str(value), time.time_ns() // 1_000_000, end=self._end)
        except ValueError as error:
            self.fail(str(error), param, ctx)


TIME = TimeType()
UNTIL = TimeType(end=True)
