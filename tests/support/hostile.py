"""Servers that mean no good, as a table: what they do, and what a probe must make of it."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import TYPE_CHECKING, NamedTuple

from rollwatch.model import Reason
from support.servers import Peer, response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["BAD_HTTP", "SLOW", "Hostile", "gzip_bomb"]

ENDLESS = 64 * 1024
_OK = b"HTTP/1.1 200 OK\r\n"


class Hostile(NamedTuple):
    """`behave` serves one connection; `reason` is what a run must end with."""

    behave: Callable[[Peer], Awaitable[None]]
    reason: Reason


def gzip_bomb(megabytes: int) -> bytes:
    """Zeros, compressed a thousandfold."""
    packer = zlib.compressobj(9, wbits=31)
    block = bytes(1024 * 1024)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


def says(*pieces: bytes) -> Callable[[Peer], Awaitable[None]]:
    """Reads a request, sends the pieces and closes."""

    async def behave(peer: Peer) -> None:
        await peer.request()
        for piece in pieces:
            await peer.send(piece)

    return behave


def resets_after(*pieces: bytes) -> Callable[[Peer], Awaitable[None]]:
    async def behave(peer: Peer) -> None:
        await peer.request()
        for piece in pieces:
            await peer.send(piece)
        await _delivered(peer)
        peer.reset()

    return behave


def forever(head: bytes, piece: bytes) -> Callable[[Peer], Awaitable[None]]:
    """Sends `head`, then `piece` as fast as the client takes it, without end."""

    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.send(head)
        while True:
            await peer.send(piece)

    return behave


def drips(data: bytes) -> Callable[[Peer], Awaitable[None]]:
    """One byte at a time, each after a pause, and never the last."""

    async def behave(peer: Peer) -> None:
        await peer.request()
        for byte in data:
            await peer.send(bytes([byte]))
            await asyncio.sleep(0.02)
        await peer.stay_silent()

    return behave


async def silent(peer: Peer) -> None:
    await peer.stay_silent()


async def _delivered(peer: Peer) -> None:
    """A reset throws away what was not yet sent: let it out first."""
    while peer.writer.transport.get_write_buffer_size():
        await asyncio.sleep(0)
    await asyncio.sleep(0.02)


def redirects_to(location: str) -> Callable[[Peer], Awaitable[None]]:
    return says(response(status="302 Found", headers={"Location": location}))


async def redirects_deeper(peer: Peer) -> None:
    path = (await peer.request()).split()[1].decode()
    await peer.send(response(status="302 Found", headers={"Location": path + "x"}))


SLOW: dict[str, Hostile] = {
    "silent after accept": Hostile(silent, Reason.TIMEOUT),
    "drips the head": Hostile(drips(_OK + b"X: y\r\n" * 500), Reason.TIMEOUT),
    "drips the body": Hostile(drips(_OK + b"Content-Length: 9999\r\n\r\n" + b"x" * 999), Reason.TIMEOUT),
}

BAD_HTTP: dict[str, Hostile] = {
    "closes without an answer": Hostile(says(), Reason.CONNECTION_CLOSED),
    "resets before it answers": Hostile(resets_after(), Reason.CONNECTION_RESET),
    "resets in the head": Hostile(resets_after(_OK), Reason.CONNECTION_RESET),
    "resets in the body": Hostile(
        resets_after(_OK + b"Content-Length: 10\r\n\r\nabc"), Reason.CONNECTION_RESET
    ),
    "closes in the head": Hostile(says(_OK + b"X: y\r\n"), Reason.CONNECTION_CLOSED),
    "closes in the body": Hostile(says(_OK + b"Content-Length: 10\r\n\r\nabc"), Reason.CONNECTION_CLOSED),
    "closes in a chunk": Hostile(
        says(_OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"), Reason.CONNECTION_CLOSED
    ),
    "declares a huge body": Hostile(
        says(_OK + b"Content-Length: 99999999999\r\n\r\n"), Reason.BODY_TOO_LARGE
    ),
    "declares an impossible length": Hostile(
        says(_OK + b"Content-Length: 99999999999999999999999\r\n\r\n"), Reason.PROTOCOL_ERROR
    ),
    "sends an endless body": Hostile(forever(_OK + b"\r\n", b"x" * ENDLESS), Reason.BODY_TOO_LARGE),
    "sends endless chunks": Hostile(
        forever(_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 9999), Reason.BODY_TOO_LARGE
    ),
    "sends an endless chunk extension": Hostile(
        forever(_OK + b"Transfer-Encoding: chunked\r\n\r\n5;a=", b"b" * ENDLESS), Reason.PROTOCOL_ERROR
    ),
    "sends endless trailers": Hostile(
        forever(_OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n" * 9999), Reason.PROTOCOL_ERROR
    ),
    "sends endless headers": Hostile(forever(_OK, b"X-A: b\r\n" * 99), Reason.PROTOCOL_ERROR),
    "sends one endless header": Hostile(forever(_OK + b"X-A: ", b"b" * 9999), Reason.PROTOCOL_ERROR),
    "sends an endless status line": Hostile(forever(b"HTTP/1.1 200 ", b"b" * 9999), Reason.PROTOCOL_ERROR),
    "floods with 1xx": Hostile(forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), Reason.PROTOCOL_ERROR),
    "sends a gzip bomb": Hostile(
        says(response(gzip_bomb(200), headers={"Content-Encoding": "gzip"})), Reason.BODY_TOO_LARGE
    ),
    "sends gzip that is none": Hostile(
        says(response(b"no gzip at all", headers={"Content-Encoding": "gzip"})), Reason.ENCODING_INVALID
    ),
    "sends half a gzip": Hostile(
        says(response(gzip.compress(b"x" * 999)[:-12], headers={"Content-Encoding": "gzip"})),
        Reason.ENCODING_INVALID,
    ),
    "sends an unknown coding": Hostile(
        says(response(b"??", headers={"Content-Encoding": "zstd"})), Reason.ENCODING_INVALID
    ),
    "redirects to itself": Hostile(redirects_to("/"), Reason.REDIRECT),
    "redirects without end": Hostile(redirects_deeper, Reason.REDIRECT),
    "redirects to another scheme": Hostile(redirects_to("file:///etc/passwd"), Reason.REDIRECT),
    "redirects to no URL": Hostile(redirects_to("http://[oops/"), Reason.REDIRECT),
    "sends a bad chunk size": Hostile(
        says(_OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"), Reason.PROTOCOL_ERROR
    ),
    "sends both framings": Hostile(
        says(_OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        Reason.PROTOCOL_ERROR,
    ),
    "sends two lengths": Hostile(
        says(_OK + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"), Reason.PROTOCOL_ERROR
    ),
    "sends no status line": Hostile(says(b"SSH-2.0-OpenSSH_9.2\r\n"), Reason.PROTOCOL_ERROR),
    "sends a malformed status": Hostile(says(b"HTTP/1.1 2x0 OK\r\n\r\n"), Reason.PROTOCOL_ERROR),
    "speaks HTTP/0.9": Hostile(says(b"<html>hello</html>"), Reason.PROTOCOL_ERROR),
    "speaks HTTP/2": Hostile(says(b"HTTP/2.0 200 OK\r\n\r\n"), Reason.PROTOCOL_ERROR),
    "speaks TLS": Hostile(says(b"\x15\x03\x01\x00\x02\x02\x46"), Reason.PROTOCOL_ERROR),
    "sends NUL bytes": Hostile(says(b"\x00" * 999), Reason.PROTOCOL_ERROR),
    "sends NUL in a header": Hostile(says(_OK + b"X: a\x00b\r\n\r\n"), Reason.PROTOCOL_ERROR),
}
