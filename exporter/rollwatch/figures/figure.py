"""One declared figure of one service at work: bounded series, each as old as its last value."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from rollwatch.figures.faults import FigureFault, FigureRefused
from rollwatch.figures.label_values import HOPELESS, admissible, registries
from rollwatch.metrics.definition import MetricType
from rollwatch.metrics.labels import LabelKind
from rollwatch.metrics.series import CounterChild, GaugeChild, HistogramChild

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollwatch.clock import Clock
    from rollwatch.config.figures import FigureDef
    from rollwatch.metrics.bounded import BoundedNames
    from rollwatch.metrics.definition import MetricDef
    from rollwatch.metrics.series import Child
    from rollwatch.metrics.store import Store

__all__ = ["Figure", "Labels"]

Labels = tuple[str, ...]
"""Values of the figure's own labels, in the order it declares them, as they came."""

_LARGEST = 1e15
"""What one value may add: a sum of such stays exact enough and never becomes infinite."""
_REMEMBERED = 2000
"""Label values as they came whose series are found at once."""
_LONGEST_REMEMBERED = 256
_MOST_SERIES = 500
"""Of a figure with open labels; further values of these become `other`."""
_MOST_AT_START = 100
_WORDS = {MetricType.GAUGE: "set", MetricType.COUNTER: "added to", MetricType.HISTOGRAM: "observed"}


