"""The one table of thresholds: what is judged, in which unit, and from which value on at which priority.

Rules, JSON Schema and documentation are made from `THRESHOLDS`; the file may override a value per service, or
switch it off. Windows and durations are no part of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "LATENCY_BUCKETS",
    "THRESHOLDS",
    "Direction",
    "Histogram",
    "Override",
    "Priority",
    "Threshold",
    "Unit",
    "overrides",
    "required_buckets",
]


class Priority(StrEnum):
    """P0 is worst; `rollback` is the value from which the release that did it is taken back."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    ROLLBACK = "rollback"


class Direction(StrEnum):
    """On which side of the threshold the trouble is."""

    ABOVE = "above"
    BELOW = "below"

    @property
    def off(self) -> float:
        """The value nothing is ever beyond."""
        return math.inf if self is Direction.ABOVE else -math.inf


class Unit(StrEnum):
    """What a value counts; `RATIO` is 0 to 1."""

    RATIO = "ratio"
    SECONDS = "seconds"
    BYTES = "bytes"
    FACTOR = "factor"
    SCORE = "score"
    POINTS = "percentage points"
    PER_MINUTE = "per minute"
    PER_HOUR = "per hour"

    @property
    def maximum(self) -> float:
        """No value is larger; the smallest is 0."""
        return 1.0 if self is Unit.RATIO else math.inf


class Histogram(StrEnum):
    """Which distribution a row is read from: its buckets must contain the row's values."""

    LATENCY = "latency"
    LCP = "lcp"
    INP = "inp"
    CLS = "cls"
    FCP = "fcp"
    PAGE_LOAD = "page_load"


