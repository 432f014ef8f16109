"""Durations as Prometheus and Alertmanager write them."""

from __future__ import annotations

import re

__all__ = ["seconds", "spoken"]

_UNITS = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,9}}){unit})?" for unit in _UNITS) + r"(?:([0-9]{1,9})ms)?")
_WORDS = {"ms": "ms", "s": "s", "m": "min", "h": "h", "d": "d", "w": "weeks", "y": "years"}


def seconds(duration: str) -> float | None:
    """Seconds of a duration (`1h30m`, `500ms`), None if it is none."""
    match = _DURATION.fullmatch(duration)
    if match is None or not duration:
        return None
    *whole, milliseconds = match.groups()
    size = sum(int(number) * unit for number, unit in zip(whole, _UNITS.values(), strict=True) if number)
    return size + int(milliseconds or 0) / 1000


def spoken(duration: str) -> str:
    """`1h30m` as `1 h 30 min`."""
    return " ".join(f"{count} {_WORDS[unit]}" for count, unit in re.findall(r"(\d+)(ms|[smhdwy])", duration))
