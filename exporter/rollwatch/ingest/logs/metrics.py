"""What is shown of every log that is followed, beside the figures made of its lines."""

from __future__ import annotations

from enum import StrEnum

from rollwatch.metrics.definition import MetricDef, MetricType, Scope

__all__ = [
    "BACKLOG",
    "BYTES_TOTAL",
    "LAST_LINE",
    "LINES_TOTAL",
    "LOG_METRICS",
    "OBSTACLE",
    "OPEN",
    "ROTATIONS_TOTAL",
    "LineResult",
]

_PER_LOG = "For each configured log."


class LineResult(StrEnum):
    """What became of a line."""

    TAKEN = "taken"
    """It fits a shape: its values are in the figures, or were refused and counted as faults."""
    PASSED = "passed"
    """It fits no shape: nothing is made of it."""
    MALFORMED = "malformed"
    """It fits no shape, and should be a JSON object or list and is not."""
    TOO_LONG = "too_long"


LINES_TOTAL = MetricDef(
    "rollwatch_log_source_lines_total",
    MetricType.COUNTER,
    "Lines of a followed log by what became of them: taken, passed (no shape fits), malformed, too_long.",
    scope=Scope.SERVICE,
    labels=("log", "result"),
    meaning="For each configured log and result, from 0.",
)
BYTES_TOTAL = MetricDef(
    "rollwatch_log_source_bytes_total",
    MetricType.COUNTER,
    "Bytes read of a followed log.",
    scope=Scope.SERVICE,
    labels=("log",),
    meaning=_PER_LOG,
)
ROTATIONS_TOTAL = MetricDef(
    "rollwatch_log_source_rotations_total",
    MetricType.COUNTER,
    "Rotations of a followed log that were seen: replaced (another file at its path), truncated (emptied).",
    scope=Scope.SERVICE,
    labels=("log", "kind"),
    meaning="For each configured log and kind, from 0.",
)
OPEN = MetricDef(
    "rollwatch_log_source_open",
    MetricType.GAUGE,
    "1 while a followed log is open, 0 while it can't be read: rollwatch_log_source_obstacle says why.",
    scope=Scope.SERVICE,
    labels=("log",),
    meaning=_PER_LOG,
)
OBSTACLE = MetricDef(
    "rollwatch_log_source_obstacle",
    MetricType.GAUGE,
    "Always 1; obstacle is what is in the way of reading a followed log (missing, forbidden, not_a_file, …).",
    scope=Scope.SERVICE,
    labels=("log", "obstacle"),
    meaning="While something is in the way.",
)
BACKLOG = MetricDef(
    "rollwatch_log_source_backlog_bytes",
    MetricType.GAUGE,
    "Bytes that are written to a followed log and not read yet.",
    scope=Scope.SERVICE,
    labels=("log",),
    meaning=_PER_LOG,
)
LAST_LINE = MetricDef(
    "rollwatch_log_source_last_line_timestamp_seconds",
    MetricType.GAUGE,
    "When lines of a followed log last came, in seconds since 1970.",
    scope=Scope.SERVICE,
    labels=("log",),
    meaning="From the first line.",
)

LOG_METRICS: tuple[MetricDef, ...] = (
    LINES_TOTAL,
    BYTES_TOTAL,
    ROTATIONS_TOTAL,
    OPEN,
    OBSTACLE,
    BACKLOG,
    LAST_LINE,
)
"""All of these."""
