"""All figures and records of one service at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.figures.faults import FigureFault, FigureRefused, Origin
from rollwatch.figures.figure import Figure
from rollwatch.figures.items import Found, Item, Operation, Refused
from rollwatch.figures.limits import LimitBoard
from rollwatch.figures.lists import WholeLists
from rollwatch.figures.slices import at_once, in_slices
from rollwatch.figures.stream import RecordStream
from rollwatch.figures.totals import Totals
from rollwatch.metrics import figure_catalogue as m

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rollwatch.clock import Clock
    from rollwatch.config.figures import FigureDef
    from rollwatch.config.signals import Signals
    from rollwatch.figures.figure import Labels
    from rollwatch.metrics.bounded import BoundedNames
    from rollwatch.metrics.definition import MetricDef
    from rollwatch.metrics.series import GaugeChild
    from rollwatch.metrics.store import Store

__all__ = ["ServiceFigures"]


class ServiceFigures:
    """Takes what arrives for one service. Its series are gone after `close`.

    `base` are the values of the service scope's common labels; `metric_of` gives the one metric of a figure,
    the same for all services.
    """

    def __init__(
        self,
        signals: Signals,
        store: Store,
        *,
        names: BoundedNames,
        clock: Clock,
        base: tuple[str, ...],
        metric_of: Callable[[FigureDef], MetricDef],
    ) -> None:
        self._store = store
        self._names = names
        self._clock = clock
        self._base = base
        self._metric_of = metric_of
        self._totals = Totals(clock)
        self._lists = WholeLists()
        self._facts: dict[str, list[GaugeChild]] = {}
        self._is_closed = False
        self.figures: dict[str, Figure] = {}
        self.records: dict[str, RecordStream] = {}
        self.signals = signals
        self._limits = LimitBoard(store, base, clock)
        self.configure(signals)

    @property
    def definitions(self) -> Mapping[str, FigureDef]:
        """Every figure of the service by its name."""
        return self.signals.figures

    def retire(self, signals: Signals) -> None:
        """End the figures that `signals` no longer have, or whose series would be others."""
        for name, figure in list(self.figures.items()):
            definition = signals.figures.get(name)
            if definition is None or not figure.redefine(definition):
                self._end(name)

    def configure(self, signals: Signals) -> None:
        """Show what `signals` declare; figures and records that did not change go on."""
        self.retire(signals)
        for name, definition in signals.figures.items():
            if name not in self.figures:
                metric = self._metric_of(definition)
                self.figures[name] = Figure(
                    definition, metric, self._store, names=self._names, base=self._base, clock=self._clock
                )
                self._state(definition)
            elif definition != self.signals.figures.get(name):
                self._unstate(name)
                self._state(definition)
                self._limits.adopt(self.figures[name])
        before = dict(self.records)
        for name, stream in before.items():
            spec = signals.records.get(name)
            if spec is None or not stream.goes_on_with(spec, signals.figures):
                self.records.pop(name).close()
        for name, spec in signals.records.items():
            if name not in self.records:
                stream = self.records[name] = RecordStream(
                    name, spec, signals.figures, self._store, clock=self._clock, base=self._base
                )
                if name in before:
                    stream.succeed(before[name])
        self.signals = signals
        self._start_faults()

    def _start_faults(self) -> None:
        """From 0, so that the first refused value is an increase."""
        signals = self.signals
        can_come = {
            Origin.PUSH: signals.push is not None,
            Origin.LOG: bool(signals.logs),
            Origin.RECORDS: bool(signals.records),
            Origin.JSON: bool(signals.figures or signals.records),
        }
        for origin in (origin for origin, can in can_come.items() if can):
            for fault in FigureFault:
                self._store.counter(m.FIGURE_FAULTS_TOTAL, (*self._base, origin.value, fault.value))

    def _state(self, definition: FigureDef) -> None:
        """What is declared of a figure, as series."""
        name = definition.name
        facts = self._facts[name] = []

        def fact(metric: MetricDef, value: float, *labels: str) -> None:
            child = self._store.gauge(metric, (*self._base, name, *labels))
            child.set(value)
            facts.append(child)

        fact(m.FIGURE_INFO, 1.0, definition.type.value)
        if definition.stale_after_s is not None:
            fact(m.FIGURE_STALE_AFTER, definition.stale_after_s)
        for limit in definition.limits:
            if limit.above is not None:
                fact(m.FIGURE_LIMIT_ABOVE, limit.above, limit.priority)
            if limit.below is not None:
                fact(m.FIGURE_LIMIT_BELOW, limit.below, limit.priority)
            fact(m.FIGURE_LIMIT_FOR, limit.for_s, limit.priority)
            fact(m.FIGURE_LIMIT_WINDOW, limit.window_s, limit.priority)

    def _unstate(self, name: str) -> None:
        for child in self._facts.pop(name):
            self._store.remove(child)

    def _end(self, name: str) -> None:
        self.figures.pop(name).close()
        self._limits.forget(name)
        self._lists.forget(name)
        self._unstate(name)

    def take(
        self, found: Found, origin: Origin, *, source: str = "", started_at: float | None = None
    ) -> list[Refused]:
        """Take what a document holds; what was refused, with what was refused before."""
        refused: list[Refused] = []
        at_once(self._taking(found, origin, source, started_at, refused))
        return refused

    def take_records(self, name: str, records: Sequence[object]) -> list[Refused]:
        """Take records of one kind, oldest first; what of their figures was refused.

        Raises FigureRefused if the service has no records of that name.
        """
        refused: list[Refused] = []
        at_once(self._taking_records(name, records, refused))
        return refused

    async def take_run(
        self, probe: str, found: Found | None, records: Mapping[str, Sequence[object]]
    ) -> None:
        """Take what a probe has read, in slices. What is refused is counted."""
        if found is not None:
            await in_slices(self._taking(found, Origin.JSON, f"probe:{probe}", None, []), self._clock)
        for name, listed in records.items():
            stream = self.records.get(name)
            if stream is None:
                continue
            await in_slices(self._taking_records(name, listed, []), self._clock)
            # A list that is read again and again says each time that what it said before still holds.
            for figure in stream.fed:
                if figure in self.figures:
                    self.figures[figure].confirm()

    def _taking(
        self, found: Found, origin: Origin, source: str, started_at: float | None, refused: list[Refused]
    ) -> Iterator[None]:
        """Take value by value, and fill `refused`, empty at first; a reload may come between two values."""
        refused += found.refused
        seen: dict[str, set[Labels]] = {name: set() for name in found.whole}
        for item in found.items:
            try:
                figure = self._take(item, source, started_at)
                if item.figure in seen:
                    seen[item.figure].add(figure.shown(item.labels))
            except FigureRefused as why:
                refused.append(Refused(item.figure, why))
            yield
        for name, labels in seen.items():
            if name in self.figures:
                self.figures[name].drop(self._lists.gone(name, source, labels))
        self.count_faults(origin, refused)

    def _taking_records(self, name: str, records: Sequence[object], refused: list[Refused]) -> Iterator[None]:
        stream = self.records.get(name)
        if stream is None:
            raise FigureRefused(FigureFault.UNDECLARED, "are no records of this service")
        delivery, found = stream.begin(), Found()
        for record in records:
            stream.take_one(record, delivery, found)
            yield
        stream.finish(delivery, found)
        yield from self._taking(found, Origin.RECORDS, f"records:{name}", None, refused)

    def count_faults(self, origin: Origin, refused: Iterable[Refused]) -> None:
        """Count values that were refused; none once it is closed, when the last delivery may still go on."""
        if self._is_closed:
            return
        for one in refused:
            key = (*self._base, origin.value, one.why.fault.value)
            self._store.counter(m.FIGURE_FAULTS_TOTAL, key).inc()

    def _take(self, item: Item, source: str, started_at: float | None) -> Figure:
        figure = self._figure(item.figure)
        match item.operation:
            case Operation.SET:
                figure.set(item.labels, item.value)
            case Operation.ADD:
                figure.add(item.labels, item.value)
            case Operation.OBSERVE:
                figure.observe(item.labels, item.value)
            case Operation.TOTAL:
                figure.check(item.labels, item.value)
                grown = self._totals.growth(source, item.figure, item.labels, item.value, started_at)
                figure.add(item.labels, grown)
        return figure

    def growth(self, item: Item, source: str) -> float:
        """What a running total of a source adds to its figure. Raises FigureRefused."""
        self._figure(item.figure).check(item.labels, item.value)
        return self._totals.growth(source, item.figure, item.labels, item.value)

    def _figure(self, name: str) -> Figure:
        figure = self.figures.get(name)
        if figure is None:
            raise FigureRefused(FigureFault.UNDECLARED, "is no figure of this service")
        return figure

    def refreshing(self) -> Iterator[None]:
        """Bring what depends on time up to date, figure by figure; before each exposition."""
        for name in list(self.figures):
            yield
            figure = self.figures.get(name)
            if figure is None:
                continue
            figure.expire()
            if figure.updated_at is not None:
                key = (*self._base, figure.definition.name)
                child = self._store.gauge(m.FIGURE_LAST_UPDATE, key)
                if child.value is None:
                    self._facts[figure.definition.name].append(child)
                child.set(figure.updated_at)
            self._limits.show(figure)

    def close(self) -> None:
        """Remove every series."""
        self._is_closed = True
        for name in list(self.figures):
            self._end(name)
        for stream in self.records.values():
            stream.close()
        self.records.clear()
        for origin in Origin:
            for fault in FigureFault:
                self._store.discard(m.FIGURE_FAULTS_TOTAL, (*self._base, origin.value, fault.value))
