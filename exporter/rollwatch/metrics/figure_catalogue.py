"""What is shown of every declared figure and every kind of records, beside the figures themselves."""

from __future__ import annotations

from rollwatch.metrics.definition import MetricDef, MetricType, Scope

__all__ = [
    "FIGURE_EVENTS_TOTAL",
    "FIGURE_FAULTS_TOTAL",
    "FIGURE_FIRST_SEEN",
    "FIGURE_INFO",
    "FIGURE_LAST_UPDATE",
    "FIGURE_LIMIT_ABOVE",
    "FIGURE_LIMIT_BELOW",
    "FIGURE_LIMIT_FOR",
    "FIGURE_LIMIT_WINDOW",
    "FIGURE_METRICS",
    "FIGURE_STALE_AFTER",
    "FIGURE_VALUE",
    "RECORDS_DUPLICATES_TOTAL",
    "RECORDS_EXAMINED_TOTAL",
    "RECORDS_INVALID_TOTAL",
    "RECORDS_LAST_VALID_RATIO",
    "RECORDS_VALID_TOTAL",
]

_GAUGE, _COUNTER = MetricType.GAUGE, MetricType.COUNTER
_PER_LIMIT = "For each priority the config gives the figure a limit."
_PER_BOUND = "For each priority the config gives the figure a limit of this kind."
_PER_RECORDS = "For each kind of records the config declares, from 0."

FIGURE_INFO = MetricDef(
    "rollwatch_figure_info",
    _GAUGE,
    "Always 1, one series per declared figure: what should arrive, whether or not it does. "
    "type is gauge, counter or histogram.",
    scope=Scope.SERVICE,
    labels=("figure", "type"),
    meaning="For every declared figure.",
)
FIGURE_FIRST_SEEN = MetricDef(
    "rollwatch_figure_first_seen_timestamp_seconds",
    _GAUGE,
    "When this exporter first saw the series of the figure (a new type of error), in seconds since 1970.",
    scope=Scope.SERVICE,
    labels=("figure", "key"),
    meaning="For figures with first_seen, for each series from its first value.",
)
FIGURE_LAST_UPDATE = MetricDef(
    "rollwatch_figure_last_update_timestamp_seconds",
    _GAUGE,
    "When a value of the figure last arrived, in seconds since 1970.",
    scope=Scope.SERVICE,
    labels=("figure",),
    meaning="From the first value.",
)
FIGURE_STALE_AFTER = MetricDef(
    "rollwatch_figure_stale_after_seconds",
    _GAUGE,
    "How old the last value of the figure may be in seconds before it is stale.",
    scope=Scope.SERVICE,
    labels=("figure",),
    meaning="For figures that are expected regularly: pushed or fetched ones, or where the config says so.",
)
FIGURE_VALUE = MetricDef(
    "rollwatch_figure_value",
    _GAUGE,
    "The value of a figure that has limits, under one name for all, so that one rule judges them all. "
    "key holds the figure's own labels (plan=pro).",
    scope=Scope.SERVICE,
    labels=("figure", "key"),
    meaning="For each series of a gauge with limits.",
)
FIGURE_EVENTS_TOTAL = MetricDef(
    "rollwatch_figure_events_total",
    _COUNTER,
    "The count of a figure that has limits, under one name for all; "
    "judged by its increase within rollwatch_figure_limit_window_seconds. "
    "A new series is shown as 0 for 20 s, so that what it began with counts as an increase.",
    scope=Scope.SERVICE,
    labels=("figure", "key"),
    meaning="For each series of a counter with limits.",
)
FIGURE_LIMIT_ABOVE = MetricDef(
    "rollwatch_figure_limit_above",
    _GAUGE,
    "Above this the figure is in trouble of this priority, as the config declares.",
    scope=Scope.SERVICE,
    labels=("figure", "priority"),
    meaning=_PER_BOUND,
)
FIGURE_LIMIT_BELOW = MetricDef(
    "rollwatch_figure_limit_below",
    _GAUGE,
    "Below this the figure is in trouble of this priority, as the config declares.",
    scope=Scope.SERVICE,
    labels=("figure", "priority"),
    meaning=_PER_BOUND,
)
FIGURE_LIMIT_FOR = MetricDef(
    "rollwatch_figure_limit_for_seconds",
    _GAUGE,
    "How long the figure must be beyond its limit in seconds before somebody is told.",
    scope=Scope.SERVICE,
    labels=("figure", "priority"),
    meaning=_PER_LIMIT,
)
FIGURE_LIMIT_WINDOW = MetricDef(
    "rollwatch_figure_limit_window_seconds",
    _GAUGE,
    "The window in seconds within which the increase of a counter is judged: 60, 300, 3600 or 86400; "
    "0 for a gauge, which is judged as it is.",
    scope=Scope.SERVICE,
    labels=("figure", "priority"),
    meaning=_PER_LIMIT,
)
FIGURE_FAULTS_TOTAL = MetricDef(
    "rollwatch_figure_faults_total",
    _COUNTER,
    "Values that arrived and were refused, by what was wrong with them; the answer or the log names them.",
    scope=Scope.SERVICE,
    labels=("source", "fault"),
    meaning="For each source that is configured (push, json, log, records) and each fault, from 0.",
)
RECORDS_EXAMINED_TOTAL = MetricDef(
    "rollwatch_records_examined_total",
    _COUNTER,
    "Records that arrived and were examined, by kind of records.",
    scope=Scope.SERVICE,
    labels=("records",),
    meaning=_PER_RECORDS,
)
RECORDS_VALID_TOTAL = MetricDef(
    "rollwatch_records_valid_total",
    _COUNTER,
    "Records that passed every rule.",
    scope=Scope.SERVICE,
    labels=("records",),
    meaning=_PER_RECORDS,
)
RECORDS_DUPLICATES_TOTAL = MetricDef(
    "rollwatch_records_duplicates_total",
    _COUNTER,
    "Records that had arrived before, by their id, and were passed over.",
    scope=Scope.SERVICE,
    labels=("records",),
    meaning=_PER_RECORDS,
)
RECORDS_INVALID_TOTAL = MetricDef(
    "rollwatch_records_invalid_total",
    _COUNTER,
    "Records that failed a rule, by check (written RECORDS/CHECK); critical is the rule's own mark.",
    scope=Scope.SERVICE,
    labels=("check", "critical"),
    meaning="For each rule of each kind of records, from 0.",
)
RECORDS_LAST_VALID_RATIO = MetricDef(
    "rollwatch_records_last_valid_ratio",
    _GAUGE,
    "Share of the records of the last delivery that passed every rule, 0 to 1.",
    scope=Scope.SERVICE,
    labels=("records",),
    meaning="From the first delivery with a record that is no duplicate.",
)

FIGURE_METRICS: tuple[MetricDef, ...] = tuple(
    value for value in globals().values() if isinstance(value, MetricDef)
)
"""All of these."""
