"""The body of a request: refused by what is declared of it, or read within bounds of size and time."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING

from rollwatch.serving.connection import Connection
from rollwatch.serving.limits import LIMITS
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from rollwatch.serving.route import Request

__all__ = ["check_declared_body", "read_body"]


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


async def read_body(request: Request, body_bytes: int | None = None) -> bytes:
    """The whole body, at most `body_bytes` long where `Limits.body_bytes` does not fit.

    Raises Refusal when it is encoded, too large, or comes too slowly.
    """
    limits, connection = request.app[LIMITS], request.protocol
    body_bytes = body_bytes or limits.body_bytes
    check_declared_body(request, body_bytes)
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
    """aiohttp's own `read` knows one limit only, that of the application."""
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
