"""Private directories: made anew for each order, removed afterwards; what a crash left is cleared."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import structlog

from rollwatch.rollback.strategies.environment import ORDER_VARIABLE
from rollwatch.rollback.strategies.family import marked
from rollwatch.rollback.strategies.file_lock import try_lock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Any

__all__ = ["Workspace"]

_log = structlog.get_logger(__name__)
_SEPARATOR = "~"


class Workspace:
    """The directories of one strategy of one service."""

    def __init__(self, root: Path) -> None:
        """Nothing is made or cleared before the first `directory`."""
        self._root = root
        self._is_swept = False

    @asynccontextmanager
    async def directory(self, order_id: str) -> AsyncIterator[Path]:
        """An empty directory for as long as the context lasts. Raises OSError where none can be made."""
        if not self._is_swept:
            self._is_swept = True
            await asyncio.to_thread(self._sweep)
        path, lock = await asyncio.to_thread(self._make, order_id)
        try:
            yield path
        finally:
            await asyncio.shield(asyncio.to_thread(_give_back, path, lock))

    def _make(self, order_id: str) -> tuple[Path, int]:
        """Locked, so that no other strategy clears it: after a reload there are two for a while."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        while True:
            path = Path(tempfile.mkdtemp(prefix=quote(order_id, safe="")[:150] + _SEPARATOR, dir=self._root))
            # Somebody who clears up may have seen it before it was locked.
            with contextlib.suppress(FileNotFoundError):
                lock = try_lock(path)
                if lock is not None and path.is_dir():
                    return path, lock

    def _sweep(self) -> None:
        if not self._root.is_dir():
            return
        for path in self._root.iterdir():
            order_id, separator, _ = path.name.rpartition(_SEPARATOR)
            lock = try_lock(path) if separator and path.is_dir() else None
            if lock is None:
                continue
            # A deployment that outlived its handler still works in its checkout.
            if marked(ORDER_VARIABLE, unquote(order_id)):
                os.close(lock)
            else:
                _log.info("leftover_removed", directory=str(path))
                _give_back(path, lock)


def _give_back(path: Path, lock: int) -> None:
    shutil.rmtree(path, onerror=_make_removable)
    os.close(lock)
    if path.exists():
        _log.warning("directory_not_removed", directory=str(path))


def _make_removable(remove: Callable[..., Any], name: str, _: object) -> None:
    """Builds leave directories that can't be written, such as the caches of Go modules."""
    try:
        for path in (Path(name).parent, Path(name)):
            if path.is_dir() and not path.is_symlink():
                path.chmod(stat.S_IRWXU)
        if remove in {os.unlink, os.rmdir}:
            remove(name)
        else:
            shutil.rmtree(name, ignore_errors=True)
    except OSError:
        return
