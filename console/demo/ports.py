"""The demo's consecutive ports, checked before anything starts."""

import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass


class PortProblem(Exception):
    """A port can't be used. The text says which, and what next."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Receiver first, then the two platforms, then the console."""

    receiver: int
    hubspot: int
    mainstay: int
    console: int


def ports(host: str, first: int) -> Ports:
    """Four consecutive ports from ``first``. PortProblem names one that is taken."""
    wanted = range(first, first + 4)
    free(host, wanted)
    return Ports(*wanted)


def free(host: str, wanted: Sequence[int]) -> None:
    """PortProblem unless all of these can be listened on; it names others that can."""
    for port in wanted:
        problem = _problem(host, port)
        if problem:
            near = range(wanted[0] + 10, min(wanted[0] + 1000, 65000), 10)
            size = len(wanted)
            other = next((n for n in near if not any(_problem(host, n + i) for i in range(size))), None)
            hint = f"; try --port {other}" if other else ""
            raise PortProblem(f"port {port} on {host} {problem}{hint}")


def _problem(host: str, port: int) -> str:
    if not 0 < port < 65536:
        return "is no port"
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        return "can't be used: the host is unknown"
    except OSError as error:
        known = {errno.EADDRINUSE: "is taken", errno.EACCES: "may not be used without more rights"}
        return known.get(error.errno or 0, f"can't be used ({error.strerror})")
    return ""
