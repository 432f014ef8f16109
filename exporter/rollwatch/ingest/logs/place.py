"""How far a log has been read: what one follower of a path hands to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import os
    from pathlib import Path

__all__ = ["Identity", "Place", "Position"]


class Identity(NamedTuple):
    """Which file it is, whatever its name: what (st_dev, st_ino) say while it exists."""

    device: int
    inode: int

    @classmethod
    def of(cls, facts: os.stat_result) -> Identity:
        """The identity of the file described."""
        return cls(facts.st_dev, facts.st_ino)


@dataclass(frozen=True, slots=True)
class Place:
    """How far one file has been read."""

    identity: Identity
    path: Path
    """Where the file was when it was opened, symbolic links resolved: a rotated file is sought beside it."""
    offset: int
    tail: bytes | None
    """The bytes before the offset, by which it is known again; None if they have not been read."""
    rest: bytes = b""
    """The beginning of a line whose end had not come."""
    is_skipping: bool = False
    """Whether the offset is inside a line that is left out."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far the log at a path has been read: the file that was there, and those it replaced."""

    current: Place | None
    retired: tuple[Place, ...] = ()
