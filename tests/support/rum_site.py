"""A site that browsers open, and beside it, on an origin of its own, the place its beacons go to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from aiohttp import web

from rollwatch.ingest.browser.beacon import Beacon, parse_beacon

__all__ = ["Received", "Site", "rum_site"]

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "exporter/rollwatch/ingest/static/rum.js"
RELEASE = "2.8.1"
# The reader takes 64 KiB, and browsers no more than that from a page that is left.
_BEACON_BYTES = 60_000

PAGE = Template(Path(__file__).with_name("rum_page.html").read_text())
PAGE_SCRIPT = Path(__file__).with_name("rum_page.js").read_text()


@dataclass(frozen=True)
class Received:
    """A request to the ingest origin other than for the script."""

    method: str
    target: str
    content_type: str
    body: bytes


@dataclass
class Site:
    """The addresses, what the script is given, and what came in."""

    origin: str = ""
    ingest: str = ""
    settings: dict[str, Any] = field(default_factory=lambda: {"service": "web", "sample": 1})
    route: str = ""
    received: list[Received] = field(default_factory=list)

    @property
    def beacons(self) -> list[Beacon]:
        """All that came in; fails for one that is not of the wire format."""
        for request in self.received:
            assert (request.method, request.content_type) == ("POST", "text/plain;charset=UTF-8")
            assert len(request.body) < _BEACON_BYTES
        return [parse_beacon(request.body) for request in self.received]

    def events(self, type_: str | None = None) -> list[dict[str, Any]]:
        """The events of all beacons in order, as they were written."""
        return [event for event in self._events() if type_ is None or event["type"] == type_]

    def _events(self) -> Iterator[dict[str, Any]]:
        for beacon in self.beacons:
            for event in beacon.events:
                yield event.model_dump(exclude_unset=True)

    async def page(self, request: web.Request) -> web.Response:
        policy = (
            f"default-src 'none'; script-src 'self' {self.ingest}; connect-src {self.ingest}; img-src data:"
        )
        return web.Response(
            text=PAGE.substitute(ingest=self.ingest, release=RELEASE, route=self.route),
            content_type="text/html",
            headers={"Content-Security-Policy": policy},
        )

    async def page_script(self, _: web.Request) -> web.Response:
        return web.Response(text=PAGE_SCRIPT, content_type="text/javascript")

    async def rum(self, _: web.Request) -> web.Response:
        """The script as the exporter serves it: a function, called with what it must know."""
        text = f"{SCRIPT.read_text()}({json.dumps(self.settings)});"
        return web.Response(text=text, content_type="text/javascript")

    async def take(self, request: web.Request) -> web.Response:
        content_type = request.headers.get("Content-Type", "")
        body = await request.read()
        self.received.append(Received(request.method, request.path_qs, content_type, body))
        return web.Response(status=204)


@asynccontextmanager
async def rum_site() -> AsyncIterator[Site]:
    """A site on two free ports; the browser takes them for two origins."""
    assert SCRIPT.exists(), "run `make rum` (needs Node)"
    site = Site()
    front, ingest = web.Application(), web.Application()
    front.router.add_get("/page.js", site.page_script)
    front.router.add_get("/{path:.*}", site.page)
    ingest.router.add_get("/rum.js", site.rum)
    ingest.router.add_route("*", "/ingest/browser", site.take)
    async with _serving(front) as site.origin, _serving(ingest) as site.ingest:
        yield site


@asynccontextmanager
async def _serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
