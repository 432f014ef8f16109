"""How one source is doing: its counts, and what is in its way, said once in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from rollwatch.ingest.logs.obstruction import Obstruction
from rollwatch.ingest.logs.state import Obstacle, Rotation, SourceState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.clock import Clock

__all__ = ["Standing"]

_log = structlog.get_logger(__name__)

_BETWEEN_FILES_S = 5.0
"""Between renaming a log and making it anew a program may take its time; that is no news."""


class Standing:
    """Collects what a source reports. `source` names it in the log."""

    def __init__(self, source: str, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._obstruction: Obstruction | None = Obstruction(
            Obstacle.NOT_STARTED, "it has not been opened yet"
        )
        self._met_s = clock.monotonic()
        self._is_said = False
        self._has_been_open = False
        self._lines = 0
        self._bytes = 0
        self._too_long = 0
        self._rotations = dict.fromkeys(Rotation, 0)
        self._last_line_at: float | None = None
        self.is_open = False
        self.backlog_bytes = 0
        self.retired_open = 0

    def took(self, lines: int, size: int, too_long: int, rotations: Sequence[Rotation] = ()) -> None:
        """Count what one read gave."""
        self._bytes += size
        self._too_long += too_long
        if lines:
            self._lines += lines
            self._last_line_at = self._clock.wall()
        for rotation in rotations:
            self._rotations[rotation] += 1

    def met(self, obstruction: Obstruction) -> None:
        """Something is in the way; it is said when it is new and no mere pause between two files."""
        obstacle = obstruction.obstacle
        if self._obstruction is None or self._obstruction.obstacle is not obstacle:
            self._met_s = self._clock.monotonic()
            self._is_said = False
        self._obstruction = obstruction
        is_pause = obstacle is Obstacle.MISSING and self._has_been_open
        patience_s = _BETWEEN_FILES_S if is_pause else 0.0
        if not self._is_said and self._clock.monotonic() - self._met_s >= patience_s:
            self._is_said = True
            _log.warning("log_not_readable", log=self._source, why=obstacle.value, detail=obstruction.detail)

    def cleared(self) -> None:
        """Nothing is in the way."""
        if self._obstruction is not None and self._is_said:
            _log.info("log_readable_again", log=self._source)
        self._obstruction = None
        self._is_said = False
        self._has_been_open = True

    def ended(self, detail: str) -> None:
        """The input is at its end; nothing more will come."""
        self._obstruction = Obstruction(Obstacle.ENDED, detail)
        self.is_open = False
        _log.info("log_ended", log=self._source, detail=detail, lines=self._lines)

    def closed(self) -> None:
        """It is read no longer; the counts stay."""
        self.is_open = False
        self.backlog_bytes = 0
        self.retired_open = 0

    @property
    def state(self) -> SourceState:
        """A snapshot."""
        obstruction = self._obstruction
        return SourceState(
            is_open=self.is_open,
            obstacle=None if obstruction is None else obstruction.obstacle,
            detail="" if obstruction is None else obstruction.detail,
            lines_read=self._lines,
            bytes_read=self._bytes,
            too_long_lines=self._too_long,
            rotations=dict(self._rotations),
            backlog_bytes=self.backlog_bytes,
            retired_open=self.retired_open,
            last_line_at=self._last_line_at,
        )
