"""What all probes of a process share of the network: one resolver, one TLS context per distinct options."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

from rollwatch.clock import SystemClock
from rollwatch.probers._resolve import Resolver
from rollwatch.probers._tls import TlsClients

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from rollwatch.clock import Clock

__all__ = ["Network"]


class Network:
    """Made once per process, before its loop or in it; opens nothing until it is used."""

    def __init__(self, *, nameservers: Sequence[str] = (), clock: Clock | None = None) -> None:
        self.resolver = Resolver(nameservers)
        self.tls = TlsClients(clock or SystemClock())

        self._adopted: WeakSet[asyncio.Transport] = WeakSet()

    def adopt(self, transport: asyncio.Transport) -> None:
        """End this connection at shutdown: it outlives the run that made it."""
        self._adopted.add(transport)

    async def close(self) -> None:
        """Let go of sockets and files, at shutdown."""
        for transport in list(self._adopted):
            transport.abort()
        await self.resolver.close()
