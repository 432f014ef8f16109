"""Who sends, without keeping who that is: a keyed digest of an address, and how much it may still send."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multidict import MultiMapping

__all__ = ["Buckets", "Clients"]

_MOST_HOPS = 20
_LONGEST_CHAIN = 1000
_MAPPED = bytes(10) + b"\xff\xff"
"""What makes an IPv6 address of an IPv4 one (RFC 4291 section 2.5.5.2)."""


class Clients:
    """Tells clients apart by a digest that can't be turned back into an address once the process is gone.

    Behind a proxy that is trusted, the client is the last address of X-Forwarded-For that is no such proxy's
    (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For). Of an IPv6 address the
    network (/64) counts: one person has all of it.
    """

    def __init__(self, secret: bytes, trusted_proxies: Iterable[str]) -> None:
        self._secret = secret
        networks = [ipaddress.ip_network(network) for network in trusted_proxies]
        self._trusted = [
            (network.version, int(network.network_address), int(network.netmask)) for network in networks
        ]

    def digest(self, peer: str | None, headers: MultiMapping[str]) -> bytes:
        """The client's digest; an address that can't be read is a client as well."""
        address = _packed(peer or "")
        # Some proxies add a line of their own below what the client sent; in order, all lines are one list.
        forwarded = ",".join(headers.getall("X-Forwarded-For", ()))
        if forwarded and self._is_trusted(address):
            for hop in reversed(forwarded[-_LONGEST_CHAIN:].split(",")[-_MOST_HOPS:]):
                address = _packed(hop.strip())
                if not self._is_trusted(address):
                    break
        if len(address) == 16:
            address = address[:8]
        return hashlib.blake2b(address, key=self._secret, digest_size=8).digest()

    def _is_trusted(self, address: bytes) -> bool:
        version, number = (4 if len(address) == 4 else 6), int.from_bytes(address)
        return bool(address) and any(
            version == other and number & mask == network for other, network, mask in self._trusted
        )


def _packed(text: str) -> bytes:
    """4 or 16 bytes; none if it is no address. Ports and brackets that some proxies write are left out.

    An IPv4 address in IPv6 form (what a listener for both sees) is the IPv4 address.
    """
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        address = socket.inet_pton(family, text.partition("%")[0])
    except (OSError, ValueError):
        return b""
    return address.removeprefix(_MAPPED)


class Buckets:
    """A token bucket per key, for at most `limit` keys; the one not heard of for longest makes room."""

    def __init__(self, rate: float, burst: float, *, limit: int = 10_000) -> None:
        self._rate = rate
        self._burst = max(burst, 1.0)
        self._limit = limit
        self._left: dict[bytes, tuple[float, float]] = {}

    def wait_s(self, key: bytes, now: float) -> float:
        """0 if one more may be sent at `now` (it then counts), else seconds until it may."""
        left, since = self._left.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        if left < 1.0:
            self._left[key] = (left, now)
            return (1.0 - left) / self._rate
        if len(self._left) >= self._limit:
            del self._left[next(iter(self._left))]
        self._left[key] = (left - 1.0, now)
        return 0.0

    def __len__(self) -> int:
        return len(self._left)
