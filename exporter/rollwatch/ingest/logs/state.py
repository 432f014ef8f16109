"""What is known of a log source at one moment, for metrics and pages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Obstacle", "Rotation", "SourceState"]


class Obstacle(StrEnum):
    """Why a source can't be read now; the word in the state, the log and the label."""

    NOT_STARTED = "not_started"
    MISSING = "missing"
    FORBIDDEN = "forbidden"
    NOT_A_FILE = "not_a_file"
    NOT_A_FIFO = "not_a_fifo"
    UNREADABLE = "unreadable"
    NOT_ANSWERING = "not_answering"
    OUT_OF_DESCRIPTORS = "out_of_descriptors"
    ENDED = "ended"


class Rotation(StrEnum):
    """How a log was rotated."""

    REPLACED = "replaced"
    """Another file is at its path."""
    TRUNCATED = "truncated"
    """The same file was emptied."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """A snapshot; all counts are since the source was made."""

    is_open: bool
    obstacle: Obstacle | None
    """Why it can't be read, or is not what it should be; what was opened before may be read meanwhile."""
    detail: str
    """The obstacle in words; empty if there is none."""
    lines_read: int
    bytes_read: int
    too_long_lines: int
    """Lines that were left out because they are longer than the limit."""
    rotations: Mapping[Rotation, int]
    """Every kind is there, at 0 if it has not happened."""
    backlog_bytes: int
    """What is written and not yet read, of everything open."""
    retired_open: int
    """Files that were rotated away and are still read to their end."""
    last_line_at: float | None
    """When lines last came; seconds since the Unix epoch."""
