"""Whether the file that SQLite has open is still the one that its path names.

SQLite goes on with a file that was removed or replaced, and says that all is well: what is written then is
gone at the next start, and with it that a release was taken back already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.rollback.ports import JournalFailed

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SameFile"]


class SameFile:
    """Made while the file is there. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = self._look()

    def check(self) -> None:
        """Blocks for microseconds. Raises JournalFailed if it is another one, or none."""
        try:
            is_same = self._look() == self._identity
        except OSError as error:
            raise JournalFailed(
                f"its file can't be found any more: {error.strerror}. Put it back, or restart the handler, "
                "which begins an empty one"
            ) from None
        if not is_same:
            raise JournalFailed(
                "its file was replaced under the running handler; restart the handler to use the new one"
            )

    def _look(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_dev, found.st_ino
