"""From readings to series: totals that start again become counters that never fall; what is gone goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.host import metrics as m
from rollwatch.metrics.store import CounterChild, GaugeChild

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollwatch.host.reading import Figure, Part
    from rollwatch.metrics.definition import MetricDef
    from rollwatch.metrics.store import Store

__all__ = ["Publisher"]

Key = tuple["MetricDef", tuple[str, ...]]

_JITTER = {m.CPU_SECONDS: 3.0}
"""Linux lets some CPU times fall back a little (iowait, idle): so much is no restart but is waited out."""


class Publisher:
    """The series of one host. `base` are the values of the service scope's common labels."""

    def __init__(self, store: Store, base: tuple[str, ...]) -> None:
        self._store = store
        self._base = base
        self._children: dict[Part | None, dict[Key, GaugeChild | CounterChild]] = {}
        self._totals: dict[Key, float] = {}

    def publish(self, part: Part | None, figures: Iterable[Figure]) -> None:
        """Show exactly these figures of the part; its other series go."""
        before = self._children.get(part, {})
        now: dict[Key, GaugeChild | CounterChild] = {}
        for figure in figures:
            key = (figure.metric, figure.labels)
            child = before.get(key) or self._child(key)
            now[key] = child
            if isinstance(child, GaugeChild):
                child.set(figure.value)
            else:
                child.inc(self._gain(key, figure.value))
        for key, child in before.items():
            if key not in now:
                self._remove(key, child)
        self._children[part] = now

    def hide(self, part: Part) -> None:
        """The part can't be read: its gauges are hidden, its counters stay as they are."""
        for child in self._children.get(part, {}).values():
            if isinstance(child, GaugeChild):
                child.clear()

    def close(self) -> None:
        """Remove every series."""
        for children in self._children.values():
            for key, child in children.items():
                self._remove(key, child)
        self._children.clear()

    def _child(self, key: Key) -> GaugeChild | CounterChild:
        child = self._store.child(key[0], self._base + key[1])
        assert isinstance(child, GaugeChild | CounterChild)  # noqa: S101  the host has no histograms
        return child

    def _remove(self, key: Key, child: GaugeChild | CounterChild) -> None:
        self._store.remove(child)
        self._totals.pop(key, None)

    def _gain(self, key: Key, total: float) -> float:
        last = self._totals.get(key, 0.0)
        if last - _JITTER.get(key[0], 0.0) < total < last:
            return 0.0
        self._totals[key] = total
        return total if total < last else total - last
