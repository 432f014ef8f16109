"""What one scrape of 80,000 series costs, and for how long it holds up the event loop.

In one run, on one content that changes before every scrape: our `render`, plain and gzipped, beside
prometheus_client's `generate_latest` on its own metrics and on our `collect`, and an idle loop.
Times are CPU seconds of this process, the smallest of several scrapes; stalls are the longest of all.
Run it alone: `python tests/bench/bench_exposition.py`.
"""

from __future__ import annotations

import asyncio
import gc
import gzip
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import prometheus_client
import uvloop
from prometheus_client.parser import text_string_to_metric_families

from rollwatch.metrics import catalogue as m
from rollwatch.metrics.definition import MetricDef, MetricType
from rollwatch.metrics.exposition import compress, render
from rollwatch.metrics.store import Store
from rollwatch.model import Phase, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from rollwatch.metrics.series import CounterChild, GaugeChild, HistogramChild

__all__ = ["Row", "main", "run"]

PROBES = 1000
SCRAPES = 5
SERIES_WANTED = 80_000
MAX_RATIO = 1 / 3
MAX_STALL_S = 0.020

_LATENCY = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
_GAUGES = [
    m.PROBE_SUCCESS,
    m.PROBE_DURATION_SECONDS,
    m.PROBE_DNS_LOOKUP_TIME_SECONDS,
    m.PROBE_IP_PROTOCOL,
    m.ROLLWATCH_PROBE_LAST_RUN_TIMESTAMP_SECONDS,
    m.ROLLWATCH_PROBE_LAST_SUCCESS_TIMESTAMP_SECONDS,
    m.ROLLWATCH_PROBE_INTERVAL_SECONDS,
    m.ROLLWATCH_PROBE_TIMEOUT_SECONDS,
    *(MetricDef(f"bench_{name}", MetricType.GAUGE, "A figure of the last answer.") for name in "abcdefg"),
]
_PHASES = MetricDef("bench_phase_seconds", MetricType.GAUGE, "Where the time went.", labels=("phase",))
_HISTOGRAMS = [
    m.PROBE_ALL_DURATION_SECONDS,
    MetricDef("bench_round_trip_seconds", MetricType.HISTOGRAM, "A second latency.", buckets=_LATENCY),
]
# As many results as make up the number wanted, beside 15 gauges, 5 phases and 2 histograms of 10 lines.
_RESULTS = 40
_BASE_LABELS = m.PROBE_SUCCESS.all_labels


class Row(NamedTuple):
    """One line of the table. `ratio` is to `generate_latest` on its own metrics."""

    what: str
    cpu_s: float
    ratio: float | None
    longest_stall_s: float
    size_bytes: int


@dataclass
class Content:
    """The same series twice: in our store, and in prometheus_client's own registry."""

    store: Store
    registry: prometheus_client.CollectorRegistry
    gauges: list[tuple[GaugeChild, prometheus_client.Gauge]]
    counters: list[tuple[CounterChild, prometheus_client.Counter]]
    histograms: list[tuple[HistogramChild, prometheus_client.Histogram]]

    def change(self, rng: random.Random) -> None:
        """Give every series a new value, the same in both."""
        for ours, theirs in self.gauges:
            value = rng.random() if "timestamp" not in ours.metric.name else 1.7e9 + rng.random()
            ours.set(value)
            theirs.set(value)
        for ours, theirs in self.counters:
            ours.inc()
            theirs.inc()
        for ours, theirs in self.histograms:
            for value in (rng.random(), 3 * rng.random()):
                ours.observe(value)
                theirs.observe(value)


def build(probes: int = PROBES) -> Content:
    """Series as `probes` HTTP probes have them."""
    content = Content(Store(), prometheus_client.CollectorRegistry(), [], [], [])
    make = _Peers(content.registry)
    reasons = list(Reason)[:_RESULTS]
    extra_reasons = [f"reason_{number}" for number in range(_RESULTS - len(reasons))]
    results = [(r.verdict.value, r.value) for r in reasons] + [("down", word) for word in extra_reasons]
    for number in range(probes):
        base = (f"service-{number // 10}", "production", f"probe-{number}", "http", "fra1")
        for metric in _GAUGES:
            content.gauges.append((content.store.gauge(metric, base), make.child(metric, base)))
        for phase in list(Phase)[:5]:
            key = (*base, phase.value)
            content.gauges.append((content.store.gauge(_PHASES, key), make.child(_PHASES, key)))
        for result in results:
            key = base + result
            metric = m.ROLLWATCH_PROBE_RESULTS_TOTAL
            content.counters.append((content.store.counter(metric, key), make.child(metric, key)))
        for metric in _HISTOGRAMS:
            content.histograms.append((content.store.histogram(metric, base), make.child(metric, base)))
    return content


class _Peers:
    """prometheus_client's own metrics, one for each definition of ours."""

    def __init__(self, registry: prometheus_client.CollectorRegistry) -> None:
        self._registry = registry
        self._parents: dict[MetricDef, prometheus_client.metrics.MetricWrapperBase] = {}

    def child(self, metric: MetricDef, key: tuple[str, ...]):
        parent = self._parents.get(metric)
        if parent is None:
            names = metric.all_labels
            if metric.type is MetricType.HISTOGRAM:
                parent = prometheus_client.Histogram(
                    metric.name, metric.help, names, registry=self._registry, buckets=metric.buckets
                )
            else:
                kind = (
                    prometheus_client.Gauge if metric.type is MetricType.GAUGE else prometheus_client.Counter
                )
                parent = kind(metric.name, metric.help, names, registry=self._registry)
            self._parents[metric] = parent
        return parent.labels(*key)


