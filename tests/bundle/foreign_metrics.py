"""The names of series in expressions, and which of them other programs expose."""

from __future__ import annotations

import re

from rollwatch_dashboards.lint.foreign import FOREIGN

__all__ = ["FOREIGN", "is_recorded", "names_in"]


_WORDS = frozenset(
    [
        "and",
        "or",
        "unless",
        "on",
        "ignoring",
        "by",
        "without",
        "group_left",
        "group_right",
        "bool",
        "offset",
        "sum",
        "avg",
        "min",
        "max",
        "count",
        "group",
        "count_values",
        "topk",
        "bottomk",
        "quantile",
        "stddev",
        "stdvar",
        "rate",
        "irate",
        "increase",
        "delta",
        "deriv",
        "predict_linear",
        "changes",
        "resets",
        "histogram_quantile",
        "label_replace",
        "label_join",
        "last_over_time",
        "min_over_time",
        "max_over_time",
        "avg_over_time",
        "sum_over_time",
        "count_over_time",
        "present_over_time",
        "quantile_over_time",
        "absent",
        "absent_over_time",
        "time",
        "vector",
        "scalar",
        "clamp",
        "clamp_min",
        "clamp_max",
        "abs",
        "ceil",
        "floor",
        "round",
        "sort",
        "sort_desc",
        "timestamp",
        "hour",
        "minute",
        "day_of_week",
        "day_of_month",
        "month",
        "year",
        "Inf",
        "NaN",
    ]
)
_SKIPPED = re.compile(r'"(?:[^"\\]|\\.)*"|\{[^}]*\}|\[[^\]]*\]|\boffset\s+\w+')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")


def names_in(expr: str) -> set[str]:
    """The names of series in an expression."""
    bare = _GROUPING.sub(" ", _SKIPPED.sub(" ", expr))
    return {word for word in re.findall(r"(?<![\w.:])[a-zA-Z_:][\w:]*", bare) if word not in _WORDS}


def is_recorded(name: str) -> bool:
    """Whether the name is one that a recording rule gives."""
    return ":" in name
