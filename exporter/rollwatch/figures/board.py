"""The figures of every service: the one place where whatever arrives becomes series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.config.figure_rules import metric_of
from rollwatch.figures.label_values import metric_named
from rollwatch.figures.service import ServiceFigures
from rollwatch.figures.slices import at_once, in_slices
from rollwatch.metrics.bounded import BoundedNames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rollwatch.clock import Clock
    from rollwatch.config.config import Config
    from rollwatch.config.figures import FigureDef
    from rollwatch.metrics.definition import MetricDef
    from rollwatch.metrics.store import Store

__all__ = ["Board"]


class Board:
    """Puts the figures of a configuration in force, and the next one's after it.

    `on_fold` is called with a metric's name for every label value that became `other`.
    """

    def __init__(
        self, store: Store, clock: Clock, *, location: str, on_fold: Callable[[str], object] | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._location = location
        self._names = BoundedNames(on_fold=self._folded)
        self._on_fold = on_fold
        self._services: dict[str, ServiceFigures] = {}
        self._environment: str | None = None
        self._metrics: dict[tuple[object, ...], MetricDef] = {}

    def configure(self, config: Config) -> None:
        """Put `config` in force: what is gone or changed loses its series, what did not change goes on."""
        moved = self._environment not in {None, config.environment}
        for name in list(self._services):
            if moved or name not in config.services or config.services[name].signals.is_silent:
                self._services.pop(name).close()
                self._names.forget(name)
        self._environment = config.environment
        # Old shapes of a name end everywhere before a new one begins anywhere.
        for name, figures in self._services.items():
            figures.retire(config.services[name].signals)
        in_use = {_shape(f.definition) for s in self._services.values() for f in s.figures.values()}
        self._metrics = {shape: metric for shape, metric in self._metrics.items() if shape in in_use}
        for name, service in config.services.items():
            if service.signals.is_silent:
                continue
            known = self._services.get(name)
            if known is not None:
                known.configure(service.signals)
                continue
            base = (name, config.environment, self._location)
            self._services[name] = ServiceFigures(
                service.signals,
                self._store,
                names=self._names,
                clock=self._clock,
                base=base,
                metric_of=self._metric_of,
            )

    def service(self, name: str) -> ServiceFigures | None:
        """The figures of one service; None if nothing arrives at it."""
        return self._services.get(name)

    @property
    def environment(self) -> str | None:
        """Of the configuration in force; None before the first."""
        return self._environment

    @property
    def services(self) -> Mapping[str, ServiceFigures]:
        """All of them by service."""
        return self._services

    def refresh(self) -> None:
        """Bring what depends on time up to date, at once."""
        at_once(self._refreshing())

    async def refresh_in_slices(self) -> None:
        """The same; before each exposition."""
        await in_slices(self._refreshing(), self._clock)

    def _refreshing(self) -> Iterator[None]:
        for figures in list(self._services.values()):
            yield from figures.refreshing()

    def _folded(self, registry: str) -> None:
        if self._on_fold is not None:
            self._on_fold(metric_named(registry))

    def _metric_of(self, definition: FigureDef) -> MetricDef:
        """One metric for a shape, since the store tells metrics apart by identity."""
        shape = _shape(definition)
        metric = self._metrics.get(shape)
        if metric is None:
            metric = self._metrics[shape] = metric_of(definition)
        return metric


def _shape(definition: FigureDef) -> tuple[object, ...]:
    return definition.name, definition.type, tuple(label.name for label in definition.labels)
