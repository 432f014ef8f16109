"""Does a figure still grow (a block height, a sequence number)? Fed by runs, judged by the clock."""

from __future__ import annotations

import math
import re

__all__ = ["Growth", "as_growing_number"]

_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,64}")
_DECIMAL = re.compile(r"[0-9]{1,64}(\.[0-9]{1,32})?")


def as_growing_number(value: object) -> int | float | None:
    """A finite number, also as text: decimal, or hexadecimal as JSON-RPC nodes give heights (`0x10d4f`)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if abs(value) < 10**300 else None
    if not isinstance(value, str):
        return None
    if _HEX.fullmatch(value):
        return int(value, 16)
    if _DECIMAL.fullmatch(value):
        return float(value) if "." in value else int(value)
    return None


class Growth:
    """The highest value seen, and when it last rose. Times are seconds on a monotonic clock.

    Nodes behind one address are not all equally far: a value below the highest is no growth and no fault by
    itself. One that stays below for all of `within_s` is a counter that began again: growth is then measured
    from there.
    """

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._highest: int | float | None = None
        self._grown_at = 0.0
        self._below_since: float | None = None
        self._highest_below: int | float = 0

    def observe(self, value: float, now: float) -> str | None:
        """Take in a value; None while it grows, else what is wrong, in words. The first value is growth."""
        if self._highest is None or value > self._highest:
            self._highest = value
            self._grown_at = now
            self._below_since = None
            return None
        highest = self._highest
        self._note_below(value, now)
        if now - self._grown_at < self._within_s:
            return None
        stood = f"for {now - self._grown_at:.0f} s, allowed are {self._within_s:g}"
        if value < highest:
            return f"it fell from {highest} to {value} and has not grown {stood}"
        return f"it has stood at {value} {stood}"

    def _note_below(self, value: float, now: float) -> None:
        if self._highest is None or value >= self._highest:
            self._below_since = None
        elif self._below_since is None:
            self._below_since = now
            self._highest_below = value
        else:
            self._highest_below = max(self._highest_below, value)
            if now - self._below_since >= self._within_s:
                self._highest = self._highest_below
                self._below_since = None

    @property
    def grown_at(self) -> float | None:
        """When it last grew; None before the first value."""
        return None if self._highest is None else self._grown_at
