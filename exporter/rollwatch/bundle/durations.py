"""Durations as Prometheus writes them, for people."""

from __future__ import annotations

import re

__all__ = ["spoken"]

_WORDS = {"ms": "ms", "s": "s", "m": "min", "h": "h", "d": "d", "w": "weeks", "y": "years"}


def spoken(duration: str) -> str:
    """`1h30m` as `1 h 30 min`."""
    return " ".join(f"{count} {_WORDS[unit]}" for count, unit in re.findall(r"(\d+)(ms|[smhdwy])", duration))
