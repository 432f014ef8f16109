"""One configured log at work: lines from its source, figures out of them, and its own series."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rollwatch.ingest.logs.metrics import LineResult
from rollwatch.ingest.logs.series import LogSeries
from rollwatch.ingest.logs.shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rollwatch.clock import Clock
    from rollwatch.config.logs import LineSpec
    from rollwatch.figures.service import ServiceFigures
    from rollwatch.ingest.logs.source import LogSource
    from rollwatch.ingest.logs.state import SourceState
    from rollwatch.metrics.store import Store

__all__ = ["Following"]

_SLICE_S = 0.001
_LONG_BYTES = 8 * 1024
"""A pattern may need half a millisecond for such a line."""


class Following:
    """Takes the lines of one log, for a millisecond at a time; between two such the loop lives.

    What is made of the lines, and where they come from, may change; the log's counts go on.
    """

    def __init__(self, name: str, store: Store, clock: Clock) -> None:
        self._name = name
        self._store = store
        self._clock = clock
        self._base: tuple[str, ...] | None = None
        self._series: LogSeries | None = None
        self._shapes: Shapes | None = None
        self._source: LogSource | None = None
        self._shown: SourceState | None = None

    def configure(self, lines: Sequence[LineSpec], figures: ServiceFigures, base: tuple[str, ...]) -> None:
        """Make figures as `lines` say from the next line on.

        `base` are the values of the service scope's common labels; with others the counts begin anew.
        """
        if base != self._base:
            self.close()
            self._base = base
            self._series = LogSeries(self._store, (*base, self._name))
        self._shapes = Shapes(lines, figures, base[0], self._name)

    async def run(self, source: LogSource) -> None:
        """Follow `source` until stopped, cancelled, or at the end of the input; after another has ended."""
        self.refresh()
        self._source = source
        self._shown = None
        await source.run(self._take)

    async def _take(self, lines: list[bytes]) -> None:
        begin = 0
        for index in [index for index, line in enumerate(lines) if len(line) > _LONG_BYTES]:
            await self._take_short(lines[begin:index])
            await self._take_long(lines[index])
            begin = index + 1
        await self._take_short(lines[begin:] if begin else lines)

    async def _take_long(self, line: bytes) -> None:
        """Read one line in a thread: it may take as long as thousands of others."""
        while (shapes := self._shapes) is not None:
            result, found = await asyncio.to_thread(shapes.read, line)
            # Or a reload came meanwhile, and the line is read anew.
            if shapes is self._shapes and self._series is not None:
                if found is not None:
                    shapes.apply(found)
                self._series.count({result: 1})
                shapes.mark_updated()
                return

    async def _take_short(self, lines: list[bytes]) -> None:
        left = iter(lines)
        while self._take_some(left):  # noqa: ASYNC110  gives way; there is no event to wait for
            await asyncio.sleep(0)

    def _take_some(self, left: Iterator[bytes]) -> bool:
        """Take lines for a slice of time; whether there may be more. A reload may come between two slices."""
        shapes, series = self._shapes, self._series
        if shapes is None or series is None:
            # The log is gone, and perhaps its figures.
            return False
        counts = dict.fromkeys(LineResult, 0)
        monotonic = self._clock.monotonic
        until = monotonic() + _SLICE_S
        is_out_of_time = False
        for line in left:
            counts[shapes.take(line)] += 1
            is_out_of_time = monotonic() >= until
            if is_out_of_time:
                break
        series.count(counts)
        shapes.mark_updated()
        return is_out_of_time

    def refresh(self) -> None:
        """Bring the series up to date; before each exposition."""
        if self._source is not None and self._series is not None:
            state = self._source.state
            self._series.show(state, self._shown)
            self._shown = state

    def close(self) -> None:
        """Make nothing of the lines that still come, and remove every series of the log itself."""
        self._shapes = self._base = None
        if self._series is not None:
            self._series.close()
            self._series = None