class Figure:
    """The series of one figure. A method that takes a value and raises FigureRefused changes nothing.

    `base` are the values of the service scope's common labels, in order.
    """

    def __init__(
        self,
        definition: FigureDef,
        metric: MetricDef,
        store: Store,
        *,
        names: BoundedNames,
        base: tuple[str, ...],
        clock: Clock,
    ) -> None:
        self.definition = definition
        self._metric = metric
        self._store = store
        self._names = names
        self._base = base
        self._clock = clock
        self._registries = registries(metric.name, definition.labels)
        self._children: dict[Labels, Child] = {}
        # Of each label, how many series have each value.
        self._uses: tuple[Counter[str], ...] = tuple(Counter() for _ in definition.labels)
        self._by_raw: dict[Labels, Child] = {}
        self._touched: dict[Child, float] = {}
        self.first_seen: dict[Labels, float] = {}
        """When each series got its first value, in Unix seconds."""
        self.updated_at: float | None = None
        """When a value last came, in Unix seconds."""
        self._updated_s: float | None = None
        self._start()

    def _start(self) -> None:
        """Counters and distributions whose series are known beforehand begin at 0: so their rise is seen."""
        if self.definition.type is MetricType.GAUGE:
            return
        labels = self.definition.labels
        if any(label.kind is not LabelKind.CLOSED for label in labels):
            return
        if math.prod(len(label.values) for label in labels) <= _MOST_AT_START:
            for values in itertools.product(*(label.values for label in labels)):
                self._make(values)

    def redefine(self, definition: FigureDef) -> bool:
        """Go by `definition` from now on; False, and nothing changed, if its series are others."""
        now = self.definition
        same_series = replace(
            definition,
            limits=now.limits,
            stale_after_s=now.stale_after_s,
            expire_after_s=now.expire_after_s,
            first_seen=now.first_seen,
        )
        if same_series != now:
            return False
        self.definition = definition
        return True

    def set(self, labels: Labels, value: float) -> None:
        """Set a gauge."""
        self._expect(MetricType.GAUGE)
        if not math.isfinite(value):
            raise _not_finite()
        child = self._child(labels)
        cast("GaugeChild", child).set(value)
        self._touch(child)

    def add(self, labels: Labels, amount: float) -> None:
        """Let a counter grow."""
        self._expect(MetricType.COUNTER)
        _check_amount(amount)
        child = self._child(labels)
        cast("CounterChild", child).inc(amount)
        self._touch(child)

    def observe(self, labels: Labels, value: float) -> None:
        """Count one observation of a histogram."""
        self._expect(MetricType.HISTOGRAM)
        _check_amount(value)
        child = self._child(labels)
        cast("HistogramChild", child).observe(value)
        self._touch(child)

    def count(self, labels: Labels, amount: float = 1.0) -> None:
        """`add` for sources that count by the thousand (logs), and then call `mark_updated` once."""
        _check_amount(amount)
        child = self._by_raw.get(labels)
        if type(child) is not CounterChild:
            self._expect(MetricType.COUNTER)
            child = cast("CounterChild", self._child(labels))
        child.inc(amount)
        if self.definition.expire_after_s is not None:
            self._touched[child] = self._clock.monotonic()

    def measure(self, labels: Labels, value: float) -> None:
        """`observe`, likewise."""
        _check_amount(value)
        child = self._by_raw.get(labels)
        if type(child) is not HistogramChild:
            self._expect(MetricType.HISTOGRAM)
            child = cast("HistogramChild", self._child(labels))
        child.observe(value)
        if self.definition.expire_after_s is not None:
            self._touched[child] = self._clock.monotonic()

    def check(self, labels: Labels, value: float) -> None:
        """Raise FigureRefused where `add` would; changes nothing."""
        self._expect(MetricType.COUNTER)
        _check_amount(value)
        self._admissible(labels)

    def mark_updated(self) -> None:
        """Values came just now; for sources that use `count` and `measure`."""
        self.updated_at = self._clock.wall()
        self._updated_s = self._clock.monotonic()

    def confirm(self) -> None:
        """What was told before was told again, without anything new: every series is as fresh as now."""
        if self._updated_s is not None:
            self.mark_updated()
            self._touched = dict.fromkeys(self._touched, self._clock.monotonic())

    def shown(self, labels: Labels) -> Labels:
        """The label values under which `labels` are counted. Raises FigureRefused if they can't be."""
        return self._child(labels).key[len(self._base) :]

    def drop(self, series: Iterable[Labels]) -> None:
        """Remove these series, named as they are shown."""
        gone = [key for key in series if key in self._children]
        if not gone:
            return
        for key in gone:
            child = self._children.pop(key)
            self._store.remove(child)
            self._touched.pop(child, None)
            self.first_seen.pop(key, None)
            for uses, value in zip(self._uses, key, strict=True):
                uses[value] -= 1
            self._free_names(key)
        # Some point to what is gone; others are counted as `other` and may now have a place.
        self._by_raw.clear()

    @property
    def is_stale(self) -> bool:
        """Whether a value came once, and none for too long."""
        after_s = self.definition.stale_after_s
        if after_s is None or self._updated_s is None:
            return False
        return self._clock.monotonic() - self._updated_s > after_s

    def expire(self) -> None:
        """Remove the series that got no value for too long."""
        after_s = self.definition.expire_after_s
        if after_s is None:
            return
        since = self._clock.monotonic() - after_s
        length = len(self._base)
        self.drop([child.key[length:] for child, at in self._touched.items() if at < since])

    def series(self) -> Iterator[tuple[Labels, Child]]:
        """Label values as shown, and the series."""
        yield from self._children.items()

    def close(self) -> None:
        """Remove every series."""
        self.drop(list(self._children))

    def _expect(self, kind: MetricType) -> None:
        if self.definition.type is not kind:
            raise FigureRefused(
                FigureFault.WRONG_OPERATION, f"is a {self.definition.type} and can't be {_WORDS[kind]}"
            )

    def _touch(self, child: Child) -> None:
        self._updated_s = self._touched[child] = self._clock.monotonic()
        self.updated_at = self._clock.wall()

    def _child(self, labels: Labels) -> Child:
        return self._by_raw.get(labels) or self._admit(labels)

    def _admissible(self, labels: Labels) -> Labels:
        """The values as they may be shown, before the registry is asked. Raises FigureRefused."""
        definitions = self.definition.labels
        if len(labels) != len(definitions):
            count = len(definitions)
            raise FigureRefused(FigureFault.LABEL_MISSING, f"has {count} label{'' if count == 1 else 's'}")
        return tuple(admissible(label, raw) for label, raw in zip(definitions, labels, strict=True))

    def _admit(self, labels: Labels) -> Child:
        values = tuple(
            value if registry is None else self._names.admit(registry, self._base[0], value)
            for registry, value in zip(self._registries, self._admissible(labels), strict=True)
        )
        if values not in self._children and len(self._children) >= _MOST_SERIES:
            values = self._fold(values)
        child = self._children.get(values) or self._make(values)
        if values not in self.first_seen:
            self.first_seen[values] = self._clock.wall()
        if sum(map(len, labels)) <= _LONGEST_REMEMBERED:
            if len(self._by_raw) >= _REMEMBERED:
                self._by_raw.clear()
            self._by_raw[labels] = child
        return child

    def _fold(self, values: Labels) -> Labels:
        """There is no room for another combination, though there was for each value by itself."""
        self._free_names(values)
        return tuple(
            value if registry is None else self._names.admit(registry, self._base[0], HOPELESS)
            for registry, value in zip(self._registries, values, strict=True)
        )

    def _free_names(self, labels: Labels) -> None:
        """Give back the places of values that no series has."""
        for registry, uses, value in zip(self._registries, self._uses, labels, strict=True):
            if registry is not None and not uses[value]:
                del uses[value]
                self._names.withdraw(registry, self._base[0], value)

    def _make(self, values: Labels) -> Child:
        key = self._base + values
        child: Child
        if self.definition.type is MetricType.HISTOGRAM:
            child = self._store.histogram(self._metric, key, self.definition.buckets)
        else:
            child = self._store.child(self._metric, key)
        self._children[values] = child
        for uses, value in zip(self._uses, values, strict=True):
            uses[value] += 1
        return child


def _check_amount(value: float) -> None:
    if not 0 <= value <= _LARGEST:
        if not math.isfinite(value):
            raise _not_finite()
        if value < 0:
            raise FigureRefused(FigureFault.NEGATIVE, "can't be negative")
        raise FigureRefused(FigureFault.TOO_LARGE, f"can't be above {_LARGEST:g}")


def _not_finite() -> FigureRefused:
    return FigureRefused(FigureFault.NOT_A_NUMBER, "is not a finite number")
