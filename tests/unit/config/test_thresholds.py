"""The one table, and what a service changes in it."""

from __future__ import annotations

import math
import re

import pytest

from rollwatch.config.override_values import read_overrides, value_schema
from rollwatch.config.thresholds import (
    LATENCY_BUCKETS,
    THRESHOLDS,
    Direction,
    Histogram,
    Priority,
    Threshold,
    Unit,
    overrides,
    required_buckets,
)

ROWS = list(THRESHOLDS.values())
SEVERITY = [Priority.P3, Priority.P2, Priority.P1, Priority.P0]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_default_is_a_value_the_file_could_set(row: Threshold) -> None:
    written = {row.id: {priority.value: value for priority, value in row.defaults.items()}}

    found = read_overrides(written)

    assert found.mistakes == ()
    assert found.values == written
    assert row.defaults
    assert row.sli


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_worse_priorities_have_values_further_on(row: Threshold) -> None:
    values = [row.defaults[priority] for priority in SEVERITY if priority in row.defaults]

    assert values == sorted(values, reverse=row.direction is Direction.BELOW)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_an_id_says_its_unit(row: Threshold) -> None:
    ending = {
        Unit.RATIO: "_ratio",
        Unit.SECONDS: "_seconds",
        Unit.BYTES: "_bytes",
        Unit.FACTOR: "_factor",
        Unit.SCORE: "_score",
        Unit.POINTS: "_points",
        Unit.PER_MINUTE: "_per_minute",
        Unit.PER_HOUR: "_per_hour",
    }[row.unit]

    assert row.id.endswith(ending)
    assert re.fullmatch(r"[a-z][a-z0-9_]{1,62}", row.id)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_off_is_a_value_nothing_is_ever_beyond(row: Threshold) -> None:
    priority = next(iter(row.defaults)).value

    (override,) = overrides(read_overrides({row.id: {priority: "off"}}).values)

    expected = math.inf if row.direction is Direction.ABOVE else -math.inf
    assert override == (row.id, priority, expected)


@pytest.mark.parametrize(
    ("name", "priority", "default"),
    [
        ("http_5xx_ratio", "P2", 0.005),
        ("http_5xx_ratio", "P1", 0.05),
        ("http_5xx_ratio", "P0", 0.5),
        ("http_5xx_ratio", "rollback", 0.1),
        ("http_p95_seconds", "P2", 0.5),
        ("http_p95_seconds", "P1", 2.0),
        ("http_p99_seconds", "P1", 5.0),
        ("provider_uptime_ratio", "P1", 0.95),
        ("websocket_disconnect_ratio", "P1", 0.2),
        ("data_valid_ratio", "P0", 0.5),
        ("backtest_variance_points", "P0", 20.0),
        ("memory_ratio", "rollback", 0.95),
        ("certificate_expiry_seconds", "P2", 21 * 86_400.0),
        ("disk_full_in_seconds", "P1", 86_400.0),
        ("weekly_growth_ratio", "P3", 0.1),
    ],
)
def test_the_shipped_values_are_those_of_the_requirements(name: str, priority: str, default: float) -> None:
    assert THRESHOLDS[name].defaults[Priority(priority)] == default


def test_latency_histograms_have_the_shipped_bounds_and_those_a_service_sets() -> None:
    assert required_buckets({}) == set(LATENCY_BUCKETS) == {0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0}

    found = required_buckets(
        {
            "http_p95_seconds": {"P1": 0.8, "P2": math.inf},
            "provider_p95_seconds": {"P1": 0.0},
            "http_average_seconds": {"rollback": 7.0},
            "lcp_p75_seconds": {"P1": 3.0},
        }
    )

    assert found == {*LATENCY_BUCKETS, 0.8}


@pytest.mark.parametrize(
    ("histogram", "bounds"),
    [(Histogram.LCP, {2.5, 4.0, 3.0}), (Histogram.INP, {0.2, 0.5}), (Histogram.CLS, {0.1, 0.25})],
)
def test_browser_histograms_have_the_bounds_they_are_judged_by(
    histogram: Histogram, bounds: set[float]
) -> None:
    assert required_buckets({"lcp_p75_seconds": {"P1": 3.0}}, histogram) == bounds


def test_the_schema_of_a_ratio_ends_at_one_and_that_of_a_duration_takes_text() -> None:
    assert value_schema(THRESHOLDS["cpu_ratio"])["anyOf"][0]["maximum"] == 1.0
    assert {"type": "string", "pattern": "^[0-9]"} in value_schema(THRESHOLDS["http_p95_seconds"])["anyOf"]
