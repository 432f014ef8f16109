"""A DNS server for tests, over UDP and TCP on one port of loopback: good, or as bad as a test says."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    Behaviour = Callable[[dns.message.Message, str], Sequence[bytes]]

__all__ = ["DnsServer", "answer", "records", "serving"]

ZONE = {
    ("www.example.com.", "A"): ["192.0.2.10", "192.0.2.11"],
    ("www.example.com.", "AAAA"): ["2001:db8::10"],
    ("example.com.", "MX"): ["10 mail.example.com.", "20 mail2.example.com."],
    ("example.com.", "TXT"): ['"v=spf1 -all"'],
    ("example.com.", "SOA"): ["ns1.example.com. admin.example.com. 2026112001 7200 3600 1209600 300"],
    ("localhost.test.", "A"): ["127.0.0.1"],
}


def answer(
    query: dns.message.Message,
    data: Sequence[str] = (),
    *,
    rcode: str = "NOERROR",
    rdtype: str | None = None,
    flags: int = 0,
) -> bytes:
    """A well-formed answer to `query` with `data` in its answer section."""
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(dns.rcode.from_text(rcode))
    response.flags |= flags
    question = query.question[0]
    if data:
        kind = rdtype or dns.rdatatype.to_text(question.rdtype)
        response.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, list(data)))
    return response.to_wire(max_size=65535)


def records(zone: Mapping[tuple[str, str], Sequence[str]]) -> Behaviour:
    """Answers from `zone`; NXDOMAIN for names it has not, an empty answer for types it has not."""

    def behave(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        question = query.question[0]
        name = question.name.to_text().lower()
        data = zone.get((name, dns.rdatatype.to_text(question.rdtype)))
        if data is None and not any(known == name for known, _ in zone):
            return [answer(query, rcode="NXDOMAIN")]
        return [answer(query, data or ())]

    return behave


class DnsServer(asyncio.DatagramProtocol):
    """What it was asked, and how it behaves."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.asked: list[tuple[str, str, str]] = []
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        for reply in self._replies(data, "udp"):
            self._transport.sendto(reply, addr)

    def _replies(self, wire: bytes, transport: str) -> Sequence[bytes]:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        self.asked.append((question.name.to_text(), dns.rdatatype.to_text(question.rdtype), transport))
        return self.behaviour(query, transport)

    async def on_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Over TCP replies are written as they are: the behaviour frames them, and an empty one closes."""
        try:
            wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            for reply in self._replies(wire, "tcp"):
                if not reply:
                    return
                writer.write(reply)
                await writer.drain()
            await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def serving(behaviour: Behaviour | None = None) -> AsyncIterator[DnsServer]:
    """Serve on 127.0.0.1; by default `ZONE`, framed for TCP too."""
    if behaviour is None:
        behaviour = framed(records(ZONE))
    loop = asyncio.get_running_loop()
    server = DnsServer(behaviour)
    while True:
        datagrams, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", 0))
        server.port = datagrams.get_extra_info("sockname")[1]
        try:
            streams = await asyncio.start_server(server.on_stream, "127.0.0.1", server.port)
            break
        except OSError:  # the port is taken for TCP
            datagrams.abort()
    try:
        yield server
    finally:
        datagrams.abort()
        streams.close()


def framed(behaviour: Behaviour) -> Behaviour:
    """The same, with the length before each message where it goes over TCP."""

    def behave(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        replies = behaviour(query, transport)
        if transport == "udp":
            return replies
        return [len(reply).to_bytes(2, "big") + reply for reply in replies]

    return behave
