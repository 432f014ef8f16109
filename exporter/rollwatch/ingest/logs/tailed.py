"""One open file and how far it has been read. Blocks: for a thread."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rollwatch.ingest.logs.lines import LineSplitter
from rollwatch.ingest.logs.place import Identity, Place

if TYPE_CHECKING:
    from rollwatch.ingest.logs.look import Opened

__all__ = ["TailedFile"]

_TAIL_BYTES = 1024
"""Several lines: the end of one line alone (a user agent, say) is often the end of any other."""


class TailedFile:
    """Owns a descriptor.

    Each read begins a little before the offset, with bytes that are known. If they are others now, or gone,
    the file was emptied since the read before, even if it has grown beyond the offset again. Only a log in
    which the same lines come again and again could hide that.
    """

    def __init__(self, opened: Opened, path: Path, line_bytes: int) -> None:
        self._fd = opened.fd
        self._line_bytes = line_bytes
        self._tail: bytes | None = b""
        self.identity = Identity.of(opened.facts)
        self.path = _resolved(opened.fd) or path
        self.splitter = LineSplitter(line_bytes)
        self.offset = 0
        self.has_moved = False
        """Whether the last read found anything."""
        self._remember(opened.facts)

    @classmethod
    def at(cls, place: Place, opened: Opened, line_bytes: int) -> TailedFile:
        """The file opened, to be read from `place` on."""
        file = cls(opened, place.path, line_bytes)
        file.splitter = LineSplitter(line_bytes, rest=place.rest, is_skipping=place.is_skipping)
        file.offset = place.offset
        file._tail = place.tail
        return file

    @property
    def backlog(self) -> int:
        """Bytes that were there and not yet read when it was last looked at."""
        return max(0, self.size - self.offset)

    def place(self) -> Place:
        """How far it has been read."""
        splitter = self.splitter
        return Place(
            self.identity, self.path, self.offset, self._tail, splitter.rest, is_skipping=splitter.is_skipping
        )

    def read(self, size: int) -> bytes | None:
        """At most `size` bytes of what is new; None if what was read is there no more. Raises OSError."""
        tail = self._begin_at_a_line() if self._tail is None else self._tail
        # A writer that does not append goes on where it was after the file was emptied, and leaves a hole.
        offset = self.offset or _first_data(self._fd)
        data = os.pread(self._fd, len(tail) + size, offset - len(tail))
        if not data.startswith(tail):
            return None
        self.has_moved = len(data) > len(tail)
        if self.has_moved:
            self.offset = offset - len(tail) + len(data)
            self._tail = data[-_TAIL_BYTES:]
        self._remember(os.fstat(self._fd))
        data = data[len(tail) :]
        return data if tail.strip(b"\0") else data.lstrip(b"\0")

    def restart(self) -> None:
        """Read it from its beginning: it was emptied. What was left of a line is forgotten."""
        self.splitter = LineSplitter(self._line_bytes)
        self.offset = self.size = 0
        self._tail = b""

    def refresh(self) -> None:
        """Look at its size anew; it stays as it was known if the disk can't tell."""
        with suppress(OSError):
            self._remember(os.fstat(self._fd))

    def close(self) -> None:
        """Give up the descriptor."""
        os.close(self._fd)

    def _remember(self, facts: os.stat_result) -> None:
        self.size = facts.st_size
        self.changed_ns = facts.st_mtime_ns

    def _begin_at_a_line(self) -> bytes:
        """What is before the offset; the line in the middle of which that is, is passed over."""
        tail_bytes = min(_TAIL_BYTES, self.offset)
        tail = os.pread(self._fd, tail_bytes, self.offset - tail_bytes)
        if len(tail) < tail_bytes:
            # Emptied since its size was taken.
            self.offset = 0
            tail = b""
        elif tail and not tail.endswith(b"\n"):
            self.splitter = LineSplitter(self._line_bytes, is_skipping=True)
        self._tail = tail
        return tail


def _first_data(fd: int) -> int:
    """Where the first bytes are that were written; 0 if there are none, or the file system can't tell."""
    try:
        return os.lseek(fd, 0, os.SEEK_DATA)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.EINVAL, errno.EOPNOTSUPP):
            return 0
        raise


def _resolved(fd: int) -> Path | None:
    """The path a descriptor was opened by, symbolic links resolved, even if the links were changed since."""
    try:
        return Path(f"/proc/self/fd/{fd}").readlink()
    except OSError:
        return None
