"""Following a file as `tail -F` does, on the loop; all that touches the disk is in a thread."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rollwatch.ingest.logs.limits import ReadLimits
from rollwatch.ingest.logs.obstruction import Obstruction
from rollwatch.ingest.logs.standing import Standing
from rollwatch.ingest.logs.state import Obstacle
from rollwatch.ingest.logs.stopping import Stop
from rollwatch.ingest.logs.trail import Trail
from rollwatch.ingest.logs.worker import Worker

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.clock import Clock
    from rollwatch.ingest.logs.look import Opener
    from rollwatch.ingest.logs.place import Position
    from rollwatch.ingest.logs.reading import Reading
    from rollwatch.ingest.logs.source import Take
    from rollwatch.ingest.logs.state import SourceState

__all__ = ["FileFollower"]


class FileFollower:
    """A `LogSource` of the file at `path`, whatever becomes of it.

    A file that is there at the start is read from its end on, or with `from_start` from its first byte; one
    that appears later always from its first byte. `resume`, the `position` of an earlier follower of this
    path, goes on where that one stopped instead.

    Rotation by renaming and making anew (logrotate's `create`, a symbolic link switched over) neither loses
    nor doubles a line. Rotation by copying and emptying (`copytruncate`) doubles none. What is lost then is
    what the rotating program loses: lines written between its copying and its emptying are in no file. We
    lose what it compresses before it was read.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        from_start: bool = False,
        resume: Position | None = None,
        limits: ReadLimits | None = None,
        opener: Opener = os.open,
    ) -> None:
        limits = limits or ReadLimits()
        self._poll_s = limits.poll_s
        self._silence_s = limits.silence_s
        self._position = resume
        self._trail = Trail(path, clock, limits, opener, from_start=from_start, resume=resume)
        self._standing = Standing(str(path), clock)
        self._stop = Stop()

    @property
    def state(self) -> SourceState:
        """How the file is doing."""
        return self._standing.state

    @property
    def position(self) -> Position | None:
        """Where the next follower of this path goes on: after the lines last handed over.

        None before the first look. To be asked for when the run has ended.
        """
        return self._position

    def stop(self) -> None:
        """End the run as soon as the lines in hand are taken."""
        self._stop.request()

    async def run(self, take: Take) -> None:
        """Hand lines to `take` until stopped or cancelled; see `LogSource`."""
        worker = Worker("log file", self._silence_s)
        try:
            while not self._stop.is_requested:
                reading = await worker.call(self._trail.advance, self._stop, self._hangs)
                if reading is None:
                    return
                self._note(reading)
                if reading.lines:
                    await take(reading.lines)
                if not reading.has_more:
                    await self._stop.pause(self._poll_s)
        finally:
            worker.end(self._trail.close)
            self._standing.closed()

    def _note(self, reading: Reading) -> None:
        standing = self._standing
        standing.took(len(reading.lines), reading.bytes_read, reading.too_long, reading.rotations)
        standing.is_open = reading.is_open
        standing.backlog_bytes = reading.backlog_bytes
        standing.retired_open = reading.retired_open
        if reading.obstruction is not None:
            standing.met(reading.obstruction)
        elif reading.is_open:
            standing.cleared()
        self._position = reading.position

    def _hangs(self) -> None:
        words = f"its disk has not answered for {self._silence_s:g} s; nothing is read until it does"
        self._standing.met(Obstruction(Obstacle.NOT_ANSWERING, words))
