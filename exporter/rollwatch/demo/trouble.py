"""What keeps the demo from starting or answering, with what to do about it."""

from __future__ import annotations

from rollwatch.errors import RollwatchError

__all__ = ["DemoError"]


class DemoError(RollwatchError):
    """The demo can't be started, reached or stopped as things are; the message says what to do."""
