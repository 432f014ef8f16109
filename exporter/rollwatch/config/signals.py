"""What arrives at a service, checked as a whole: every figure complete, every reading of one that exists."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from rollwatch.config.figure_rules import complete, metric_of, nearest
from rollwatch.config.mistake import did_you_mean
from rollwatch.config.reading_rules import problems_of_reading
from rollwatch.metrics.definition import MetricType
from rollwatch.metrics.normal import NORMAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from rollwatch.config.browser import BrowserSpec
    from rollwatch.config.document import ServiceSpec
    from rollwatch.config.features import FeatureSpec
    from rollwatch.config.fields import JsonExpression
    from rollwatch.config.figures import FigureDef
    from rollwatch.config.logs import LogSpec
    from rollwatch.config.probe_spec import ProbeSpec
    from rollwatch.config.push import PushSpec
    from rollwatch.config.readings import Reading
    from rollwatch.config.records import RecordsSpec

__all__ = ["Signals", "Trouble", "clashes", "resolve", "shared_streams"]

Place = tuple[str | int, ...]

_PUSH_STALE_S = 300.0
_FETCH_STALE_INTERVALS = 3


class Trouble(NamedTuple):
    """What is wrong, and where below the service."""

    place: Place
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Signals:
    """Everything that arrives at one service; compared by value."""

    figures: Mapping[str, FigureDef] = field(default_factory=lambda: MappingProxyType({}))
    records: Mapping[str, RecordsSpec] = field(default_factory=lambda: MappingProxyType({}))
    push: PushSpec | None = None
    browser: BrowserSpec | None = None
    logs: Mapping[str, LogSpec] = field(default_factory=lambda: MappingProxyType({}))
    features: Mapping[str, FeatureSpec] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all can arrive."""
        return not (self.figures or self.records or self.push or self.browser or self.logs)


class _Use(NamedTuple):
    """One place where a figure is read. `interval_s` is that of the probe that fetches it."""

    place: Place
    name: str
    reading: Reading
    counts_by_itself: bool
    is_pushed: bool
    interval_s: float | None


def resolve(
    spec: ServiceSpec,
    probes: Mapping[str, ProbeSpec],
    thresholds: Mapping[str, Mapping[str, float]],
    location: str,
) -> tuple[Signals, list[Trouble]]:
    """What arrives in `location` at a service with these probes, and everything that is wrong with it."""
    uses = list(_uses(spec, probes, location))
    troubles = [*_unknown_records(spec, probes), *_shared_endpoints(spec)]
    figures: dict[str, FigureDef] = {}
    names = dict.fromkeys([*spec.figures, *(use.name for use in uses if use.name in NORMAL)])
    for name in names:
        of_name = [use for use in uses if use.name == name]
        stale_s = _stale_after_s(of_name, can_be_pushed=spec.push is not None)
        found, problems = complete(name, spec.figures.get(name), thresholds, stale_s)
        troubles += [Trouble(("figures", name, *at), message, remedy) for at, message, remedy in problems]
        if found is not None:
            figures[name] = found
    for use in uses:
        definition = figures.get(use.name)
        if definition is None:
            if use.name not in names:
                message = "is neither a figure of this service nor a normal name"
                troubles.append(Trouble(use.place, message, _declare(use.name, spec.figures)))
            continue
        for at, message, remedy in problems_of_reading(
            definition, use.reading, counts_by_itself=use.counts_by_itself
        ):
            troubles.append(Trouble((*use.place, *at), message, remedy))
    troubles += _doubled_by_fetching(spec, probes, figures)
    signals = Signals(
        MappingProxyType(figures),
        MappingProxyType(spec.records),
        spec.push,
        spec.browser,
        MappingProxyType(spec.logs),
        MappingProxyType(spec.features),
    )
    return signals, troubles


def _declare(name: str, declared: Iterable[str]) -> str:
    near = nearest(name, declared)
    if near is not None:
        return f"Did you mean '{near}'?"
    return "Declare it under figures; the normal names are listed in docs/signals.md."


def clashes(services: Mapping[str, Signals]) -> Iterator[tuple[str, Trouble]]:
    """Figures of different services, or of one, that can't be exported side by side."""
    taken: dict[str, tuple[str, FigureDef]] = {}
    for service, signals in services.items():
        for definition in signals.figures.values():
            for reserved in sorted(metric_of(definition).reserved_names):
                owner, other = taken.setdefault(reserved, (service, definition))
                if other.name == definition.name and _shape(other) == _shape(definition):
                    continue
                where = f"{other.name} of {owner}" if owner != service else other.name
                message = f"can't stand beside {where}: one metric, two shapes or two meanings"
                remedy = "Give it another name, or the same type and labels."
                yield service, Trouble(("figures", definition.name), message, remedy)
                break


