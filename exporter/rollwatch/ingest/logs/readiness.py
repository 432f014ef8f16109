"""What a descriptor has to read, and waiting for it."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollwatch.ingest.logs.stopping import Stop

__all__ = ["readable", "waiting_bytes"]


async def readable(fd: int, stop: Stop, timeout_s: float) -> bool:
    """Whether `fd` can be read, or is at its end, within the time and before `stop`.

    The descriptor is watched only during the wait: while its consumer is busy nothing is read, the pipe
    fills, and its writer waits.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    waited_for: set[asyncio.Future[Any]] = {ready, stop.future()}
    loop.add_reader(fd, _settle, ready)
    try:
        await asyncio.wait(waited_for, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(fd)
    return ready.done() and not stop.is_requested


def waiting_bytes(fd: int) -> int:
    """How much can be read of a pipe, terminal, socket or file without waiting; 0 if it can't be told."""
    try:
        (count,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
    except OSError:
        return 0
    return max(0, int(count))


def _settle(ready: asyncio.Future[None]) -> None:
    # Called again and again for as long as there is something to read.
    if not ready.done():
        ready.set_result(None)
