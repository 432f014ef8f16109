"""The shape of an alert about the monitoring itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Alert, Dashboard

if TYPE_CHECKING:
    from rollwatch.config.thresholds import Priority, Unit

__all__ = ["OURS", "PROCESS", "meta_alert"]

PROCESS = "job, instance"
OURS = {"service": "rollwatch"}
_WATCHED = OURS | {"watched": "{{ $labels.service }}"}
"""Templates see the labels as the expression has them."""


def meta_alert(
    name: str,
    priority: Priority,
    expr: str,
    hold: str,
    *,
    metric: str,
    condition: str,
    limit: str,
    shows: str | Unit,
    summary: str,
    description: str,
    watched: bool = False,
) -> Alert:
    """With `watched`, the label of that name says whose signals are in trouble."""
    return Alert(
        name=name,
        priority=priority,
        expr=expr,
        hold=hold,
        metric=metric,
        condition=condition,
        limit=limit,
        shows=shows,
        summary=summary,
        description=description,
        dashboard=Dashboard.ALERTS,
        labels=_WATCHED if watched else OURS,
    )
