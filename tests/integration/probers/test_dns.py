"""The dns prober against real servers on loopback, good ones and hostile ones."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import pytest
from pydantic import ValidationError

from rollwatch.model import Phase, Reason
from rollwatch.probers import discover
from rollwatch.probers.dns import KIND, DnsSpec
from support.dns_probing import ask, make, notes, samples
from support.dns_server import answer, framed, serving
from support.loops import LOOPS, on_loop
from support.running import run_probe as run_once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture(params=LOOPS)
def loop_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


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
