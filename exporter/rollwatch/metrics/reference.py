"""The page that says what each metric means, made from the definitions (docs/metrics.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.metrics.catalogue import COMMON, catalogue
from rollwatch.metrics.definition import COMMON_LABELS, MetricDef, Scope
from rollwatch.metrics.numbers import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollwatch.metrics.catalogue import DefinesMetrics

__all__ = ["markdown"]

_TOP = """\
# Metrics

Everything the exporter can show on `/metrics`. This page is written from the code by `make docs`.

- Durations are in seconds, sizes in bytes, ratios from 0 to 1, timestamps in seconds since 1970 (UTC).
- `location` is where this exporter runs and is on every series but the
  bridge's and the rollback handler's. Scrape with
  `honor_labels: true`, or Prometheus renames our `service` to `exported_service` where discovery sets a
  label of that name.
- A series that has nothing to say is absent, never 0. Counters start at 0.
- Values of labels come from the configuration or a closed list. Names that come from outside (components,
  versions, routes, types of errors) are at most 50 per metric and service; the rest become `other` and are
  counted in `rollwatch_label_folds_total`.
- Figures that you declare yourself ([signals.md](signals.md)) have the names and labels you give them, after
  `service`, `environment` and `location`.
- Samples carry no timestamps, and there are no `_created` series. OpenMetrics 1.0 and gzip are given when
  asked for.
- In OpenMetrics, `# HELP` and `# TYPE` name a counter without `_total`; its samples, and so your queries,
  keep it.
"""


def markdown(
    kinds: Mapping[str, DefinesMetrics], others: Mapping[str, Sequence[MetricDef]] | None = None
) -> str:
    """The page for these kinds of probe, and `others` by the title of their section.

    Raises ValueError as `catalogue` does.
    """
    others = others or {}
    of_others = [metric for metrics in others.values() for metric in metrics]
    everything = catalogue(kinds.values(), of_others)
    own = [metric for metric in everything if metric not in COMMON and metric not in of_others]
    sections = [
        ("Every probe", [metric for metric in COMMON if metric.scope is Scope.PROBE]),
        ("Probes of some kinds", own),
        ("Services", [metric for metric in COMMON if metric.scope is Scope.SERVICE]),
        ("The exporter itself", [metric for metric in COMMON if metric.scope is Scope.EXPORTER]),
        *((title, list(metrics)) for title, metrics in others.items()),
    ]
    parts = [_TOP]
    for title, metrics in sections:
        if metrics:
            parts.append(f"## {title}\n")
            parts += [
                _entry(metric, _given_by(metric, kinds) if metric in own else [])
                for metric in sorted(metrics, key=lambda metric: metric.name)
            ]
    return "\n".join(parts)


def _given_by(metric: MetricDef, kinds: Mapping[str, DefinesMetrics]) -> list[str]:
    return sorted(name for name, kind in kinds.items() if metric in (*kind.metrics, kind.phase_metric))


def _entry(metric: MetricDef, kinds: list[str]) -> str:
    labels = ", ".join((*COMMON_LABELS[metric.scope], *(f"**{label}**" for label in metric.labels)))
    lines = [f"### `{metric.name}`\n", f"{metric.type}; labels {labels or 'none'}", f"\n{metric.help}"]
    if metric.meaning:
        lines.append(f"\n*Present:* {metric.meaning}")
    if metric.buckets:
        lines.append(f"\n*Buckets:* {', '.join(text_of(bound) for bound in metric.buckets)}")
    if kinds:
        lines.append(f"\n*Kinds:* {', '.join(kinds)}")
    return "\n".join(lines) + "\n"
