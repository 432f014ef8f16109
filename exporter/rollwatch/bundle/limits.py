"""`rollwatch:threshold`: the limit in force, per row of the table, priority and service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Recording
from rollwatch.config.thresholds import THRESHOLDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollwatch.bundle.rules import Judged

__all__ = ["limits"]

_LINGER = "1h"
"""How long an override outlives the exporter that shows it."""


def limits(judged: Iterable[Judged]) -> Iterator[Recording]:
    """One recording per row and priority.

    The default hangs on what is judged, not on the exporter: an exporter that is down does not switch off the
    alerts on a service's own metrics.
    """
    for each in judged:
        row = THRESHOLDS[each.threshold]
        for priority, default in row.defaults.items():
            override = (
                f'rollwatch_threshold_override{{threshold="{row.id}",priority="{priority}"}}[{_LINGER}]'
            )
            yield Recording(
                "rollwatch:threshold",
                f"max by (service, environment) (last_over_time({override}))\n"
                f"or group by (service, environment) ({each.sli}) * 0 + {_number(default)}",
                {"threshold": row.id, "priority": priority.value},
            )


def _number(value: float) -> str:
    return f"{value:.10g}" if value < 1e6 else f"{value:.0f}"
