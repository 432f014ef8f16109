"""What there is to name: the catalogue, the rules, the dashboards, the runbooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.posted import POSTED
from rollwatch.bundle.rules import Dashboard
from rollwatch.bundle.settings import Settings
from rollwatch.bundle.topics import topics
from rollwatch.exporter.metric_sections import metric_sections
from rollwatch.metrics.catalogue import catalogue
from rollwatch.metrics.definition import MetricType
from rollwatch.probers import discover
from rollwatch_dashboards.lint.expressions import labels_left, parsed
from rollwatch_dashboards.lint.finding import Known
from rollwatch_dashboards.lint.foreign import FOREIGN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rollwatch.bundle.rules import Recording

__all__ = ["known"]

_SERVICE = frozenset(("service", "environment"))
_ALERTS = frozenset(
    ("alertname", "alertstate", "service", "environment", "priority", "severity", "rollback", "location")
)


def known() -> Known:
    """As of this checkout."""
    metrics = {
        name: frozenset(metric.all_labels)
        for metric in catalogue(discover().values(), [m for some in metric_sections().values() for m in some])
        for name in (
            [f"{metric.name}{part}" for part in ("_bucket", "_count", "_sum")]
            if metric.type is MetricType.HISTOGRAM
            else [metric.name]
        )
    }
    shipped = topics(Settings())
    recorded = _recorded([recording for topic in shipped for recording in topic.recordings], metrics)
    recorded["rollwatch:threshold"] = _SERVICE | {"threshold", "priority"}
    recorded |= {"ALERTS": _ALERTS, "ALERTS_FOR_STATE": _ALERTS - {"alertstate"}}
    names = {alert.name for topic in shipped for alert in topic.alerts} | {name.value for name in POSTED}
    return Known(
        metrics=metrics,
        foreign=FOREIGN - set(recorded),
        recorded=recorded,
        uids=frozenset(Dashboard),
        runbooks=frozenset(names),
    )


def _recorded(
    recordings: Iterable[Recording], metrics: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """The labels each may have; what is recorded from others' metrics alone has those it groups by."""
    found: dict[str, frozenset[str]] = {}
    waiting = [(one, parsed(one.expr)) for one in recordings]
    while True:
        before = dict(found)
        for one, tree in waiting:
            left = (
                labels_left(tree, lambda name: metrics[name] if name in metrics else found.get(name))
                or frozenset()
            )
            found[one.record] = found.get(one.record, frozenset()) | left | set(one.labels)
        if found == before:
            return found
