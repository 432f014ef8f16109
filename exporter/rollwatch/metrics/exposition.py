"""The store, written for Prometheus: text 0.0.4 or OpenMetrics 1.0, in slices between which the loop lives.

Writing 80,000 series in one go would hold up every probe in flight and spoil the latencies they
measure. So `render` and `compress` work for half a millisecond and then let everything else run.
Neither writes `_created` series or timestamps.
"""

from __future__ import annotations

import asyncio
import math
import zlib
from contextlib import aclosing
from itertools import accumulate
from typing import TYPE_CHECKING, cast

from prometheus_client import exposition as prometheus_text
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics_text

from rollwatch.clock import SystemClock
from rollwatch.metrics.definition import MetricType
from rollwatch.metrics.negotiation import ContentType, accepts_gzip, negotiate
from rollwatch.metrics.numbers import text_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from prometheus_client import CollectorRegistry

    from rollwatch.metrics.series import CounterChild, GaugeChild, HistogramChild
    from rollwatch.metrics.store import Family, Store

__all__ = ["ContentType", "accepts_gzip", "compress", "negotiate", "render"]

_SLICE_S = 0.0005
# Children written between two looks at the clock: some 50 µs of work.
_SCALARS_AT_ONCE = 128
_HISTOGRAMS_AT_ONCE = 16
# What a look at the clock is worth to zlib, in the same way.
_COMPRESSED_AT_ONCE = 16 * 1024
# Measured: level 1 takes 0.4 of the time of level 6, and its answer is an eighth larger.
_LEVEL = 1
_GZIP = 16 + zlib.MAX_WBITS
_EOF = b"# EOF\n"
_monotonic = SystemClock().monotonic


async def render(
    store: Store,
    *,
    openmetrics: bool,
    extra: CollectorRegistry | None = None,
    monotonic: Callable[[], float] = _monotonic,
    slice_s: float = _SLICE_S,
) -> AsyncGenerator[bytes, None]:
    """Every visible series of `store`, then those of `extra`, complete lines in each piece.

    Works for at most about `slice_s` seconds between two turns of the loop. A series is written as
    it is at one instant; one that is removed or made meanwhile may or may not appear. Several may
    run at once.
    """
    lines: list[str] = []
    until = monotonic() + slice_s
    for family in store.families():
        header = _header(family, openmetrics=openmetrics)
        for written in _written(family):
            if written:
                lines += header
                header = ()
                lines += written
            if monotonic() >= until:
                piece = "".join(lines).encode()
                lines.clear()
                await asyncio.sleep(0)
                if piece:
                    yield piece
                until = monotonic() + slice_s
    rest = "".join(lines).encode()
    if extra is not None:
        taken = {name for family in store.families() for name in family.metric.reserved_names}
        # It reads /proc, and counts open files one by one.
        rest += await asyncio.to_thread(_extra, extra, taken, openmetrics=openmetrics)
    if openmetrics:
        rest += _EOF
    await asyncio.sleep(0)
    yield rest


async def compress(
    pieces: AsyncGenerator[bytes, None],
    *,
    monotonic: Callable[[], float] = _monotonic,
    slice_s: float = _SLICE_S,
) -> AsyncGenerator[bytes, None]:
    """`pieces` as one gzip stream, with the same promise as `render`. Closes `pieces`."""
    stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    async with aclosing(pieces):
        async for piece in pieces:
            ready: list[bytes] = []
            until = monotonic() + slice_s
            view = memoryview(piece)
            for start in range(0, len(piece), _COMPRESSED_AT_ONCE):
                ready.append(stream.compress(view[start : start + _COMPRESSED_AT_ONCE]))
                if monotonic() >= until:
                    await asyncio.sleep(0)
                    until = monotonic() + slice_s
            # The rest of this slice is not for the stage before to add its own to.
            await asyncio.sleep(0)
            if any(ready):
                yield b"".join(ready)
    yield stream.flush()


def _header(family: Family, *, openmetrics: bool) -> tuple[str, ...]:
    metric = family.metric
    name = metric.family if openmetrics else metric.name
    text = metric.help.replace("\\", r"\\")
    if openmetrics:
        text = text.replace('"', r"\"")
    return (f"# HELP {name} {text}\n", f"# TYPE {name} {metric.type}\n")


def _written(family: Family) -> Iterator[list[str]]:
    """The family's lines, a few children at a time; the children are those it has at the start."""
    if family.metric.type is MetricType.HISTOGRAM:
        histograms = cast("list[HistogramChild]", list(family.children.values()))
        for start in range(0, len(histograms), _HISTOGRAMS_AT_ONCE):
            lines: list[str] = []
            for histogram in histograms[start : start + _HISTOGRAMS_AT_ONCE]:
                _write_histogram(family.metric.name, histogram, lines)
            yield lines
        return
    scalars = cast("list[GaugeChild | CounterChild]", list(family.children.values()))
    for start in range(0, len(scalars), _SCALARS_AT_ONCE):
        # The common case of `text_of`, without a call.
        yield [
            f"{child.prefix}{value!r}\n" if -math.inf < value < 1e6 else f"{child.prefix}{text_of(value)}\n"
            for child in scalars[start : start + _SCALARS_AT_ONCE]
            if (value := child.value) is not None
        ]


def _write_histogram(name: str, child: HistogramChild, lines: list[str]) -> None:
    labels = child.labels
    start = f"{name}_bucket{{{labels}"
    count = 0
    for tail, count in zip(child.tails, accumulate(child.counts), strict=True):
        lines.append(f"{start}{tail}{count}\n")
    lines.append(f"{name}_count{{{labels}}} {count}\n")
    lines.append(f"{name}_sum{{{labels}}} {text_of(child.sum)}\n")


def _extra(registry: CollectorRegistry, taken: set[str], *, openmetrics: bool) -> bytes:
    """What `registry` holds, in prometheus_client's own words, without names that are `taken`."""
    kept = _Kept([_without_created(metric) for metric in registry.collect() if metric.name not in taken])
    if openmetrics:
        text: bytes = openmetrics_text.generate_latest(kept)  # type: ignore[no-untyped-call]  # it has no types
        return text.removesuffix(_EOF)
    return prometheus_text.generate_latest(kept)


class _Kept:
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def _without_created(metric: Metric) -> Metric:
    created = metric.name + "_created"
    if not any(sample.name == created for sample in metric.samples):
        return metric
    copy = Metric(metric.name, metric.documentation, metric.type, metric.unit)
    copy.samples = [sample for sample in metric.samples if sample.name != created]
    return copy
