"""From a name to a connection: whose fault it is when there is none."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rollwatch.model import Phase, Reason
from rollwatch.probers._network import Network
from rollwatch.probers._resolve import Address
from rollwatch.probers._socket_errors import connect_failure, lost_failure
from rollwatch.probers.tcp import TcpProber, TcpSpec
from support import dns_server
from support.loops import LOOPS, on_loop
from support.running import Outcome, make_env, run_probe
from support.servers import answering, closed_port, response, serve

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = {("here.example.", "A"): ["127.0.0.1"], ("both.example.", "A"): ["127.0.0.1"]}
HERE |= {("both.example.", "AAAA"): ["::1"], ("six.example.", "AAAA"): ["::1"]}


async def connect(host: str, port: int, *, nameserver: int, timeout: float = 5.0, **said: Any) -> Outcome:
    network = Network(nameservers=[f"127.0.0.1:{nameserver}"])
    spec = TcpSpec.model_validate({"address": f"{host}:{port}", "timeout": f"{timeout}s", **said})
    try:
        return await run_probe(TcpProber(spec, make_env(network=network)), timeout)
    finally:
        await network.close()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_name_is_resolved_anew_for_each_run(loop: str) -> None:
    async def main() -> None:
        network = Network()
        async with (
            serve(answering(response())) as server,
            dns_server.serving(dns_server.records(HERE)) as dns,
        ):
            network = Network(nameservers=[f"127.0.0.1:{dns.port}"])
            spec = TcpSpec.model_validate({"address": f"here.example:{server.port}"})
            prober = TcpProber(spec, make_env(network=network))
            for _ in range(3):
                outcome = await run_probe(prober)
                assert outcome.reason is Reason.OK
                assert outcome.sampled("probe_dns_lookup_time_seconds") == outcome.run.phases[Phase.RESOLVE]
            await network.close()
        assert [kind for name, kind, _ in dns.asked if name == "here.example."].count("A") == 3

    on_loop(loop, main())


async def test_an_address_is_not_resolved() -> None:
    async with serve(answering(response())) as server:
        outcome = await connect("127.0.0.1", server.port, nameserver=closed_port())
    assert outcome.reason is Reason.OK
    assert Phase.RESOLVE not in outcome.run.phases
    assert outcome.sampled("probe_dns_lookup_time_seconds") is None


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        pytest.param(
            lambda q, _t: [dns_server.answer(q, rcode="NXDOMAIN")], Reason.NAME_NOT_FOUND, id="NXDOMAIN"
        ),
        pytest.param(lambda q, _t: [dns_server.answer(q)], Reason.NAME_NOT_FOUND, id="no addresses"),
        pytest.param(
            lambda q, _t: [dns_server.answer(q, rcode="SERVFAIL")], Reason.RESOLVER_FAILED, id="SERVFAIL"
        ),
        pytest.param(
            lambda q, _t: [dns_server.answer(q, rcode="REFUSED")], Reason.RESOLVER_FAILED, id="REFUSED"
        ),
        pytest.param(lambda _q, _t: [], Reason.RESOLVER_FAILED, id="silent"),
        pytest.param(lambda _q, _t: [b"\x00\x01garbage"], Reason.RESOLVER_FAILED, id="garbage"),
    ],
)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_missing_name_is_down_and_a_resolver_in_trouble_is_not(
    behaviour: Callable[..., Any], reason: Reason, loop: str
) -> None:
    async def main() -> Outcome:
        async with dns_server.serving(behaviour) as dns:
            return await connect("www.example.com", 80, nameserver=dns.port, timeout=1.0)

    outcome = on_loop(loop, main())
    assert outcome.reason is reason, outcome.detail
    assert "www.example.com" in outcome.detail
    assert outcome.sampled("probe_dns_lookup_time_seconds") is not None


async def test_no_resolver_at_all_is_our_trouble() -> None:
    outcome = await connect("www.example.com", 80, nameserver=closed_port(), timeout=1.0)
    assert outcome.reason is Reason.RESOLVER_FAILED


@pytest.mark.parametrize(
    ("host", "ip", "reason", "version"),
    [
        ("both.example", "any", Reason.OK, 4),
        ("both.example", 6, Reason.CONNECT_REFUSED, 6),
        ("six.example", 4, Reason.NAME_NOT_FOUND, None),
        ("127.0.0.1", 6, Reason.UNREACHABLE, None),
    ],
)
async def test_only_addresses_that_are_wanted_are_used(
    host: str, ip: object, reason: Reason, version: int | None
) -> None:
    async with serve(answering(response())) as server, dns_server.serving(dns_server.records(HERE)) as dns:
        outcome = await connect(host, server.port, nameserver=dns.port, ip=ip)
    assert outcome.reason is reason, outcome.detail
    assert outcome.sampled("probe_ip_protocol") == version


async def test_the_other_ip_version_is_tried_once_when_any_will_do() -> None:
    async with (
        serve(answering(response()), host="::1") as server,
        dns_server.serving(dns_server.records(HERE)) as dns,
    ):
        outcome = await connect("both.example", server.port, nameserver=dns.port)
        only_4 = await connect("both.example", server.port, nameserver=dns.port, ip="4")
    assert outcome.reason is Reason.OK
    assert outcome.sampled("probe_ip_protocol") == 6
    assert "fallback" in dict(outcome.run.notes or [])
    assert only_4.reason is Reason.CONNECT_REFUSED


@pytest.mark.parametrize("loop", LOOPS)
def test_a_port_where_nobody_listens_refuses(loop: str) -> None:
    outcome = on_loop(loop, connect("127.0.0.1", closed_port(), nameserver=1))
    assert outcome.reason is Reason.CONNECT_REFUSED
    assert outcome.detail.endswith("refused the connection")
    assert outcome.run.phases.keys() == {Phase.CONNECT}


@pytest.mark.parametrize("loop", LOOPS)
def test_running_out_of_descriptors_is_our_trouble(loop: str) -> None:
    async def main() -> Outcome:
        async with serve(answering(response())) as server:
            await connect("127.0.0.1", server.port, nameserver=1)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            lowest_free = socket.socket()
            number = lowest_free.fileno()
            lowest_free.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
            try:
                return await connect("127.0.0.1", server.port, nameserver=1)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    outcome = on_loop(loop, main())
    assert outcome.reason is Reason.OWN_RESOURCES, outcome.detail


@pytest.mark.parametrize(
    ("code", "version", "reason"),
    [
        (errno.ECONNREFUSED, 4, Reason.CONNECT_REFUSED),
        (errno.EHOSTUNREACH, 4, Reason.UNREACHABLE),
        (errno.ETIMEDOUT, 4, Reason.UNREACHABLE),
        (errno.ENETUNREACH, 6, Reason.OWN_NETWORK),
        (errno.EADDRNOTAVAIL, 6, Reason.OWN_NETWORK),
        (errno.EADDRNOTAVAIL, 4, Reason.OWN_RESOURCES),
        (errno.EPERM, 4, Reason.OWN_NETWORK),
        (errno.EMFILE, 4, Reason.OWN_RESOURCES),
        (errno.ENOBUFS, 4, Reason.OWN_RESOURCES),
        (errno.ECONNRESET, 4, Reason.CONNECTION_RESET),
        (None, 4, Reason.UNREACHABLE),
    ],
)
def test_every_error_of_a_socket_has_its_fault(code: int | None, version: int, reason: Reason) -> None:
    error = OSError() if code is None else OSError(code, "x")
    assert connect_failure(error, ("host.example", 80), Address("192.0.2.1", version)).reason is reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (None, Reason.CONNECTION_CLOSED),
        (ConnectionResetError(errno.ECONNRESET, "x"), Reason.CONNECTION_RESET),
        (BrokenPipeError(errno.EPIPE, "x"), Reason.CONNECTION_RESET),
        (TimeoutError(errno.ETIMEDOUT, "x"), Reason.UNREACHABLE),
        (OSError(errno.ENOBUFS, "x"), Reason.OWN_RESOURCES),
    ],
)
def test_every_end_of_a_connection_has_its_fault(error: Exception | None, reason: Reason) -> None:
    assert lost_failure(error, "meanwhile").reason is reason


def descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


@pytest.mark.parametrize("loop", LOOPS)
def test_a_cancelled_dial_leaves_nothing_open(loop: str) -> None:
    """Cancelled after every number of steps it can take, so in each phase."""

    async def main() -> None:
        async with (
            serve(answering(response())) as server,
            dns_server.serving(dns_server.records(HERE)) as dns,
        ):
            network = Network(nameservers=[f"127.0.0.1:{dns.port}"])
            said = {"address": f"here.example:{server.port}", "tls": {"verify": False}}
            prober = TcpProber(TcpSpec.model_validate(said), make_env(network=network))
            await run_probe(prober, 0.2)
            await asyncio.sleep(0.05)
            before = len(descriptors())
            for steps in range(40):
                task = asyncio.create_task(run_probe(prober, 5))
                for _ in range(steps):
                    await asyncio.sleep(0.0005)
                task.cancel()
                await asyncio.wait([task], timeout=2)
                assert task.done()
            async with asyncio.timeout(5):
                while len(descriptors()) > before:
                    await asyncio.sleep(0.01)
            await network.close()

    on_loop(loop, main())
