"""What a scraper receives, and what the loop may do while it is written."""

from __future__ import annotations

import asyncio
import gzip
import math
from contextlib import aclosing
from itertools import pairwise
from typing import TYPE_CHECKING

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from rollwatch.metrics.definition import MetricDef, MetricType, Scope
from rollwatch.metrics.exposition import compress, render
from rollwatch.metrics.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

GAUGE = MetricDef("x_ratio", MetricType.GAUGE, 'A "share" \\ part.', scope=Scope.EXPORTER)
COUNTER = MetricDef("x_runs_total", MetricType.COUNTER, "Runs.", scope=Scope.EXPORTER)
HISTOGRAM = MetricDef("x_seconds", MetricType.HISTOGRAM, "Time.", scope=Scope.EXPORTER, buckets=(0.1, 1.0))


class SteppedTime:
    """A monotonic clock that moves on by `step_s` whenever somebody looks at it."""

    def __init__(self, step_s: float) -> None:
        self.now = 0.0
        self.step_s = step_s

    def __call__(self) -> float:
        self.now += self.step_s
        return self.now


async def joined(pieces: AsyncGenerator[bytes, None]) -> str:
    return b"".join([piece async for piece in pieces]).decode()


def filled(places: int = 1) -> Store:
    store = Store()
    for number in range(places):
        key = (f"place-{number}",)
        store.gauge(GAUGE, key).set(0.5)
        store.counter(COUNTER, key).inc(3)
        store.histogram(HISTOGRAM, key).observe(0.5)
    return store


async def test_the_text_format_to_the_letter() -> None:
    assert await joined(render(filled(), openmetrics=False)) == (
        '# HELP x_ratio A "share" \\\\ part.\n'
        "# TYPE x_ratio gauge\n"
        'x_ratio{location="place-0"} 0.5\n'
        "# HELP x_runs_total Runs.\n"
        "# TYPE x_runs_total counter\n"
        'x_runs_total{location="place-0"} 3.0\n'
        "# HELP x_seconds Time.\n"
        "# TYPE x_seconds histogram\n"
        'x_seconds_bucket{location="place-0",le="0.1"} 0\n'
        'x_seconds_bucket{location="place-0",le="1.0"} 1\n'
        'x_seconds_bucket{location="place-0",le="+Inf"} 1\n'
        'x_seconds_count{location="place-0"} 1\n'
        'x_seconds_sum{location="place-0"} 0.5\n'
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [(math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (1.7e9, "1.7e+09"), (999_999.5, "999999.5")],
)
async def test_numbers_are_in_the_words_of_the_format(value: float, written: str) -> None:
    store = Store()
    store.gauge(GAUGE, ("place-0",)).set(value)
    text = await joined(render(store, openmetrics=True))
    assert f'x_ratio{{location="place-0"}} {written}\n' in text


async def test_openmetrics_names_the_counters_family_without_total_and_ends_with_eof() -> None:
    text = await joined(render(filled(), openmetrics=True))
    assert '# HELP x_ratio A \\"share\\" \\\\ part.\n' in text
    assert '# HELP x_runs Runs.\n# TYPE x_runs counter\nx_runs_total{location="place-0"} 3.0\n' in text
    assert text.endswith("\n# EOF\n")


@pytest.mark.parametrize(("openmetrics", "expected"), [(False, ""), (True, "# EOF\n")])
async def test_an_empty_store_is_a_valid_answer(openmetrics: bool, expected: str) -> None:
    assert await joined(render(Store(), openmetrics=openmetrics)) == expected


async def test_a_family_whose_gauges_are_all_hidden_is_not_mentioned() -> None:
    store = filled()
    store.gauge(GAUGE, ("place-0",)).clear()
    assert "x_ratio" not in await joined(render(store, openmetrics=False))


async def test_a_lone_surrogate_in_a_label_does_not_cost_the_scrape() -> None:
    store = Store()
    store.gauge(GAUGE, ("disk-\udc80",)).set(1)
    assert 'x_ratio{location="disk-?"} 1.0\n' in await joined(render(store, openmetrics=False))


@pytest.mark.parametrize("openmetrics", [False, True])
async def test_what_the_process_knows_of_itself_is_part_of_one_valid_answer(openmetrics: bool) -> None:
    extra = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=extra)
    text = await joined(render(filled(), openmetrics=openmetrics, extra=extra))
    families = {family.name for family in (parse_openmetrics if openmetrics else parse_text)(text)}
    assert {"x_ratio", "x_runs", "x_seconds", "python_info", "python_gc_collections"} <= families
    assert "process_resident_memory_bytes" in families
    assert text.count("# EOF\n") == (1 if openmetrics else 0)


