"""Words of a decision's sentences: names bounded and cleaned, times for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollwatch.rollback.model.release import Release

__all__ = ["NAME_LIMIT", "REASON_LIMIT", "joined", "name", "reason", "shown", "span"]

NAME_LIMIT = 64
"""Characters of a name or version in a sentence."""
REASON_LIMIT = 160
"""Characters of a reason that another part of the handler gave."""

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_LONG_S = 3650 * 86_400.0


def name(text: str) -> str:
    """A name in a sentence: one line, at most 64 characters."""
    return clean(text, NAME_LIMIT) or "(no name)"


def reason(text: str) -> str:
    """What another part says, as the end of a sentence: one line, without its full stop."""
    return clean(text.strip().rstrip("."), REASON_LIMIT) or "no reason was given"


def shown(release: Release) -> str:
    """A release for people: `api 1.5.0 (3f2a91c0d1e2)`."""
    return f"{name(release.service)} {name(release.shown)}"


def span(seconds: float) -> str:
    """How long, without its sign: `45 s`, `3 min`, `30 min 20 s`, `2 d 4 h`."""
    if not math.isfinite(seconds):
        return "an unknown time"
    seconds = abs(seconds)
    if seconds > _LONG_S:
        return "over 10 years"
    rest = round(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def joined(parts: Iterable[str], at_most: int = 3) -> str:
    """`a; b and 3 more`."""
    every = list(parts)
    text = "; ".join(every[:at_most])
    return text if len(every) <= at_most else f"{text} and {len(every) - at_most} more"
