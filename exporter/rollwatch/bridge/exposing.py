"""`GET /metrics` of the bridge: a few dozen series, brought up to date and written at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from rollwatch.bridge.storage.database import StorageFailed
from rollwatch.metrics.exposition import negotiate, render

if TYPE_CHECKING:
    from rollwatch.bridge.parts import Parts
    from rollwatch.serving.route import Request

__all__ = ["BridgeExposition"]

_log = structlog.get_logger(__name__)


class BridgeExposition:
    """Answers scrapes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._process = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._process)

    async def answer(self, request: Request) -> web.StreamResponse:
        """The exposition; where the database is silent, with the backlog as it was last known."""
        parts = self._parts
        try:
            parts.metrics.show_backlog(await parts.reports.backlog())
        except StorageFailed as failure:
            _log.error("bridge_storage_failed", why=failure.why)
        parts.metrics.show_watchdog(is_failing=parts.watchdog.problem is not None)
        content_type = negotiate(", ".join(request.headers.getall("Accept", [])) or None)
        pieces = [
            piece
            async for piece in render(
                parts.store, openmetrics=content_type.is_openmetrics, extra=self._process
            )
        ]
        return web.Response(
            body=b"".join(pieces), headers={"Content-Type": content_type.value, "Vary": "Accept"}
        )
