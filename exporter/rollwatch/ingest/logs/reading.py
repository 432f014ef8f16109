"""What one step along a log gave, and how things stand after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollwatch.ingest.logs.place import Position

if TYPE_CHECKING:
    from rollwatch.ingest.logs.lines import LineSplitter
    from rollwatch.ingest.logs.obstruction import Obstruction
    from rollwatch.ingest.logs.state import Rotation
    from rollwatch.ingest.logs.tailed import TailedFile

__all__ = ["Reading"]


@dataclass(slots=True)
class Reading:
    """Filled during one step, and not touched after it."""

    lines: list[bytes] = field(default_factory=list)
    bytes_read: int = 0
    too_long: int = 0
    rotations: list[Rotation] = field(default_factory=list)
    has_more: bool = False
    """Whether the next step should follow at once."""
    is_open: bool = False
    obstruction: Obstruction | None = None
    backlog_bytes: int = 0
    retired_open: int = 0
    position: Position = field(default_factory=lambda: Position(None))
    """Where to go on once the lines are taken."""

    def take(self, file: TailedFile, data: bytes) -> None:
        """Add what was read of `file`."""
        self.bytes_read += len(data)
        self._add(file.splitter.feed(data), file.splitter)
        # A backlog of which a read finds nothing is a hole at the end: it can wait.
        self.has_more = self.has_more or (file.has_moved and file.backlog > 0)

    def finish(self, splitter: LineSplitter) -> None:
        """Nothing more will come: what is left counts as a line."""
        self._add(splitter.flush(), splitter)

    def _add(self, lines: list[bytes], splitter: LineSplitter) -> None:
        # Nearly always one file gave all of them.
        if self.lines:
            self.lines += lines
        else:
            self.lines = lines
        self.too_long += splitter.take_too_long()
