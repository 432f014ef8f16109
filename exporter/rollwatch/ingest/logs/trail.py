"""The files that were and are the log at one path, read in their order. Blocks: for a thread.

A file is known by (st_dev, st_ino). When another one is at the path, that is the log, from its first byte
on; the one before is *retired*: it stays open and is read for as long as somebody writes to it, because a
writer may learn late of a rotation. Once it was quiet for the grace time it is closed, and what it holds of
a line without an end counts as a line.

A file that was emptied in place (logrotate's `copytruncate`) is read again from its first byte. What of it
had not been read by then is sought in the copy beside it. What was written between copying and emptying, and
not read in that moment, is in no file: the rotating program lost it, and no reader can bring it back.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rollwatch.ingest.logs.lines import LineSplitter
from rollwatch.ingest.logs.look import look_at, open_log
from rollwatch.ingest.logs.obstruction import Obstruction, obstruction_of
from rollwatch.ingest.logs.place import Identity, Place, Position
from rollwatch.ingest.logs.reading import Reading
from rollwatch.ingest.logs.retired import RetiredFiles
from rollwatch.ingest.logs.siblings import find_copy, find_renamed
from rollwatch.ingest.logs.state import Obstacle, Rotation
from rollwatch.ingest.logs.tailed import TailedFile

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.clock import Clock
    from rollwatch.ingest.logs.limits import ReadLimits
    from rollwatch.ingest.logs.look import Opener

__all__ = ["Trail"]

_GONE = frozenset({Obstacle.MISSING, Obstacle.NOT_A_FILE})
"""Obstacles that tell that the file which was at the path is elsewhere now, or nowhere."""


class Trail:
    """Owns every descriptor of one log: the current file's and at most `limits.retired` others."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        limits: ReadLimits,
        opener: Opener,
        *,
        from_start: bool,
        resume: Position | None,
    ) -> None:
        self._path = path
        self._clock = clock
        self._limits = limits
        self._opener = opener
        self._current: TailedFile | None = None
        self._expected = resume.current if resume else None
        """Where to go on if this very file is at the path."""
        self._handed_over = list(resume.retired) if resume else []
        self._retired = RetiredFiles(clock, limits)
        self._starts_at_end = resume is None and not from_start
        self._has_had_file = self._expected is not None
        self._obstruction: Obstruction | None = None
        self._refused: Identity | None = None
        self._retry_s = 0.0
        self._reading = Reading()

    def advance(self) -> Reading:
        """Look at the path and read on, at most `limits.read_bytes` of each file. Raises nothing."""
        reading = self._reading = Reading()
        while self._handed_over:
            self._seek(self._handed_over.pop(0))
        self._look()
        if self._retired.read(reading):
            self._read()
        current = self._current
        reading.is_open = current is not None
        reading.obstruction = self._obstruction
        reading.retired_open = len(self._retired)
        reading.backlog_bytes = self._retired.backlog + (current.backlog if current else 0)
        reading.position = Position(current.place() if current else self._expected, self._retired.places())
        return reading

    def close(self) -> None:
        """Give up every descriptor."""
        self._retired.close()
        if self._current is not None:
            self._current.close()
            self._current = None

    def _look(self) -> None:
        found = look_at(self._path)
        if isinstance(found, Obstruction):
            self._obstruction = found
            if found.obstacle in _GONE:
                self._starts_at_end = False
                self._retire(successor=None)
            return
        if self._starts_at_end:
            self._starts_at_end = False
            self._expected = Place(found.identity, self._path, found.size, tail=None)
        if self._current is None or self._current.identity != found.identity:
            self._retire(found.identity)
            self._enter(found.identity)
        else:
            self._obstruction = None

    def _retire(self, successor: Identity | None) -> None:
        """What was at the path, or was expected there, is not any more, unless it is the successor."""
        if self._current is not None:
            self._retired.keep(self._current)
            self._current = None
        if self._expected is not None and self._expected.identity != successor:
            place, self._expected = self._expected, None
            self._seek(place)

    def _seek(self, place: Place) -> None:
        """Go on with a file that was renamed while nobody held it open; if it is gone, its rest is a line."""
        line_bytes = self._limits.line_bytes
        opened = find_renamed(place, self._opener)
        if opened is not None:
            self._retired.keep(TailedFile.at(place, opened, line_bytes))
        else:
            self._reading.finish(LineSplitter(line_bytes, rest=place.rest))

    def _enter(self, identity: Identity) -> None:
        """Make the file at the path the current one."""
        # Moved back, or a symbolic link was switched back.
        revived = self._retired.revive(identity)
        if revived is None:
            is_tried_again = identity != self._refused or self._clock.monotonic() >= self._retry_s
            if is_tried_again and self._retired.make_room(self._limits.retired, self._reading):
                self._open(identity)
        else:
            self._settle(revived)

    def _open(self, identity: Identity) -> None:
        line_bytes = self._limits.line_bytes
        opened = open_log(self._path, self._opener)
        if isinstance(opened, Obstruction):
            self._refuse(identity, opened)
        elif Identity.of(opened.facts) != identity:
            # Replaced since it was looked at: the next step looks again.
            os.close(opened.fd)
            self._reading.has_more = True
        elif self._expected is not None:
            self._settle(TailedFile.at(self._expected, opened, line_bytes))
        else:
            if self._has_had_file:
                self._reading.rotations.append(Rotation.REPLACED)
            self._settle(TailedFile(opened, self._path, line_bytes))

    def _settle(self, file: TailedFile) -> None:
        self._current = file
        self._expected = None
        self._refused = None
        self._obstruction = None
        self._has_had_file = True

    def _refuse(self, identity: Identity, obstruction: Obstruction) -> None:
        self._refused = identity
        self._retry_s = self._clock.monotonic() + self._limits.retry_s
        self._obstruction = obstruction

    def _read(self) -> None:
        current = self._current
        if current is None:
            return
        try:
            data = current.read(self._limits.read_bytes)
            if data is None:
                self._start_over(current)
            else:
                self._reading.take(current, data)
        except OSError as error:
            # A descriptor can go stale though the file is well: opened anew, it is read from the same place.
            self._expected = current.place()
            self._current = None
            current.close()
            self._refuse(current.identity, obstruction_of(error))

    def _start_over(self, current: TailedFile) -> None:
        """The current file was emptied."""
        reading = self._reading
        reading.rotations.append(Rotation.TRUNCATED)
        reading.has_more = True
        opened = None
        if self._retired.make_room(self._limits.retired - 1, reading):
            opened = find_copy(current.place(), current.changed_ns, self._opener)
        if opened is not None:
            copy = TailedFile.at(current.place(), opened, self._limits.line_bytes)
            self._retired.keep(copy, is_copy=True)
        else:
            reading.finish(current.splitter)
        current.restart()
