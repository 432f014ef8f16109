"""What is counted per route and kind of device."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from rollwatch.figures.routes import RouteTable
from rollwatch.ingest.browser import metrics as m
from rollwatch.ingest.browser.beacon import Device
from rollwatch.metrics.bounded import OTHER
from rollwatch.metrics.labels import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rollwatch.clock import Clock
    from rollwatch.metrics.bounded import BoundedNames
    from rollwatch.metrics.definition import MetricDef
    from rollwatch.metrics.series import Child, CounterChild, HistogramChild
    from rollwatch.metrics.store import Store

__all__ = ["DEVICES", "Page", "Pages"]

DEVICES: tuple[Device, ...] = get_args(Device)
_REGISTRY = m.PAGE_VIEWS_TOTAL.name
"""One registry for all metrics: they are to have the same routes."""
_PLACES = 2000
"""Paths whose route is found at once."""
_IDLE_S = 86_400.0


class Page:
    """The series of one route. Views count from 0; a distribution begins with its first value."""

    def __init__(self, pages: Pages, label: str) -> None:
        self._pages = pages
        self._label = label
        self._histograms: dict[tuple[MetricDef, str], HistogramChild] = {}
        self.touched_at = 0.0
        self.views = {d: pages.counter(m.PAGE_VIEWS_TOTAL, label, d) for d in DEVICES}
        self.with_errors = {d: pages.counter(m.PAGE_VIEWS_WITH_ERRORS_TOTAL, label, d) for d in DEVICES}

    def observe(self, metric: MetricDef, second_label: str, value: float) -> None:
        """Count one value of `metric`, whose labels are the route and another."""
        child = self._histograms.get((metric, second_label))
        if child is None:
            child = self._pages.histogram(metric, self._label, second_label)
            self._histograms[metric, second_label] = child
        child.observe(value)

    def series(self) -> Iterable[Child]:
        """All of them."""
        return [*self.views.values(), *self.with_errors.values(), *self._histograms.values()]


class Pages:
    """The routes of one service: declared ones from the beginning, and at most 50 others that are in use.

    `base` are the values of the service scope's common labels, `buckets` those of `metrics.page_buckets`.
    """

    def __init__(
        self,
        store: Store,
        names: BoundedNames,
        clock: Clock,
        base: tuple[str, ...],
        *,
        routes: tuple[str, ...],
        buckets: Mapping[MetricDef, tuple[float, ...]],
    ) -> None:
        self._store = store
        self._names = names
        self._clock = clock
        self._base = base
        self._buckets = buckets
        self._table = RouteTable(routes)
        self._by_place: dict[tuple[str, str | None], Page] = {}
        self._by_label = {route: Page(self, route) for route in routes}

    def at(self, path: str, route: str | None) -> Page:
        """The page of an event."""
        page = self._by_place.get((path, route))
        if page is None:
            page = self._find(path, route)
        page.touched_at = self._clock.monotonic()
        return page

    def sweep(self) -> None:
        """Remove what was not declared and not used for a day; its place is free again."""
        now = self._clock.monotonic()
        idle = [
            label
            for label, page in self._by_label.items()
            if now - page.touched_at > _IDLE_S and not self._table.is_declared(label)
        ]
        for label in idle:
            self._remove(label)
        if idle:
            self._by_place.clear()

    def close(self) -> None:
        """Remove every series."""
        self._by_place.clear()
        for label in list(self._by_label):
            self._remove(label)

    def counter(self, metric: MetricDef, *labels: str) -> CounterChild:
        """The series of `metric` with these labels of its own."""
        return self._store.counter(metric, (*self._base, *labels))

    def histogram(self, metric: MetricDef, *labels: str) -> HistogramChild:
        """The same, with the buckets it is to have."""
        return self._store.histogram(metric, (*self._base, *labels), self._buckets[metric])

    def __len__(self) -> int:
        return len(self._by_label)

    def _find(self, path: str, route: str | None) -> Page:
        label = self._table.route(route or path)
        if not self._table.is_declared(label):
            label = plain_value(label)
        if not self._table.is_declared(label):
            label = self._names.admit(_REGISTRY, self._base[0], label)
        page = self._by_label.get(label)
        if page is None:
            page = self._by_label[label] = Page(self, label)
        # `other` is asked for anew each time: a place may be free, and each fold counts.
        if label != OTHER:
            if len(self._by_place) >= _PLACES:
                self._by_place.clear()
            self._by_place[path, route] = page
        return page

    def _remove(self, label: str) -> None:
        for child in self._by_label.pop(label).series():
            self._store.remove(child)
        self._names.withdraw(_REGISTRY, self._base[0], label)
