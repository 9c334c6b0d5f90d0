"""Where a webhook may go: to the public internet, and to networks that a setting names, nowhere else.

An operator of the console types the address, and this process stands inside the institution's network: it
must not be talked into calling a database's port, a cloud's metadata service or itself. The name is looked up
once, every address it has is judged, and the call goes to the judged address, not to the name (a second
look-up could give another answer).
"""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.notifying.problems import NotSent
from core.settings import Network

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Python 3.11 calls these global: one's own network (RFC 8215, RFC 3879), and IPv4 in an old dress (RFC 4291).
_INSIDE = [ipaddress.ip_network(one) for one in ("64:ff9b:1::/48", "fec0::/10", "::/96")]


@dataclass(frozen=True, slots=True)
class Place:
    """A judged address: connect to ``address``, and say ``host`` (TLS, Host header)."""

    scheme: str
    host: str
    address: str
    port: int
    path: str


def check(url: str) -> None:
    """ValueError, in words, for a URL that is none of ours to call whatever its host is."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ValueError("its port is no number") from None
    if (
        parts.scheme not in ("https", "http")
        or not parts.hostname
        or not url.isascii()
        or not url.isprintable()
    ):
        raise ValueError("write it like https://alerts.example.edu/crosswalk")
    if parts.username or parts.password:
        raise ValueError("it must not hold a user or a password")
    if port == 0 or len(url) > 500 or any(letter.isspace() for letter in url):
        raise ValueError("it can't be called")


def place(url: str, allowed: Sequence[Network]) -> Place:
    """Where to connect. NotSent where it must not be called. ``allowed``: networks of one's own that may be,
    also without TLS."""
    try:
        check(url)
    except ValueError as error:
        raise NotSent(f"the address is wrong: {error}") from None
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    addresses = _looked_up(host, port)
    ours = [any(one in network for network in allowed if network.version == one.version) for one in addresses]
    if not all(mine or _public(one) for mine, one in zip(ours, addresses, strict=True)):
        raise NotSent("the address leads into a private network (CROSSWALK_ALERTS_NETWORKS can allow it)")
    if parts.scheme != "https" and not all(ours):
        raise NotSent("the address is not https")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, host, str(addresses[0]), port, path)


def _looked_up(host: str, port: int) -> list[_Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSent("the host's name can't be looked up") from None
    return [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]


def _public(address: _Address) -> bool:
    """Whether it belongs to the public internet, whatever it is wrapped into."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.teredo is not None or any(address in one for one in _INSIDE):
            return False
        if inner is not None:
            return _public(inner)
    return address.is_global and not address.is_multicast
