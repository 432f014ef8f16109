"""What a metric is, before it has a value. Every metric of ours is declared once, as one of these."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["COMMON_LABELS", "MetricDef", "MetricType", "Scope"]


class MetricType(StrEnum):
    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Scope(StrEnum):
    """What one series of a metric speaks of; it decides the labels that come before the metric's own."""

    PROBE = "probe"
    SERVICE = "service"
    EXPORTER = "exporter"


COMMON_LABELS: dict[Scope, tuple[str, ...]] = {
    Scope.PROBE: ("service", "environment", "probe", "kind", "location"),
    Scope.SERVICE: ("service", "environment", "location"),
    Scope.EXPORTER: ("location",),
}


@dataclass(frozen=True, slots=True, eq=False)
class MetricDef:
    """One metric. Compared by identity, so that looking up its series costs nothing.

    `labels` are the metric's own, at most two, after the common ones of its scope.
    `buckets` are the upper bounds of a histogram in the metric's unit, ascending, without +Inf.
    Counters are named with their `_total`. `meaning` says in a sentence when the series exists.
    """

    name: str
    type: MetricType
    help: str
    scope: Scope = Scope.PROBE
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = field(default=())
    meaning: str = ""

    @property
    def all_labels(self) -> tuple[str, ...]:
        """Common labels of the scope, then the metric's own: the order of label values everywhere."""
        return COMMON_LABELS[self.scope] + self.labels
