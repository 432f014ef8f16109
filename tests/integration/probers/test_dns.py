"""The dns prober against real servers on loopback, good ones and hostile ones."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rollwatch.errors import ProbeFailure
from rollwatch.model import Phase, Reason
from rollwatch.probers import discover
from rollwatch.probers._dns_message import Match, Query
from rollwatch.probers.dns import KIND, DnsProber, DnsSpec
from support.dns_server import DnsServer, answer, framed, serving
from support.loops import LOOPS, on_loop
from support.running import make_env
from support.running import run_probe as run_once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.running import Outcome


@pytest.fixture(params=LOOPS)
def loop_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make(port: int, /, **said: Any) -> DnsProber:
    document = {
        "kind": "dns",
        "query": "www.example.com",
        "server": f"127.0.0.1:{port}",
        "timeout": "5s",
        **said,
    }
    return DnsProber(DnsSpec.model_validate(document), make_env())


async def ask(asked: DnsServer, /, **said: Any) -> Outcome:
    prober = make(asked.port, **said)
    return await run_once(prober, prober._spec.timeout, explain=True)


def samples(outcome: Outcome) -> dict[str, float]:
    return {sample.metric.name: sample.value for sample in outcome.run.samples}


def notes(outcome: Outcome) -> dict[str, str]:
    return dict(outcome.run.notes or ())


def test_it_is_found_as_a_kind() -> None:
    assert discover()["dns"] is KIND


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_good_answer_is_up_and_measured(transport: str, loop_name: str) -> None:
    async def main() -> None:
        async with serving() as server:
            outcome = await ask(server, transport=transport, expect={"contains": "192.0.2.11"})
            assert outcome.reason is Reason.OK, outcome.detail
            found = samples(outcome)
            assert found["probe_dns_query_succeeded"] == 1
            assert found["probe_dns_answer_rrs"] == 2
            assert found["probe_ip_protocol"] == 4
            assert set(outcome.run.phases) == {Phase.CONNECT, Phase.REQUEST}
            assert server.asked == [("www.example.com.", "A", transport)]

    on_loop(loop_name, main())


MX = {"query": "example.com", "type": "MX"}


@pytest.mark.parametrize(
    ("said", "reason", "says"),
    [
        pytest.param({**MX, "expect": {"answers": "^10 mail[.]"}}, Reason.OK, "", id="a pattern found"),
        pytest.param(
            {**MX, "expect": {"answers": ["mail[.]", "mail3"]}},
            Reason.ANSWER_MISMATCH,
            "no record matches mail3, among 10 mail.example.com., 20 mail2.example.com.",
            id="a pattern not found",
        ),
        pytest.param(
            {"expect": {"contains": "192.0.2.1"}},
            Reason.ANSWER_MISMATCH,
            "192.0.2.1 is not in the answer, among 192.0.2.10, 192.0.2.11",
            id="an address is compared whole",
        ),
        pytest.param(
            {"expect": {"min_answers": 3}},
            Reason.ANSWER_MISMATCH,
            "the answer has 2 A records, expected are at least 3",
            id="too few",
        ),
        pytest.param(
            {"type": "MX"},
            Reason.ANSWER_MISMATCH,
            "the answer has 0 MX records, expected are at least 1",
            id="the name has no such record",
        ),
        pytest.param(
            {"type": "MX", "expect": {"min_answers": 0}}, Reason.OK, "", id="none is right if said so"
        ),
        pytest.param(
            {"query": "gone.example.com"},
            Reason.ANSWER_MISMATCH,
            "the server answered NXDOMAIN, expected is NOERROR",
            id="the name does not exist",
        ),
        pytest.param(
            {"query": "gone.example.com", "expect": {"rcode": "nxdomain"}}, Reason.OK, "", id="and must not"
        ),
        pytest.param(
            {"expect": {"rcode": ["NXDOMAIN", "REFUSED"]}},
            Reason.ANSWER_MISMATCH,
            "the server answered NOERROR, expected is NXDOMAIN or REFUSED",
            id="exists, and must not",
        ),
        pytest.param({"query": "WWW.Example.COM."}, Reason.OK, "", id="case and a last dot mean nothing"),
        pytest.param({"type": "aaaa", "expect": {"contains": "2001:db8::10"}}, Reason.OK, "", id="IPv6"),
    ],
)
async def test_the_answer_is_judged_as_declared(said: dict[str, Any], reason: Reason, says: str) -> None:
    async with serving() as server:
        outcome = await ask(server, **said)
    assert (outcome.reason, outcome.detail) == (reason, says)
    assert samples(outcome)["probe_dns_query_succeeded"] == 1


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"])
async def test_a_servers_own_failure_is_said_by_its_code(rcode: str) -> None:
    async with serving(lambda query, _: [answer(query, rcode=rcode)]) as server:
        outcome = await ask(server)
    assert outcome.reason is Reason.ANSWER_MISMATCH
    assert outcome.detail == f"the server answered {rcode}, expected is NOERROR"


async def test_the_serial_of_a_zone_is_exported_when_it_was_asked_for() -> None:
    async with serving() as server:
        soa = await ask(server, query="example.com", type="SOA")
        other = await ask(server)
    assert samples(soa)["probe_dns_serial"] == 2026112001
    assert "probe_dns_serial" not in samples(other)


async def test_a_truncated_answer_is_asked_for_again_over_tcp() -> None:
    def behave(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        if transport == "udp":
            return [answer(query, flags=dns.flags.TC)]
        return [answer(query, [f"192.0.2.{i}" for i in range(200)])]

    async with serving(framed(behave)) as server:
        outcome = await ask(server)
    assert outcome.reason is Reason.OK
    assert samples(outcome)["probe_dns_answer_rrs"] == 200
    assert [transport for *_, transport in server.asked] == ["udp", "tcp"]
    assert "truncated" in notes(outcome)


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


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_nobody_at_the_port_is_refused(transport: str, loop_name: str) -> None:
    async def main() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
            held.bind(("127.0.0.1", 0))
            port = held.getsockname()[1]
        prober = make(port, transport=transport)
        outcome = await run_once(prober, 5)
        assert outcome.reason is Reason.CONNECT_REFUSED, outcome.detail
        assert str(port) in outcome.detail

    on_loop(loop_name, main())


async def test_of_several_servers_the_next_is_asked_when_one_is_silent_or_gone() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        gone = held.getsockname()[1]
    async with serving(lambda query, _: []) as silent, serving() as good:
        servers = [f"127.0.0.1:{port}" for port in (gone, silent.port, good.port)]
        outcome = await ask(good, server=servers, timeout="2s")
        assert silent.asked == good.asked
    assert outcome.reason is Reason.OK, outcome.detail


async def test_a_servers_name_is_resolved_first_and_that_is_a_phase_of_its_own() -> None:
    async with serving() as server:
        outcome = await ask(server, server=f"localhost:{server.port}", ip=4)
    assert outcome.reason is Reason.OK, outcome.detail
    assert Phase.RESOLVE in outcome.run.phases
    assert "probe_dns_lookup_time_seconds" in samples(outcome)


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", ["192.0.2.1:53", "[2001:db8::1]:53"]),
        ("# nameserver 9.9.9.9\nsearch x\nnameserver\nnameserver fe80::1%eth0\n", ["[fe80::1]:53"]),
        (
            "nameserver a\n" * 3 + "".join(f"nameserver 192.0.2.{i}\n" for i in range(9)),
            [f"192.0.2.{i}:53" for i in range(3)],
        ),
        ("", ["127.0.0.1:53"]),
        (None, ["127.0.0.1:53"]),
    ],
)
def test_without_a_server_the_hosts_own_resolvers_are_meant(
    tmp_path: Path, text: str | None, servers: list[str]
) -> None:
    from rollwatch.probers.dns import _system_servers

    file = tmp_path / "resolv.conf"
    if text is not None:
        file.write_text(text)
    assert [str(server) for server in _system_servers(file)] == servers


async def test_cancelling_a_run_leaves_no_socket_behind() -> None:
    async with serving(lambda query, _: []) as server:
        for transport in ("udp", "tcp"):
            task = asyncio.create_task(run_once(make(server.port, transport=transport), 30))
            async with asyncio.timeout(10):
                while not any(asked[2] == transport for asked in server.asked):
                    await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"query": "a..b"}, "is no DNS name"),
        ({"query": "x" * 64 + ".example"}, "is no DNS name"),
        ({"type": "AA"}, "is no type of DNS record"),
        ({"type": "AXFR"}, "is no type that can be asked for"),
        ({"expect": {"rcode": "NXDOMIAN"}}, "Did you mean 'nxdomain'"),
        ({"server": "127.0.0.1"}, "is not host:port"),
        ({"transport": "tls"}, "Input should be 'udp' or 'tcp'"),
        ({"expect": {"answers": "("}}, "is no regular expression"),
    ],
)
def test_a_mistake_in_the_file_is_said(said: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        make(53, **said)


def test_the_target_names_question_and_server() -> None:
    spec = DnsSpec.model_validate(
        {"kind": "dns", "query": "example.com", "type": "mx", "server": "192.0.2.1:53"}
    )
    assert KIND.target(spec) == "example.com. MX at 192.0.2.1:53"


async def test_an_address_of_the_wrong_version_is_not_used() -> None:
    async with serving() as server:
        outcome = await ask(server, ip=6)
        assert server.asked == []
    assert outcome.reason is Reason.UNREACHABLE
    assert outcome.detail == "127.0.0.1 is no IPv6 address, and only those are allowed"


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
