"""gunicorn's threaded worker, where a sender that dawdles holds no thread. For the receiver and the console.

gthread (gunicorn 27.0.1) gives each new connection a thread for up to five seconds before its first byte,
reads headers for as long as a byte comes now and then, and waits, in the one thread that accepts, up to two
seconds for the other end of each connection that it closes: a few idle connections would keep everybody out.
Here a connection waits in the poller until it says something, has a few seconds for its headers, and waits
in the poller for its end. What a body may take is the applications' affair.
"""

import contextlib
import socket
import time
from concurrent.futures import Future
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

HEADERS_S = 5.0  # from the first byte of a request to the last of its headers
_DRAIN_S = 0.5
_LINGER_S = 2.0  # until who was answered has hung up; closing at once could cut the answer off
_MOST_LINGERING = 500


class PromptWorker(ThreadWorker):  # type: ignore[misc]
    """``worker_class = "webhooks.prompt_worker.PromptWorker"``."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._until_s: dict[Any, float] = {}  # connection → when its headers have to be here
        self._lingering_s: dict[Any, float] = {}  # connection → when it is closed, hung up or not

    def accept(self, listener: socket.socket) -> None:
        """Take a connection; a thread is given to it once it is readable."""
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            client, address = listener.accept()
            self.nr_conns += 1
            connection = TConn(self.cfg, client, address, listener.getsockname())
            connection.set_timeout()
            self.pending_conns.append(connection)
            self.poller.register(client, EVENT_READ, partial(self.on_pending_socket_readable, connection))

    def handle(self, conn: Any) -> Any:
        """Read one request and answer it, in a thread."""
        self._until_s[conn] = time.monotonic() + HEADERS_S
        try:
            return super().handle(conn)
        finally:
            self._until_s.pop(conn, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The headers are here."""
        self._until_s.pop(conn, None)
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Whether the connection goes on: not for who still owes most of a body that nobody wanted."""
        return bool(keepalive and conn.parser.finish_body(deadline=time.monotonic() + _DRAIN_S))

    def finish_request(self, conn: Any, fs: "Future[Any]") -> None:
        """In the main thread, after ``handle``: what is to be closed waits for its other end without it."""
        ended = not fs.cancelled() and fs.exception() is None and not fs.result()
        if not (ended and self.alive and len(self._lingering_s) < _MOST_LINGERING):
            super().finish_request(conn, fs)
            return
        self.nr_conns -= 1
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))
        except (OSError, ValueError):
            conn.close()
        else:
            self._lingering_s[conn] = time.monotonic() + _LINGER_S

    def _drain(self, connection: Any, client: socket.socket) -> None:
        try:
            if client.recv(65_536):
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # reset: as good as hung up
        self._hang_up(connection)

    def _hang_up(self, connection: Any) -> None:
        del self._lingering_s[connection]
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(connection.sock)
        connection.close()

    def murder_pending(self) -> None:
        """Once a second, in the main thread: hang up on who is too slow; the reading thread sees the end."""
        super().murder_pending()
        now_s = time.monotonic()
        for connection in [one for one, until_s in self._lingering_s.items() if until_s < now_s]:
            self._hang_up(connection)
        for connection, until_s in list(self._until_s.items()):
            if until_s < now_s and self._until_s.pop(connection, None) is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
