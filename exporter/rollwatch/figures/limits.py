"""Figures with limits, once more under one name: so that one shipped rule judges whatever a team declares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rollwatch.metrics import figure_catalogue as m
from rollwatch.metrics.series import CounterChild, GaugeChild

if TYPE_CHECKING:
    from rollwatch.clock import Clock
    from rollwatch.figures.figure import Figure, Labels
    from rollwatch.metrics.series import Child
    from rollwatch.metrics.store import Store

__all__ = ["LimitBoard", "key_text"]

_HELD_S = 20.0
"""So long a new count is shown as 0: a counter that Prometheus has not seen at 0 has not risen for it."""


def key_text(names: tuple[str, ...], values: Labels) -> str:
    """A figure's own labels in one: `plan=pro,region=eu`; empty if it has none."""
    return ",".join(f"{name}={value}" for name, value in zip(names, values, strict=True))


class LimitBoard:
    """The copies of one service's figures that are judged, and when new series were first seen."""

    def __init__(self, store: Store, base: tuple[str, ...], clock: Clock) -> None:
        self._store = store
        self._base = base
        self._clock = clock
        self._copies: dict[str, dict[Labels, _Copy]] = {}

    def show(self, figure: Figure) -> None:
        """Copy the values as they are now, and drop the copies of series that are gone."""
        self._bring(figure, self._clock.monotonic())

    def adopt(self, figure: Figure) -> None:
        """The figure's limits were changed: what it counted before is no rise."""
        self.forget(figure.definition.name)
        self._bring(figure, -math.inf)

    def _bring(self, figure: Figure, new_since_s: float) -> None:
        definition = figure.definition
        if not definition.limits and not definition.first_seen:
            return
        copies = self._copies.setdefault(definition.name, {})
        current = dict(figure.series())
        for gone in [labels for labels, copy in copies.items() if current.get(labels) is not copy.source]:
            copies.pop(gone).remove(self._store)
        now = self._clock.monotonic()
        names = tuple(label.name for label in definition.labels)
        for labels, child in current.items():
            copy = copies.get(labels)
            if copy is None:
                key = (*self._base, definition.name, key_text(names, labels))
                copy = copies[labels] = _Copy(child, key, new_since_s)
            if definition.limits:
                copy.bring(self._store, now)
            if definition.first_seen and labels in figure.first_seen:
                copy.date(self._store, figure.first_seen[labels])

    def forget(self, figure: str) -> None:
        """The figure is gone."""
        for copy in self._copies.pop(figure, {}).values():
            copy.remove(self._store)


class _Copy:
    """What is shown of one series."""

    def __init__(self, source: Child, key: tuple[str, ...], since_s: float) -> None:
        self.source = source
        self._key = key
        self._since_s = since_s
        self._judged: Child | None = None
        self._dated: Child | None = None

    def bring(self, store: Store, now_s: float) -> None:
        """Show the value as it is."""
        source = self.source
        if isinstance(source, GaugeChild):
            gauge = store.gauge(m.FIGURE_VALUE, self._key)
            self._judged = gauge
            gauge.value = source.value
        elif isinstance(source, CounterChild):
            counter = store.counter(m.FIGURE_EVENTS_TOTAL, self._key)
            self._judged = counter
            if now_s - self._since_s >= _HELD_S:
                # Not by inc: what adding the differences rounds off would count.
                counter.value = source.value

    def date(self, store: Store, first_seen_at: float) -> None:
        """Show when the first value came."""
        if self._dated is None:
            dated = store.gauge(m.FIGURE_FIRST_SEEN, self._key)
            dated.set(first_seen_at)
            self._dated = dated

    def remove(self, store: Store) -> None:
        """Show nothing any more."""
        for child in (self._judged, self._dated):
            if child is not None:
                store.remove(child)
