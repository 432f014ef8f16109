"""Listen addresses as people write them."""

from __future__ import annotations

import socket

import pytest

from rollwatch.errors import CantStart, UsageError
from rollwatch.serving.address import ListenAddress, bind, parse_listen_address


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("127.0.0.1:9717", "127.0.0.1", 9717, True),
        ("127.8.9.1:0", "127.8.9.1", 0, True),
        ("[::1]:9717", "::1", 9717, True),
        ("localhost:9717", "localhost", 9717, True),
        (":9717", "", 9717, False),
        ("0.0.0.0:9717", "0.0.0.0", 9717, False),
        ("[::]:9717", "::", 9717, False),
        ("monitor.example.com:80", "monitor.example.com", 80, False),
    ],
)
def test_an_address_is_read_as_prometheus_reads_it(
    text: str, host: str, port: int, is_loopback: bool
) -> None:
    address = parse_listen_address(text)
    assert address == ListenAddress(host, port)
    assert address.is_loopback is is_loopback
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "9717", "localhost", "::1:9717", "[::1]", "host:http", "[host]:1", "h:٣"]
)
def test_what_is_no_address_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match=r"write it like 127\.0\.0\.1:9717"):
        parse_listen_address(text)


def test_a_port_beyond_the_last_is_refused() -> None:
    with pytest.raises(UsageError, match="above 65535"):
        parse_listen_address("127.0.0.1:65536")


async def test_a_taken_port_is_said_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            CantStart, match=rf"127\.0\.0\.1:{port}: the port is taken; .*--web\.listen-address"
        ):
            await bind(ListenAddress("127.0.0.1", port))


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("192.0.2.1", "this host has no such address"),
        ("a..b", "has no address"),
        ("fe80::1%nowhere", "has no address"),
    ],
)
async def test_an_address_of_somebody_else_is_said_so(host: str, why: str) -> None:
    with pytest.raises(CantStart, match=why):
        await bind(ListenAddress(host, 0))


async def test_no_host_means_both_families() -> None:
    sock = await bind(ListenAddress("", 0))
    with sock:
        port = sock.getsockname()[1]
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as client:
                client.settimeout(5)
                client.connect((host, port))
