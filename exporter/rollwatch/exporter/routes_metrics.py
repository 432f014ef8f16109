"""`GET /metrics`: the exposition, streamed, so that a scrape of any size stalls nothing."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from aiohttp import web

from rollwatch.metrics.exposition import accepts_gzip, compress, negotiate
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from rollwatch.serving.route import Request

__all__ = ["MetricsHandler", "Render"]

Render = Callable[[bool], AsyncGenerator[bytes, None]]
"""`render(openmetrics)`: the whole exposition, in pieces."""

_AT_ONCE = 8
_STUCK_S = 1.0
"""A client that took nothing for so long makes room for another."""


class _Scrape:
    """One answer under way."""

    def __init__(self, request: Request, response: web.StreamResponse) -> None:
        self._request = request
        self._response = response
        self.waits_since = math.inf
        """Since when its client takes nothing, on the loop's clock."""

    async def write(self, piece: bytes) -> None:
        """Send, as soon as the client has taken enough of what came before."""
        self.waits_since = asyncio.get_running_loop().time()
        await self._response.write(piece)
        self.waits_since = math.inf

    async def end(self) -> None:
        """Send what is left."""
        self.waits_since = asyncio.get_running_loop().time()
        await self._response.write_eof()

    def drop(self) -> None:
        """End it now; `write` raises."""
        if self._request.transport is not None:
            self._request.transport.abort()


class MetricsHandler:
    """Answers scrapes, at most eight at once; one whose client takes nothing gives way."""

    def __init__(self, render: Render, *, at_once: int = _AT_ONCE) -> None:
        self._render = render
        self._at_once = at_once
        self._under_way: set[_Scrape] = set()

    async def answer(self, request: Request) -> web.StreamResponse:
        content_type = negotiate(_joined(request, "Accept"))
        is_compressed = accepts_gzip(_joined(request, "Accept-Encoding"))
        response = web.StreamResponse(
            headers={"Content-Type": content_type.value, "Vary": "Accept, Accept-Encoding"}
        )
        if is_compressed:
            response.headers["Content-Encoding"] = "gzip"
        if request.method == "HEAD":
            return response
        if not self._has_room():
            raise Refusal(
                503,
                "too_many_scrapes",
                f"{self._at_once} scrapes are under way already.",
                "Let fewer Prometheus servers scrape at once, or give them a longer scrape_timeout.",
                headers={"Retry-After": "1"},
            )
        scrape = _Scrape(request, response)
        self._under_way.add(scrape)
        try:
            pieces = self._render(content_type.is_openmetrics)
            if is_compressed:
                pieces = compress(pieces)
            async with aclosing(pieces):
                # Before the status goes out: what fails at once is a 500, and not a broken body.
                first = await anext(pieces, b"")
                await response.prepare(request)
                await scrape.write(first)
                async for piece in pieces:
                    await scrape.write(piece)
            await scrape.end()
        finally:
            self._under_way.discard(scrape)
        return response

    def _has_room(self) -> bool:
        """Whether one more may begin; drops the one that waits longest for its client, if need be."""
        if len(self._under_way) < self._at_once:
            return True
        slowest = min(self._under_way, key=lambda scrape: scrape.waits_since)
        if asyncio.get_running_loop().time() - slowest.waits_since < _STUCK_S:
            return False
        self._under_way.discard(slowest)
        slowest.drop()
        return True


def _joined(request: Request, name: str) -> str | None:
    return ", ".join(request.headers.getall(name, [])) or None
