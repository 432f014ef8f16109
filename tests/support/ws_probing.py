"""Running websocket probers in tests: from what a file says to the outcome of a run."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import TYPE_CHECKING

from rollwatch.clock import SystemClock
from rollwatch.engine.runner import Outcome, Runner
from rollwatch.metrics.definition import MetricDef, MetricType
from rollwatch.probers._network import Network
from rollwatch.probers._ws_spec import WebSocketSpec
from rollwatch.probers._ws_watch import WatchProber
from rollwatch.probers.contract import ProbeEnv, Prober
from rollwatch.probers.run import Sample
from rollwatch.probers.websocket import KIND

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


def make_spec(port: int, secrets: object = None, **said: object) -> WebSocketSpec:
    """The spec as the file gives it; the URL is the local server's unless said."""
    document = {"kind": "websocket", "url": f"ws://127.0.0.1:{port}/feed", **said}
    return WebSocketSpec.model_validate(document, context={"secrets": secrets})


def make_env(rng: Callable[[], float] = lambda: 0.0) -> ProbeEnv:
    return ProbeEnv(clock=SystemClock(), rng=rng, user_agent="rollwatch/test", network=Network())


def make_prober(spec: WebSocketSpec, env: ProbeEnv | None = None) -> Prober:
    return KIND.build(spec, env or make_env())


async def run_once(prober: Prober, timeout_s: float, *, explain: bool = False) -> Outcome:
    """One run under the engine's own deadline."""
    runner = Runner(SystemClock(), lag_since=lambda _began: 0.0, own_network_is_up=None)
    return await runner.run("service/probe", prober, timeout_s, explain=explain)


async def probe(port: int, *, secrets: object = None, **said: object) -> Outcome:
    """Build a prober of what the file says, and run it once."""
    spec = make_spec(port, secrets, **said)
    return await run_once(make_prober(spec), spec.timeout, explain=True)


@contextlib.asynccontextmanager
async def watching(
    port: int, *, rng: Callable[[], float] = lambda: 0.0, **said: object
) -> AsyncIterator[WatchProber]:
    """A prober in mode watch, living. It begins at once; `rng` decides how long it waits afterwards."""
    waits = itertools.chain([0.0], iter(rng, None))
    prober = make_prober(make_spec(port, mode="watch", **said), make_env(lambda: next(waits)))
    assert isinstance(prober, WatchProber)
    async with alive(prober):
        yield prober


@contextlib.asynccontextmanager
async def alive(prober: WatchProber) -> AsyncIterator[WatchProber]:
    task = asyncio.create_task(prober.live(), name="live")
    try:
        yield prober
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Totals:
    """What an exposition would show: gauges as last seen, counters and observations added up."""

    def __init__(self, prober: WatchProber) -> None:
        self._prober = prober
        self.gauges: dict[tuple[MetricDef, tuple[str, ...]], float] = {}
        self.counts: dict[tuple[MetricDef, tuple[str, ...]], float] = {}
        self.observed: dict[MetricDef, list[float]] = {}

    def refresh(self) -> Totals:
        self.take(self._prober.take_samples())
        return self

    def take(self, samples: list[Sample]) -> None:
        for metric, labels, value in samples:
            if metric.type is MetricType.GAUGE:
                self.gauges[metric, labels] = value
            elif metric.type is MetricType.COUNTER:
                self.counts[metric, labels] = self.counts.get((metric, labels), 0.0) + value
            else:
                self.observed.setdefault(metric, []).append(value)

    def count(self, metric: MetricDef, *labels: str) -> float:
        return self.refresh().counts.get((metric, labels), 0.0)

    def gauge(self, metric: MetricDef, *labels: str) -> float | None:
        return self.refresh().gauges.get((metric, labels))
