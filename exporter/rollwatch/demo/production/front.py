"""The front end: a page that browsers report on, orders, and its health as plain text and as JSON."""

from __future__ import annotations

import asyncio
import html
import json
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from aiohttp import web

from rollwatch.demo.faults import Fault
from rollwatch.demo.production.answers import iso_time
from rollwatch.demo.production.chart import chart
from rollwatch.demo.production.part import Part, PartEnv
from rollwatch.demo.production.site import RELEASE, SYMBOLS

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

__all__ = ["PART"]

_STALE_BY_S = 3600.0
_SLOW_PICTURE_S = 4.3
_FEES = '{"order": 1.3}'
_FEES_RENAMED = '{"orders": {"usd": 1.3}}'
"""As an API of a newer release might have it: what the script then does with it is the fault."""
_FILES = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}


def _build(env: PartEnv) -> web.Application:
    started = env.clock.monotonic()
    files = resources.files("rollwatch.demo.production").joinpath("page")
    page = _Page(env, Template(files.joinpath("page.html").read_text("utf-8")))

    async def health(_request: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    async def health_json(_request: web.Request) -> web.Response:
        age = _STALE_BY_S if env.board.is_on(Fault.STALE_TIMESTAMP) else 0.0
        return web.json_response(
            {
                "status": "healthy",
                "version": RELEASE,
                "timestamp": iso_time(env.clock.wall() - age),
                "uptime": round(env.clock.monotonic() - started, 1),
            }
        )

    app = web.Application(middlewares=[_security_headers(env.ingest_url)], client_max_size=4096)
    app.router.add_get("/", page.show)
    app.router.add_get("/stocks/{symbol}", page.show)
    app.router.add_get("/chart.svg", page.picture)
    app.router.add_post("/orders", page.order)
    for name, content_type in _FILES.items():
        app.router.add_get(f"/{name}", _file(files.joinpath(name).read_text("utf-8"), content_type))
    app.router.add_get("/health", health)
    app.router.add_get("/health.json", health_json)
    return app


class _Page:
    """The page for a symbol, what it shows, and what it sends back."""

    def __init__(self, env: PartEnv, template: Template) -> None:
        self._env = env
        self._template = template
        self._chart = chart(env.rng)
        self._orders = 0

    async def show(self, request: web.Request) -> web.Response:
        symbol = request.match_info.get("symbol", next(iter(SYMBOLS)))
        if symbol not in SYMBOLS:
            raise web.HTTPNotFound
        prices = {each: self._price(usual) for each, usual in SYMBOLS.items()}
        is_broken = self._env.board.is_on(Fault.SCRIPT_ERROR)
        text = self._template.substitute(
            ingest=html.escape(self._env.ingest_url),
            release=RELEASE,
            rows="".join(_row(each, price, SYMBOLS[each], symbol) for each, price in prices.items()),
            symbol=html.escape(symbol),
            price=f"${prices[symbol]:,.2f}",
            fees=_FEES_RENAMED if is_broken else _FEES,
        )
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def picture(self, _request: web.Request) -> web.Response:
        if self._env.board.is_on(Fault.SLOW_PAGE):
            await asyncio.sleep(_SLOW_PICTURE_S)
        return web.Response(
            text=self._chart, content_type="image/svg+xml", headers={"Cache-Control": "no-store"}
        )

    async def order(self, request: web.Request) -> web.Response:
        try:
            symbol = json.loads(await request.read())["symbol"]
        except (ValueError, KeyError, TypeError):
            symbol = None
        if not isinstance(symbol, str) or symbol not in SYMBOLS:
            return web.json_response({"error": "send a symbol and a quantity"}, status=400)
        self._orders += 1
        return web.json_response({"id": self._orders, "symbol": symbol}, status=201)

    def _price(self, usual: float) -> float:
        return round(usual * (1 + self._env.rng.gauss(0, 0.002)), 2)


def _row(symbol: str, price: float, usual: float, shown: str) -> str:
    change = price / usual - 1
    current = ' aria-current="true"' if symbol == shown else ""
    return (
        f'<tr data-symbol="{symbol}" data-price="{price}"{current}>'
        f'<td><a href="/stocks/{symbol}">{symbol}</a></td><td>{price:,.2f}</td>'
        f'<td class="{"up" if change >= 0 else "down"}">{change:+.2%}</td></tr>'
    )


def _file(text: str, content_type: str) -> Handler:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=content_type, headers={"Cache-Control": "no-cache"})

    return answer


def _security_headers(ingest_url: str) -> Middleware:
    policy = "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "img-src 'self'",
            # Whoever loads the script must allow where it comes from, and where it reports to.
            f"script-src 'self' {ingest_url}",
            f"connect-src 'self' {ingest_url}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )

    @web.middleware
    async def secured(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if response.content_type == "text/html":
            response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return secured


PART = Part(
    name="front",
    title="front end",
    path="/",
    build=_build,
    refused_by=frozenset({Fault.FRONTEND_DOWN}),
)
