"""How pages say times and durations, and show remote text. Plain text; templates escape it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = ["ago", "clock_time", "duration", "iso", "milliseconds", "shown", "utc"]

# Control characters, lone surrogates, and what turns the direction of text or hides in it.
_UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]+"
)


def shown(text: str, limit: int) -> str:
    """Remote text as one line of at most `limit` characters that can't play tricks; not escaped."""
    cleaned = _UNFIT.sub(" ", text[: limit * 2]).strip()
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1].rstrip() + "…"


def utc(at: float) -> str:
    """`2026-03-01 12:00:05 UTC`, from Unix seconds."""
    return _moment(at).strftime("%Y-%m-%d %H:%M:%S UTC")


def clock_time(at: float) -> str:
    """`12:00:05`, UTC."""
    return _moment(at).strftime("%H:%M:%S")


def iso(at: float) -> str:
    """For the `datetime` attribute."""
    return _moment(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(min(max(at, 0.0), 253402300799.0), UTC)


def milliseconds(seconds: float) -> str:
    """`0.4 ms`, `123 ms`, `1.20 s`."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.2f} s"


def duration(seconds: float) -> str:
    """One rounded-down unit, or two where one would hide much: `42 s`, `5 min`, `3 h 20 min`, `2 days`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 36 * 3600:
        hours, minutes = whole // 3600, whole % 3600 // 60
        return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{hours} h"
    return f"{whole // 86_400} day{'' if whole < 2 * 86_400 else 's'}"


def ago(at: float, now: float) -> str:
    """`just now`, `5 min ago`, `in 12 s`."""
    gap = now - at
    if abs(gap) < 1:
        return "now"
    return f"{duration(gap)} ago" if gap > 0 else f"in {duration(-gap)}"
