"""How fast the platforms are asked, and how long is waited for what: one value, as tests are faster."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from rollwatch.clock import Clock

__all__ = ["Pace", "Until"]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, but for `attempts`."""

    call_s: float = 20.0
    """One HTTP call, all of it."""
    read_s: float = 45.0
    """One question, with all its attempts."""
    attempts: int = 4
    backoff_s: float = 1.0
    """Before the second attempt; doubled before each further one."""
    poll_s: float = 5.0
    """Between two looks at what runs."""
    appear_s: float = 120.0
    """How long what was accepted may take to show itself in a list."""


class Until:
    """A stretch of time on the clock that never jumps, and rests within it."""

    def __init__(self, clock: Clock, rng: Random, seconds: float) -> None:
        self._clock = clock
        self._rng = rng
        self._end = clock.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds; never below 0."""
        return max(self._end - self._clock.monotonic(), 0.0)

    async def rest(self, seconds: float) -> bool:
        """Sleep about so long, a fifth of it by chance, but not past the end; whether there is time left."""
        await asyncio.sleep(min(seconds * (0.9 + self._rng.random() / 5), self.left))
        return self.left > 0
