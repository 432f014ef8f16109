"""A stream's chunks, made lines and handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.ingest.logs.lines import LineSplitter
from rollwatch.ingest.logs.readiness import waiting_bytes

if TYPE_CHECKING:
    from rollwatch.ingest.logs.source import Take
    from rollwatch.ingest.logs.standing import Standing

__all__ = ["Feed"]


class Feed:
    """Between a stream that is read and its consumer; counts on the way."""

    def __init__(self, standing: Standing, line_bytes: int, take: Take) -> None:
        self._standing = standing
        self._splitter = LineSplitter(line_bytes)
        self._take = take

    async def chunk(self, data: bytes, fd: int) -> None:
        """Hand over the lines that `data`, just read of `fd`, completes."""
        self._standing.backlog_bytes = waiting_bytes(fd)
        await self._hand_over(self._splitter.feed(data), len(data))

    async def end(self) -> None:
        """The stream is at its end: what is left counts as a line."""
        await self._hand_over(self._splitter.flush(), 0)

    async def _hand_over(self, lines: list[bytes], size: int) -> None:
        self._standing.took(len(lines), size, self._splitter.take_too_long())
        if lines:
            await self._take(lines)
