"""Which decoded JSON values are numbers that can be counted with."""

from __future__ import annotations

import math
import re

__all__ = ["as_number"]

_TEXT = re.compile(r"\s{0,8}[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?\s{0,8}")
_TEXT_LIMIT = 64
_LARGEST = 10**300
"""Beyond it arithmetic with floats soon is no longer finite."""


def as_number(value: object, *, coerce: bool = False) -> float | None:
    """A finite number, or None; true and false are none. With `coerce`, decimal text is one too.

    An integer beyond ±1e300 counts as ±1e300. Text is read up to 64 characters.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        # An integer that no float can hold is still a number: far beyond any bound.
        return value if -_LARGEST < value < _LARGEST else (1e300 if value > 0 else -1e300)
    if coerce and isinstance(value, str) and len(value) <= _TEXT_LIMIT and _TEXT.fullmatch(value):
        number = float(value)
        return number if math.isfinite(number) else None
    return None
