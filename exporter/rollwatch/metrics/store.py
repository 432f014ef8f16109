"""Where values live between scrapes: one child per series, bound once and then changed in place.

One thread, one event loop: nothing here locks or awaits. The hot path is `set`, `inc` and
`observe` on a child that its user keeps; looking a child up by its labels is for set-up.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar, cast

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from rollwatch.metrics.definition import MetricDef, MetricType
from rollwatch.metrics.numbers import text_of
from rollwatch.metrics.series import Child, CounterChild, GaugeChild, HistogramChild, bucket_tails

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prometheus_client.metrics_core import Metric

__all__ = ["Child", "CounterChild", "Family", "GaugeChild", "HistogramChild", "Store"]

_C = TypeVar("_C", GaugeChild, CounterChild, HistogramChild)


class Family:
    """One metric and its children, in the order they were made."""

    __slots__ = ("children", "metric", "tails")

    def __init__(self, metric: MetricDef) -> None:
        self.metric = metric
        self.children: dict[tuple[str, ...], Child] = {}
        self.tails: dict[tuple[float, ...], tuple[str, ...]] = {}

    @property
    def series(self) -> int:
        """Lines this family takes when no gauge is hidden."""
        if self.metric.type is not MetricType.HISTOGRAM:
            return len(self.children)
        return sum(len(child.tails) + 2 for child in cast("list[HistogramChild]", [*self.children.values()]))


class Store:
    """Every series of the process. Also a prometheus_client collector, so that any registry can hold it."""

    def __init__(self) -> None:
        self._families: dict[MetricDef, Family] = {}
        self._taken: dict[str, MetricDef] = {}

    def child(self, metric: MetricDef, labelvalues: tuple[str, ...]) -> Child:
        """The series of `metric` with these values of `metric.all_labels`; made if there is none.

        Raises ValueError if the number of values is wrong or another metric has taken the name.
        Asking twice gives the same object: who replaces a probe removes its children first.
        """
        if metric.type is MetricType.HISTOGRAM:
            return self.histogram(metric, labelvalues)
        family = self._family(metric, labelvalues)
        child = family.children.get(labelvalues)
        if child is None:
            make = GaugeChild if metric.type is MetricType.GAUGE else CounterChild
            child = family.children[labelvalues] = make(metric, labelvalues)
        return child

    def gauge(self, metric: MetricDef, labelvalues: tuple[str, ...]) -> GaugeChild:
        """`child`, for a metric known to be a gauge. Raises TypeError if it is not."""
        return _expect(GaugeChild, self.child(metric, labelvalues))

    def counter(self, metric: MetricDef, labelvalues: tuple[str, ...]) -> CounterChild:
        """`child`, for a metric known to be a counter. Raises TypeError if it is not."""
        return _expect(CounterChild, self.child(metric, labelvalues))

    def histogram(
        self, metric: MetricDef, labelvalues: tuple[str, ...], buckets: Iterable[float] | None = None
    ) -> HistogramChild:
        """`child`, for a histogram, with bounds of its own (any order; +Inf is always there).

        Without `buckets`: those it has, or the metric's. Raises ValueError if it exists with others.
        """
        if metric.type is not MetricType.HISTOGRAM:
            raise TypeError(f"{metric.name} is a {metric.type}, not a histogram")
        family = self._family(metric, labelvalues)
        existing = family.children.get(labelvalues)
        if existing is not None:
            child = _expect(HistogramChild, existing)
            if buckets is not None and _bounds(buckets) != child.bounds:
                raise ValueError(f"{metric.name}{labelvalues} has other buckets; remove it first")
            return child
        bounds = _bounds(metric.buckets if buckets is None else buckets)
        tails = family.tails.setdefault(bounds, bucket_tails(bounds))
        child = family.children[labelvalues] = HistogramChild(metric, labelvalues, bounds, tails)
        return child

    def remove(self, child: Child) -> None:
        """Take a series out for good. Does nothing if it is not the one in force (any more)."""
        family = self._families.get(child.metric)
        if family is not None and family.children.get(child.key) is child:
            self._remove(family, child.key)

    def discard(self, metric: MetricDef, labelvalues: tuple[str, ...]) -> None:
        """`remove` by labels: take the series out, if there is one."""
        family = self._families.get(metric)
        if family is not None and labelvalues in family.children:
            self._remove(family, labelvalues)

    def _remove(self, family: Family, labelvalues: tuple[str, ...]) -> None:
        del family.children[labelvalues]
        if not family.children:
            # Its names are free: a reload may declare a metric of that name with another shape.
            del self._families[family.metric]
            for name in family.metric.reserved_names:
                del self._taken[name]

    def families(self) -> Sequence[Family]:
        """Every family that has children, by name."""
        return sorted((f for f in self._families.values() if f.children), key=lambda f: f.metric.family)

    @property
    def series(self) -> int:
        """Sample lines held, hidden gauges included."""
        return sum(family.series for family in self._families.values())

    def describe(self) -> Iterator[Metric]:
        """The families without samples, for a registry that checks names."""
        for family in self._families.values():
            yield _collected(family, samples=False)

    def collect(self) -> Iterator[Metric]:
        """Every family as prometheus_client has them; for interop, at its cost. `render` is the fast way."""
        for family in self.families():
            yield _collected(family)

    def _family(self, metric: MetricDef, labelvalues: tuple[str, ...]) -> Family:
        family = self._families.get(metric)
        if family is None:
            for name in metric.reserved_names:
                if name in self._taken:
                    raise ValueError(
                        f"{metric.name} clashes with {self._taken[name].name} over the name {name}"
                    )
            family = self._families[metric] = Family(metric)
            self._taken.update(dict.fromkeys(metric.reserved_names, metric))
        if len(labelvalues) != len(metric.all_labels):
            raise ValueError(f"{metric.name} has the labels {metric.all_labels}, got {labelvalues}")
        return family


def _expect(kind: type[_C], child: Child) -> _C:
    if not isinstance(child, kind):
        raise TypeError(f"{child.metric.name} is a {child.metric.type}, not what was asked for")
    return child


def _bounds(buckets: Iterable[float]) -> tuple[float, ...]:
    bounds = tuple(sorted({float(bound) for bound in buckets if bound != math.inf}))
    if not all(math.isfinite(bound) for bound in bounds):
        raise ValueError(f"histogram buckets must be numbers, got {bounds}")
    return bounds


def _collected(family: Family, *, samples: bool = True) -> Metric:
    metric, children = family.metric, list(family.children.values()) if samples else []
    if metric.type is MetricType.HISTOGRAM:
        return _collected_histograms(metric, cast("list[HistogramChild]", children))
    scalars = (
        GaugeMetricFamily(metric.name, metric.help, labels=metric.all_labels)
        if metric.type is MetricType.GAUGE
        else CounterMetricFamily(metric.family, metric.help, labels=metric.all_labels)
    )
    for child in cast("list[GaugeChild | CounterChild]", children):
        if child.value is not None:
            scalars.add_metric(child.key, child.value)
    return scalars


def _collected_histograms(metric: MetricDef, children: list[HistogramChild]) -> Metric:
    histograms = HistogramMetricFamily(metric.name, metric.help, labels=metric.all_labels)
    for child in children:
        bounds = [*(text_of(bound) for bound in child.bounds), "+Inf"]
        buckets = list(zip(bounds, map(float, accumulate(child.counts)), strict=True))
        histograms.add_metric(child.key, buckets, child.sum)
    return histograms
