"""How a program ends when a thread of its own can't be ended."""

from __future__ import annotations

import os
import threading

from rollwatch.cli.exits import Exit

__all__ = ["end_within"]


def end_within(seconds: float) -> None:
    """All is closed; a thread that a dead disk, a pipe or a resolver holds must not keep the process."""
    timer = threading.Timer(seconds, os._exit, (Exit.OK,))
    timer.daemon = True
    timer.start()
