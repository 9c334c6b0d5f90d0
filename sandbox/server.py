"""A small threaded HTTP/1.1 server with keep-alive.

It hands each request to one function and writes what comes back, in one write: a handler that sends headers
and body apart costs its caller a 40 ms delayed ACK on every kept-alive call (measured on the loopback).
"""

import contextlib
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.messages import Request, Response

Handler = Callable[[Request], Response]
LINGER_NOTHING = struct.pack("ii", 1, 0)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: "SandboxServer"

    def serve(self) -> None:
        path, _, query_text = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._read_body(headers)
        try:
            response = self.server.answer(Request(self.command, path, query_text, headers, body))
        except Exception:
            # A bug of the sandbox must look like one, not like a platform that hangs up.
            traceback.print_exc()
            response = Response(500, b'{"error":"the sandbox itself failed: see its standard error"}')
        if response.wait_s > 0:
            self.server.stopping.wait(response.wait_s)
        if response.ending == "answer":
            self._write(response)
        else:
            self._break_off(response)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve

    def _read_body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _write(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD" and response.status != 204:
            self.wfile.write(response.body)
        self.wfile.flush()

    def _break_off(self, response: Response) -> None:
        self.close_connection = True
        if response.ending == "reset":
            # Lingering for zero seconds makes close() send RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOTHING)
            self.server.drop(self.connection)

    def log_message(self, format: str, *args: Any) -> None:
        """The call log is read through the control API instead."""


class SandboxServer(ThreadingHTTPServer):
    """Serves until ``stop``; stopping also cuts kept-alive connections, as the end of a process would."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, host: str, port: int, answer: Handler) -> None:
        super().__init__((host, port), _Connection)
        self.answer = answer
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def drop(self, connection: socket.socket) -> None:
        """Closes without the courtesy of a shutdown, which would send FIN before the RST."""
        self._open.discard(connection)
        connection.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that hangs up is what many tests are about; anything else is a bug of the sandbox.
        if not isinstance(sys.exception(), OSError | ValueError):
            super().handle_error(request, client_address)
