"""What a run does to the metrics. All series of one probe are bound once; recording allocates nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.metrics import catalogue as m
from rollwatch.metrics.definition import MetricType
from rollwatch.metrics.series import CounterChild, GaugeChild
from rollwatch.model import Phase, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rollwatch.engine.runner import Outcome
    from rollwatch.metrics.bounded import BoundedNames
    from rollwatch.metrics.definition import MetricDef
    from rollwatch.metrics.series import Child
    from rollwatch.metrics.store import Store
    from rollwatch.model import Component, Role
    from rollwatch.probers.contract import ProberKind
    from rollwatch.probers.run import Sample

__all__ = ["ENGINE_REASONS", "Recorder"]

ENGINE_REASONS = frozenset(
    {
        Reason.OK,
        Reason.TIMEOUT,
        Reason.OVERLOADED,
        Reason.OWN_NETWORK,
        Reason.OWN_RESOURCES,
        Reason.SECRET_UNAVAILABLE,
        Reason.INTERNAL_ERROR,
    }
)
"""Reasons the engine itself gives, whatever the kind."""


class Recorder:
    """The series of one probe.

    `base` are the values of the probe scope's common labels, in order. `limits` are what latency is judged
    by: they become bounds of the kind's `judged` histograms. Last-run gauges show the last decided run: one
    that a decided run did not measure is hidden; an UNKNOWN run leaves them as they were for as long as the
    verdict is held.
    """

    def __init__(
        self,
        store: Store,
        kind: ProberKind,
        base: tuple[str, ...],
        *,
        role: Role,
        priority: str,
        interval_s: float,
        timeout_s: float,
        buckets: Sequence[float],
        limits: Iterable[float],
        names: BoundedNames,
    ) -> None:
        self._store = store
        self._kind = kind
        self._base = base
        self._names = names
        self._children: dict[MetricDef, dict[tuple[str, ...], Child]] = {}
        self._shown: set[GaugeChild] = set()
        self._gauge(m.ROLLWATCH_PROBE_INFO, role.value, priority).set(1)
        self._gauge(m.ROLLWATCH_PROBE_INTERVAL_SECONDS).set(interval_s)
        self._gauge(m.ROLLWATCH_PROBE_TIMEOUT_SECONDS).set(timeout_s)
        self._success = self._gauge(m.PROBE_SUCCESS)
        self._duration = self._gauge(m.PROBE_DURATION_SECONDS)
        self._last_run = self._gauge(m.ROLLWATCH_PROBE_LAST_RUN_TIMESTAMP_SECONDS)
        self._last_success = self._gauge(m.ROLLWATCH_PROBE_LAST_SUCCESS_TIMESTAMP_SECONDS)
        self._skipped = self._counter(m.ROLLWATCH_PROBE_SKIPPED_RUNS_TOTAL)
        self._durations = store.histogram(m.PROBE_ALL_DURATION_SECONDS, base, buckets)
        self._keep(m.PROBE_ALL_DURATION_SECONDS, (), self._durations)
        self._results = {reason: self._result(reason) for reason in ENGINE_REASONS | kind.reasons}
        for metric in kind.judged:
            own = store.histogram(metric, base, {*metric.buckets, *limits})
            self._keep(metric, (), own)
        for metric in kind.metrics:
            if metric.type is not MetricType.GAUGE and not metric.labels:
                self._child(metric, ())

    def _result(self, reason: Reason) -> CounterChild:
        return self._counter(m.ROLLWATCH_PROBE_RESULTS_TOTAL, reason.verdict.value, reason.value)

    def _child(self, metric: MetricDef, labels: tuple[str, ...]) -> Child:
        series = self._children.get(metric)
        if series is None:
            series = self._children[metric] = {}
        child = series.get(labels)
        if child is None:
            child = series[labels] = self._store.child(metric, self._base + labels)
        return child

    def _keep(self, metric: MetricDef, labels: tuple[str, ...], child: Child) -> None:
        self._children.setdefault(metric, {})[labels] = child

    def _gauge(self, metric: MetricDef, *labels: str) -> GaugeChild:
        child = self._child(metric, labels)
        assert isinstance(child, GaugeChild)  # noqa: S101  callers name gauges only
        return child

    def _counter(self, metric: MetricDef, *labels: str) -> CounterChild:
        child = self._child(metric, labels)
        assert isinstance(child, CounterChild)  # noqa: S101  callers name counters only
        return child

    def record(self, outcome: Outcome, standing: Verdict) -> None:
        """Take in a finished run; `standing` is the verdict that stands after it.

        Raises ValueError for a sample that can't be; the run is then not counted.
        """
        reason = outcome.reason
        run = outcome.run
        shown = self._apply(run.samples)
        self._count(reason)
        self._last_run.set(outcome.started_at)
        if reason.verdict is not Verdict.UNKNOWN:
            self._duration.set(outcome.duration_s)
            self._durations.observe(outcome.duration_s)
            if reason is Reason.OK:
                self._last_success.set(outcome.started_at)
            if self._kind.phase_metric is not None:
                for phase, seconds in run.phases.items():
                    shown.add(self._set_phase(self._kind.phase_metric, phase, seconds))
            shown |= self._set_components(run.components)
            self._hide(self._shown - shown)
            self._shown = shown
        else:
            self._shown |= shown
        self.stand(standing)

    def count_unasked(self, reason: Reason, standing: Verdict, at: float) -> None:
        """A tick that must not ask the target (`Retry-After`): it counts as a run without evidence."""
        self._count(reason)
        self._last_run.set(at)
        self.stand(standing)

    def stand(self, standing: Verdict) -> None:
        """Show the verdict that stands; UNKNOWN hides it and every last-run gauge."""
        if standing is Verdict.UNKNOWN:
            self._success.clear()
            self._duration.clear()
            self._hide(self._shown)
            self._shown = set()
        else:
            self._success.set(1.0 if standing is Verdict.UP else 0.0)

    def skip(self, runs: int) -> None:
        """Count ticks that passed without a run."""
        self._skipped.inc(runs)

    def take(self, samples: Iterable[Sample]) -> None:
        """Samples of a prober that lives between runs; its gauges stay until it changes them."""
        self._apply(samples)

    def close(self) -> None:
        """Remove every series of this probe."""
        for series in self._children.values():
            for child in series.values():
                self._store.remove(child)
        self._children.clear()
        self._results.clear()

    def _count(self, reason: Reason) -> None:
        child = self._results.get(reason)
        if child is None:
            child = self._results[reason] = self._result(reason)
        child.inc()

    def _apply(self, samples: Iterable[Sample]) -> set[GaugeChild]:
        gauges: set[GaugeChild] = set()
        for metric, labels, value in samples:
            child = self._child(metric, labels)
            if isinstance(child, GaugeChild):
                child.set(value)
                gauges.add(child)
            elif isinstance(child, CounterChild):
                child.inc(value)
            else:
                child.observe(value)
        return gauges

    def _set_phase(self, metric: MetricDef, phase: Phase, seconds: float) -> GaugeChild:
        child = self._gauge(metric, phase.value)
        child.set(seconds)
        return child

    def _set_components(self, components: Iterable[Component]) -> set[GaugeChild]:
        """Where several components share a series (`other`), one that is down is what it shows."""
        worst: dict[GaugeChild, bool] = {}
        for component in components:
            name = self._names.admit(m.ROLLWATCH_COMPONENT_UP.name, self._base[0], component.name)
            is_critical = "true" if component.is_critical else "false"
            child = self._gauge(m.ROLLWATCH_COMPONENT_UP, name, is_critical)
            worst[child] = component.is_up and worst.get(child, True)
        for child, is_up in worst.items():
            child.set(1.0 if is_up else 0.0)
        return set(worst)

    @staticmethod
    def _hide(gauges: Iterable[GaugeChild]) -> None:
        for child in gauges:
            child.clear()
