"""A mail server for tests, on a port of loopback: takes what it is told to take, and keeps it."""

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class MailServer:
    """``refuse``: the answer to RCPT in place of 250. ``context``: offers STARTTLS with it."""

    port: int = 0
    refuse: str = ""
    context: ssl.SSLContext | None = None
    messages: list[EmailMessage] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    @property
    def url(self) -> str:
        """As the setting wants it."""
        return f"smtp://127.0.0.1:{self.port}"


@contextmanager
def mail_server(**options: object) -> Iterator[MailServer]:
    """Runs until the end of the block."""
    server = MailServer(**options)  # type: ignore[arg-type]

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _serve(self, server)

    listening = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server.port = listening.server_address[1]
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join(5)


def _serve(handler: socketserver.StreamRequestHandler, server: MailServer) -> None:
    stream, connection, secure = handler.rfile, handler.connection, False

    def say(text: str) -> None:
        connection.sendall(f"{text}\r\n".encode())

    say("220 tests ESMTP")
    while line := stream.readline():
        word = line.decode("latin-1").strip()
        match word.split(" ")[0].split(":")[0].upper():
            case "EHLO":
                offered = ["tests", *(["STARTTLS"] if server.context and not secure else []), "AUTH PLAIN"]
                for number, one in enumerate(offered):
                    say(f"250{' ' if number == len(offered) - 1 else '-'}{one}")
            case "STARTTLS" if server.context:
                say("220 go on")
                connection = server.context.wrap_socket(connection, server_side=True)
                stream, secure = connection.makefile("rb"), True
            case "AUTH":
                server.logins.append(word)
                say("235 welcome")
            case "RCPT" if server.refuse:
                say(server.refuse)
            case "DATA":
                say("354 go on")
                lines = []
                while (part := stream.readline()).strip() != b"." and part:
                    lines.append(part)
                server.messages.append(message_from_bytes(b"".join(lines), policy=policy.default))  # type: ignore[arg-type]
                server.encrypted.append(secure)
                say("250 taken")
            case "QUIT":
                say("221 bye")
                break
            case _:
                say("250 ok")
    if secure:
        stream.close()
        connection.close()
