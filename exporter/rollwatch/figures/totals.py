"""Running totals of others as growth: an application counts for itself, restarts, runs many times over."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from rollwatch.figures.faults import FigureFault, FigureRefused

if TYPE_CHECKING:
    from rollwatch.figures.figure import Labels

__all__ = ["Totals"]

_MOST_SOURCES = 100
_MOST_OF_SOURCE = 5000
_MOST_OF_ALL = 50_000


class Totals:
    """The last total of each series of each source of one service.

    The first total of a source says where it stands, and counts nothing, unless the source says that it began
    to count after we began to listen: then all of it is new. A total below the last one is a restart, and
    counts whole. The source heard of longest ago makes room for a new one.
    """

    def __init__(self, began_at: float) -> None:
        self._began_at = began_at
        self._sources: dict[str, dict[bytes, float]] = {}
        self._count = 0

    def growth(
        self, source: str, figure: str, labels: Labels, total: float, started_at: float | None = None
    ) -> float:
        """What `total` adds. Raises FigureRefused if the source has too many series."""
        known = self._sources.pop(source, {})
        self._sources[source] = known
        key = _key(figure, labels)
        before = known.get(key)
        if before is None:
            if len(known) >= _MOST_OF_SOURCE:
                raise FigureRefused(
                    FigureFault.TOO_MANY, f"is one of over {_MOST_OF_SOURCE} totals of its source"
                )
            self._count += 1
            self._make_room()
        known[key] = total
        if before is None:
            is_new = started_at is not None and started_at >= self._began_at
            return total if is_new else 0.0
        return total - before if total >= before else total

    def _make_room(self) -> None:
        while len(self._sources) > _MOST_SOURCES or self._count > _MOST_OF_ALL:
            self._count -= len(self._sources.pop(next(iter(self._sources))))

    def __len__(self) -> int:
        return self._count


def _key(figure: str, labels: Labels) -> bytes:
    """Of the labels as they came, since several may be counted under `other`; small, whatever they are."""
    return blake2b(repr((figure, labels)).encode(), digest_size=16).digest()