def shared_streams(services: Mapping[str, Signals]) -> Iterator[tuple[str, Trouble]]:
    """Logs that would take each other's lines: of standard input or of a pipe each line comes once."""
    taken: set[Path | str] = set()
    for service, signals in services.items():
        for name, log in signals.logs.items():
            key, stream = ("stdin", "stdin") if log.stdin else ("fifo", log.fifo)
            if stream is None:
                continue
            if stream in taken:
                place = ("logs", name, key)
                yield service, Trouble(place, "is read by another log already", "Add its lines there.")
            taken.add(stream)


def _shape(definition: FigureDef) -> tuple[MetricType, tuple[str, ...]]:
    return definition.type, tuple(label.name for label in definition.labels)


def _uses(spec: ServiceSpec, probes: Mapping[str, ProbeSpec], location: str) -> Iterator[_Use]:
    for probe, probe_spec in probes.items():
        # Nothing is expected here of a probe that runs elsewhere.
        interval_s = probe_spec.interval if probe_spec.runs_in(location) else None
        yield from _of(probe_spec.readings(), ("probes", probe, "figures"), interval_s=interval_s)
    document = None if spec.push is None else spec.push.document
    if document is not None:
        yield from _of(document.figures, ("push", "document", "figures"), is_pushed=True)
    for name, log in spec.logs.items():
        for index, line in enumerate(log.lines):
            yield from _of(line.figures, ("logs", name, "lines", index, "figures"), counts_by_itself=True)
    for name, records in spec.records.items():
        reading = [p for p in probes.values() if name in p.records_read() and p.runs_in(location)]
        # Between two records of a trading day hours may pass: only what is fetched is expected regularly.
        interval_s = max((probe_spec.interval for probe_spec in reading), default=None)
        place = ("records", name, "figures")
        yield from _of(records.figures, place, counts_by_itself=True, interval_s=interval_s)
        yield from _of(records.totals, ("records", name, "totals"), interval_s=interval_s)


def _of(
    readings: Mapping[str, tuple[Reading, ...]],
    place: Place,
    *,
    counts_by_itself: bool = False,
    is_pushed: bool = False,
    interval_s: float | None = None,
) -> Iterator[_Use]:
    for name, several in readings.items():
        for index, reading in enumerate(several):
            at = (*place, name) if len(several) == 1 else (*place, name, index)
            yield _Use(at, name, reading, counts_by_itself, is_pushed, interval_s)


def _stale_after_s(uses: Iterable[_Use], *, can_be_pushed: bool) -> float | None:
    """When a figure that is read in these places is stale, if it says nothing itself."""
    uses = list(uses)
    if not uses:
        # Declared, and read nowhere: it can only come in the documented form.
        return _PUSH_STALE_S if can_be_pushed else None
    expected = [_PUSH_STALE_S for use in uses if use.is_pushed]
    expected += [use.interval_s * _FETCH_STALE_INTERVALS for use in uses if use.interval_s is not None]
    return max(expected, default=None)


def _unknown_records(spec: ServiceSpec, probes: Mapping[str, ProbeSpec]) -> Iterator[Trouble]:
    for place, named in _records_read(spec, probes):
        for name in named:
            if name not in spec.records:
                message = "names records this service does not have"
                remedy = did_you_mean(name, spec.records) if spec.records else "Declare them under records."
                yield Trouble((*place, name), message, remedy)


def _records_read(
    spec: ServiceSpec, probes: Mapping[str, ProbeSpec]
) -> Iterator[tuple[Place, Mapping[str, JsonExpression]]]:
    for probe, probe_spec in probes.items():
        yield ("probes", probe, "records"), probe_spec.records_read()
    if spec.push is not None and spec.push.document is not None:
        yield ("push", "document", "records"), spec.push.document.records


def _shared_endpoints(spec: ServiceSpec) -> Iterator[Trouble]:
    owner: dict[str, str] = {}
    for name, feature in spec.features.items():
        for index, endpoint in enumerate(feature.endpoints):
            other = owner.setdefault(endpoint, name)
            if other != name or endpoint in feature.endpoints[:index]:
                place = ("features", name, "endpoints", index)
                yield Trouble(place, f"belongs to the feature {other} already", "Remove it from one.")


def _doubled_by_fetching(
    spec: ServiceSpec, probes: Mapping[str, ProbeSpec], figures: Mapping[str, FigureDef]
) -> Iterator[Trouble]:
    """A served list is read again in every run: without an id each record would count every time."""
    for probe, probe_spec in probes.items():
        for name in probe_spec.records_read():
            records = spec.records.get(name)
            if records is None or records.id is not None:
                continue
            adding = [f for f in records.figures if f in figures and figures[f].type is not MetricType.GAUGE]
            if adding:
                message = f"are read again in every run, and would count in {adding[0]} every time"
                yield Trouble(("probes", probe, "records", name), message, f"Give records.{name} an id.")
