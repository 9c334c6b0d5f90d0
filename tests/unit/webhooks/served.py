"""What the gunicorn test serves: the receiver, with a queue that is a file, one line per message."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.domain.messages import Message
from core.queue.port import QueueUnavailable, nothing
from core.settings import Settings
from tests.unit.webhooks.kit import KEY, TABLE
from webhooks.app import create_app


@dataclass
class FilePublisher:
    """Appends to ``path``; does not confirm while there is a file ``down`` beside it."""

    path: Path

    def publish(
        self, messages: Sequence[Message], *, timeout_s: float = 3.0, sent: Callable[[], None] = nothing
    ) -> None:
        """One write, so that lines of several workers don't mix."""
        if self.path.with_name("down").exists():
            raise QueueUnavailable("down")
        with self.path.open("ab") as file:
            file.write(b"".join(message.to_json() + b"\n" for message in messages))

    def close(self) -> None:
        """Nothing is open between publishes."""


app = create_app(
    Settings.from_env({name: value for name, value in os.environ.items() if name.startswith("CROSSWALK_")}),
    FilePublisher(Path(os.environ["SERVED_QUEUE"])),
    lambda: TABLE,
    lambda: KEY,
    lambda: {"queue": ""},
)
