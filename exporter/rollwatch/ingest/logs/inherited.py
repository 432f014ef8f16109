"""A descriptor that the process was started with, and how it can be read without blocking the loop."""

from __future__ import annotations

import os
import stat
from enum import Enum, auto

from rollwatch.ingest.logs.obstruction import Obstruction, obstruction_of
from rollwatch.ingest.logs.state import Obstacle

__all__ = ["InheritedInput", "Way"]

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Way(Enum):
    """How an input is read."""

    AT_ONCE = auto()
    """When it has something, which then never blocks."""
    WHEN_READY = auto()
    """When it has something, in a thread: another process may be quicker to read that."""
    IN_THREAD = auto()
    """In a thread: it always has something, or is at its end."""


class InheritedInput:
    """Other processes may share the descriptor, so that its flags are not ours to change.

    A pipe or a terminal is therefore opened once more, without blocking. A socket can't be, nor what belongs
    to another user.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._is_own = False

    def open(self) -> Way | Obstruction:
        """Find out what it is. Blocks: for a thread."""
        try:
            mode = os.fstat(self.fd).st_mode
        except OSError:
            return Obstruction(
                Obstacle.MISSING, "it is closed; start this process with something to read there"
            )
        if stat.S_ISDIR(mode):
            return Obstruction(Obstacle.NOT_A_FILE, "a directory is there, which has no lines")
        if stat.S_ISSOCK(mode):
            return Way.WHEN_READY
        if not stat.S_ISFIFO(mode) and not os.isatty(self.fd):
            return Way.IN_THREAD
        try:
            self.fd = os.open(f"/proc/self/fd/{self.fd}", _FLAGS)
        except OSError:
            return Way.WHEN_READY
        self._is_own = True
        return Way.AT_ONCE

    def read(self, size: int) -> bytes | Obstruction | None:
        """What it has; empty at its end, None if there is nothing yet."""
        try:
            return os.read(self.fd, size)
        except BlockingIOError:
            return None
        except OSError as error:
            return obstruction_of(error)

    def close(self) -> None:
        """Give up what was opened here."""
        if self._is_own:
            os.close(self.fd)
            self._is_own = False
