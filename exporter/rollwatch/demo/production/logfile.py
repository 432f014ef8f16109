"""A log file that an application rotates itself."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["LogFile"]

_LIMIT = 1024 * 1024


class LogFile:
    """Lines appended to `path`. At `limit` bytes it is renamed to `.1`, and a new one begun."""

    def __init__(self, path: Path, limit: int = _LIMIT) -> None:
        self._path = path
        self._limit = limit

    def write(self, lines: Iterable[str]) -> None:
        """Append these lines in one piece. Blocks. Raises DemoError if they can't be written."""
        text = "".join(f"{line}\n" for line in lines).encode()
        try:
            self._make_room()
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, text)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise DemoError(
                f"the log {self._path} can't be written: {error.strerror}. "
                "Make room, or choose another --run-dir"
            ) from error

    def _make_room(self) -> None:
        with suppress(FileNotFoundError):
            if self._path.stat().st_size >= self._limit:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
