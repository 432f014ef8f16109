"""What a panel asks Prometheus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SOURCE", "Query", "limits", "targets", "where"]

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The data source that is chosen at the top of the dashboard."""
_CHOSEN = 'environment=~"$environment"', 'service=~"$service"'
_HERE = 'location=~"$location"'


def where(metric: str, *more: str, located: bool = False) -> str:
    """A selector of what is chosen at the top of the dashboard, and of `more` matchers (`state="max"`).

    `located` for metrics of the exporter that are looked at per location; recorded series have none.
    """
    matchers = (*_CHOSEN, *((_HERE,) if located else ()), *more)
    return f"{metric}{{{','.join(matchers)}}}"


@dataclass(frozen=True, slots=True)
class Query:
    """One expression, and what its series are called."""

    expr: str
    legend: str = ""
    """With labels as `{{service}}`."""
    instant: bool = False
    """Only as it is now: for figures and tables."""


def limits(threshold: str, *more: str) -> Query:
    """The limits in force of one row of the table of thresholds; those that are off are no lines."""
    series = where("rollwatch:threshold", f'threshold="{threshold}"', *more)
    return Query(
        f"max by (service, priority) ({series} < +Inf > -Inf)",
        "{{service}}: limit {{priority}}",
    )


def targets(queries: Iterable[Query], form: PromQueryFormat | None = None) -> list[prometheus.Dataquery]:
    """As Grafana has them, with reference ids from A on."""
    made = []
    for index, query in enumerate(queries):
        target = prometheus.Dataquery().expr(query.expr).ref_id(chr(ord("A") + index)).datasource(SOURCE)
        target = target.legend_format(query.legend or "__auto")
        target = target.instant() if query.instant or form is PromQueryFormat.TABLE else target.range()
        made.append(target if form is None else target.format(form))
    return made
