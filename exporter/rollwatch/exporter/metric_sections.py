"""Every metric that belongs to no kind of probe and is not common to all, by the part it speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.host.metrics import METRICS as HOST_METRICS
from rollwatch.ingest.browser.metrics import BROWSER_METRICS
from rollwatch.ingest.logs.metrics import LOG_METRICS
from rollwatch.ingest.push.metrics import PUSH_METRICS
from rollwatch.metrics.bridge_catalogue import BRIDGE_METRICS
from rollwatch.metrics.figure_catalogue import FIGURE_METRICS
from rollwatch.metrics.normal import NORMAL
from rollwatch.metrics.rollback_catalogue import ROLLBACK_METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.metrics.definition import MetricDef

__all__ = ["metric_sections"]


def metric_sections() -> Mapping[str, tuple[MetricDef, ...]]:
    """The metrics by the title of their section in docs/metrics.md, in its order."""
    return {
        "The host and its processes": tuple(HOST_METRICS),
        "Figures of applications": tuple(figure.metric for figure in NORMAL.values()),
        "Declared figures and records": FIGURE_METRICS,
        "Browsers": BROWSER_METRICS,
        "Pushes": PUSH_METRICS,
        "Logs that are followed": LOG_METRICS,
        "The bridge": BRIDGE_METRICS,
        "The rollback handler": ROLLBACK_METRICS,
    }
