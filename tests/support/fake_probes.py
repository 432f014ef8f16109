"""A kind of probe that does what the test says, and the engine around it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from rollwatch.config.probe_spec import ProbeSpec
from rollwatch.metrics.definition import MetricDef, MetricType
from rollwatch.model import Phase, Reason, Role
from rollwatch.probers.contract import ProbeEnv, ProberKind
from rollwatch.probers.run import Run, Sample

GAUGE = MetricDef("fake_gauge", MetricType.GAUGE, "A gauge.", labels=("part",))
COUNTER = MetricDef("fake_things_total", MetricType.COUNTER, "A counter.")
HISTOGRAM = MetricDef("fake_seconds", MetricType.HISTOGRAM, "A histogram.", buckets=(1.0,))
PHASES = MetricDef("fake_duration_seconds", MetricType.GAUGE, "Phases.", labels=("phase",))

Behaviour = Callable[[Run], Awaitable[None]]


class FakeSpec(ProbeSpec):
    """What a fake probe may say."""

    kind: Literal["fake", "bare", "session"] = "fake"
    does: str = "nothing"
    role: Role = Role.NONE


class FakeProber:
    """Looks up what to do by the spec's `does`, at each run."""

    def __init__(self, spec: FakeSpec, behaviours: dict[str, Behaviour]) -> None:
        self.spec = spec
        self.behaviours = behaviours

    async def probe(self, run: Run) -> None:
        await self.behaviours[self.spec.does](run)


class FakeSession(FakeProber):
    """Also lives between runs: counts seconds, and fails where the test says so."""

    seconds = 0.0
    lives = 0

    async def live(self) -> None:
        self.lives += 1
        if "live" in self.behaviours:
            await self.behaviours["live"](None)  # type: ignore[arg-type]
        while True:
            await asyncio.sleep(1)
            self.seconds += 1

    def take_samples(self) -> list[Sample]:
        seconds, self.seconds = self.seconds, 0.0
        return [Sample(COUNTER, (), seconds), Sample(GAUGE, ("session",), 1.0)]


def fake_kinds(behaviours: dict[str, Behaviour]) -> dict[str, ProberKind]:
    """Three kinds whose probers share `behaviours`: plain, without phases, and with a session."""

    def build(spec: FakeSpec, _env: ProbeEnv) -> FakeProber:
        if spec.does == "unbuildable":
            raise ValueError("the key file is not a key")
        return FakeProber(spec, behaviours)

    def kind(name: str, make: Any, phases: MetricDef | None = PHASES) -> ProberKind:
        return ProberKind(
            name=name,
            spec=FakeSpec,
            build=make,
            reasons=frozenset({Reason.STATUS, Reason.RATE_LIMITED}),
            target=lambda spec: f"fake://{spec.does}",
            metrics=(GAUGE, COUNTER, HISTOGRAM),
            phase_metric=phases,
            judged=(HISTOGRAM,),
            role=lambda spec: spec.role,
        )

    return {
        "fake": kind("fake", build),
        "bare": kind("bare", build, None),
        "session": kind("session", lambda spec, _env: FakeSession(spec, behaviours)),
    }


async def up(run: Run) -> None:
    """Answer at once."""
    run.enter(Phase.PROCESSING)
    await asyncio.sleep(0.01)


async def hang(run: Run) -> None:
    """Never answer."""
    run.enter(Phase.CONNECT)
    await asyncio.sleep(1e6)
