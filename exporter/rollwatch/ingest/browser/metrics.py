"""Every figure of browsers; each constant is its metric's name in capitals, without the prefix."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rollwatch.config.thresholds import Histogram, required_buckets
from rollwatch.metrics.definition import MetricDef, MetricType, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ACTIVE_SESSIONS",
    "ALL_ERRORS_TOTAL",
    "BEACONS_TOTAL",
    "BROWSER_METRICS",
    "CLS_SCORE",
    "ERRORS_IGNORED_TOTAL",
    "ERRORS_TOTAL",
    "ERROR_GROUP_FIRST_SEEN_TIMESTAMP_SECONDS",
    "FCP_SECONDS",
    "GOALS_TOTAL",
    "HEAP_BYTES",
    "INP_SECONDS",
    "LCP_SECONDS",
    "PAGE_LOAD_SECONDS",
    "PAGE_VIEWS_TOTAL",
    "PAGE_VIEWS_WITH_ERRORS_TOTAL",
    "SAMPLE_RATIO",
    "SESSIONS_STARTED_TOTAL",
    "SESSION_DURATION_SECONDS",
    "TTFB_SECONDS",
    "UNKNOWN_GOALS_TOTAL",
    "UNREAD_REQUESTS_TOTAL",
    "page_buckets",
]

_CONFIGURED = "For every service with `browser`."
_FROM_ZERO = "For every service with `browser`, from 0."
_JUDGED = " Buckets hold the thresholds in force."
_PLACES = (
    "From the first value of a route and kind of device. Of routes that are not declared at most 50, "
    "the rest are other; one that nobody met for 24 h goes."
)


def _gauge(name: str, text: str, *labels: str, meaning: str = _CONFIGURED) -> MetricDef:
    return MetricDef(
        f"rollwatch_browser_{name}", MetricType.GAUGE, text, Scope.SERVICE, labels, meaning=meaning
    )


def _counter(
    name: str, text: str, *labels: str, meaning: str = _FROM_ZERO, scope: Scope = Scope.SERVICE
) -> MetricDef:
    return MetricDef(f"rollwatch_browser_{name}", MetricType.COUNTER, text, scope, labels, meaning=meaning)


def _histogram(
    name: str, text: str, *labels: str, buckets: tuple[float, ...], meaning: str = _PLACES + _JUDGED
) -> MetricDef:
    return MetricDef(
        f"rollwatch_browser_{name}", MetricType.HISTOGRAM, text, Scope.SERVICE, labels, buckets, meaning
    )


# How pages are met.

LCP_SECONDS = _histogram(
    "lcp_seconds",
    "Largest Contentful Paint in seconds: when the largest element of a page was shown.",
    "route",
    "device",
    buckets=(0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0),
)
INP_SECONDS = _histogram(
    "inp_seconds",
    "Interaction to Next Paint in seconds: how late a page answered its slowest click, tap or key.",
    "route",
    "device",
    buckets=(0.04, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0),
)
CLS_SCORE = _histogram(
    "cls_score",
    "Cumulative Layout Shift, a score: how much of a page moved unexpectedly, and how far.",
    "route",
    "device",
    buckets=(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 1.0),
)
FCP_SECONDS = _histogram(
    "fcp_seconds",
    "First Contentful Paint in seconds: when anything of a page was shown.",
    "route",
    "device",
    buckets=(0.5, 1.0, 1.5, 1.8, 2.5, 3.0, 5.0),
)
TTFB_SECONDS = _histogram(
    "ttfb_seconds",
    "Time to First Byte in seconds: when the answer to a navigation began.",
    "route",
    "device",
    buckets=(0.1, 0.2, 0.4, 0.8, 1.2, 1.8, 3.0, 5.0),
    meaning=_PLACES,
)
PAGE_LOAD_SECONDS = _histogram(
    "page_load_seconds",
    "From the start of a navigation to the end of the load event, in seconds.",
    "route",
    "device",
    buckets=(0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0),
)
PAGE_VIEWS_TOTAL = _counter(
    "page_views_total",
    "Pages, and views within a page, that were shown.",
    "route",
    "device",
    meaning="For declared routes from 0. " + _PLACES,
)
PAGE_VIEWS_WITH_ERRORS_TOTAL = _counter(
    "page_views_with_errors_total",
    "Views in which there was a JavaScript error that is not ignored.",
    "route",
    "device",
    meaning="Beside rollwatch_browser_page_views_total, from 0.",
)
HEAP_BYTES = _histogram(
    "heap_bytes",
    "JavaScript heap in use in bytes, by the age of the session: young below 5 minutes, old from then on. "
    "Only browsers made of Chromium tell it.",
    "route",
    "age",
    buckets=(10e6, 25e6, 50e6, 75e6, 100e6, 150e6, 250e6, 500e6, 1e9),
)

# What goes wrong in them.

ALL_ERRORS_TOTAL = _counter(
    "all_errors_total",
    "JavaScript errors that are not ignored: kind error, or rejection for a promise nobody handled. "
    "Use it for rates: a group begins with its first error, and so misses that.",
    "kind",
)
ERRORS_TOTAL = _counter(
    "errors_total",
    "The same by group. /api/monitoring/errors says what a group is.",
    "group",
    "kind",
    meaning="For each group from its first error. At most 50 groups per service, the rest are other; "
    "a group unseen for 24 h goes.",
)
ERROR_GROUP_FIRST_SEEN_TIMESTAMP_SECONDS = _gauge(
    "error_group_first_seen_timestamp_seconds",
    "When this exporter first saw an error of the group, in seconds since 1970.",
    "group",
    meaning="Beside rollwatch_browser_errors_total, but not for other.",
)
ERRORS_IGNORED_TOTAL = _counter(
    "errors_ignored_total",
    "Errors that a pattern of ignore_errors matches, by its name; they are counted nowhere else.",
    "pattern",
    meaning="For each pattern of ignore_errors, from 0.",
)

# What visitors do.

GOALS_TOTAL = _counter(
    "goals_total",
    "How often a goal was reached.",
    "goal",
    meaning="For each declared goal, from 0.",
)
UNKNOWN_GOALS_TOTAL = _counter(
    "unknown_goals_total",
    "Goals that were refused because the configuration does not list them.",
)
SESSIONS_STARTED_TOTAL = _counter(
    "sessions_started_total",
    "Sessions that began; a session is the life of one tab.",
    "device",
)
SESSION_DURATION_SECONDS = _histogram(
    "session_duration_seconds",
    "How long sessions lasted in seconds. One that was not heard of for 30 minutes has ended.",
    "device",
    buckets=(10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14_400.0),
    meaning=_FROM_ZERO,
)
ACTIVE_SESSIONS = _gauge(
    "active_sessions",
    "Sessions heard of in the last 5 minutes; at most 50,000 are told apart.",
)
SAMPLE_RATIO = _gauge(
    "sample_ratio",
    "The share of sessions that report, as the config sets it. Counts are not scaled up: divide by it.",
)

# What becomes of beacons.

BEACONS_TOTAL = _counter(
    "beacons_total",
    "Beacons for the service, by what became of them: accepted, or the error they were answered with.",
    "outcome",
)
UNREAD_REQUESTS_TOTAL = _counter(
    "unread_requests_total",
    "Requests to /ingest/browser that were turned away before it was known which service they are for, "
    "by the error they were answered with.",
    "error",
    scope=Scope.EXPORTER,
    meaning="While browsers may send, from 0.",
)

BROWSER_METRICS: tuple[MetricDef, ...] = tuple(
    value for value in globals().values() if isinstance(value, MetricDef)
)
"""All of them, for the catalogue."""

_HISTOGRAMS = {
    LCP_SECONDS: Histogram.LCP,
    INP_SECONDS: Histogram.INP,
    CLS_SCORE: Histogram.CLS,
    FCP_SECONDS: Histogram.FCP,
    PAGE_LOAD_SECONDS: Histogram.PAGE_LOAD,
}


def page_buckets(thresholds: Mapping[str, Mapping[str, float]]) -> dict[MetricDef, tuple[float, ...]]:
    """The bounds of every histogram of pages, the shipped thresholds and those overridden among them."""
    limits = thresholds.get("browser_heap_bytes", {}).values()
    required = {
        TTFB_SECONDS: frozenset[float](),
        HEAP_BYTES: frozenset(limit for limit in limits if math.isfinite(limit) and limit > 0),
        **{metric: required_buckets(thresholds, histogram) for metric, histogram in _HISTOGRAMS.items()},
    }
    return {metric: tuple(sorted({*metric.buckets, *more})) for metric, more in required.items()}
