"""One series each: its labels, already written for Prometheus, and its value, changed in place.

`key` holds the label values in the order of `metric.all_labels`. Everything here runs on one thread.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, TypeAlias

from rollwatch.metrics.numbers import text_of

if TYPE_CHECKING:
    from rollwatch.metrics.definition import MetricDef

__all__ = ["Child", "CounterChild", "GaugeChild", "HistogramChild", "bucket_tails"]

_INFINITY = math.inf


class GaugeChild:
    """One gauge series. Hidden (`value` is None, nothing is rendered) until set and after `clear`."""

    __slots__ = ("key", "metric", "prefix", "value")

    def __init__(self, metric: MetricDef, key: tuple[str, ...]) -> None:
        self.metric = metric
        self.key = key
        self.prefix = _prefix(metric.name, _label_text(metric, key))
        self.value: float | None = None

    def set(self, value: float) -> None:
        # float() also keeps a bool or an int subclass from being rendered as its word.
        self.value = float(value)

    def clear(self) -> None:
        """Take the series away until it is set again: no evidence is no sample."""
        self.value = None


class CounterChild:
    """One counter series, from 0, never falling."""

    __slots__ = ("key", "metric", "prefix", "value")

    def __init__(self, metric: MetricDef, key: tuple[str, ...]) -> None:
        self.metric = metric
        self.key = key
        self.prefix = _prefix(metric.name, _label_text(metric, key))
        self.value = 0.0

    def inc(self, amount: float = 1.0) -> None:
        """Add `amount`. Raises ValueError if it is negative, infinite or not a number."""
        if not 0.0 <= amount < _INFINITY:
            raise ValueError(f"a counter can't grow by {amount}")
        self.value += amount


class HistogramChild:
    """One histogram series: observations per bucket (the last is +Inf) and their sum.

    `counts` are not cumulative. `tails` end each bucket's line after the labels, and are shared by
    all children of a family with the same bounds.
    """

    __slots__ = ("bounds", "counts", "key", "labels", "metric", "sum", "tails")

    def __init__(
        self, metric: MetricDef, key: tuple[str, ...], bounds: tuple[float, ...], tails: tuple[str, ...]
    ) -> None:
        self.metric = metric
        self.key = key
        self.labels = _label_text(metric, key)
        self.bounds = bounds
        self.tails = tails
        self.counts = array("Q", bytes(8 * (len(bounds) + 1)))
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation. Raises ValueError if it is negative, infinite or not a number."""
        if not 0.0 <= value < _INFINITY:
            raise ValueError(f"{self.metric.name} can't observe {value}")
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        """Observations so far."""
        return sum(self.counts)


Child: TypeAlias = GaugeChild | CounterChild | HistogramChild


def bucket_tails(bounds: tuple[float, ...]) -> tuple[str, ...]:
    """What ends each bucket's line after the labels, +Inf last."""
    return tuple(f',le="{text_of(bound)}"}} ' for bound in (*bounds, _INFINITY))


def _prefix(name: str, labels: str) -> str:
    return f"{name}{{{labels}}} "


def _label_text(metric: MetricDef, values: tuple[str, ...]) -> str:
    return ",".join(
        f'{name}="{_escaped(value)}"' for name, value in zip(metric.all_labels, values, strict=True)
    )


def _escaped(value: str) -> str:
    # A lone surrogate (a file name that is not UTF-8) would fail the whole scrape when it is encoded.
    value = value.encode("utf-8", "replace").decode("utf-8")
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