@pytest.mark.parametrize("openmetrics", [False, True])
async def test_series_from_elsewhere_lose_what_we_never_show(openmetrics: bool) -> None:
    extra = CollectorRegistry()
    prometheus_client.Counter("y_runs", "Runs.", registry=extra).inc()
    prometheus_client.Histogram("y_seconds", "Time.", registry=extra, buckets=(1,)).observe(0.5)
    text = await joined(render(filled(), openmetrics=openmetrics, extra=extra))
    assert "_created" not in text
    assert "y_runs_total 1.0\n" in text
    assert 'y_seconds_bucket{le="+Inf"} 1.0\n' in text


async def test_a_name_taken_twice_does_not_make_the_answer_invalid() -> None:
    extra = CollectorRegistry()
    prometheus_client.Gauge("x_ratio", "A double.", registry=extra).set(7)
    text = await joined(render(filled(), openmetrics=True, extra=extra))
    assert [f.name for f in parse_openmetrics(text)].count("x_ratio") == 1
    assert "A double." not in text


async def test_every_piece_ends_with_a_whole_line() -> None:
    store = filled(1000)
    pieces = [p async for p in render(store, openmetrics=True, monotonic=SteppedTime(0.0006))]
    assert len(pieces) > 10
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert b"".join(pieces).decode() == await joined(render(store, openmetrics=True))


@pytest.mark.parametrize("is_compressed", [False, True])
async def test_the_loop_gets_a_turn_after_every_slice_of_time(is_compressed: bool) -> None:
    # A look at the clock is a fifth of a slice: nobody may look more than six times between two turns.
    clock = SteppedTime(0.0002)
    looks_at_turn: list[float] = []

    async def take_turns() -> None:
        while True:
            looks_at_turn.append(clock.now / clock.step_s)
            await asyncio.sleep(0)

    turns = asyncio.create_task(take_turns())
    await asyncio.sleep(0)
    pieces = render(filled(5000), openmetrics=False, monotonic=clock)
    if is_compressed:
        pieces = compress(pieces, monotonic=clock)
    async for _ in pieces:
        pass
    await asyncio.sleep(0)
    turns.cancel()
    gaps = [after - before for before, after in pairwise(looks_at_turn)]
    assert sum(gaps) > 100
    assert max(gaps) < 8


async def test_hidden_gauges_by_the_thousand_do_not_hold_up_the_loop() -> None:
    store = Store()
    for number in range(10_000):
        store.gauge(GAUGE, (f"place-{number}",))
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(take_turns())
    pieces = [p async for p in render(store, openmetrics=False, monotonic=SteppedTime(0.0006))]
    task.cancel()
    assert b"".join(pieces) == b""
    assert turns > 10


async def test_gzip_gives_the_same_text_in_a_tenth_of_the_bytes() -> None:
    store = filled(2000)
    plain = await joined(render(store, openmetrics=True))
    packed = b"".join([p async for p in compress(render(store, openmetrics=True))])
    assert gzip.decompress(packed).decode() == plain
    assert len(packed) < len(plain) / 10


async def test_two_scrapes_at_once_are_each_whole() -> None:
    store = filled(300)
    expected = {kind: await joined(render(store, openmetrics=kind)) for kind in (False, True)}
    answers = await asyncio.gather(
        *(joined(render(store, openmetrics=kind, monotonic=SteppedTime(0.01))) for kind in (False, True) * 3)
    )
    assert answers == [expected[False], expected[True]] * 3


async def test_a_scraper_that_goes_away_ends_both_stages() -> None:
    ended = []

    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                # Incompressible enough that the first piece already gives output.
                yield bytes(range(256)) * 4096
        finally:
            ended.append(True)

    async with aclosing(compress(pieces())) as packed:
        await anext(packed)
    assert ended == [True]


async def test_series_that_come_and_go_while_writing_leave_the_others_whole() -> None:
    store = filled(1000)
    removed = [store.child(metric, ("place-999",)) for metric in (GAUGE, COUNTER, HISTOGRAM)]
    text = ""
    async with aclosing(render(store, openmetrics=True, monotonic=SteppedTime(0.01))) as pieces:
        number = 1000
        async for piece in pieces:
            text += piece.decode()
            for child in removed:
                store.remove(child)
            key = (f"place-{number}",)
            removed = [store.child(metric, key) for metric in (GAUGE, COUNTER, HISTOGRAM)]
            number += 1
    assert number > 1020
    seen = [
        tuple(sample.labels.items())
        for f in parse_openmetrics(text)
        for sample in f.samples
        if f.name == "x_runs"
    ]
    assert len(seen) == len(set(seen))
    assert {(("location", f"place-{n}"),) for n in range(999)} <= set(seen)
