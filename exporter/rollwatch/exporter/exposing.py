"""What a scrape is given: the store, brought up to date, and the process's own figures."""

from __future__ import annotations

import platform
from contextlib import aclosing
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.registry import Collector

from rollwatch import __version__
from rollwatch.metrics import catalogue as m
from rollwatch.metrics.exposition import render

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator

    from prometheus_client import Metric

    from rollwatch.clock import Clock
    from rollwatch.metrics.store import Store

__all__ = ["Exposition"]


class _Located(Collector):
    """Figures of this process, with the label that is on everything."""

    def __init__(self, figures: CollectorRegistry, location: str) -> None:
        self._figures = figures
        self._location = location

    def collect(self) -> Iterator[Metric]:
        for metric in self._figures.collect():
            metric.samples = [
                sample._replace(labels={**sample.labels, "location": self._location})
                for sample in metric.samples
            ]
            yield metric


class Exposition:
    """Gives the exposition in pieces, and measures itself."""

    def __init__(
        self,
        store: Store,
        refresh: Callable[[], Awaitable[None]],
        clock: Clock,
        *,
        location: str,
        log_dropped: Callable[[], int],
    ) -> None:
        self._store = store
        self._refresh = refresh
        self._clock = clock
        own = (location,)
        self._took = store.gauge(m.ROLLWATCH_SCRAPE_DURATION_SECONDS, own)
        self._series = store.gauge(m.ROLLWATCH_SCRAPE_SERIES, own)
        self._log_dropped = log_dropped
        self._dropped = store.counter(m.ROLLWATCH_LOG_DROPPED_TOTAL, own)
        store.gauge(m.ROLLWATCH_BUILD_INFO, (*own, __version__, platform.python_version())).set(1)
        process = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=process)
        self._process = CollectorRegistry()
        self._process.register(_Located(process, location))

    async def render(self, openmetrics: bool) -> AsyncGenerator[bytes, None]:
        """The whole exposition, in pieces between which the loop lives."""
        began = self._clock.monotonic()
        await self._refresh()
        self._series.set(self._store.series)
        self._dropped.inc(self._log_dropped() - self._dropped.value)
        pieces = render(self._store, openmetrics=openmetrics, extra=self._process)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
        self._took.set(self._clock.monotonic() - began)
