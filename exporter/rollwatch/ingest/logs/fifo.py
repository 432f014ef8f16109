"""The named pipe at a path, opened and looked at. Blocks: for a thread."""

from __future__ import annotations

import os
import stat
from enum import Enum, auto
from typing import TYPE_CHECKING

from rollwatch.ingest.logs.obstruction import Obstruction, kind_of, obstruction_of
from rollwatch.ingest.logs.place import Identity
from rollwatch.ingest.logs.state import Obstacle

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Fifo", "Sight"]

# On Linux a pipe opened both ways opens without a writer and has no end: writers may come and go.
_FLAGS = os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Sight(Enum):
    """What a look at the path tells."""

    OPEN = auto()
    """The pipe that is open is the one at the path."""
    REPLACED = auto()
    """Another one is at the path than is open."""


class Fifo:
    """Owns the descriptor of one named pipe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity: Identity | None = None
        self.fd = -1
        """To be read without blocking; -1 while it is not open."""

    def look(self) -> Sight | Obstruction:
        """See whether the pipe is there, and open it if none is open."""
        try:
            facts = self._path.stat()
            if not stat.S_ISFIFO(facts.st_mode):
                return _wrong_kind(facts)
            if self.fd >= 0:
                return Sight.OPEN if Identity.of(facts) == self._identity else Sight.REPLACED
            return self._open()
        except (OSError, ValueError) as error:
            found = obstruction_of(error)
            if found.obstacle is Obstacle.FORBIDDEN:
                return Obstruction(
                    found.obstacle, f"{found.detail}; a named pipe must be writable for it too"
                )
            return found

    def reopen(self) -> Sight | Obstruction:
        """Give up the pipe that is open, and open the one at the path."""
        self.close()
        return self.look()

    def close(self) -> None:
        """Give up the descriptor."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _open(self) -> Sight | Obstruction:
        fd = os.open(self._path, _FLAGS)
        facts = os.fstat(fd)
        if not stat.S_ISFIFO(facts.st_mode):
            os.close(fd)
            return _wrong_kind(facts)
        self.fd = fd
        self._identity = Identity.of(facts)
        return Sight.OPEN


def _wrong_kind(facts: os.stat_result) -> Obstruction:
    remedy = "; to follow it, say file instead of fifo" if stat.S_ISREG(facts.st_mode) else ""
    return Obstruction(Obstacle.NOT_A_FIFO, f"{kind_of(facts.st_mode)} is there, and no named pipe{remedy}")
