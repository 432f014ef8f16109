"""Connections as the journal needs them: durable, bounded in every wait, one writer at a time.

One writer at a time, over all handlers: SQLite knows no more, and on PostgreSQL an advisory lock makes it so.
What two handlers decide at once is then decided one after the other, in the same way on both.
"""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine, event, text

from rollwatch.errors import CantStart

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

    from rollwatch.rollback.journal.address import Address

__all__ = ["APPLICATION_ID", "READERS", "Waits", "begin", "engine_for", "prepare_file"]

APPLICATION_ID = 0x726C776A
"""`rlwj`: `file` and we know the database by it."""
READERS = 2
"""Connections for reading; one more is for writing."""
_WRITER_LOCK = 0x726C_776A_0001
"""Of PostgreSQL's advisory lock: a number that no other program takes."""
_LOG_MAX = 16 * 1024**2
_BOUNDS = text(
    "SELECT set_config('statement_timeout', :limit, true), "
    "set_config('idle_in_transaction_session_timeout', :limit, true), "
    "set_config('synchronous_commit', 'on', true)"
)
_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds."""

    connect: float = 5.0
    statement: float = 5.0
    """One statement, waiting for locks included."""
    answer: float = 10.0
    """From asking the journal for something until it is done, or JournalFailed."""
    opening: float = 60.0
    """Migrations, and waiting for another handler's."""


def engine_for(address: Address, waits: Waits) -> Engine:
    return _sqlite(address, waits) if address.file is not None else _postgres(address, waits)


def begin(connection: Connection, *, reads: bool, limit_s: float) -> None:
    """Begin the transaction; with PostgreSQL each statement of it is bounded by `limit_s`."""
    connection.begin()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
        return
    connection.execute(_BOUNDS, {"limit": str(int(limit_s * 1000))})
    if not reads:
        connection.execute(_LOCK, {"lock": _WRITER_LOCK})


def prepare_file(path: Path, waits: Waits) -> None:
    """Make the file, and set what stays set. Raises CantStart, sqlite3.Error."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its other files the mode of this one.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise CantStart(
            f"the journal can't be kept in {path}: {error.strerror}. Name a file in a directory that this "
            "user may write to"
        ) from None
    connection = sqlite3.connect(path, timeout=waits.statement, isolation_level=None)
    try:
        is_ours = _one(connection, "PRAGMA application_id") == APPLICATION_ID
        if not is_ours and _one(connection, "SELECT count(*) FROM sqlite_master") > 0:
            raise CantStart(f"{path} is a database of another program. Name another file for the journal")
        _switch_to_log(connection, path, waits)
    finally:
        connection.close()


def _sqlite(address: Address, waits: Waits) -> Engine:
    engine = create_engine(
        address.url,
        hide_parameters=True,
        pool_size=READERS + 1,
        max_overflow=0,
        pool_timeout=waits.connect,
        connect_args={"timeout": waits.statement, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def connected(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        del record
        cursor = connection.cursor()
        for pragma in ("synchronous = FULL", "foreign_keys = ON", f"journal_size_limit = {_LOG_MAX}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _postgres(address: Address, waits: Waits) -> Engine:
    return create_engine(
        address.url,
        hide_parameters=True,
        pool_size=READERS + 1,
        max_overflow=0,
        pool_timeout=waits.connect,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": max(int(waits.connect), 2),
            "application_name": "rollwatch rollback",
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": int(waits.statement * 1000),
            # Poolers in front of PostgreSQL share connections between clients: nothing may outlive its
            # transaction, neither a prepared statement nor a setting.
            "prepare_threshold": None,
        },
    )


def _switch_to_log(connection: sqlite3.Connection, path: Path, waits: Waits) -> None:
    """SQLite does not wait for others when it changes this, whatever its timeout is."""
    until = time.monotonic() + waits.opening
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)
            continue
        if mode != "wal":
            raise CantStart(
                f"the file system of {path} knows no shared memory, which SQLite's log needs. Put the "
                "journal on a local disk"
            )
        return


def _one(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])
