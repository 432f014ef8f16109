"""Values between scrapes: what a child promises whoever holds it, and what the store promises a registry."""

from __future__ import annotations

import math
import sys
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from rollwatch.metrics.definition import MetricDef, MetricType, Scope
from rollwatch.metrics.store import CounterChild, GaugeChild, HistogramChild, Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.metrics.store import Child

GAUGE = MetricDef("x_ratio", MetricType.GAUGE, "A share.", scope=Scope.EXPORTER)
LABELLED = MetricDef("x_info", MetricType.GAUGE, "Always 1.", scope=Scope.EXPORTER, labels=("version",))
COUNTER = MetricDef("x_runs_total", MetricType.COUNTER, "Runs.", scope=Scope.EXPORTER)
HISTOGRAM = MetricDef("x_seconds", MetricType.HISTOGRAM, "Time.", scope=Scope.EXPORTER, buckets=(0.1, 1.0))
KEY = ("fra1",)


def shown(store: Store) -> dict[tuple[str, str], float]:
    """Every sample a registry with this store gives, by name and `le` or `version`."""
    registry = CollectorRegistry()
    registry.register(store)
    return {
        (sample.name, sample.labels.get("le", sample.labels.get("version", ""))): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def test_a_gauge_is_absent_until_set_and_after_it_is_cleared() -> None:
    store = Store()
    gauge = store.gauge(GAUGE, KEY)
    assert shown(store) == {}
    gauge.set(0.0)
    assert shown(store) == {("x_ratio", ""): 0.0}
    gauge.clear()
    assert shown(store) == {}
    gauge.set(math.inf)
    assert shown(store) == {("x_ratio", ""): math.inf}


def test_a_gauge_set_to_a_truth_value_holds_a_number() -> None:
    gauge = Store().gauge(GAUGE, KEY)
    gauge.set(True)
    assert repr(gauge.value) == "1.0"


def test_a_counter_starts_at_zero_and_adds_up() -> None:
    store = Store()
    counter = store.counter(COUNTER, KEY)
    assert shown(store) == {("x_runs_total", ""): 0.0}
    counter.inc()
    counter.inc(0)
    counter.inc(2.5)
    assert shown(store) == {("x_runs_total", ""): 3.5}


@pytest.mark.parametrize("amount", [-1, -0.001, math.nan, math.inf, -math.inf])
def test_a_counter_refuses_to_fall_or_to_become_no_number(amount: float) -> None:
    counter = Store().counter(COUNTER, KEY)
    counter.inc(3)
    with pytest.raises(ValueError, match="can't grow"):
        counter.inc(amount)
    assert counter.value == 3


def test_an_observation_on_a_bound_belongs_to_that_bucket() -> None:
    store = Store()
    histogram = store.histogram(HISTOGRAM, KEY)
    for value in (0.0, 0.1, 0.1000001, 1.0, 1.5):
        histogram.observe(value)
    assert histogram.count == 5
    assert shown(store) == {
        ("x_seconds_bucket", "0.1"): 2,
        ("x_seconds_bucket", "1.0"): 4,
        ("x_seconds_bucket", "+Inf"): 5,
        ("x_seconds_count", ""): 5,
        ("x_seconds_sum", ""): pytest.approx(2.7000001),
    }


@pytest.mark.parametrize("value", [-1e-9, math.nan, math.inf, -math.inf])
def test_a_histogram_refuses_what_would_spoil_its_sum(value: float) -> None:
    histogram = Store().histogram(HISTOGRAM, KEY)
    with pytest.raises(ValueError, match="x_seconds can't observe"):
        histogram.observe(value)
    assert (histogram.count, histogram.sum) == (0, 0.0)


def test_a_child_of_a_histogram_may_have_buckets_of_its_own() -> None:
    store = Store()
    store.histogram(HISTOGRAM, KEY, [2, 0.5, 0.5, math.inf]).observe(0.7)
    assert [le for name, le in shown(store) if name == "x_seconds_bucket"] == ["0.5", "2.0", "+Inf"]


def test_children_with_the_same_buckets_share_their_text() -> None:
    store = Store()
    one, two = (store.histogram(HISTOGRAM, (place,), [0.5]) for place in ("fra1", "nyc1"))
    assert one.tails is two.tails


def test_buckets_of_an_existing_histogram_do_not_change_under_its_user() -> None:
    store = Store()
    histogram = store.histogram(HISTOGRAM, KEY, [0.5])
    assert store.histogram(HISTOGRAM, KEY) is histogram
    assert store.histogram(HISTOGRAM, KEY, [0.5]) is histogram
    with pytest.raises(ValueError, match="remove it first"):
        store.histogram(HISTOGRAM, KEY, [0.7])
    store.remove(histogram)
    assert store.histogram(HISTOGRAM, KEY, [0.7]).bounds == (0.7,)


@pytest.mark.parametrize("buckets", [[math.nan], [-math.inf]])
def test_buckets_that_are_no_numbers_are_refused(buckets: list[float]) -> None:
    with pytest.raises(ValueError, match="must be numbers"):
        Store().histogram(HISTOGRAM, KEY, buckets)


@pytest.mark.parametrize(
    ("metric", "kind"), [(GAUGE, GaugeChild), (COUNTER, CounterChild), (HISTOGRAM, HistogramChild)]
)
def test_asking_twice_gives_the_same_series(metric: MetricDef, kind: type[Child]) -> None:
    store = Store()
    child = store.child(metric, KEY)
    assert isinstance(child, kind)
    assert store.child(metric, ("fra" + "1",)) is child


@pytest.mark.parametrize("metric", [GAUGE, COUNTER, HISTOGRAM])
@pytest.mark.parametrize("values", [(), ("fra1", "more")])
def test_a_wrong_number_of_labels_is_refused(metric: MetricDef, values: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="has the labels"):
        Store().child(metric, values)


@pytest.mark.parametrize(
    ("method", "metric"), [("gauge", COUNTER), ("counter", GAUGE), ("gauge", HISTOGRAM), ("histogram", GAUGE)]
)
def test_a_child_of_the_wrong_type_is_refused(method: str, metric: MetricDef) -> None:
    ask: Callable[[MetricDef, tuple[str, ...]], object] = getattr(Store(), method)
    with pytest.raises(TypeError, match=metric.name):
        ask(metric, KEY)


@pytest.mark.parametrize(
    "other",
    [
        MetricDef("x_seconds", MetricType.GAUGE, "The same name.", scope=Scope.EXPORTER),
        MetricDef("x_seconds_count", MetricType.GAUGE, "A line of the histogram.", scope=Scope.EXPORTER),
        MetricDef("x_seconds_total", MetricType.COUNTER, "Its OpenMetrics family.", scope=Scope.EXPORTER),
    ],
)
def test_two_metrics_never_share_a_name_in_either_format(other: MetricDef) -> None:
    store = Store()
    store.child(HISTOGRAM, KEY)
    with pytest.raises(ValueError, match="clashes"):
        store.child(other, KEY)


def test_a_removed_series_is_gone_and_its_child_is_harmless() -> None:
    store = Store()
    old = store.gauge(LABELLED, ("fra1", "1.0"))
    old.set(1)
    store.remove(old)
    old.set(1)
    store.remove(old)
    assert shown(store) == {}
    assert store.series == 0


def test_removing_a_replaced_child_leaves_the_one_in_force() -> None:
    store = Store()
    old = store.counter(COUNTER, KEY)
    store.remove(old)
    new = store.counter(COUNTER, KEY)
    new.inc()
    store.remove(old)
    assert new is not old
    assert shown(store) == {("x_runs_total", ""): 1.0}


def test_removing_a_child_of_another_store_changes_nothing() -> None:
    store = Store()
    store.remove(Store().counter(COUNTER, KEY))
    store.counter(COUNTER, KEY)
    store.remove(Store().counter(COUNTER, KEY))
    assert store.series == 1


def test_series_counts_the_lines_of_a_scrape_hidden_gauges_included() -> None:
    store = Store()
    assert store.series == 0
    store.gauge(GAUGE, KEY)
    store.counter(COUNTER, KEY)
    store.histogram(HISTOGRAM, KEY)
    store.histogram(HISTOGRAM, ("nyc1",), [1, 2, 3])
    assert store.series == 1 + 1 + (2 + 3) + (3 + 3)


def test_a_registry_refuses_a_second_collector_of_our_names() -> None:
    first, second = Store(), Store()
    for store in (first, second):
        store.counter(COUNTER, KEY)
    registry = CollectorRegistry(auto_describe=True)
    registry.register(first)
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(second)


@pytest.mark.parametrize("metric", [GAUGE, COUNTER])
def test_a_series_costs_less_than_400_bytes_beside_its_label_text(metric: MetricDef) -> None:
    store = Store()
    store.child(metric, KEY)
    places = [(f"place-{number}",) for number in range(5000)]
    tracemalloc.start()
    try:
        text = 0
        for place in places:
            child = store.child(metric, place)
            assert not isinstance(child, HistogramChild)
            child.value = len(place[0]) + text + 0.5
            text += sys.getsizeof(child.prefix)
        spent = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert (spent - text) / len(places) < 400


def test_a_name_is_free_once_its_last_series_is_gone() -> None:
    store = Store()
    one = MetricDef("x_depth", MetricType.GAUGE, "One.", scope=Scope.EXPORTER, labels=("a",))
    other = MetricDef("x_depth", MetricType.HISTOGRAM, "Other.", scope=Scope.EXPORTER, buckets=(1.0,))
    first, second = (store.gauge(one, ("here", value)) for value in ("1", "2"))
    store.remove(first)
    with pytest.raises(ValueError, match="clashes"):
        store.histogram(other, ("here",))

    store.discard(one, ("here", "2"))
    store.remove(second)

    store.histogram(other, ("here",)).observe(0.5)
    assert [family.metric for family in store.families()] == [other]
