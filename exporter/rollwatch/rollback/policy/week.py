"""What the time of the week is somewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from rollwatch.rollback.policy.wording import name

__all__ = ["UnknownTime", "minute_of_week"]


@dataclass(frozen=True, slots=True)
class UnknownTime:
    """It can't be said. `why` is a clause."""

    why: str


def minute_of_week(at: float, time_zone: str) -> int | UnknownTime:
    """Whole minutes since Monday 00:00 by the clocks of `time_zone` (IANA), at `at` in Unix seconds."""
    try:
        zone = ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        return UnknownTime(f"this host does not know the time zone {name(time_zone)}")
    try:
        local = datetime.fromtimestamp(at, zone)
    except (ValueError, OverflowError, OSError):
        return UnknownTime("the time is none of the calendar")
    return local.weekday() * 1440 + local.hour * 60 + local.minute
