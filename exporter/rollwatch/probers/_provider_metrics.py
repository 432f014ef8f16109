"""What a provider probe measures beside the HTTP exchange."""

from __future__ import annotations

from rollwatch.metrics.definition import MetricDef, MetricType

__all__ = [
    "EXAMINED_TOTAL",
    "INVALID",
    "INVALID_TOTAL",
    "LAST_GROWTH",
    "PROVIDER_METRICS",
    "QUOTA_REMAINING",
    "RECORDS",
    "STATUS_PAGE_UP",
    "UNEXAMINED",
    "VALID_RATIO",
    "VALUE",
]

_JUDGED = "With `records` configured, when the last run found them."
_PER_CHECK = "Per rule; critical is the rule's own mark."

RECORDS = MetricDef(
    "rollwatch_provider_records", MetricType.GAUGE, "Records in the last answer.", meaning=_JUDGED
)
UNEXAMINED = MetricDef(
    "rollwatch_provider_records_unexamined",
    MetricType.GAUGE,
    "Records of the last answer beyond max_records, which no rule was asked about.",
    meaning=_JUDGED,
)
VALID_RATIO = MetricDef(
    "rollwatch_provider_records_valid_ratio",
    MetricType.GAUGE,
    "Share of the last answer's examined records that satisfy every rule, 0 to 1.",
    meaning=f"{_JUDGED} Not for an answer without records.",
)
INVALID = MetricDef(
    "rollwatch_provider_records_invalid",
    MetricType.GAUGE,
    "Records of the last answer that fail a check. One record may fail several.",
    labels=("check", "critical"),
    meaning=f"{_JUDGED} {_PER_CHECK}",
)
EXAMINED_TOTAL = MetricDef(
    "rollwatch_provider_examined_records_total",
    MetricType.COUNTER,
    "Records examined by the rules.",
    meaning="For every provider probe, from 0.",
)
INVALID_TOTAL = MetricDef(
    "rollwatch_provider_invalid_records_total",
    MetricType.COUNTER,
    "Records that failed a check. One record may fail several.",
    labels=("check", "critical"),
    meaning=f"From the first run, from 0. {_PER_CHECK}",
)
VALUE = MetricDef(
    "rollwatch_provider_value",
    MetricType.GAUGE,
    "The value that should grow (a block height), by the last answer.",
    meaning="With `growing` configured, when the last answer had it.",
)
LAST_GROWTH = MetricDef(
    "rollwatch_provider_value_last_growth_timestamp_seconds",
    MetricType.GAUGE,
    "When the value was last seen to have grown, in seconds since 1970.",
    meaning="With `growing` configured, from the first value; that one counts as growth.",
)
QUOTA_REMAINING = MetricDef(
    "rollwatch_provider_quota_remaining",
    MetricType.GAUGE,
    "Requests the provider still allows in its present window, by its own headers.",
    meaning="When the last answer said so (RateLimit, X-RateLimit-Remaining, X-RateLimit-Available).",
)
STATUS_PAGE_UP = MetricDef(
    "rollwatch_provider_status_page_up",
    MetricType.GAUGE,
    "1 if the provider's own status page says that all is well, 0 if not, NaN if it can't be read. "
    "It never sets the verdict.",
    meaning="With `status_page.json` configured, from its first reading; read every 5 minutes.",
)

PROVIDER_METRICS = (
    RECORDS,
    UNEXAMINED,
    VALID_RATIO,
    INVALID,
    EXAMINED_TOTAL,
    INVALID_TOTAL,
    VALUE,
    LAST_GROWTH,
    QUOTA_REMAINING,
    STATUS_PAGE_UP,
)
