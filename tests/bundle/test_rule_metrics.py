"""Rules read only what somebody exposes, with labels it has; and what one rule records, another reads."""

from __future__ import annotations

import re

from bundle.foreign_metrics import FOREIGN, names_in
from mutants.rules import load_groups
from rollwatch.exporter.metric_sections import metric_sections
from rollwatch.metrics.catalogue import catalogue
from rollwatch.metrics.definition import MetricDef, MetricType
from rollwatch.probers import discover

GROUPS = load_groups()
RULES = [rule for group in GROUPS.values() for rule in group["rules"]]
OTHERS = [metric for section in metric_sections().values() for metric in section]
METRICS: dict[str, MetricDef] = {
    name: metric
    for metric in catalogue(discover().values(), OTHERS)
    for name in (
        [f"{metric.name}{suffix}" for suffix in ("_bucket", "_count", "_sum")]
        if metric.type is MetricType.HISTOGRAM
        else [metric.name]
    )
}
_SELECTOR = re.compile(r"([a-zA-Z_][\w]*)\{([^}]*)\}")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
_TARGET = {"instance", "job", "le"}


def test_every_series_a_rule_reads_is_exposed_or_recorded() -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    read = {name for rule in RULES for name in names_in(rule["expr"])}
    assert read - recorded - set(METRICS) - FOREIGN == set()


def test_every_matcher_names_a_label_the_metric_has() -> None:
    wrong = [
        f"{metric} has no label {label}"
        for rule in RULES
        for metric, matchers in _SELECTOR.findall(rule["expr"])
        if metric in METRICS
        for label in _LABEL.findall(matchers)
        if label.removeprefix("exported_") not in {*METRICS[metric].all_labels, *_TARGET}
    ]
    assert wrong == []


def test_alerts_read_no_raw_metric() -> None:
    """Recordings alone read them; what rollwatch says of itself is read where it is judged."""
    raw = {
        (rule["alert"], name)
        for group, body in GROUPS.items()
        if group not in {"meta", "escalation"}
        for rule in body["rules"]
        if "alert" in rule
        for name in names_in(rule["expr"])
        if ":" not in name
    }
    assert raw == set()


def test_what_is_recorded_has_one_meaning() -> None:
    homes: dict[str, set[str]] = {}
    for group, body in GROUPS.items():
        for rule in body["rules"]:
            if "record" in rule and rule["record"] != "rollwatch:threshold":
                homes.setdefault(rule["record"], set()).add(group)
    assert {record: groups for record, groups in homes.items() if len(groups) > 1} == {}
