"""Reading standard input on the loop: a pipe, a terminal, a socket or a redirected file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rollwatch.ingest.logs.feed import Feed
from rollwatch.ingest.logs.inherited import InheritedInput, Way
from rollwatch.ingest.logs.limits import ReadLimits
from rollwatch.ingest.logs.obstruction import Obstruction
from rollwatch.ingest.logs.readiness import readable
from rollwatch.ingest.logs.standing import Standing
from rollwatch.ingest.logs.state import Obstacle
from rollwatch.ingest.logs.stopping import Stop
from rollwatch.ingest.logs.worker import Worker

if TYPE_CHECKING:
    from rollwatch.clock import Clock
    from rollwatch.ingest.logs.source import Take
    from rollwatch.ingest.logs.state import SourceState

__all__ = ["StdinReader"]

_WAIT_S = 60.0


class StdinReader:
    """A `LogSource` of an inherited descriptor, standard input unless said otherwise. Its end ends the run.

    While the consumer is busy nothing is read, so a writer faster than that has to wait; nothing is lost.
    A file is read from where the descriptor stands. The descriptor itself is left open, and as it is.
    """

    def __init__(self, clock: Clock, *, fd: int = 0, limits: ReadLimits | None = None) -> None:
        self._limits = limits or ReadLimits()
        self._input = InheritedInput(fd)
        self._standing = Standing("standard input", clock)
        self._stop = Stop()

    @property
    def state(self) -> SourceState:
        """How standard input is doing."""
        return self._standing.state

    def stop(self) -> None:
        """End the run as soon as the lines in hand are taken."""
        self._stop.request()

    async def run(self, take: Take) -> None:
        """Hand lines to `take` until the input ends, or stopped or cancelled; see `LogSource`."""
        worker = Worker("log stdin", self._limits.silence_s)
        try:
            way = await worker.call(self._input.open, self._stop, self._hangs)
            if isinstance(way, Obstruction):
                self._standing.met(way)
            elif way is not None:
                self._standing.cleared()
                self._standing.is_open = True
                await self._read(way, worker, Feed(self._standing, self._limits.line_bytes, take))
        finally:
            worker.end(self._input.close)
            self._standing.closed()

    async def _read(self, way: Way, worker: Worker, feed: Feed) -> None:
        while not self._stop.is_requested:
            data = await self._chunk(way, worker)
            if isinstance(data, Obstruction):
                await feed.end()
                self._standing.ended(data.detail)
                return
            if data == b"":
                await feed.end()
                self._standing.ended("it was read to its end")
                return
            if data is not None:
                self._standing.cleared()
                await feed.chunk(data, self._input.fd)

    async def _chunk(self, way: Way, worker: Worker) -> bytes | Obstruction | None:
        """What one read gave; None if there was nothing to read."""
        read = partial(self._input.read, self._limits.chunk_bytes)
        if way is not Way.IN_THREAD and not await readable(self._input.fd, self._stop, _WAIT_S):
            return None
        if way is Way.AT_ONCE:
            return read()
        return await worker.call(read, self._stop, self._hangs)

    def _hangs(self) -> None:
        words = f"a read has not come back for {self._limits.silence_s:g} s; nothing is read until it does"
        self._standing.met(Obstruction(Obstacle.NOT_ANSWERING, words))
