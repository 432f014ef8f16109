"""The series of groups of errors: few at a time, and gone when nobody meets the error any more."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from rollwatch.ingest.browser import metrics as m
from rollwatch.metrics.bounded import OTHER

if TYPE_CHECKING:
    from rollwatch.clock import Clock
    from rollwatch.metrics.bounded import BoundedNames
    from rollwatch.metrics.series import Child, CounterChild
    from rollwatch.metrics.store import Store

__all__ = ["GroupSeries"]

_REGISTRY = m.ERRORS_TOTAL.name
_IDLE_S = 86_400.0
_REMEMBERED = 2000
"""Groups whose first sight is known even when their series are gone: a rare error is not new each time."""


class _Group:
    def __init__(self) -> None:
        self.kinds: dict[str, CounterChild] = {}
        self.first_seen: Child | None = None
        self.touched_at = 0.0


class GroupSeries:
    """Counts errors of one service by fingerprint. `base` are the service scope's common labels."""

    def __init__(self, store: Store, names: BoundedNames, clock: Clock, base: tuple[str, ...]) -> None:
        self._store = store
        self._names = names
        self._clock = clock
        self._base = base
        self._groups: dict[str, _Group] = {}
        self._first_seen: OrderedDict[str, float] = OrderedDict()

    def count(self, fingerprint: str, kind: str) -> None:
        """One error of this group."""
        name = self._names.admit(_REGISTRY, self._base[0], fingerprint)
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = self._begin(name)
        group.touched_at = self._clock.monotonic()
        child = group.kinds.get(kind)
        if child is None:
            child = self._store.counter(m.ERRORS_TOTAL, (*self._base, name, kind))
            group.kinds[kind] = child
        child.inc()

    def sweep(self) -> None:
        """Remove groups that were not seen for a day; their places are free again."""
        now = self._clock.monotonic()
        for name in [n for n, group in self._groups.items() if now - group.touched_at > _IDLE_S]:
            self._remove(name)

    def close(self) -> None:
        """Remove every series."""
        for name in list(self._groups):
            self._remove(name)

    def __len__(self) -> int:
        return len(self._groups)

    def _begin(self, name: str) -> _Group:
        group = _Group()
        if name != OTHER:
            seen_at = self._first_seen.setdefault(name, self._clock.wall())
            self._first_seen.move_to_end(name)
            if len(self._first_seen) > _REMEMBERED:
                self._first_seen.popitem(last=False)
            child = self._store.gauge(m.ERROR_GROUP_FIRST_SEEN_TIMESTAMP_SECONDS, (*self._base, name))
            child.set(seen_at)
            group.first_seen = child
        return group

    def _remove(self, name: str) -> None:
        group = self._groups.pop(name)
        for child in group.kinds.values():
            self._store.remove(child)
        if group.first_seen is not None:
            self._store.remove(group.first_seen)
        self._names.withdraw(_REGISTRY, self._base[0], name)
