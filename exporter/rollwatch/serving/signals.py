"""How a process of ours is told to end, and to read its files again."""

from __future__ import annotations

import asyncio
import signal

__all__ = ["signals"]


def signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Events for SIGTERM or SIGINT, and for SIGHUP; on the running loop."""
    stop, hang_up = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, hang_up.set)
    return stop, hang_up
