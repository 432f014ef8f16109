"""Running totals of others as growth: an application counts for itself, restarts, runs many times over."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from rollwatch.figures.faults import FigureFault, FigureRefused

if TYPE_CHECKING:
    from rollwatch.clock import Clock
    from rollwatch.figures.figure import Labels

__all__ = ["Totals"]

_MOST_SOURCES = 100
_MOST_OF_SOURCE = 5000
_MOST_OF_ALL = 50_000


@dataclass(slots=True)
class _Source:
    """What one source said last."""

    totals: dict[bytes, float] = field(default_factory=dict)
    heard_s: float = 0.0


class Totals:
    """The last total of each series of each source of one service.

    The first total of a source says where it stands, and counts nothing, unless the source says that it began
    to count after we began to listen: then all of it is new. A total below the last one is a restart, and
    counts whole. The source heard of longest ago makes room for a new one; should it come again, what it
    counted before is no news.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sources: dict[str, _Source] = {}
        self._count = 0
        # Whoever was heard of since then is known. Not by the wall clock, which may have been wrong then.
        self._complete_since_s = clock.monotonic()

    def growth(
        self, source: str, figure: str, labels: Labels, total: float, started_at: float | None = None
    ) -> float:
        """What `total` adds. Raises FigureRefused if the source has too many series."""
        known = self._sources.pop(source, None) or _Source()
        self._sources[source] = known
        known.heard_s = self._clock.monotonic()
        key = _key(figure, labels)
        before = known.totals.get(key)
        if before is None:
            if len(known.totals) >= _MOST_OF_SOURCE:
                raise FigureRefused(
                    FigureFault.TOO_MANY, f"is one of over {_MOST_OF_SOURCE} totals of its source"
                )
            self._count += 1
            self._make_room()
        known.totals[key] = total
        if before is None:
            return total if started_at is not None and self._is_new(started_at) else 0.0
        return total - before if total >= before else total

    def _is_new(self, started_at: float) -> bool:
        """Whether a source that began then, in Unix seconds, can't have been heard of and forgotten."""
        complete_for_s = self._clock.monotonic() - self._complete_since_s
        return started_at >= self._clock.wall() - complete_for_s

    def _make_room(self) -> None:
        while len(self._sources) > _MOST_SOURCES or self._count > _MOST_OF_ALL:
            forgotten = self._sources.pop(next(iter(self._sources)))
            self._count -= len(forgotten.totals)
            self._complete_since_s = forgotten.heard_s

    def __len__(self) -> int:
        return self._count


def _key(figure: str, labels: Labels) -> bytes:
    """Of the labels as they came, since several may be counted under `other`; small, whatever they are."""
    return blake2b(repr((figure, labels)).encode(), digest_size=16).digest()
