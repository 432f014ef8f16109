"""Reading a named pipe on the loop."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rollwatch.ingest.logs.feed import Feed
from rollwatch.ingest.logs.fifo import Fifo, Sight
from rollwatch.ingest.logs.limits import ReadLimits
from rollwatch.ingest.logs.obstruction import Obstruction
from rollwatch.ingest.logs.readiness import readable, waiting_bytes
from rollwatch.ingest.logs.standing import Standing
from rollwatch.ingest.logs.state import Obstacle, Rotation
from rollwatch.ingest.logs.stopping import Stop
from rollwatch.ingest.logs.worker import Worker

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.clock import Clock
    from rollwatch.ingest.logs.source import Take
    from rollwatch.ingest.logs.state import SourceState

__all__ = ["PipeReader"]


class PipeReader:
    """A `LogSource` of the named pipe at `path`; writers may come and go, and the pipe may be made anew.

    While the consumer is busy nothing is read, so a writer faster than that has to wait; nothing is lost.
    What one writer leaves without a newline becomes one line with what the next one writes.
    """

    def __init__(self, path: Path, clock: Clock, *, limits: ReadLimits | None = None) -> None:
        self._clock = clock
        self._limits = limits or ReadLimits()
        self._fifo = Fifo(path)
        self._standing = Standing(str(path), clock)
        self._stop = Stop()

    @property
    def state(self) -> SourceState:
        """How the pipe is doing."""
        return self._standing.state

    def stop(self) -> None:
        """End the run as soon as the lines in hand are taken."""
        self._stop.request()

    async def run(self, take: Take) -> None:
        """Hand lines to `take` until stopped or cancelled; see `LogSource`."""
        worker = Worker("log pipe", self._limits.silence_s)
        feed = Feed(self._standing, self._limits.line_bytes, take)
        look = self._fifo.look
        try:
            while not self._stop.is_requested:
                sight = await worker.call(look, self._stop, self._hangs)
                if sight is None:
                    return
                look = self._fifo.look
                if sight is Sight.REPLACED:
                    await self._drain(feed)
                    look = self._fifo.reopen
                else:
                    self._note(sight)
                    await self._read(feed)
        finally:
            worker.end(self._fifo.close)
            self._standing.closed()

    async def _read(self, feed: Feed) -> None:
        """Read until it is time to look at the path again."""
        if not self._standing.is_open:
            is_missing = self._standing.state.obstacle is Obstacle.MISSING
            await self._stop.pause(self._limits.poll_s if is_missing else self._limits.retry_s)
            return
        until_s = self._clock.monotonic() + self._limits.retry_s
        while (left_s := until_s - self._clock.monotonic()) > 0 and not self._stop.is_requested:
            if await readable(self._fifo.fd, self._stop, left_s):
                await self._read_once(feed, self._limits.chunk_bytes)

    async def _drain(self, feed: Feed) -> None:
        """Take what the pipe holds that is not at the path any more."""
        left = waiting_bytes(self._fifo.fd)
        while left > 0 and not self._stop.is_requested:
            size = await self._read_once(feed, min(left, self._limits.chunk_bytes))
            left = left - size if size else 0
        await feed.end()
        self._standing.took(0, 0, 0, [Rotation.REPLACED])

    async def _read_once(self, feed: Feed, size: int) -> int:
        try:
            data = os.read(self._fifo.fd, size)
        except BlockingIOError:
            # Somebody else reads this pipe too.
            return 0
        await feed.chunk(data, self._fifo.fd)
        return len(data)

    def _note(self, sight: Sight | Obstruction) -> None:
        self._standing.is_open = self._fifo.fd >= 0
        if isinstance(sight, Obstruction):
            self._standing.met(sight)
        else:
            self._standing.cleared()

    def _hangs(self) -> None:
        words = (
            f"its disk has not answered for {self._limits.silence_s:g} s; it is not looked at until it does"
        )
        self._standing.met(Obstruction(Obstacle.NOT_ANSWERING, words))
