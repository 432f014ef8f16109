"""Quiet hours, as time intervals: Alertmanager's never cross midnight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollwatch.config.clock_fields import Weekday

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.config.notifications import QuietHours

__all__ = ["QUIET_HOURS", "time_intervals"]

QUIET_HOURS = "quiet-hours"
_WEEK = tuple(Weekday)


def time_intervals(quiet: QuietHours) -> list[dict[str, Any]]:
    """One interval by name; `days` are those on which it begins."""
    if quiet.from_ < quiet.to:
        spans = [_span(quiet, quiet.from_, quiet.to, quiet.days)]
    else:
        spans = [_span(quiet, quiet.from_, "24:00", quiet.days)]
        if quiet.to != "00:00":
            spans.append(_span(quiet, "00:00", quiet.to, tuple(_next(day) for day in quiet.days)))
    return [{"name": QUIET_HOURS, "time_intervals": spans}]


def _span(quiet: QuietHours, start: str, end: str, days: Sequence[Weekday]) -> dict[str, Any]:
    span: dict[str, Any] = {"times": [{"start_time": start, "end_time": end}]}
    if len(days) < len(_WEEK):
        span["weekdays"] = [day.value for day in _WEEK if day in days]
    return span | {"location": quiet.time_zone}


def _next(day: Weekday) -> Weekday:
    return _WEEK[(_WEEK.index(day) + 1) % len(_WEEK)]
