"""Name servers that mean no good: spoofed, garbled, silent, endless; each gets its reason in time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollwatch.errors import ProbeFailure
from rollwatch.model import Phase, Reason
from rollwatch.probers._dns_message import Match, Query
from support.dns_probing import ask, make, notes, samples
from support.dns_server import answer, framed, serving
from support.loops import LOOPS, on_loop
from support.running import run_probe as run_once

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture(params=LOOPS)
def loop_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def other_id(wire: bytes) -> bytes:
    return (int.from_bytes(wire[:2], "big") ^ 1).to_bytes(2, "big") + wire[2:]


def other_question(query: dns.message.Message) -> bytes:
    spoof = dns.message.make_query("www.evil.example", "A", id=query.id)
    return answer(spoof, ["203.0.113.66"])


def test_spoofed_answers_are_waited_out_and_the_real_one_is_taken(loop_name: str) -> None:
    def behave(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        spoofed = answer(query, ["203.0.113.66"])
        return [other_id(spoofed), other_question(query), answer(query, ["192.0.2.10"])]

    async def main() -> None:
        async with serving(behave) as server:
            outcome = await ask(server, expect={"contains": "192.0.2.10"})
        assert outcome.reason is Reason.OK, outcome.detail
        assert notes(outcome)["ignored"] == "2 answers to other queries"

    on_loop(loop_name, main())


UDP_HOSTILE = {
    "silent": (lambda query: [], Reason.TIMEOUT),
    "only spoofed ids": (lambda query: [other_id(answer(query, ["192.0.2.1"]))], Reason.TIMEOUT),
    "only another question": (lambda query: [other_question(query)], Reason.TIMEOUT),
    "one byte": (lambda query: [b"\0"], Reason.PROTOCOL_ERROR),
    "text": (lambda query: [b"HTTP/1.1 400 Bad Request\r\n\r\n"], Reason.PROTOCOL_ERROR),
    "our query sent back": (lambda query: [query.to_wire()], Reason.PROTOCOL_ERROR),
    "cut off": (lambda query: [answer(query, ["192.0.2.1"])[:-5]], Reason.PROTOCOL_ERROR),
    "counts that lie": (
        lambda query: [answer(query)[:6] + b"\xff\xff\xff\xff\xff\xff" + answer(query)[12:]],
        Reason.PROTOCOL_ERROR,
    ),
    "a name that points at itself": (
        lambda query: [query.id.to_bytes(2, "big") + b"\x81\x80\x00\x01" + b"\0" * 6 + b"\xc0\x0c\0\1\0\1"],
        Reason.PROTOCOL_ERROR,
    ),
    "a flood of strays": (
        lambda query: [other_id(answer(query))] * 400 + [other_question(query)] * 10,
        Reason.TIMEOUT,
    ),
}


@pytest.mark.parametrize("name", UDP_HOSTILE)
def test_a_hostile_udp_server_gets_its_reason_within_the_deadline(name: str, loop_name: str) -> None:
    behave, reason = UDP_HOSTILE[name]

    async def main() -> None:
        async with serving(lambda query, _: behave(query)) as server:
            outcome = await ask(server, timeout="300ms")
        assert outcome.reason is reason, outcome.detail
        assert samples(outcome)["probe_dns_query_succeeded"] == 0
        if reason is Reason.TIMEOUT:
            assert outcome.run.phases[Phase.REQUEST] > 0.1

    on_loop(loop_name, main())


async def test_an_endless_flood_ends_the_run_before_its_deadline() -> None:
    def endless(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        loop = asyncio.get_running_loop()
        stray = other_id(answer(query))

        def more() -> None:
            if server._transport is not None and not server._transport.is_closing() and client:
                for _ in range(20):
                    server._transport.sendto(stray, client[0])
                loop.call_soon(more)

        loop.call_soon(more)
        return []

    client: list[Any] = []
    async with serving(endless) as server:
        received = server.datagram_received

        def remember(data: bytes, addr: tuple[str, int]) -> None:
            client.append(addr)
            received(data, addr)

        server.datagram_received = remember  # type: ignore[method-assign]
        outcome = await ask(server, timeout="30s", interval="60s")
        client.clear()
    assert outcome.reason is Reason.PROTOCOL_ERROR
    assert outcome.detail == "1000 answers to other queries came, and none to ours"


def length(size: int) -> bytes:
    return size.to_bytes(2, "big")


TCP_HOSTILE = {
    "silent": (lambda query: [], Reason.TIMEOUT),
    "closes at once": (lambda query: [b""], Reason.CONNECTION_CLOSED),
    "closes after the length": (lambda query: [length(100), b""], Reason.CONNECTION_CLOSED),
    "closes in the middle": (lambda query: [length(100) + answer(query), b""], Reason.CONNECTION_CLOSED),
    "promises more than it sends": (lambda query: [length(65535) + answer(query)], Reason.TIMEOUT),
    "one byte": (lambda query: [b"\0"], Reason.TIMEOUT),
    "a message of no length": (lambda query: [length(0)], Reason.PROTOCOL_ERROR),
    "another id": (
        lambda query: [length(len(answer(query))) + other_id(answer(query))],
        Reason.PROTOCOL_ERROR,
    ),
    "another question": (
        lambda query: [length(len(other_question(query))) + other_question(query)],
        Reason.PROTOCOL_ERROR,
    ),
    "text": (lambda query: [b"HTTP/1.1 400 Bad Request\r\n" * 1000], Reason.PROTOCOL_ERROR),
    "64 KiB of zeros": (
        lambda query: [b"\xff\xff" + length(query.id) + b"\x81\x80" + b"\0" * 65531],
        Reason.PROTOCOL_ERROR,
    ),
}


@pytest.mark.parametrize("name", TCP_HOSTILE)
def test_a_hostile_tcp_server_gets_its_reason_within_the_deadline(name: str, loop_name: str) -> None:
    behave, reason = TCP_HOSTILE[name]

    async def main() -> None:
        async with serving(lambda query, _: behave(query)) as server:
            outcome = await ask(server, transport="tcp", timeout="300ms")
        assert outcome.reason is reason, outcome.detail

    on_loop(loop_name, main())


async def test_thousands_of_records_do_not_hold_the_loop() -> None:
    many = [f"10.{i >> 8}.{i & 255}.1" for i in range(3500)]
    async with serving(framed(lambda query, _: [answer(query, many)])) as server:
        prober = make(server.port, transport="tcp")
        task = asyncio.create_task(run_once(prober, 20))
        turns_while_reading = 0
        while not task.done():
            turns_while_reading += 1
            await asyncio.sleep(0)
        outcome = task.result()
    assert outcome.reason is Reason.OK
    assert samples(outcome)["probe_dns_answer_rrs"] == 3500


def reason_of(query: Query, wire: bytes) -> Reason | None:
    try:
        asyncio.run(query.read(wire))
    except ProbeFailure as failure:
        return failure.reason
    return None


@given(st.binary(max_size=200), st.booleans())
def test_whatever_bytes_come_they_are_an_answer_or_a_protocol_error(junk: bytes, has_head: bool) -> None:
    query = Query("www.example.com.", "A", query_id=7, recursion=True)
    wire = b"\x00\x07\x81\x80" + junk if has_head else junk
    if query.match(wire) is Match.OURS:
        assert reason_of(query, wire) in (None, Reason.PROTOCOL_ERROR)
    else:
        assert not has_head or len(wire) < 12
