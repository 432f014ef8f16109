"""What one run of a probe has found so far: made by the engine, filled by the prober."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rollwatch.clock import Clock
    from rollwatch.figures.items import Found
    from rollwatch.metrics.definition import MetricDef
    from rollwatch.model import Component, Phase

__all__ = ["Run", "Sample"]


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
        "figures",
        "notes",
        "phase",
        "phases",
        "records",
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
        self.figures: Found | None = None
        """What the answer holds for the figures of the service."""
        self.records: dict[str, list[Any]] = {}
        """The records it holds, by their name."""
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
        """Record one value; a gauge recorded twice keeps the later. NaN and infinities are dropped."""
        if math.isfinite(value):
            self.samples.append(Sample(metric, labels, value))

    def note(self, name: str, value: object) -> None:
        """Keep a fact for a person who asked for an explanation; free when nobody did."""
        if self.notes is not None:
            self.notes.append((name, str(value)))
