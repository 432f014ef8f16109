"""Locks that end with the process that holds them, between strategies and between handlers."""

from __future__ import annotations

import asyncio
import fcntl
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["locked", "try_lock"]

_POLL_S = 0.1


def try_lock(path: Path) -> int | None:
    """Lock a file or directory that exists: a descriptor to close, or None where another holds it.

    Raises OSError where it can't be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    """Hold the lock of a file, which is made if need be; waits for it without end. Raises OSError."""

    def attempt() -> int | None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        return try_lock(path)

    descriptor = await asyncio.to_thread(attempt)
    while descriptor is None:
        await asyncio.sleep(_POLL_S)
        descriptor = await asyncio.to_thread(attempt)
    try:
        yield
    finally:
        os.close(descriptor)
