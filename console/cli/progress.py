"""Progress of long work on stderr: a bar on a terminal, now and then a plain line elsewhere."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from console.cli.output import say

LINE_EVERY_S = 5.0


@dataclass(slots=True)
class Progress:
    """``with Progress("…") as told: told(done, total, note)``. ``clock_s`` is monotonic.

    ``quiet``: nothing is said, since the result itself appears on the terminal bit by bit.
    """

    what: str
    quiet: bool = False
    clock_s: Callable[[], float] = time.monotonic
    _bar: Bar | None = None
    _said_s: float = field(default=0.0)
    _line: str = ""

    def __enter__(self) -> Callable[..., None]:
        self._said_s = self.clock_s()
        if sys.stderr.isatty() and not self.quiet:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            self._bar = Bar(
                *columns,
                TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
                redirect_stdout=False,  # what is printed belongs to stdout, wherever that leads
                redirect_stderr=False,
                transient=True,
            )
            self._bar.start()
            self._bar.add_task(self.what, total=None, note="")
        return self._tell

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _tell(self, done: int, total: int | None, note: str = "") -> None:
        if self._bar is not None:
            task = self._bar.task_ids[0]
            self._bar.update(task, completed=done, total=max(done, total) if total else None, note=note)
            return
        line = f"{self.what}: {done:,}{f' of about {total:,}' if total else ''}{f' ({note})' if note else ''}"
        if not self.quiet and line != self._line and self.clock_s() - self._said_s >= LINE_EVERY_S:
            self._said_s, self._line = self.clock_s(), line
            say(line)
