"""TLS: certificates served, exchanged while running, and asked of clients."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from rollwatch.serving.limits import Limits
from rollwatch.serving.server import Listener
from rollwatch.serving.web_config_file import WebConfigSource
from support.web import Job, ask, closed, eventually, listening, parse

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Place:
    """A directory with a web configuration, and whoever signs its certificates."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "web.yml"
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(directory / "ca.pem")
        self.certify()
        self.write()

    def write(self, more: str = "") -> None:
        self.path.write_text(f"tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n{more}")

    def certify(self, authority: trustme.CA | None = None) -> None:
        """A new certificate and key."""
        pair = (authority or self.authority).issue_cert("localhost")
        pair.private_key_pem.write_to_path(self.path.parent / "key.pem")
        (self.path.parent / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in pair.cert_chain_pems))

    def client(self, certified_as: str | None = None, *, by: trustme.CA | None = None) -> ssl.SSLContext:
        """A client that trusts the authority."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if certified_as is not None:
            (by or self.authority).issue_cert(certified_as).configure_cert(context)
        return context

    async def serial(self, listener: Listener) -> object:
        """Which certificate is served to a new connection."""
        _, writer = await asyncio.open_connection(
            "127.0.0.1", listener.port, ssl=self.client(), server_hostname="localhost"
        )
        certificate = writer.get_extra_info("peercert")
        writer.close()
        await closed(writer)
        return certificate["serialNumber"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_a_page_is_served_over_tls(place: Place) -> None:
    async with listening(place.path) as listener:
        assert listener.url.startswith("https://127.0.0.1:")
        assert (await ask(listener, tls=place.client())).body == "hello\n"


async def test_a_new_certificate_is_served_while_old_connections_go_on(place: Place) -> None:
    source = await asyncio.to_thread(WebConfigSource, place.path, Job, interval_s=0.02)
    async with listening(source=source) as listener:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", listener.port, ssl=place.client(), server_hostname="localhost"
        )
        before = await place.serial(listener)
        place.certify()

        async def is_new() -> bool:
            return await place.serial(listener) != before

        await eventually(is_new)
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await closed(writer)
    assert parse(head).status == 200


async def test_half_a_rotation_keeps_the_old_certificate(place: Place) -> None:
    async with listening(place.path) as listener:
        before = await place.serial(listener)
        key = (place.path.parent / "key.pem").read_bytes()
        place.certify()
        (place.path.parent / "key.pem").write_bytes(key)
        await listener.refresh()
        assert await place.serial(listener) == before
        place.certify()
        await listener.refresh()
        assert await place.serial(listener) != before


async def try_as(listener: Listener, client: ssl.SSLContext) -> int | None:
    """The status a client gets; None if the connection ends before."""
    try:
        return (await ask(listener, tls=client)).status
    except (ssl.SSLError, ConnectionError, ValueError, IndexError):
        return None


async def test_a_client_needs_a_certificate_of_our_authority(place: Place) -> None:
    place.write("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem")
    async with listening(place.path) as listener:
        assert await try_as(listener, place.client("prometheus")) == 200
        assert await try_as(listener, place.client()) is None
        assert await try_as(listener, place.client("prometheus", by=trustme.CA())) is None


async def test_a_client_certificate_needs_an_allowed_name(place: Place) -> None:
    place.write(
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
        "  client_allowed_sans: [prometheus.example, 192.0.2.7]"
    )
    async with listening(place.path) as listener:
        assert await try_as(listener, place.client("prometheus.example")) == 200
        assert await try_as(listener, place.client("192.0.2.7")) == 200
        assert await try_as(listener, place.client("grafana.example")) is None


async def test_old_versions_are_not_spoken(place: Place) -> None:
    place.write("  min_version: TLS13")
    old = place.client()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with listening(place.path) as listener:
        assert await try_as(listener, old) is None
        assert await try_as(listener, place.client()) == 200


async def test_a_handshake_that_never_comes_is_given_up(place: Place) -> None:
    async with listening(place.path, limits=Limits(handshake_s=0.2)) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        await closed(writer)
        assert (await ask(listener, tls=place.client())).status == 200


async def test_handshakes_that_never_come_lock_nobody_out(place: Place) -> None:
    async with listening(place.path, limits=Limits(connections=4)) as listener:
        silent = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(12)]
        assert (await ask(listener, tls=place.client())).status == 200
        assert listener.dropped >= 8
        for _, writer in silent:
            writer.close()
            await closed(writer)
