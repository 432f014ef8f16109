"""When a probe runs: a fixed grid, pure arithmetic.

The grid of a probe stands on the wall clock (`k * interval + offset`, the offset hashed from its id and
location), so a restart or a reload never asks a target sooner than its interval allows, probes do not
crowd at start, and two locations do not probe in step. After anchoring only the monotonic clock counts,
so that a jump of the wall clock moves nothing.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

__all__ = ["EARLY_START_S", "Grid", "spread"]

EARLY_START_S = 10.0
"""A probe that may start early has its first run within this many seconds."""

_EARLY_WAKE_S = 0.002
"""Timers of uvloop have a resolution of 1 ms and may fire that much before their time."""


def spread(key: str) -> float:
    """A fraction in [0, 1) that is the same for `key` on every machine and in every process."""
    return zlib.crc32(key.encode()) / 2**32


@dataclass(frozen=True, slots=True)
class Grid:
    """The ticks of one probe on the monotonic clock: `anchor_s + k * interval_s`, k >= 0."""

    anchor_s: float
    interval_s: float

    @classmethod
    def anchored(cls, key: str, interval_s: float, *, wall_s: float, monotonic_s: float) -> Grid:
        """The grid whose ticks fall on `(k + spread(key)) * interval` of the wall clock, from now on."""
        phase = spread(key) * interval_s
        wait = (phase - wall_s) % interval_s
        return cls(monotonic_s + wait, interval_s)

    def first_run(self, key: str, *, now_s: float, may_start_early: bool) -> float:
        """When the first run is due: the first tick, or sooner where that is far off and allowed."""
        if may_start_early and self.anchor_s - now_s > EARLY_START_S:
            return now_s + spread(key) * EARLY_START_S
        return self.anchor_s

    def after(self, now_s: float) -> float:
        """The first tick later than `now_s`."""
        passed = now_s + _EARLY_WAKE_S - self.anchor_s
        if passed < 0:
            return self.anchor_s
        return self.anchor_s + (passed // self.interval_s + 1) * self.interval_s

    def missed(self, due_s: float, now_s: float) -> int:
        """How many ticks later than `due_s` have passed by `now_s` without a run."""
        gap = self.after(now_s) - self.after(due_s)
        return max(0, round(gap / self.interval_s))
