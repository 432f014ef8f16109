"""What a kind of probe is made of, and what the engine hands it for one run.

The engine owns deadline, timing, verdict, counting and errors; a prober only probes:
`await prober.probe(run)` returns when the target is UP and raises `ProbeFailure` when it is not.
Whatever it learnt on the way it tells `run`, so that it is kept when the deadline strikes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from rollwatch.model import Reason, Role
from rollwatch.probers._network import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rollwatch.clock import Clock
    from rollwatch.config.figures import FigureDef
    from rollwatch.config.probe_spec import ProbeSpec
    from rollwatch.metrics.definition import MetricDef
    from rollwatch.probers.run import Run, Sample

__all__ = ["Background", "ProbeEnv", "Prober", "ProberKind"]


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
    figures: Mapping[str, FigureDef] = field(default_factory=lambda: MappingProxyType({}))
    """The figures of its service that the probe reads, by name."""


@dataclass(frozen=True, slots=True)
class ProberKind:
    """One kind of probe, found by its module's `KIND`.

    `metrics` are those this kind adds to the common ones. `phase_metric` has the one own label
    `phase` and is set by the engine from `Run.phases`. `reasons` are those this kind can give
    beside the engine's own: their counters exist from the start at 0.
    `role`, `target` and `status_page` read the spec: the role of a provider, what is asked, and where
    people can read how the provider is, without anything secret. `judged` are histograms of latency,
    without labels of their own, that thresholds are about: the engine adds the limits in force to their
    bounds.
    """

    name: str
    spec: type[ProbeSpec]
    build: Callable[[Any, ProbeEnv], Prober]
    reasons: frozenset[Reason]
    target: Callable[[Any], str]
    metrics: tuple[MetricDef, ...] = ()
    phase_metric: MetricDef | None = None
    judged: tuple[MetricDef, ...] = ()
    role: Callable[[Any], Role] = lambda _spec: Role.NONE
    status_page: Callable[[Any], str | None] = lambda _spec: None
