"""What is at a path, and opening it if it is a regular file. Blocks: for a thread."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rollwatch.ingest.logs.obstruction import Obstruction, kind_of, obstruction_of
from rollwatch.ingest.logs.place import Identity
from rollwatch.ingest.logs.state import Obstacle

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Found", "Opened", "Opener", "look_at", "open_log"]

Opener: TypeAlias = Callable[[str, int], int]
"""Opens a path with flags: `os.open`."""

# Should a named pipe take the file's place after it was looked at, opening must not wait for a writer.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Found(NamedTuple):
    """A regular file is there."""

    identity: Identity
    size: int


class Opened(NamedTuple):
    """A descriptor of a regular file, and what fstat says of it. The receiver closes it."""

    fd: int
    facts: os.stat_result


def look_at(path: Path) -> Found | Obstruction:
    """What is at `path`, symbolic links followed; nothing is opened, so that no writer of a pipe notices."""
    try:
        facts = path.stat()
    except (OSError, ValueError) as error:
        return obstruction_of(error)
    return Found(Identity.of(facts), facts.st_size) if stat.S_ISREG(facts.st_mode) else _wrong_kind(facts)


def open_log(path: Path, opener: Opener = os.open) -> Opened | Obstruction:
    """Open the regular file at `path` for reading, without ever waiting for anything but its disk."""
    fd = -1
    try:
        fd = opener(str(path), _FLAGS)
        facts = os.fstat(fd)
    except (OSError, ValueError) as error:
        if fd >= 0:
            os.close(fd)
        return obstruction_of(error)
    if stat.S_ISREG(facts.st_mode):
        return Opened(fd, facts)
    os.close(fd)
    return _wrong_kind(facts)


def _wrong_kind(facts: os.stat_result) -> Obstruction:
    kind = kind_of(facts.st_mode)
    remedy = "; to read it, say fifo instead of file" if stat.S_ISFIFO(facts.st_mode) else ""
    return Obstruction(Obstacle.NOT_A_FILE, f"{kind} is there, and not a file{remedy}")
