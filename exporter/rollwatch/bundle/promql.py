"""The few shapes of PromQL that rules share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.config.thresholds import THRESHOLDS, Direction

if TYPE_CHECKING:
    from rollwatch.config.thresholds import Priority

__all__ = ["OWN", "beyond", "first_of"]

OWN = 'service!="",environment!=""'
"""Matchers for raw metrics: only what says whose it is enters."""


def beyond(sli: str, threshold: str, priority: Priority) -> str:
    """`sli` where it is on the wrong side of the service's threshold."""
    sign = ">" if THRESHOLDS[threshold].direction is Direction.ABOVE else "<"
    limit = f'rollwatch:threshold{{threshold="{threshold}",priority="{priority}"}}'
    return f"{sli}\n  {sign} on (service, environment) group_left ()\n{limit}"


def first_of(*sources: str) -> str:
    """For each service the first source that has anything; sources are never added up."""
    return "\nor on (service, environment)\n".join(source.strip() for source in sources)