class Stalls:
    """Takes a turn of the loop whenever there is one, and keeps the longest time it had to wait."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Stalls:
        self._task = asyncio.create_task(self._tick())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        # One more turn, so that a stall that only just ended is seen.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert self._task is not None
        self._task.cancel()

    async def _tick(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            self.longest_s = max(self.longest_s, now - last)
            last = now


async def measure(
    scrape: Callable[[], Awaitable[list[bytes]]], change: Callable[[], None], scrapes: int
) -> tuple[float, float, int]:
    """CPU seconds of the cheapest scrape, longest stall of all, and the size of the last answer."""
    cpu, stall, answer = [], 0.0, []
    for _ in range(scrapes):
        change()
        # Cost is taken without the ticking task, whose own work would be counted too.
        began = time.process_time()
        answer = await scrape()
        cpu.append(time.process_time() - began)
        change()
        async with Stalls() as stalls:
            answer = await scrape()
        stall = max(stall, stalls.longest_s)
    return min(cpu), stall, sum(map(len, answer))


async def taken(pieces: AsyncIterator[bytes]) -> list[bytes]:
    """The answer as a server would send it, piece by piece."""
    return [piece async for piece in pieces]


def parsed(text: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by name and labels, `_created` left out."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


async def compare(probes: int = PROBES, scrapes: int = SCRAPES) -> list[Row]:
    """Build, check that both say the same, measure. Raises RuntimeError if they differ."""
    prometheus_client.disable_created_metrics()
    content = build(probes)
    rng = random.Random(20)
    gc.collect()
    gc.freeze()
    collected = prometheus_client.CollectorRegistry()
    collected.register(content.store)

    async def plain() -> list[bytes]:
        return await taken(render(content.store, openmetrics=False))

    async def openmetrics() -> list[bytes]:
        return await taken(render(content.store, openmetrics=True))

    async def gzipped() -> list[bytes]:
        return await taken(compress(render(content.store, openmetrics=False)))

    async def theirs() -> list[bytes]:
        return [prometheus_client.generate_latest(content.registry)]

    async def theirs_gzipped() -> list[bytes]:
        return [gzip.compress(prometheus_client.generate_latest(content.registry), compresslevel=9)]

    async def from_collect() -> list[bytes]:
        return [prometheus_client.generate_latest(collected)]

    async def idle() -> list[bytes]:
        for _ in range(100):
            await asyncio.sleep(0.001)
        return []

    content.change(rng)
    samples = parsed(b"".join(await theirs()))
    for name, answer in {
        "render": b"".join(await plain()),
        "gzip": gzip.decompress(b"".join(await gzipped())),
        "collect": b"".join(await from_collect()),
    }.items():
        if parsed(answer) != samples:
            raise RuntimeError(f"{name} and generate_latest give different samples")
    if probes == PROBES and len(samples) != SERIES_WANTED:
        raise RuntimeError(f"{len(samples)} series instead of {SERIES_WANTED}")
    del samples
    gc.collect()

    rows: list[Row] = []
    peer_cpu_s: float | None = None
    for what, scrape in {
        "generate_latest, its own metrics": theirs,
        "generate_latest, its own metrics, gzip as its server does": theirs_gzipped,
        "generate_latest, our collect()": from_collect,
        "render, text": plain,
        "render, OpenMetrics": openmetrics,
        "render, text, gzip": gzipped,
        "idle loop for 100 ms": idle,
    }.items():
        cpu_s, stall_s, size = await measure(scrape, lambda: content.change(rng), scrapes)
        peer_cpu_s = cpu_s if peer_cpu_s is None else peer_cpu_s
        rows.append(Row(what, cpu_s, cpu_s / peer_cpu_s if size else None, stall_s, size))
    return rows


def run(probes: int = PROBES, scrapes: int = SCRAPES) -> list[Row]:
    """The table, measured on uvloop as the exporter runs."""
    return uvloop.run(compare(probes, scrapes))


def main() -> None:
    """Print the table and whether the targets are met."""
    rows = run()
    print(f"{'one scrape of 80,000 series':<60}{'CPU ms':>9}{'ratio':>8}{'stall ms':>10}{'bytes':>12}")
    for what, cpu_s, ratio, stall_s, size in rows:
        shown = "" if ratio is None else f"{ratio:.2f}"
        print(f"{what:<60}{cpu_s * 1e3:>9.1f}{shown:>8}{stall_s * 1e3:>10.2f}{size:>12}")
    ours = [row for row in rows if row.what.startswith("render")]
    is_met = all(
        row.longest_stall_s <= MAX_STALL_S and row.ratio is not None and row.ratio <= MAX_RATIO
        for row in ours
    )
    targets = f"ratio <= {MAX_RATIO:.2f}, stall <= {MAX_STALL_S * 1e3:.0f} ms"
    print(f"targets ({targets}): {'met' if is_met else 'MISSED'}")


if __name__ == "__main__":
    main()
