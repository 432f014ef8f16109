"""How much one client may ask of a listener, and the reading of a body within that."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from rollwatch.serving.connection import Connection
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from rollwatch.serving.route import Request

__all__ = ["BODY_BYTES", "LIMITS", "Limits", "read_body"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one listener. Seconds and bytes."""

    connections: int = 256
    """Open at once; one more, and the one that has been waiting for its client longest is closed."""
    handshake_s: float = 10.0
    head_s: float = 10.0
    """From the first byte of a request (or the connection's start) to the end of its headers."""
    body_s: float = 10.0
    request_s: float = 30.0
    """From the end of the headers to the answer, unless the route says otherwise."""
    write_s: float = 10.0
    """What sending the answer may take beyond that."""
    idle_s: float = 90.0
    """A kept connection without a request; longer than the usual scrape interval."""
    body_bytes: int = 64 * 1024
    header_bytes: int = 8 * 1024
    """One header line, and the request line."""
    headers: int = 64
    shutdown_s: float = 5.0
    """What requests under way get when the listener closes."""


LIMITS = web.AppKey("LIMITS", Limits)
BODY_BYTES = web.RequestKey("BODY_BYTES", int)
"""The longest body of this request; set on every request that reached a handler."""


def check_declared_body(request: Request, body_bytes: int) -> None:
    """Refuse by the headers alone what would not be read anyway. Raises Refusal."""
    if "Content-Encoding" in request.headers:
        raise Refusal(
            415,
            "encoded_body",
            "Compressed request bodies are not taken here.",
            "Send the body without Content-Encoding.",
            closes=True,
        )
    if (request.content_length or 0) > body_bytes:
        raise _too_large(body_bytes)


async def read_body(request: Request) -> bytes:
    """The whole body. Raises Refusal when it is too large or comes too slowly."""
    limits, body_bytes = request.app[LIMITS], request[BODY_BYTES]
    connection = request.protocol
    try:
        async with asyncio.timeout(limits.body_s):
            with connection.waiting() if isinstance(connection, Connection) else nullcontext():
                return await _read(request, body_bytes)
    except TimeoutError:
        raise Refusal(
            408,
            "body_too_slow",
            f"The request body did not arrive within {limits.body_s:g} s.",
            "Send it in one go.",
            closes=True,
        ) from None


async def _read(request: Request, body_bytes: int) -> bytes:
    """aiohttp's own `read` knows one limit only, that of the route which takes most."""
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > body_bytes:
            raise _too_large(body_bytes)
    return bytes(body)


def _too_large(body_bytes: int) -> Refusal:
    return Refusal(
        413,
        "body_too_large",
        f"The request body is larger than {body_bytes // 1024} KiB.",
        "Send less.",
        closes=True,
    )
