"""How late the event loop is: a process that can't keep up must not blame its targets."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.clock import Clock

__all__ = ["LoopWatch"]

_PERIOD_S = 0.05
_KEEP_S = 310.0
_NOTEWORTHY_S = 0.01


class LoopWatch:
    """Sleeps a known time again and again, and keeps by how much it overslept."""

    def __init__(self, clock: Clock, observe: Callable[[float], None]) -> None:
        self._clock = clock
        self._observe = observe
        self._due_s = clock.monotonic() + _PERIOD_S
        self._lags: deque[tuple[float, float]] = deque()

    async def live(self) -> None:
        """Run until cancelled. Every lag is observed; those of note are kept for 310 s."""
        while True:
            self._due_s = self._clock.monotonic() + _PERIOD_S
            await asyncio.sleep(_PERIOD_S)
            now = self._clock.monotonic()
            lag = max(0.0, now - self._due_s)
            self._observe(lag)
            if lag >= _NOTEWORTHY_S:
                self._lags.append((now, lag))
            while self._lags and self._lags[0][0] < now - _KEEP_S:
                self._lags.popleft()

    def lag_since(self, began_s: float) -> float:
        """Seconds for which the loop did not run what was due, from `began_s` until now.

        A stall that is only now ending counts too: whoever asks may run before this watch wakes.
        """
        now = self._clock.monotonic()
        lag = max(0.0, now - max(self._due_s, began_s))
        for ended, length in reversed(self._lags):
            if ended <= began_s:
                break
            lag += min(length, ended - began_s)
        return lag
