"""What a kind of probe is made of, and what the engine hands it for one run.

The engine owns deadline, timing, verdict, counting and errors; a prober only probes:
`await prober.probe(run)` returns when the target is UP and raises `ProbeFailure` when it is not.
Whatever it learnt on the way it tells `run`, so that it is kept when the deadline strikes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from rollwatch.model import Component, Phase, Reason, Role
from rollwatch.probers._network import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rollwatch.clock import Clock
    from rollwatch.config.spec import ProbeSpec
    from rollwatch.metrics.definition import MetricDef

__all__ = ["Background", "ProbeEnv", "Prober", "ProberKind", "Run", "Sample"]


class Sample(NamedTuple):
    """One value of one metric of a probe: set for a gauge, added for a counter, observed for a histogram."""

    metric: MetricDef
    labels: tuple[str, ...]
    value: float


class Run:
    """One run of one probe: what it has found so far. Made by the engine, filled by the prober."""

    __slots__ = (
        "_clock",
        "_phase_began",
        "components",
        "notes",
        "phase",
        "phases",
        "retry_after_s",
        "samples",
        "version",
    )

    def __init__(self, clock: Clock, *, explain: bool = False) -> None:
        self._clock = clock
        self._phase_began = 0.0
        self.phase: Phase | None = None
        self.phases: dict[Phase, float] = {}
        self.samples: list[Sample] = []
        self.components: list[Component] = []
        self.version: str | None = None
        self.retry_after_s: float | None = None
        self.notes: list[tuple[str, str]] | None = [] if explain else None

    def enter(self, phase: Phase) -> None:
        """End the phase under way and begin `phase`; time in one phase adds up over redirects."""
        now = self._clock.monotonic()
        self._close_phase(now)
        self.phase = phase
        self._phase_began = now

    def leave(self) -> None:
        """End the phase under way; the time until the next `enter` belongs to none."""
        self._close_phase(self._clock.monotonic())
        self.phase = None

    def _close_phase(self, now: float) -> None:
        if self.phase is not None:
            spent = now - self._phase_began
            self.phases[self.phase] = self.phases.get(self.phase, 0.0) + spent

    def sample(self, metric: MetricDef, value: float, *labels: str) -> None:
        """Record one value; the same gauge series twice in a run keeps the later. NaN and infinities are dropped."""
        if math.isfinite(value):
            self.samples.append(Sample(metric, labels, value))

    def note(self, name: str, value: object) -> None:
        """Keep a fact for a person who asked for an explanation; free when nobody did."""
        if self.notes is not None:
            self.notes.append((name, str(value)))


class Prober(Protocol):
    """Probes one target. Built once per configured probe; runs of one prober never overlap."""

    async def probe(self, run: Run) -> None:
        """Return if UP, raise `ProbeFailure` otherwise. Lets `CancelledError` pass, within 100 ms."""
        ...


@runtime_checkable
class Background(Protocol):
    """A prober that also lives between runs (a watching session). `probe` then reports its state."""

    async def live(self) -> None:
        """Run until cancelled. Started by the engine when the probe is, and ended with it."""
        ...

    def take_samples(self) -> Sequence[Sample]:
        """Gauges as they are now, and what counters and histograms gained since the last call.

        Called before each exposition and after each run; must not block nor await.
        """
        ...


@dataclass(frozen=True, slots=True)
class ProbeEnv:
    """What a prober may use of the world. `rng` gives a float in [0, 1).

    `network` is shared by all probes of the process; whoever makes the environment closes it at shutdown.
    """

    clock: Clock
    rng: Callable[[], float]
    user_agent: str
    network: Network = field(default_factory=Network)


@dataclass(frozen=True, slots=True)
class ProberKind:
    """One kind of probe, found by its module's `KIND`.

    `metrics` are those this kind adds to the common ones. `phase_metric` has the one own label
    `phase` and is set by the engine from `Run.phases`. `reasons` are those this kind can give
    beside the engine's own: their counters exist from the start at 0.
    `role` and `target` read the spec: the role of a provider, and what is asked, for people,
    without anything secret.
    """

    name: str
    spec: type[ProbeSpec]
    build: Callable[[Any, ProbeEnv], Prober]
    reasons: frozenset[Reason]
    target: Callable[[Any], str]
    metrics: tuple[MetricDef, ...] = ()
    phase_metric: MetricDef | None = None
    role: Callable[[Any], Role] = lambda _spec: Role.NONE
