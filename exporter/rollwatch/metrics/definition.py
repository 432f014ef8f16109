"""What a metric is, before it has a value. Every metric of ours is declared once, as one of these."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["COMMON_LABELS", "MetricDef", "MetricType", "Scope"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_MAX_OWN_LABELS = 2


class MetricType(StrEnum):
    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Scope(StrEnum):
    """What one series of a metric speaks of; it decides the labels that come before the metric's own."""

    PROBE = "probe"
    SERVICE = "service"
    EXPORTER = "exporter"
    BRIDGE = "bridge"
    HANDLER = "handler"
    RELEASE = "release"
    """A service's releases, as the rollback handler knows them: in no place."""


COMMON_LABELS: dict[Scope, tuple[str, ...]] = {
    Scope.PROBE: ("service", "environment", "probe", "kind", "location"),
    Scope.SERVICE: ("service", "environment", "location"),
    Scope.EXPORTER: ("location",),
    Scope.BRIDGE: (),
    Scope.HANDLER: (),
    Scope.RELEASE: ("service", "environment"),
}


@dataclass(frozen=True, slots=True, eq=False)
class MetricDef:
    """One metric. Compared by identity, so that looking up its series costs nothing.

    `labels` are the metric's own, at most two, after the common ones of its scope.
    `buckets` are the upper bounds of a histogram in the metric's unit, ascending, without +Inf.
    Counters are named with their `_total`. `meaning` says in a sentence when the series exists.
    Raises ValueError when declared otherwise, so a mistake is found when its module is imported.
    """

    name: str
    type: MetricType
    help: str
    scope: Scope = Scope.PROBE
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = field(default=())
    meaning: str = ""

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise ValueError(f"metric {self.name!r}: {problem}")

    @property
    def all_labels(self) -> tuple[str, ...]:
        """Common labels of the scope, then the metric's own: the order of label values everywhere."""
        return COMMON_LABELS[self.scope] + self.labels

    @property
    def family(self) -> str:
        """The name OpenMetrics gives the family: a counter's without its `_total`."""
        return self.name.removesuffix("_total") if self.type is MetricType.COUNTER else self.name

    @property
    def reserved_names(self) -> frozenset[str]:
        """Every name this metric's family and samples take in either format; no other metric may use them."""
        suffixes = {
            MetricType.GAUGE: (),
            MetricType.COUNTER: ("_total", "_created"),
            MetricType.HISTOGRAM: ("_bucket", "_sum", "_count", "_created"),
        }[self.type]
        return frozenset({self.family, *(self.family + suffix for suffix in suffixes)})


def _problem(metric: MetricDef) -> str | None:
    if not all(_NAME.fullmatch(word) for word in (metric.name, *metric.labels)):
        return "a name of the metric or of a label is not lower-case letters, digits and underscores"
    if not metric.help or "\n" in metric.help:
        return "help must be one line that says what the value is"
    if (metric.type is MetricType.COUNTER) != metric.name.endswith("_total"):
        return "a counter, and nothing else, is named with _total"
    if len(metric.labels) > _MAX_OWN_LABELS or len(set(metric.all_labels)) != len(metric.all_labels):
        return "at most two labels of its own, each different from the common ones"
    if "le" in metric.labels or (metric.type is MetricType.HISTOGRAM) != bool(metric.buckets):
        return "buckets belong to histograms, and each histogram has some; le is their label"
    ascending = all(low < high for low, high in zip(metric.buckets, metric.buckets[1:], strict=False))
    if not ascending or not all(math.isfinite(bound) for bound in metric.buckets):
        return "buckets must be finite and ascending"
    return None
