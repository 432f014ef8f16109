"""Why a log source can't be read, in words for an operator."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass

from rollwatch.ingest.logs.state import Obstacle

__all__ = ["Obstruction", "kind_of", "obstruction_of"]

_OBSTACLES = {
    errno.ENOENT: Obstacle.MISSING,
    errno.ENOTDIR: Obstacle.MISSING,
    errno.EACCES: Obstacle.FORBIDDEN,
    errno.EPERM: Obstacle.FORBIDDEN,
    errno.EISDIR: Obstacle.NOT_A_FILE,
    errno.EMFILE: Obstacle.OUT_OF_DESCRIPTORS,
    errno.ENFILE: Obstacle.OUT_OF_DESCRIPTORS,
}
_REMEDIES = {
    Obstacle.MISSING: "it is read as soon as it is there",
    Obstacle.FORBIDDEN: "let the user this process runs as read it and enter every directory above it",
    Obstacle.OUT_OF_DESCRIPTORS: "raise this process's limit of open files (LimitNOFILE, ulimit -n)",
}
_KINDS = (
    (stat.S_ISREG, "a regular file"),
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
)


@dataclass(frozen=True, slots=True)
class Obstruction:
    """An obstacle, and what an operator should know of it."""

    obstacle: Obstacle
    detail: str


def obstruction_of(error: OSError | ValueError) -> Obstruction:
    """What it means for a source that a call on its path or descriptor failed with `error`."""
    if not isinstance(error, OSError) or error.errno is None:
        return Obstruction(Obstacle.UNREADABLE, "the path is not valid")
    obstacle = _OBSTACLES.get(error.errno, Obstacle.UNREADABLE)
    words = os.strerror(error.errno)
    remedy = _REMEDIES.get(obstacle)
    return Obstruction(obstacle, f"{words}; {remedy}" if remedy else words)


def kind_of(mode: int) -> str:
    """What kind of thing has this st_mode, in words."""
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "a device")
