"""What is counted of pushes."""

from __future__ import annotations

from rollwatch.metrics.definition import MetricDef, MetricType, Scope

__all__ = ["PUSH_LAST", "PUSH_METRICS", "PUSH_REQUESTS_TOTAL", "PUSH_UNREAD_REQUESTS_TOTAL"]

PUSH_REQUESTS_TOTAL = MetricDef(
    "rollwatch_push_requests_total",
    MetricType.COUNTER,
    "Pushes whose service is known, by what became of them: accepted, partly_refused and refused by name, "
    "duplicate, out_of_order, json_invalid and more.",
    scope=Scope.SERVICE,
    labels=("outcome",),
    meaning="For every service that takes pushes and every outcome, from 0.",
)
PUSH_LAST = MetricDef(
    "rollwatch_push_last_timestamp_seconds",
    MetricType.GAUGE,
    "When something of a push was last accepted, in seconds since 1970.",
    scope=Scope.SERVICE,
    meaning="For every service that takes pushes, from the first that was accepted.",
)
PUSH_UNREAD_REQUESTS_TOTAL = MetricDef(
    "rollwatch_push_unread_requests_total",
    MetricType.COUNTER,
    "Pushes that were turned away before it was known which service they are for, by the error they were "
    "answered with.",
    scope=Scope.EXPORTER,
    labels=("error",),
    meaning="While any service takes pushes, from 0.",
)

PUSH_METRICS: tuple[MetricDef, ...] = (PUSH_LAST, PUSH_REQUESTS_TOTAL, PUSH_UNREAD_REQUESTS_TOTAL)
"""All of them, for the catalogue."""
