"""How long to wait before the next attempt: exponential, with full jitter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """Seconds between attempts: anything from 0 to a ceiling that doubles with each, up to `max_s`.

    Full jitter keeps many watchers of one server from coming back in step after it restarts.
    """

    def __init__(self, rng: Callable[[], float], *, base_s: float = 1.0, max_s: float = 30.0) -> None:
        self._rng = rng
        self._base_s = base_s
        self._max_s = max_s
        self._ceiling_s = base_s

    def next_s(self) -> float:
        """The next wait."""
        wait_s = self._rng() * self._ceiling_s
        self._ceiling_s = min(self._ceiling_s * 2, self._max_s)
        return wait_s

    def reset(self) -> None:
        """The target was well for a while: begin anew."""
        self._ceiling_s = self._base_s
