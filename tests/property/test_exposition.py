"""Whatever the labels, texts and numbers: what we write means what prometheus_client writes, in both formats.

And whatever happens to the store while it is written, each series is one that really was.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import prometheus_client
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from rollwatch.metrics.definition import MetricDef, MetricType, Scope
from rollwatch.metrics.exposition import render
from rollwatch.metrics.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from prometheus_client.metrics_core import Metric

WORDS = st.text(max_size=12)
HELPS = WORDS.map(lambda text: "Help " + text.replace("\n", " "))
GAUGE_VALUES = st.floats() | st.integers(-(10**18), 10**18) | st.booleans()
AMOUNTS = st.floats(0, 1e300) | st.integers(0, 10**9)


@st.composite
def contents(draw: st.DrawFn) -> tuple[Store, CollectorRegistry]:
    """The same series in a store of ours and in prometheus_client's own metrics."""
    store, registry = Store(), CollectorRegistry()
    labels = ("label",) if draw(st.booleans()) else ()
    bounds = tuple(sorted(draw(st.sets(st.floats(0, 1e12, exclude_min=True), min_size=1, max_size=5))))
    gauge, counter, histogram = (
        MetricDef(
            name,
            kind,
            draw(HELPS),
            scope=Scope.SERVICE,
            labels=labels,
            buckets=bounds if kind is MetricType.HISTOGRAM else (),
        )
        for name, kind in [
            ("x_ratio", MetricType.GAUGE),
            ("x_runs_total", MetricType.COUNTER),
            ("x_seconds", MetricType.HISTOGRAM),
        ]
    )
    names = gauge.all_labels
    their_gauge = prometheus_client.Gauge(gauge.name, gauge.help, names, registry=registry)
    their_counter = prometheus_client.Counter(counter.name, counter.help, names, registry=registry)
    their_histogram = prometheus_client.Histogram(
        histogram.name, histogram.help, names, registry=registry, buckets=bounds
    )
    keys = st.tuples(*[WORDS] * len(names))
    for key in draw(st.sets(keys, min_size=1, max_size=4)):
        value = draw(GAUGE_VALUES)
        store.gauge(gauge, key).set(value)
        their_gauge.labels(*key).set(value)
        for amount in draw(st.lists(AMOUNTS, max_size=3)):
            store.counter(counter, key).inc(amount)
            their_counter.labels(*key).inc(amount)
            store.histogram(histogram, key).observe(amount)
            their_histogram.labels(*key).observe(amount)
    return store, registry


async def joined(pieces: AsyncGenerator[bytes, None]) -> str:
    return b"".join([piece async for piece in pieces]).decode()


def meaning(families: Iterable[Metric]) -> dict[str, Any]:
    """All that a parser learnt, comparable: NaN is itself, `_created` is left out."""
    return {
        family.name: (
            family.type,
            family.documentation,
            {
                (sample.name, frozenset(sample.labels.items())): (repr(float(sample.value)), sample.timestamp)
                for sample in family.samples
                if not sample.name.endswith("_created")
            },
        )
        for family in families
        if not family.name.endswith("_created") and family.samples
    }


@given(contents())
def test_the_text_format_means_what_the_reference_client_says(
    content: tuple[Store, CollectorRegistry],
) -> None:
    store, registry = content
    ours = asyncio.run(joined(render(store, openmetrics=False)))
    theirs = prometheus_client.generate_latest(registry).decode()
    assert meaning(parse_text(ours)) == meaning(parse_text(theirs))


@given(contents())
def test_openmetrics_means_what_the_reference_client_says(content: tuple[Store, CollectorRegistry]) -> None:
    store, registry = content
    ours = asyncio.run(joined(render(store, openmetrics=True)))
    theirs = generate_openmetrics(registry).decode()
    assert meaning(parse_openmetrics(ours)) == meaning(parse_openmetrics(theirs))


@given(contents())
def test_a_registry_that_holds_the_store_says_the_same(content: tuple[Store, CollectorRegistry]) -> None:
    store, _ = content
    registry = CollectorRegistry()
    registry.register(store)
    ours = asyncio.run(joined(render(store, openmetrics=False)))
    assert meaning(parse_text(ours)) == meaning(
        parse_text(prometheus_client.generate_latest(registry).decode())
    )


RUNS = MetricDef("x_runs_total", MetricType.COUNTER, "Runs.", scope=Scope.EXPORTER)
TIMES = MetricDef("x_seconds", MetricType.HISTOGRAM, "Time.", scope=Scope.EXPORTER, buckets=(0.5, 1.0, 2.0))
STATE = MetricDef("x_ratio", MetricType.GAUGE, "State.", scope=Scope.EXPORTER)
PLACES = [f"place-{number}" for number in range(200)]


def observe(store: Store, place: str) -> None:
    store.histogram(TIMES, (place,)).observe(1.0)
    store.counter(RUNS, (place,)).inc()


def remove(store: Store, place: str) -> None:
    for metric in (RUNS, TIMES, STATE):
        store.remove(store.child(metric, (place,)))


def show(store: Store, place: str) -> None:
    store.gauge(STATE, (place,)).set(1)


def hide(store: Store, place: str) -> None:
    store.gauge(STATE, (place,)).clear()


CHANGES = st.lists(
    st.tuples(st.sampled_from([observe, observe, observe, remove, show, hide]), st.sampled_from(PLACES)),
    max_size=12,
)


@settings(max_examples=60)
@given(st.lists(CHANGES, min_size=1, max_size=20))
def test_no_series_is_torn_by_what_happens_between_two_slices(
    rounds: list[list[tuple[Callable[[Store, str], None], str]]],
) -> None:
    store = Store()
    for place in PLACES:
        observe(store, place)
        show(store, place)

    async def scrape() -> str:
        text, number = "", 0
        # No time at all for a slice: there is a turn of the loop after every few children.
        async for piece in render(store, openmetrics=True, slice_s=0.0):
            text += piece.decode()
            for change, place in rounds[number % len(rounds)]:
                change(store, place)
            number += 1
        assert number > len(PLACES) // 16
        return text

    # The parser itself refuses torn histograms, duplicates and families that are not in one piece.
    families = {family.name: family for family in parse_openmetrics(asyncio.run(scrape()))}
    touched = {place for changes in rounds for _, place in changes}
    counts = {
        s.labels["location"]: s.value for s in families["x_seconds"].samples if s.name == "x_seconds_count"
    }
    sums = {s.labels["location"]: s.value for s in families["x_seconds"].samples if s.name == "x_seconds_sum"}
    assert counts == sums
    assert set(PLACES) - touched <= set(counts)
    for name in ("x_ratio", "x_runs", "x_seconds"):
        if name in families:
            keys = [(s.name, *sorted(s.labels.items())) for s in families[name].samples]
            assert len(keys) == len(set(keys))
