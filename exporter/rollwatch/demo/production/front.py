"""The front end: one page, and its health as plain text and as JSON."""

from __future__ import annotations

import html
from importlib import resources
from typing import TYPE_CHECKING

from aiohttp import web

from rollwatch.demo.faults import Fault
from rollwatch.demo.production.answers import iso_time
from rollwatch.demo.production.part import Part, PartEnv

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

__all__ = ["PART"]

_VERSION = "2.8.1"
_STALE_BY_S = 3600.0
_SYMBOLS = {"AAPL": 189.4, "MSFT": 415.2, "NVDA": 131.7, "TSLA": 244.9}


def _build(env: PartEnv) -> web.Application:
    started = env.clock.monotonic()
    page = resources.files("rollwatch.demo.production").joinpath("front.html").read_text("utf-8")

    async def show_page(_request: web.Request) -> web.Response:
        rows = "".join(
            f"<tr><td>{html.escape(symbol)}</td><td>{price * (1 + env.rng.gauss(0, 0.002)):.2f}</td></tr>"
            for symbol, price in _SYMBOLS.items()
        )
        return web.Response(text=page.replace("<!-- rows -->", rows), content_type="text/html")

    async def health(_request: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    async def health_json(_request: web.Request) -> web.Response:
        age = _STALE_BY_S if env.board.is_on(Fault.STALE_TIMESTAMP) else 0.0
        return web.json_response(
            {
                "status": "healthy",
                "version": _VERSION,
                "timestamp": iso_time(env.clock.wall() - age),
                "uptime": round(env.clock.monotonic() - started, 1),
            }
        )

    app = web.Application(middlewares=[_security_headers])
    app.router.add_get("/", show_page)
    app.router.add_get("/health", health)
    app.router.add_get("/health.json", health_json)
    return app


@web.middleware
async def _security_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


PART = Part(
    name="front",
    title="front end",
    path="/",
    build=_build,
    refused_by=frozenset({Fault.FRONTEND_DOWN}),
)
