"""`GET /metrics` of the handler: what the journal says now is read at each scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from rollwatch.metrics.exposition import negotiate, render
from rollwatch.rollback.ports import JournalFailed

if TYPE_CHECKING:
    from rollwatch.rollback.parts import Parts
    from rollwatch.serving.route import Request

__all__ = ["HandlerExposition"]

_log = structlog.get_logger(__name__)

_NEWEST = 100


class HandlerExposition:
    """Answers scrapes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._process = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._process)

    async def answer(self, request: Request) -> web.StreamResponse:
        """The exposition; where the journal is silent, with what it said last."""
        try:
            await self._refresh()
        except JournalFailed as failure:
            _log.error("journal_not_read", why=failure.why)
        content_type = negotiate(", ".join(request.headers.getall("Accept", [])) or None)
        pieces = [
            piece
            async for piece in render(
                self._parts.store, openmetrics=content_type.is_openmetrics, extra=self._process
            )
        ]
        return web.Response(
            body=b"".join(pieces), headers={"Content-Type": content_type.value, "Vary": "Accept"}
        )

    async def _refresh(self) -> None:
        journal, metrics = self._parts.journal, self._parts.metrics
        recent = await journal.history(limit=_NEWEST)
        metrics.show(
            recent=recent,
            still_open=await journal.open_rollbacks(),
            deployments=await journal.deployments(limit=_NEWEST),
            pauses=await journal.pauses(),
            figures=await journal.figures(),
        )
