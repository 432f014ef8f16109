"""The series of one log itself: what became of its lines, and how its source is doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.ingest.logs import metrics as m
from rollwatch.ingest.logs.metrics import LineResult
from rollwatch.ingest.logs.state import Obstacle, Rotation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.ingest.logs.state import SourceState
    from rollwatch.metrics.series import Child
    from rollwatch.metrics.store import Store

__all__ = ["LogSeries"]


class LogSeries:
    """Shown until `close`. `key` are the values of the service scope's common labels and the log's name."""

    def __init__(self, store: Store, key: tuple[str, ...]) -> None:
        self._store = store
        self._key = key
        counter, gauge = store.counter, store.gauge
        self._lines = {result: counter(m.LINES_TOTAL, (*key, result.value)) for result in LineResult}
        self._rotations = {kind: counter(m.ROTATIONS_TOTAL, (*key, kind.value)) for kind in Rotation}
        self._bytes = counter(m.BYTES_TOTAL, key)
        self._open = gauge(m.OPEN, key)
        self._backlog = gauge(m.BACKLOG, key)
        self._last_line = gauge(m.LAST_LINE, key)
        self._obstacle: Obstacle | None = None
        self._open.set(0)
        self._backlog.set(0)

    def count(self, results: Mapping[LineResult, int]) -> None:
        """So many lines had these results."""
        for result, count in results.items():
            self._lines[result].inc(count)

    def show(self, state: SourceState, before: SourceState | None) -> None:
        """How the source is doing; its counts grow by what they are above those it had `before`."""
        too_long, size = state.too_long_lines, state.bytes_read
        rotations = dict(state.rotations)
        if before is not None:
            too_long -= before.too_long_lines
            size -= before.bytes_read
            rotations = {kind: count - before.rotations[kind] for kind, count in rotations.items()}
        self._lines[LineResult.TOO_LONG].inc(too_long)
        self._bytes.inc(size)
        for kind, count in rotations.items():
            self._rotations[kind].inc(count)
        self._open.set(state.is_open)
        self._backlog.set(state.backlog_bytes)
        if state.last_line_at is not None:
            self._last_line.set(state.last_line_at)
        self._show_obstacle(state.obstacle)

    def _show_obstacle(self, obstacle: Obstacle | None) -> None:
        if obstacle is self._obstacle:
            return
        if self._obstacle is not None:
            self._store.discard(m.OBSTACLE, (*self._key, self._obstacle.value))
        if obstacle is not None:
            self._store.gauge(m.OBSTACLE, (*self._key, obstacle.value)).set(1)
        self._obstacle = obstacle

    def close(self) -> None:
        """Remove every series."""
        children: list[Child] = [self._bytes, self._open, self._backlog, self._last_line]
        for child in (*children, *self._lines.values(), *self._rotations.values()):
            self._store.remove(child)
        self._show_obstacle(None)
