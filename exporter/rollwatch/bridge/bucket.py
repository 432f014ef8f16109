"""A token bucket: how many may go at once, and how often after that. Pure: time is handed in."""

from __future__ import annotations

__all__ = ["Bucket"]


class Bucket:
    """`burst` at once, then one every `every_s` seconds."""

    def __init__(self, burst: int, every_s: float, now: float) -> None:
        self._burst = burst
        self._every_s = every_s
        self._level = float(burst)
        self._seen = now

    def wait_s(self, now: float) -> float:
        """Seconds until the next may go; 0 if it may go now."""
        self._fill(now)
        return 0.0 if self._level >= 1.0 else (1.0 - self._level) * self._every_s

    def take(self, now: float) -> None:
        """One goes now."""
        self._fill(now)
        self._level -= 1.0

    def _fill(self, now: float) -> None:
        gained = (now - self._seen) / self._every_s if self._every_s > 0 else float(self._burst)
        self._level = min(self._level + max(gained, 0.0), float(self._burst))
        self._seen = now
