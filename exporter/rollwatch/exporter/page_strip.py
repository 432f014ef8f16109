"""The recent runs of a probe as a row of marks: short is up, middle undecided, tall down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.exporter.page_words import ago
from rollwatch.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.engine.view import RunRecord

__all__ = ["HEIGHT", "WIDTH", "Strip", "strip"]

_MARKS = 60
_STEP = 5
WIDTH = _MARKS * _STEP - 1
HEIGHT = 20
_TOPS = {Verdict.UP: 12, Verdict.UNKNOWN: 6, Verdict.DOWN: 0}
_WORDS = {Verdict.UP: "up", Verdict.DOWN: "down", Verdict.UNKNOWN: "undecided"}


@dataclass(frozen=True, slots=True)
class Strip:
    """An SVG in three paths, which is a tenth of what sixty elements take, and the same in words."""

    paths: tuple[tuple[str, str], ...]
    """(verdict, path data)."""
    label: str


def strip(recent: Sequence[RunRecord], now: float) -> Strip:
    """The marks of the newest sixty of `recent` (oldest first), the newest at the right end."""
    records = recent[-_MARKS:]
    paths: dict[Verdict, list[str]] = {}
    for place, record in enumerate(records, start=_MARKS - len(records)):
        top = _TOPS[record.verdict]
        paths.setdefault(record.verdict, []).append(f"M{place * _STEP} {top}h4v{HEIGHT - top}h-4z")
    return Strip(
        tuple((verdict.value, "".join(data)) for verdict, data in paths.items()), _label(records, now)
    )


def _label(records: Sequence[RunRecord], now: float) -> str:
    if not records:
        return "No run yet."
    counts = [(sum(record.verdict is verdict for record in records), verdict) for verdict in _WORDS]
    counted = ", ".join(f"{count} {_WORDS[verdict]}" for count, verdict in counts if count)
    label = "The one run so far: " if len(records) == 1 else f"Last {len(records)} runs: "
    last_down = next((record for record in reversed(records) if record.verdict is Verdict.DOWN), None)
    ending = "" if last_down is None else f"; last down {ago(last_down.started_at, now)}"
    return f"{label}{counted}{ending}."
