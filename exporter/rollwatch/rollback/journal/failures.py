"""Why a database can't, in one sentence for an operator: without SQL, parameters and passwords."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import exc

from rollwatch.rollback.ports import JournalFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["explained", "is_of_the_work", "is_passing_race", "needs_person"]

_LENGTH_MAX = 300

_SQLITE = {
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_READONLY: "its file or directory is read-only; give this user the right to write there",
    sqlite3.SQLITE_BUSY: "another process keeps it locked; is a backup or another tool open on it?",
    sqlite3.SQLITE_LOCKED: "another process keeps it locked; is a backup or another tool open on it?",
    sqlite3.SQLITE_IOERR: "the disk fails to read or write; look at the system's log",
    sqlite3.SQLITE_CORRUPT: "its file is damaged; stop the handler and restore it from a backup",
    sqlite3.SQLITE_NOTADB: "its file is no SQLite database; name another path",
    sqlite3.SQLITE_CANTOPEN: "its file can't be opened; look at the directory's owner and mode",
    sqlite3.SQLITE_PERM: "this user may not open its file; look at its owner and mode",
}

_FOR_PERSONS = frozenset(
    {
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
    }
)

_POSTGRES = {
    "08": "the PostgreSQL server can't be reached",
    "25006": "the PostgreSQL server is read-only now: a standby, or set so",
    "28": "the PostgreSQL server refuses this user; check user and password",
    "3D000": "the PostgreSQL server has no such database; create it",
    "42501": "this user lacks rights in the PostgreSQL database",
    "42P01": "its tables are gone from the PostgreSQL database; restart the handler to make them anew",
    "53100": "the disk of the PostgreSQL server is full; make room",
    "53300": "the PostgreSQL server takes no more connections",
    "53": "the PostgreSQL server is short of resources",
    "55P03": "another session keeps it locked",
    "57014": "the PostgreSQL server took too long, and the work was given up",
    "57P": "the PostgreSQL server is shutting down, or has just started",
    "58": "the disk of the PostgreSQL server fails; look at its log",
    "XX": "the PostgreSQL server reports damage; look at its log",
}
_RACES = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: nothing is done, and once more may well go."""


def explained(error: exc.SQLAlchemyError, secrets: Iterable[str] = ()) -> JournalFailed:
    """`secrets` are taken out of whatever a driver adds."""
    origin = error.orig if isinstance(error, exc.DBAPIError) else None
    if isinstance(origin, sqlite3.Error):
        return JournalFailed(_of_sqlite(origin))
    if isinstance(origin, psycopg.Error):
        return JournalFailed(_bounded(_of_postgres(origin), secrets))
    if isinstance(error, exc.TimeoutError):
        return JournalFailed("no connection became free in time")
    return JournalFailed(_bounded(f"the database driver failed ({type(origin or error).__name__})", secrets))


def needs_person(error: exc.SQLAlchemyError) -> bool:
    """Whether asking again is of no use until somebody has done something."""
    origin = error.orig if isinstance(error, exc.DBAPIError) else None
    return isinstance(origin, sqlite3.Error) and _code(origin) in _FOR_PERSONS


def is_of_the_work(error: BaseException) -> bool:
    """Whether one work is to blame rather than the database: then others beside it may go through."""
    return not isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError)


def is_passing_race(error: BaseException) -> bool:
    """Whether the same work, done again now, may succeed."""
    if isinstance(error, exc.IntegrityError):
        return True
    origin = error.orig if isinstance(error, exc.DBAPIError) else None
    return isinstance(origin, psycopg.Error) and origin.sqlstate in _RACES


def _of_sqlite(origin: sqlite3.Error) -> str:
    return _SQLITE.get(_code(origin), f"SQLite failed: {origin}")


def _code(origin: sqlite3.Error) -> int:
    """0 where the driver failed and not the database."""
    return int(getattr(origin, "sqlite_errorcode", 0)) & 0xFF


def _of_postgres(origin: psycopg.Error) -> str:
    state = origin.sqlstate
    if state is None:
        # No answer of a server: what the client's library says. Its first line names host and port.
        first = str(origin).strip().splitlines()
        return "the PostgreSQL server can't be reached" + (f": {first[0]}" if first else "")
    said = origin.diag.message_primary or ""
    for length in (5, 3, 2):
        known = _POSTGRES.get(state[:length])
        if known is not None:
            return f"{known} ({said})" if said else known
    return f"the PostgreSQL server refuses ({state} {said})"


def _bounded(why: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if secret:
            why = why.replace(secret, "***")
    return why if len(why) <= _LENGTH_MAX else why[: _LENGTH_MAX - 1] + "…"
