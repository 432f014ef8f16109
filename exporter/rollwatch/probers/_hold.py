"""A protocol that keeps a connection until the real one takes over: across CONNECT and TLS."""

from __future__ import annotations

import asyncio

from rollwatch.errors import ProbeFailure
from rollwatch.model import Reason
from rollwatch.text import clean

__all__ = ["Hold", "tunnel"]

_HEAD_LIMIT = 16 * 1024


class Hold(asyncio.Protocol):
    """Keeps what arrives early and gives it to the protocol that takes over."""

    def __init__(self) -> None:
        self._early = bytearray()
        self._is_ended = False
        self._lost: tuple[Exception | None] | None = None
        self._changed: asyncio.Future[None] | None = None

    def data_received(self, data: bytes) -> None:
        self._early += data
        self._wake()

    def eof_received(self) -> bool | None:
        self._is_ended = True
        self._wake()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_ended = True
        self._lost = (exc,)
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    async def read_head(self) -> bytes | None:
        """Everything up to an empty line, at most 16 KiB; None if it does not come."""
        while (end := self._early.find(b"\r\n\r\n")) < 0:
            if self._is_ended or len(self._early) > _HEAD_LIMIT:
                return None
            self._changed = asyncio.get_running_loop().create_future()
            await self._changed
        head = bytes(self._early[: end + 4])
        del self._early[: end + 4]
        return head

    def hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        """Let `protocol` speak on `transport` from now on, beginning with what came meanwhile."""
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._early:
            protocol.data_received(bytes(self._early))
        if self._lost is not None:
            protocol.connection_lost(self._lost[0])
        elif self._is_ended:
            protocol.eof_received()


async def tunnel(
    transport: asyncio.Transport, hold: Hold, target: tuple[str, int], authorization: str | None
) -> None:
    """Ask the proxy at the other end to connect us with `target`. Raises ProbeFailure PROXY_REFUSED."""
    host = f"[{target[0]}]" if ":" in target[0] else target[0]
    lines = [f"CONNECT {host}:{target[1]} HTTP/1.1", f"Host: {host}:{target[1]}"]
    if authorization is not None:
        lines.append(f"Proxy-Authorization: {authorization}")
    transport.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    head = await hold.read_head()
    if head is None:
        raise ProbeFailure(
            Reason.PROXY_REFUSED, "the proxy closed the connection or did not answer with HTTP"
        )
    words = head.split(b"\r\n", 1)[0].split(None, 2)
    status = words[1] if len(words) > 1 and words[0].startswith(b"HTTP/1.") else b""
    if status == b"407":
        raise ProbeFailure(Reason.PROXY_REFUSED, "the proxy wants other credentials (407)")
    if not (len(status) == 3 and status.startswith(b"2")):
        raise ProbeFailure(
            Reason.PROXY_REFUSED,
            f"the proxy refused to connect to {host}:{target[1]}: {clean(b' '.join(words[1:]), 80)}",
        )
