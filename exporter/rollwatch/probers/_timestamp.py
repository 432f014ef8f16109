"""Moments as health bodies write them: ISO 8601, or Unix time in seconds or milliseconds."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

__all__ = ["read_timestamp"]

_MILLISECONDS_FROM = 1e11
"""As seconds this is the year 5138; as milliseconds, 1973."""


def read_timestamp(value: Any) -> float | None:
    """Unix time in seconds; None if `value` is no moment. Without an offset, ISO 8601 is read as UTC."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        if len(text) > 64:
            return None
        try:
            value = float(text)
        except ValueError:
            return _iso(text)
    if not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    if not math.isfinite(seconds) or seconds <= 0 or seconds >= 1e16:
        return None
    if seconds >= 1e14:
        return seconds / 1e6
    return seconds / 1e3 if seconds >= _MILLISECONDS_FROM else seconds


def _iso(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        seconds = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError):
        return None
    return seconds if seconds > 0 else None  # year 1 is how some languages write "never"
