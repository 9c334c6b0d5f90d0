"""Redis of our own, with nothing kept on disk. Well under a second to start."""

import contextlib
import shutil
import socket
from collections.abc import Sequence

from tests.services import system
from tests.services.process import Server, unavailable


class RedisServer(Server):
    """One server. ``url`` is a setting's value."""

    name = "redis"

    def __init__(self) -> None:
        super().__init__()
        self.url = f"redis://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        """See Server."""
        found = system.programs("/usr/bin/redis-server") if system.other() else [shutil.which("redis-server")]
        if not found or not found[0]:
            unavailable("redis-server is not installed (Debian: apt-get install redis-server)")
        bind = ("--port", str(self.port), "--bind", "127.0.0.1")
        command = [str(found[0]), *bind, "--dir", str(self.folder), "--save", "", "--appendonly", "no"]
        return system.inside(command)

    def answers(self) -> bool:
        """See Server."""
        return self.ask(b"PING") == b"+PONG"

    def ask(self, command: bytes) -> bytes:
        """The first line of the answer to an inline command (``FLUSHALL``)."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as sock:
            sock.sendall(command + b"\r\n")
            return sock.recv(1000).partition(b"\r\n")[0]
        return b""
