"""How a log source is read: sizes and times."""

from __future__ import annotations

from dataclasses import dataclass

from rollwatch.ingest.logs.lines import LINE_BYTES

__all__ = ["ReadLimits"]


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Bounds of one source. Seconds and bytes."""

    line_bytes: int = LINE_BYTES
    """A longer line is left out and counted."""
    read_bytes: int = 1024 * 1024
    """What is read of each open file at a time; there is one, but for a while after a rotation."""
    chunk_bytes: int = 64 * 1024
    """What is read of a stream at a time: what a pipe holds, unless it was made larger."""
    poll_s: float = 0.25
    """How often a file is looked at when it has nothing new. A file that comes and goes between two looks is
    never seen."""
    grace_s: float = 10.0
    """How long a file that was rotated away must be quiet before it is closed."""
    retired: int = 3
    """So many files that were rotated away are kept open beside the one at the path."""
    retry_s: float = 5.0
    """How soon something that could not be opened or read is tried again."""
    silence_s: float = 10.0
    """A disk that has not answered for so long is said not to answer."""
