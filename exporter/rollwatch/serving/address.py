"""Listen addresses as Prometheus programs take them: `127.0.0.1:9717`, `[::1]:9717`, `:9717`, `host:0`."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from typing import NamedTuple

from rollwatch.errors import CantStart, UsageError

__all__ = ["ListenAddress", "bind", "parse_listen_address"]

_BACKLOG = 128
_FLAGS = "--web.listen-address, or with --web.ingest-address if it is that one"


class ListenAddress(NamedTuple):
    """Where to listen. `host` is empty for every address of the host; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this host can reach it."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.partition("%")[0]).is_loopback
        except ValueError:
            return False


def parse_listen_address(text: str) -> ListenAddress:
    """From `host:port`, `[ipv6]:port` or `:port`. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    if is_bracketed:
        host = host[1:-1]
    if not colon or (":" in host) != is_bracketed or not (port.isascii() and port.isdigit()):
        raise UsageError(
            f"{text!r} is no listen address: write it like 127.0.0.1:9717, [::1]:9717, or :9717 for every "
            "address of this host"
        )
    if int(port) > 65535:
        raise UsageError(f"{text!r} has a port above 65535")
    return ListenAddress(host, int(port))


async def bind(address: ListenAddress) -> socket.socket:
    """A non-blocking socket that listens on `address`. Raises CantStart that says why it can't."""
    try:
        family, sockaddr, is_dual = await _resolve(address)
        sock = socket.create_server(
            sockaddr, family=family, backlog=_BACKLOG, dualstack_ipv6=is_dual, reuse_port=False
        )
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no host name"
        raise CantStart(f"can't listen on {address}: {address.host} has no address ({why})") from None
    except OSError as error:
        raise CantStart(f"can't listen on {address}: {_why(error)}") from None
    sock.setblocking(False)
    return sock


async def _resolve(address: ListenAddress) -> tuple[socket.AddressFamily, tuple[str, int], bool]:
    if not address.host:
        if socket.has_dualstack_ipv6():
            return socket.AF_INET6, ("", address.port), True
        return socket.AF_INET, ("", address.port), False
    found = await asyncio.get_running_loop().getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    # One address for a name, and IPv4 before IPv6, as Go's net.Listen does.
    family, _, _, _, sockaddr = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return socket.AddressFamily(family), (str(sockaddr[0]), address.port), False


def _why(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"the port is taken; is another rollwatch running? Choose another with {_FLAGS}"
        case errno.EACCES:
            return f"this user may not use that port; choose one above 1023 with {_FLAGS}"
        case errno.EADDRNOTAVAIL:
            return f"this host has no such address; choose one of its own with {_FLAGS}"
        case _:
            return f"{error.strerror}; choose another with {_FLAGS}"
