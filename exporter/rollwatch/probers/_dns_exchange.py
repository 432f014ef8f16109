"""One DNS query and its answer, over UDP or TCP. Source: RFC 1035 section 4.2, RFC 5452, RFC 7766."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rollwatch.errors import ProbeFailure
from rollwatch.model import Phase, Reason
from rollwatch.probers._dial import dial
from rollwatch.probers._dns_message import Answer, Match
from rollwatch.probers._socket_errors import connect_failure, lost_failure

if TYPE_CHECKING:
    from rollwatch.probers._dns_message import Query
    from rollwatch.probers._resolve import Address, IpVersion
    from rollwatch.probers.contract import ProbeEnv
    from rollwatch.probers.run import Run

__all__ = ["ask_tcp", "ask_udp"]

_WAITING = 16
"""Datagrams with our id that wait to be read."""
_STRAY_LIMIT = 1000
"""So many datagrams that are no answer of ours are a flood."""


class _Datagrams(asyncio.DatagramProtocol):
    """Keeps what could be the answer and counts the rest."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self.arrived: asyncio.Queue[bytes | ProbeFailure | OSError] = asyncio.Queue(_WAITING)
        self.strays = 0

    def datagram_received(self, data: bytes, addr: object) -> None:
        match self._query.match(data):
            case Match.FOREIGN:
                self.count_stray()
            case Match.GARBAGE:
                detail = f"{len(data)} bytes came back that are no DNS answer"
                self._put(ProbeFailure(Reason.PROTOCOL_ERROR, detail))
            case _:
                self._put(data)

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError):
            self._put(exc)

    def count_stray(self) -> None:
        """One more answer to another query; such are waited out, unless there is no end of them."""
        self.strays += 1
        if self.strays == _STRAY_LIMIT:
            detail = f"{_STRAY_LIMIT} answers to other queries came, and none to ours"
            self._put(ProbeFailure(Reason.PROTOCOL_ERROR, detail))

    def _put(self, item: bytes | ProbeFailure | OSError) -> None:
        if not self.arrived.full():
            self.arrived.put_nowait(item)


async def ask_udp(run: Run, query: Query, address: Address, port: int) -> Answer | None:
    """The answer, or None if it was truncated. Enters CONNECT and REQUEST. Raises ProbeFailure."""
    run.enter(Phase.CONNECT)
    loop = asyncio.get_running_loop()
    target = (address.host, port)
    try:
        transport, datagrams = await loop.create_datagram_endpoint(
            lambda: _Datagrams(query), remote_addr=target
        )
    except OSError as error:
        raise connect_failure(error, target, address) from None
    try:
        run.enter(Phase.REQUEST)
        transport.sendto(query.wire)
        while True:
            item = await datagrams.arrived.get()
            if isinstance(item, ProbeFailure):
                raise item
            if isinstance(item, OSError):
                raise connect_failure(item, target, address)
            if query.match(item) is Match.TRUNCATED:
                return None
            answer = await query.read(item)
            if answer is not None:
                return answer
            # The id fits, the question does not: a guess of somebody who wants to be believed.
            datagrams.count_stray()
    finally:
        transport.abort()
        if datagrams.strays:
            run.note("ignored", f"{datagrams.strays} answers to other queries")


class _Stream(asyncio.Protocol):
    """Collects one message with its length before it."""

    def __init__(self) -> None:
        self.message: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._received = bytearray()

    def data_received(self, data: bytes) -> None:
        if self.message.done():
            return
        self._received += data
        if len(self._received) >= 2:
            length = int.from_bytes(self._received[:2], "big")
            if len(self._received) >= 2 + length:
                self.message.set_result(bytes(self._received[2 : 2 + length]))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.message.done():
            self.message.set_exception(lost_failure(exc, "before it had answered"))


async def ask_tcp(
    run: Run, query: Query, target: tuple[str, int], *, env: ProbeEnv, ip: IpVersion, timeout_s: float
) -> Answer:
    """The answer. Enters RESOLVE, CONNECT and REQUEST. Raises ProbeFailure."""
    transport, stream = await dial(run, target, factory=_Stream, env=env, ip=ip, timeout_s=timeout_s)
    try:
        run.enter(Phase.REQUEST)
        transport.write(len(query.wire).to_bytes(2, "big") + query.wire)
        wire = await stream.message
        if query.match(wire) in (Match.FOREIGN, Match.GARBAGE):
            raise ProbeFailure(Reason.PROTOCOL_ERROR, f"{len(wire)} bytes came back that are no answer to us")
        answer = await query.read(wire)
    finally:
        # A connection that ends from now on leaves no exception behind that nobody asks for.
        stream.message.cancel()
        transport.abort()
    if answer is None:
        raise ProbeFailure(Reason.PROTOCOL_ERROR, "the server answered another question")
    return answer
