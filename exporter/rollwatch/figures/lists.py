"""Lists that arrive whole: what was in a source's last one and is not in this one is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from rollwatch.figures.figure import Labels

__all__ = ["WholeLists"]

_MOST_LISTS = 1000


class WholeLists:
    """The series in the last whole list of each source of one service, by figure.

    Sources do not end each other's series. The list heard of longest ago is forgotten first; its series
    then go when they expire.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], AbstractSet[Labels]] = {}

    def gone(self, figure: str, source: str, current: AbstractSet[Labels]) -> AbstractSet[Labels]:
        """The series that no list holds any more, now that the source's one holds `current`."""
        before = self._last.pop((figure, source), frozenset())
        if len(self._last) >= _MOST_LISTS:
            del self._last[next(iter(self._last))]
        self._last[figure, source] = current
        gone = set(before - current)
        if gone:
            gone.difference_update(*(held for (name, _), held in self._last.items() if name == figure))
        return gone

    def forget(self, figure: str) -> None:
        """The figure is gone."""
        self._last = {key: held for key, held in self._last.items() if key[0] != figure}
