"""A metric that is declared wrongly is found when its module is imported, not at a scrape."""

from __future__ import annotations

from typing import Any

import pytest

from rollwatch.metrics.definition import MetricDef, MetricType, Scope

GAUGE, COUNTER, HISTOGRAM = MetricType.GAUGE, MetricType.COUNTER, MetricType.HISTOGRAM


@pytest.mark.parametrize(
    ("name", "kind", "more", "complaint"),
    [
        ("Probe_x", GAUGE, {}, "lower-case"),
        ("probe-x", GAUGE, {}, "lower-case"),
        ("probe_x", GAUGE, {"labels": ("a-b",)}, "lower-case"),
        ("probe_x", GAUGE, {"help": ""}, "one line"),
        ("probe_x", GAUGE, {"help": "two\nlines"}, "one line"),
        ("probe_x", COUNTER, {}, "_total"),
        ("probe_x_total", GAUGE, {}, "_total"),
        ("probe_x", GAUGE, {"labels": ("a", "b", "c")}, "at most two"),
        ("probe_x", GAUGE, {"labels": ("service",)}, "different from the common"),
        ("probe_x", GAUGE, {"labels": ("a", "a")}, "different from the common"),
        ("probe_x", HISTOGRAM, {}, "each histogram has some"),
        ("probe_x", GAUGE, {"buckets": (1.0,)}, "belong to histograms"),
        ("probe_x", HISTOGRAM, {"buckets": (1.0,), "labels": ("le",)}, "le is their label"),
        ("probe_x", HISTOGRAM, {"buckets": (2.0, 1.0)}, "ascending"),
        ("probe_x", HISTOGRAM, {"buckets": (1.0, 1.0)}, "ascending"),
        ("probe_x", HISTOGRAM, {"buckets": (1.0, float("inf"))}, "finite"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_name(
    name: str, kind: MetricType, more: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        MetricDef(name, kind, **{"help": "A figure.", **more})
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope.PROBE, ("service", "environment", "probe", "kind", "location", "phase")),
        (Scope.SERVICE, ("service", "environment", "location", "phase")),
        (Scope.EXPORTER, ("location", "phase")),
    ],
)
def test_own_labels_come_after_those_of_the_scope(scope: Scope, expected: tuple[str, ...]) -> None:
    assert MetricDef("x", GAUGE, "A figure.", scope=scope, labels=("phase",)).all_labels == expected
