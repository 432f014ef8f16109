"""`GET /metrics`: the exposition, streamed, so that a scrape of any size stalls nothing."""

from __future__ import annotations

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


class MetricsHandler:
    """Answers scrapes, at most eight at once."""

    def __init__(self, render: Render, *, at_once: int = _AT_ONCE) -> None:
        self._render = render
        self._at_once = at_once
        self._under_way = 0

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
        if self._under_way >= self._at_once:
            raise Refusal(
                503,
                "too_many_scrapes",
                f"{self._at_once} scrapes are under way already.",
                "Let fewer Prometheus servers scrape at once, or give them a longer scrape_timeout.",
                headers={"Retry-After": "1"},
            )
        self._under_way += 1
        try:
            pieces = self._render(content_type.is_openmetrics)
            if is_compressed:
                pieces = compress(pieces)
            async with aclosing(pieces):
                # Before the status goes out: what fails at once is a 500, and not a broken body.
                first = await anext(pieces, b"")
                await response.prepare(request)
                await response.write(first)
                async for piece in pieces:
                    await response.write(piece)
            await response.write_eof()
        finally:
            self._under_way -= 1
        return response


def _joined(request: Request, name: str) -> str | None:
    return ", ".join(request.headers.getall(name, [])) or None
