"""The only place that reads time. Everything else is handed a `Clock`."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Two clocks: one that never jumps, for durations; one that people read, for timestamps."""

    def monotonic(self) -> float:
        """Seconds on a clock that only moves forward; comparable with `loop.time()`."""
        ...

    def wall(self) -> float:
        """Seconds since the Unix epoch, as the host believes."""
        ...


class SystemClock:
    """The host's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()