LATENCY_BUCKETS = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
"""Seconds; the shipped targets and thresholds of latency are among them."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """One row. `defaults` are the shipped values in `unit`."""

    id: str
    unit: Unit
    direction: Direction
    sli: str
    """What is judged, in words."""
    defaults: Mapping[Priority, float]
    histogram: Histogram | None = None


def _row(
    name: str,
    unit: Unit,
    sli: str,
    defaults: dict[str, float],
    *,
    histogram: Histogram | None = None,
    direction: Direction = Direction.ABOVE,
) -> Threshold:
    values = {Priority(priority): float(value) for priority, value in defaults.items()}
    return Threshold(name, unit, direction, sli, MappingProxyType(values), histogram)


_DAY = 86_400.0
_BELOW = Direction.BELOW
_ROWS = (
    # Requests
    _row(
        "http_5xx_ratio",
        Unit.RATIO,
        "share of the service's own requests answered with 5xx; health probes are no part of it",
        {"P2": 0.005, "P1": 0.05, "P0": 0.5, "rollback": 0.1},
    ),
    _row(
        "feature_5xx_ratio",
        Unit.RATIO,
        "share of the requests of one core feature answered with 5xx",
        {"P1": 0.05},
    ),
    _row(
        "http_4xx_increase_ratio",
        Unit.RATIO,
        "share of requests answered with 4xx, minus the same a week ago; P1 is within 30 min after a release",
        {"P2": 0.05, "P1": 0.05},
    ),
    _row("http_request_rate_high_factor", Unit.FACTOR, "request rate over the rate a week ago", {"P2": 3}),
    _row(
        "http_request_rate_low_factor",
        Unit.FACTOR,
        "request rate over the rate a week ago",
        {"P2": 0.333},
        direction=_BELOW,
    ),
    _row(
        "http_p95_seconds",
        Unit.SECONDS,
        "95th percentile of latency over 5 min",
        {"P2": 0.5, "P1": 2},
        histogram=Histogram.LATENCY,
    ),
    _row(
        "http_p99_seconds",
        Unit.SECONDS,
        "99th percentile of latency over 5 min",
        {"P1": 5},
        histogram=Histogram.LATENCY,
    ),
    _row("http_average_seconds", Unit.SECONDS, "average latency over 3 min", {"rollback": 5}),
    # Providers and their data
    _row(
        "provider_p95_seconds",
        Unit.SECONDS,
        "95th percentile of a provider's response time over 5 min",
        {"P2": 0.5, "P1": 2},
        histogram=Histogram.LATENCY,
    ),
    _row(
        "provider_uptime_ratio",
        Unit.RATIO,
        "share of decided runs of the last hour in which a provider was up; P1 is without a healthy fallback",
        {"P2": 0.99, "P1": 0.95},
        direction=_BELOW,
    ),
    _row(
        "data_valid_ratio",
        Unit.RATIO,
        "share of a provider's records that passed every rule",
        {"P2": 0.9, "P1": 0.75, "P0": 0.5},
        direction=_BELOW,
    ),
    _row(
        "backtest_variance_points",
        Unit.POINTS,
        "live net profit and loss percent against the backtest's, absolute",
        {"P2": 5, "P1": 15, "P0": 20},
    ),
    # WebSocket
    _row(
        "websocket_connect_failure_ratio", Unit.RATIO, "share of connects that failed over 5 min", {"P1": 0.1}
    ),
    _row(
        "websocket_disconnect_ratio",
        Unit.RATIO,
        "abnormal closes in the last hour over sessions open at its start plus opened in it",
        {"P1": 0.2},
    ),
    _row(
        "websocket_dropped_ratio",
        Unit.RATIO,
        "share of open sessions that ended abnormally within 5 min",
        {"rollback": 0.5},
    ),
    _row(
        "websocket_rtt_seconds",
        Unit.SECONDS,
        "95th percentile of the round trip over 5 min",
        {"P2": 0.5, "P1": 2},
        histogram=Histogram.LATENCY,
    ),
    _row(
        "websocket_disconnected_seconds",
        Unit.SECONDS,
        "time since a watched session was last open",
        {"P1": 60, "P0": 600},
    ),
    # Browser
    _row("javascript_error_ratio", Unit.RATIO, "share of page views with a JavaScript error", {"P2": 0.001}),
    _row("javascript_errors_per_minute", Unit.PER_MINUTE, "JavaScript errors per minute", {"P1": 5}),
    _row(
        "lcp_p75_seconds",
        Unit.SECONDS,
        "75th percentile of Largest Contentful Paint",
        {"P2": 2.5, "P1": 4},
        histogram=Histogram.LCP,
    ),
    _row(
        "inp_p75_seconds",
        Unit.SECONDS,
        "75th percentile of Interaction to Next Paint",
        {"P2": 0.2, "P1": 0.5},
        histogram=Histogram.INP,
    ),
    _row(
        "cls_p75_score",
        Unit.SCORE,
        "75th percentile of Cumulative Layout Shift",
        {"P2": 0.1, "P1": 0.25},
        histogram=Histogram.CLS,
    ),
    _row(
        "fcp_p75_seconds",
        Unit.SECONDS,
        "75th percentile of First Contentful Paint",
        {"P2": 1.5},
        histogram=Histogram.FCP,
    ),
    _row(
        "page_load_p95_seconds",
        Unit.SECONDS,
        "95th percentile of page load",
        {"P1": 3},
        histogram=Histogram.PAGE_LOAD,
    ),
    _row("lab_tti_seconds", Unit.SECONDS, "Time to Interactive, as a lab run reported it", {"P2": 3}),
    _row(
        "lab_lighthouse_score",
        Unit.SCORE,
        "Lighthouse score, as a lab run reported it",
        {"P2": 90},
        direction=_BELOW,
    ),
    _row(
        "browser_heap_bytes",
        Unit.BYTES,
        "JavaScript heap in use in sessions older than 5 min",
        {"P2": 100e6, "P1": 150e6},
    ),
    # Application
    _row(
        "system_errors_per_hour",
        Unit.PER_HOUR,
        "declared system errors in the last hour",
        {"P2": 20, "P1": 50},
    ),
    _row(
        "system_errors_per_minute", Unit.PER_MINUTE, "declared system errors in the last minute", {"P1": 10}
    ),
    _row("failed_payment_ratio", Unit.RATIO, "share of payments that failed", {"P1": 0.02}),
    _row("cache_hit_ratio", Unit.RATIO, "share of cache reads that hit", {"P2": 0.7}, direction=_BELOW),
    _row("database_query_average_seconds", Unit.SECONDS, "average time of a database query", {"P2": 0.05}),
    # Machines
    _row("cpu_ratio", Unit.RATIO, "CPU in use over what may be used", {"P1": 0.8}),
    _row(
        "memory_ratio",
        Unit.RATIO,
        "memory in use over its real limit (container, host or heap)",
        {"P1": 0.8, "rollback": 0.95},
    ),
    _row(
        "disk_full_in_seconds",
        Unit.SECONDS,
        "time until a disk is full if it goes on filling as it does",
        {"P2": 4 * _DAY, "P1": _DAY},
        direction=_BELOW,
    ),
    _row("weekly_growth_ratio", Unit.RATIO, "growth of a size within a week", {"P3": 0.1}),
    _row(
        "certificate_expiry_seconds",
        Unit.SECONDS,
        "time until the earliest certificate of the chain expires",
        {"P2": 21 * _DAY, "P1": 7 * _DAY, "P0": 0},
        direction=_BELOW,
    ),
)

THRESHOLDS: Mapping[str, Threshold] = MappingProxyType({row.id: row for row in _ROWS})
"""Every row by its id."""


class Override(NamedTuple):
    """A value the file sets for a service, in the row's unit; an infinity means off."""

    threshold: str
    priority: str
    value: float


def overrides(thresholds: Mapping[str, Mapping[str, float]]) -> tuple[Override, ...]:
    """What a service overrides, in the order of the table."""
    return tuple(
        Override(row.id, priority.value, thresholds[row.id][priority])
        for row in _ROWS
        if row.id in thresholds
        for priority in Priority
        if priority in thresholds[row.id]
    )


def required_buckets(
    thresholds: Mapping[str, Mapping[str, float]], histogram: Histogram = Histogram.LATENCY
) -> frozenset[float]:
    """The bucket bounds a histogram must have to be judged by the shipped and the overridden values."""
    bounds = set(LATENCY_BUCKETS) if histogram is Histogram.LATENCY else set()
    for row in _ROWS:
        if row.histogram is histogram:
            bounds |= {*row.defaults.values(), *thresholds.get(row.id, {}).values()}
    return frozenset(bound for bound in bounds if math.isfinite(bound) and bound > 0)
