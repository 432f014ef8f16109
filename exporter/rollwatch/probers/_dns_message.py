"""DNS messages: the query to send, and what an answer says. No sockets. Source: RFC 1035, RFC 6891."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from enum import Enum
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rdtypes.ANY.SOA

from rollwatch.errors import ProbeFailure
from rollwatch.model import Reason

__all__ = ["Answer", "Match", "Query"]

_HEADER: Final = struct.Struct("!HH")
_HEADER_LENGTH: Final = 12
_RESPONSE: Final = 0x8000
_TRUNCATED: Final = 0x0200
_UDP_PAYLOAD: Final = 1232
"""What fits every path unfragmented (DNS flag day 2020)."""
_LONG: Final = 2048
"""A longer message is parsed in a thread: thousands of records would hold the loop."""


class Match(Enum):
    """What the first bytes of a message say about it."""

    OURS = "ours"
    TRUNCATED = "truncated"
    FOREIGN = "foreign"
    """A well-formed answer to somebody else's query: a stray one, or a spoofed one."""
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says. `data` are the answer section's records in zone-file form, remote text."""

    rcode: str
    data: tuple[str, ...]
    of_type: int
    """How many records of the answer section have the type asked for."""
    answers: int
    authorities: int
    additionals: int
    serial: int | None
    """Of the first SOA record in the answer section."""


class Query:
    """One question, with the id its answer must have."""

    def __init__(self, name: str, rdtype: str, *, query_id: int, recursion: bool) -> None:
        self._message = dns.message.make_query(
            name,
            rdtype,
            id=query_id,
            use_edns=0,
            payload=_UDP_PAYLOAD,
            flags=dns.flags.RD if recursion else 0,
        )
        self._type = dns.rdatatype.from_text(rdtype)
        self._id = query_id
        self.wire = self._message.to_wire()

    def match(self, wire: bytes) -> Match:
        """Whether a message could be the answer, by its header alone."""
        if len(wire) < _HEADER_LENGTH:
            return Match.GARBAGE
        query_id, flags = _HEADER.unpack_from(wire)
        if not flags & _RESPONSE:
            return Match.GARBAGE
        if query_id != self._id:
            return Match.FOREIGN
        return Match.TRUNCATED if flags & _TRUNCATED else Match.OURS

    async def read(self, wire: bytes) -> Answer | None:
        """What the answer says; None if it answers another question. Raises ProbeFailure: PROTOCOL_ERROR."""
        if len(wire) > _LONG:
            return await asyncio.to_thread(self._read, wire)
        return self._read(wire)

    def _read(self, wire: bytes) -> Answer | None:
        try:
            message = dns.message.from_wire(wire)
        except (dns.exception.DNSException, ValueError, LookupError, struct.error) as error:
            what = type(error).__name__
            raise ProbeFailure(Reason.PROTOCOL_ERROR, f"the answer is not a DNS message ({what})") from None
        if not self._message.is_response(message):
            return None
        # Servers turn the order round; sorted, one answer reads the same every time.
        records = [(rrset.rdtype, rdata) for rrset in message.answer for rdata in rrset]
        serials = (rdata.serial for _, rdata in records if isinstance(rdata, dns.rdtypes.ANY.SOA.SOA))
        return Answer(
            rcode=dns.rcode.to_text(message.rcode()),
            data=tuple(sorted(rdata.to_text() for _, rdata in records)),
            of_type=sum(self._type in (rdtype, dns.rdatatype.ANY) for rdtype, _ in records),
            answers=len(records),
            authorities=sum(len(rrset) for rrset in message.authority),
            additionals=sum(len(rrset) for rrset in message.additional),
            serial=next(serials, None),
        )
