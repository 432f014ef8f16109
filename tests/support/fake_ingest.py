"""Stands where the exporter's ingest listener would: takes whatever is sent, and keeps it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

__all__ = ["Arrived", "FakeIngest", "fake_ingest"]


@dataclass(frozen=True)
class Arrived:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class FakeIngest:
    """`answer` is the status and the body of its answers."""

    port: int = 0
    answer: tuple[int, str] = (200, "{}")
    arrived: list[Arrived] = field(default_factory=list)

    def of(self, path: str) -> list[Arrived]:
        return [one for one in self.arrived if one.path == path]

    def pushed(self) -> list[dict[str, Any]]:
        """Every document that was pushed, the oldest first."""
        return [json.loads(one.body) for one in self.of("/api/metrics/export")]

    def metrics(self, name: str) -> list[dict[str, Any]]:
        """What was pushed of one figure, the oldest first."""
        return [
            metric
            for document in self.pushed()
            for metric in document.get("metrics", [])
            if metric["name"] == name
        ]

    def trades(self) -> list[dict[str, Any]]:
        return [
            trade for document in self.pushed() for trade in document.get("records", {}).get("trades", [])
        ]

    async def take(self, request: web.Request) -> web.Response:
        self.arrived.append(Arrived(request.path, dict(request.headers), await request.read()))
        status, body = self.answer
        return web.Response(status=status, text=body, content_type="application/json")


@asynccontextmanager
async def fake_ingest() -> AsyncIterator[FakeIngest]:
    """On a free port."""
    ingest = FakeIngest()
    app = web.Application()
    app.router.add_post("/{path:.*}", ingest.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ingest.port = runner.addresses[0][1]
        yield ingest
    finally:
        await runner.cleanup()
