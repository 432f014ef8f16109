"""One SQLite file, one connection, one thread. What `run` has returned from is on the disk.

WAL with synchronous=FULL: a commit is an fsync, so that neither kill -9 nor a power cut takes back what
Alertmanager was told is taken. The size is bounded; SQLite itself refuses to grow beyond it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from rollwatch.bridge.storage.schema import APPLICATION_ID, SCHEMA, VERSION
from rollwatch.errors import CantStart, RollwatchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["SIZE_MAX", "Database", "StorageFailed"]

SIZE_MAX = 256 * 1024**2
"""Bytes the database may take; its log beside it takes a few MiB more."""
_FILE = "bridge.db"
_LOCK = "bridge.lock"
_WAIT_S = 10.0
_PAGE = 4096
_LOG_MAX = 4 * 1024**2

T = TypeVar("T")


class StorageFailed(RollwatchError):  # noqa: N818  read as a state: the storage failed
    """What was to be written is not, or may not be, on the disk. `why` is SQLite's word for it."""

    def __init__(self, why: str, *, is_full: bool = False) -> None:
        self.why = why
        self.is_full = is_full
        super().__init__(f"the database can't be used: {why}")


class Database:
    """Made by `opened`, ended by `close`."""

    def __init__(self, directory: Path, size_max: int) -> None:
        self._directory = directory
        self._size_max = size_max
        self._thread = ThreadPoolExecutor(1, "bridge-storage")
        self._lock: int | None = None
        self._connection: sqlite3.Connection | None = None

    @classmethod
    async def opened(cls, directory: Path, *, size_max: int = SIZE_MAX) -> Database:
        """The database in `directory`, made if there is none. Raises CantStart that says what to do."""
        database = cls(directory, size_max)
        try:
            await asyncio.get_running_loop().run_in_executor(database._thread, database._open)
        except BaseException:
            await database.close()
            raise
        return database

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` gives, in one transaction that is on the disk or undone. Raises StorageFailed.

        After ten seconds the caller is told that it failed, though the disk may still come round: everything
        here can be done twice.
        """
        future = asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)
        try:
            async with asyncio.timeout(_WAIT_S):
                return await asyncio.shield(future)
        except TimeoutError:
            future.add_done_callback(_forget)
            raise StorageFailed(f"the disk did not answer within {_WAIT_S:g} s") from None
        except sqlite3.Error as error:
            raise StorageFailed(str(error), is_full=error.sqlite_errorcode == sqlite3.SQLITE_FULL) from None

    async def check(self) -> None:
        """Write something, to see whether that works. Raises StorageFailed."""
        await self.run(
            lambda db: db.execute(
                "INSERT INTO facts (name, value) VALUES ('checks', 1) "
                "ON CONFLICT DO UPDATE SET value = value + 1"
            )
        )

    async def close(self) -> None:
        """Write back and let go of the file, for as long as the disk plays along."""
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)
        await asyncio.wait([asyncio.ensure_future(future)], timeout=_WAIT_S / 2)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            raise sqlite3.ProgrammingError("it is closed")
        connection.execute("BEGIN IMMEDIATE")
        try:
            found = work(connection)
            if isinstance(found, sqlite3.Cursor):
                # Dropped in the loop's thread it would reset a statement that this one shares with others and
                # may be running: SQLITE_MISUSE.
                found.close()
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return found

    def _open(self) -> None:
        path = self._directory / _FILE
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._claim(self._directory / _LOCK)
            # SQLite gives its other files the mode of this one. There are phone numbers in it.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise CantStart(
                f"can't keep anything in {self._directory}: {error.strerror}. "
                "Name a directory this user may write to with --storage.path"
            ) from None
        try:
            self._connection = self._connect(path)
        except sqlite3.Error as error:
            raise CantStart(
                f"{path} can't be used: {error}. If the disk is well, the file is damaged: move {_FILE}* "
                "away and start again. What was not sent yet goes with it; Alertmanager repeats what fires"
            ) from None

    def _claim(self, path: Path) -> None:
        self._lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CantStart(
                f"another rollwatch bridge works in {self._directory}. Stop it, or give each its own "
                "--storage.path"
            ) from None

    def _connect(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection, path: Path) -> None:
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("its content does not hang together")
        for pragma in (
            f"page_size = {_PAGE}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"journal_size_limit = {_LOG_MAX}",
            f"max_page_count = {max(self._size_max // _PAGE, 32)}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            raise sqlite3.OperationalError("its file system knows no shared memory, which SQLite's log needs")
        version = _one(connection, "PRAGMA user_version")
        if version == 0 and _one(connection, "SELECT count(*) FROM sqlite_master") == 0:
            self._create(connection)
            return
        if _one(connection, "PRAGMA application_id") != APPLICATION_ID:
            raise CantStart(
                f"{path} is a database of another program. Name another directory with --storage.path"
            )
        if version > VERSION:
            raise CantStart(
                f"{path} was written by a newer rollwatch (schema {version}; this one knows {VERSION}). "
                "Start that version, or name another directory with --storage.path"
            )

    def _create(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _one(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])


def _forget(future: asyncio.Future[T]) -> None:
    """Nobody waits for it any more; its error is not to be reported as one that nobody saw."""
    if not future.cancelled():
        future.exception()
