"""When the daily summary is due, by the clocks of people. Pure.

A time that a day has not (clocks go forward) is taken as it would have been without the change, so an hour
later by the new clock; of a time that a day has twice (clocks go back) the first counts: one summary a day
(PEP 495).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ["due_after", "due_before"]


def due_after(moment: float, at: str, zone: tzinfo) -> float:
    """The first time it is due after `moment`; seconds since 1970. `at` is `HH:MM`."""
    day = datetime.fromtimestamp(moment, zone).date()
    for days in range(-1, 3):
        due = _due(datetime(day.year, day.month, day.day) + timedelta(days=days), at, zone)  # noqa: DTZ001
        if due > moment:
            return due
    raise AssertionError("every day has its summary")


def due_before(moment: float, at: str, zone: tzinfo) -> float:
    """The last time it was due at `moment` or before; seconds since 1970."""
    day = datetime.fromtimestamp(moment, zone).date()
    for days in range(1, -3, -1):
        due = _due(datetime(day.year, day.month, day.day) + timedelta(days=days), at, zone)  # noqa: DTZ001
        if due <= moment:
            return due
    raise AssertionError("every day has its summary")


def _due(day: datetime, at: str, zone: tzinfo) -> float:
    hour, _, minute = at.partition(":")
    local = day.replace(hour=int(hour), minute=int(minute), tzinfo=zone, fold=0)
    return local.astimezone(UTC).timestamp()
