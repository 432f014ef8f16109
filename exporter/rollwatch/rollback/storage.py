"""The handler's directory: made, and held by one process for as long as it lives."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rollwatch.errors import CantStart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["JOURNAL", "STATE", "holding"]

JOURNAL = "journal.db"
STATE = "state"
"""What strategies leave while they work."""
_LOCK = "lock"


@contextmanager
def holding(storage: Path) -> Iterator[None]:
    """Blocks for a moment. Raises CantStart if it can't be made or written, or another handler lives in it.

    The kernel lets go of the lock when the process ends; programs that it has started don't inherit it.
    """
    try:
        storage.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(storage / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CantStart(
            f"{storage} can't be used: {error.strerror}. Make it writable for this user, or name another "
            "directory with --storage.path"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CantStart(
                f"another rollback handler lives in {storage}. Two of them need a journal in PostgreSQL, and "
                "a directory each: --storage.path"
            ) from error
        yield
    finally:
        os.close(descriptor)
