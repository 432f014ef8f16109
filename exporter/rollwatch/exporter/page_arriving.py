"""What the status page says of what arrives at a service by itself: in words, no HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from rollwatch.exporter.page_words import ago, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rollwatch.figures.board import Board
    from rollwatch.figures.service import ServiceFigures
    from rollwatch.ingest.browser.errors import GroupView

__all__ = ["ArrivingLine", "arriving_lines"]

_NAMED_AT_MOST = 3
_RECENT_S = 3600.0


@dataclass(frozen=True, slots=True)
class ArrivingLine:
    """One thing that arrives. `trouble` is empty while all is well; `address` has all of it."""

    text: str
    trouble: str
    address: str


def arriving_lines(
    board: Board, errors: Mapping[str, Sequence[GroupView]], now: float
) -> dict[str, tuple[ArrivingLine, ...]]:
    """The lines of each service at which something arrives, at the moment `now`."""
    lines: dict[str, list[ArrivingLine]] = {}
    for name, figures in board.services.items():
        lines.setdefault(name, []).extend(_figures(name, figures, now))
    for name, groups in errors.items():
        lines.setdefault(name, []).append(_errors(name, groups, now))
    return {name: tuple(of_service) for name, of_service in lines.items()}


def _figures(service: str, figures: ServiceFigures, now: float) -> Iterator[ArrivingLine]:
    if not figures.figures:
        return
    count = len(figures.figures)
    updated = [f.updated_at for f in figures.figures.values() if f.updated_at is not None]
    last = f"the last value came {ago(max(updated), now)}" if updated else "none has come yet"
    stale = sorted(name for name, figure in figures.figures.items() if figure.is_stale)
    trouble = ""
    if stale:
        named = ", ".join(stale[:_NAMED_AT_MOST])
        more = f" and {len(stale) - _NAMED_AT_MOST} more" if len(stale) > _NAMED_AT_MOST else ""
        trouble = f"{len(stale)} stopped arriving: {named}{more}."
    words = f"{count} figure{'' if count == 1 else 's'}; {last}"
    yield ArrivingLine(words, trouble, f"api/metrics?service={quote(service)}")


def _errors(service: str, groups: Sequence[GroupView], now: float) -> ArrivingLine:
    recent = [g for g in groups if g["ignored_by"] is None and now - g["last_seen"] < _RECENT_S]
    address = f"api/monitoring/errors?service={quote(service)}"
    if not recent:
        return ArrivingLine("No script error in the last hour", "", address)
    newest = max(recent, key=lambda group: group["last_seen"])
    kinds = f"{len(recent)} kind{'' if len(recent) == 1 else 's'} of script error in the last hour"
    last = f"the last {ago(newest['last_seen'], now)}: {shown(newest['title'], 120)}"
    return ArrivingLine(f"{kinds}; {last}", "", address)
