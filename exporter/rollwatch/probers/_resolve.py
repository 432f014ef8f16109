"""Names to addresses, without a thread that a silent resolver could hold.

c-ares reads /etc/hosts and /etc/resolv.conf and asks the resolvers named there.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import aiodns
import pycares
from aiodns import error as ares

from rollwatch.errors import ProbeFailure
from rollwatch.model import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Address", "IpVersion", "Resolver", "literal"]


class IpVersion(StrEnum):
    """Which addresses of a name may be used."""

    ANY = "any"
    V4 = "4"
    V6 = "6"


class Address(NamedTuple):
    """One address of a target; `version` is 4 or 6."""

    host: str
    version: int


_FAMILY = {IpVersion.ANY: socket.AF_UNSPEC, IpVersion.V4: socket.AF_INET, IpVersion.V6: socket.AF_INET6}
_NO_SUCH_NAME = frozenset({ares.ARES_ENOTFOUND, ares.ARES_ENODATA, ares.ARES_EBADNAME})
_TRY_S = 1.0
_TRIES = 3


@lru_cache(maxsize=1024)
def literal(host: str) -> Address | None:
    """The address, if `host` is one already."""
    if not (host[-1:].isdigit() or ":" in host):
        return None
    try:
        return Address(host, ipaddress.ip_address(host).version)
    except ValueError:
        return None


class _Uncached:
    """The C library of pycares without the cache that c-ares keeps for up to an hour; there is no option.

    A probe is to see what a new user sees: an answer from a cache of ours would hide that the resolver fails.
    """

    _ARES_OPT_QUERY_CACHE = 1 << 21  # ares.h

    def __init__(self, lib: Any) -> None:
        self._lib = lib

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lib, name)

    def ares_init_options(self, channel: Any, options: Any, mask: int) -> Any:
        options.qcache_max_ttl = 0
        return self._lib.ares_init_options(channel, options, mask | self._ARES_OPT_QUERY_CACHE)


def _open(nameservers: list[str]) -> aiodns.DNSResolver:
    module: Any = pycares
    lib = module._lib  # noqa: SLF001  the only way in; a test asks twice and counts
    module._lib = _Uncached(lib)  # noqa: SLF001
    try:
        return aiodns.DNSResolver(nameservers=nameservers or None, timeout=_TRY_S, tries=_TRIES)
    finally:
        module._lib = lib  # noqa: SLF001


class Resolver:
    """Asks the host's resolvers, or `nameservers` ("127.0.0.1:5353") if given. Belongs to one loop."""

    def __init__(self, nameservers: Sequence[str] = ()) -> None:
        self._nameservers = list(nameservers)
        self._ares: aiodns.DNSResolver | None = None

    async def resolve(self, host: str, ip: IpVersion, within_s: float) -> list[Address]:
        """The addresses of `host`, IPv4 first, never empty.

        Raises ProbeFailure: NAME_NOT_FOUND if the name or addresses of that kind do not exist,
        RESOLVER_FAILED if nobody could say so within `within_s` seconds.
        """
        if self._ares is None:
            self._ares = _open(self._nameservers)
        try:
            async with asyncio.timeout(within_s):
                answer = await self._ares.getaddrinfo(host, family=_FAMILY[ip], type=socket.SOCK_STREAM)
        except TimeoutError:
            raise ProbeFailure(
                Reason.RESOLVER_FAILED, f"the resolver did not answer for {host} within {within_s:g} s"
            ) from None
        except ares.DNSError as error:
            code = error.args[0]
            if code in _NO_SUCH_NAME:
                which = "" if ip is IpVersion.ANY else f"IPv{ip} "
                raise ProbeFailure(Reason.NAME_NOT_FOUND, f"{host} has no {which}address in DNS") from None
            raise ProbeFailure(
                Reason.RESOLVER_FAILED, f"the resolver failed for {host}: {error.args[-1]}"
            ) from None
        found = [
            Address(node.addr[0].decode("ascii"), 4 if node.family == socket.AF_INET else 6)
            for node in answer.nodes
        ]
        if not found:
            raise ProbeFailure(Reason.NAME_NOT_FOUND, f"{host} has no address in DNS")
        found.sort(key=lambda address: address.version)
        return found

    async def close(self) -> None:
        """Let go of sockets and files; resolving again opens them again."""
        if self._ares is not None:
            resolver, self._ares = self._ares, None
            await resolver.close()
