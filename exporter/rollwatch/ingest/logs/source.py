"""What every source of log lines offers to who consumes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from rollwatch.ingest.logs.state import SourceState

__all__ = ["LogSource", "Take"]

Take: TypeAlias = Callable[[list[bytes]], Awaitable[None]]
"""Consumes the complete lines of one read. Nothing more is read before it returns."""


class LogSource(Protocol):
    """A file, a pipe or standard input that gives lines. It is run once.

    A reload that keeps a source changes what `take` does and leaves the source running: a pipe can't be
    handed over without a moment in which its writer has no reader.
    """

    async def run(self, take: Take) -> None:
        """Hand lines to `take` until stopped, cancelled or at an end of the input; then everything is closed.

        No trouble with what is read is raised; it is in `state` and said once in the log. What `take` raises
        ends the run. Cancelled inside `take`, the lines in hand count as taken.
        """
        ...

    def stop(self) -> None:
        """End the run as soon as the lines in hand are taken. To be called on the loop's thread."""
        ...

    @property
    def state(self) -> SourceState:
        """How the source is doing."""
        ...
