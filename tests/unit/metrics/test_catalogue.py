"""One name, one meaning: the catalogue refuses to join definitions that contradict each other."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from rollwatch.metrics.catalogue import COMMON, PROBE_SUCCESS, catalogue
from rollwatch.metrics.definition import MetricDef, MetricType, Scope
from rollwatch.metrics.reference import markdown

EXPIRY = MetricDef("probe_ssl_earliest_cert_expiry", MetricType.GAUGE, "When it ends.", meaning="With TLS.")
PHASES = MetricDef("probe_x_duration_seconds", MetricType.GAUGE, "Phases.", labels=("phase",))
WAITS = MetricDef("probe_x_wait_seconds", MetricType.HISTOGRAM, "Waits.", buckets=(0.5, 1e6))
CPU = MetricDef("rollwatch_cpu_ratio", MetricType.GAUGE, "CPU in use.", scope=Scope.EXPORTER)


@dataclass(frozen=True)
class Kind:
    metrics: tuple[MetricDef, ...] = ()
    phase_metric: MetricDef | None = None


def test_all_metrics_come_together_sorted_and_once() -> None:
    joined = catalogue([Kind((EXPIRY, WAITS), PHASES), Kind((EXPIRY,))], [CPU])
    assert sorted([*COMMON, EXPIRY, PHASES, WAITS, CPU], key=lambda metric: metric.name) == list(joined)


@pytest.mark.parametrize(
    "second",
    [
        MetricDef(EXPIRY.name, MetricType.GAUGE, "Something else."),
        MetricDef(PROBE_SUCCESS.name, MetricType.GAUGE, PROBE_SUCCESS.help),
        MetricDef("probe_all_duration_seconds_sum", MetricType.GAUGE, "A line of the histogram."),
    ],
)
@pytest.mark.parametrize("place", ["metrics", "phase_metric", "extra"])
def test_a_second_definition_of_a_name_is_refused(second: MetricDef, place: str) -> None:
    kinds = [Kind((EXPIRY,))]
    if place == "metrics":
        kinds.append(Kind((second,)))
    elif place == "phase_metric":
        kinds.append(Kind(phase_metric=second))
    with pytest.raises(ValueError, match=second.name):
        catalogue(kinds, [second] if place == "extra" else [])


def test_the_page_says_labels_presence_buckets_and_kinds() -> None:
    page = markdown(
        {"x": Kind((EXPIRY, WAITS), PHASES), "tls": Kind((EXPIRY,))}, {"The host and its processes": [CPU]}
    )
    assert (
        "### `probe_ssl_earliest_cert_expiry`\n\n"
        "gauge; labels service, environment, probe, kind, location\n\n"
        "When it ends.\n\n*Present:* With TLS.\n\n*Kinds:* tls, x\n"
    ) in page
    assert "labels service, environment, probe, kind, location, **phase**\n" in page
    assert "*Buckets:* 0.5, 1e+06\n\n*Kinds:* x\n" in page
    assert page.index("## The host and its processes") < page.index("### `rollwatch_cpu_ratio`")


def test_the_page_has_no_empty_sections() -> None:
    page = markdown({})
    assert "## Every probe\n" in page
    assert "## Probes of some kinds" not in page
    assert "## The host" not in page
