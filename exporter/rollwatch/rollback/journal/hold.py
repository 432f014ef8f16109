"""A connection at work in a thread, and how another thread ends its waiting."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
from threading import Lock
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Hold"]


class Hold:
    """Between `take` and `drop` the connection is at work."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connection: Connection | None = None
        self.is_cut = False
        """Nobody waits any more for what is done with it."""

    def take(self, connection: Connection) -> None:
        with self._lock:
            self._connection = connection

    def drop(self) -> None:
        with self._lock:
            self._connection = None

    def cut(self) -> None:
        """End what the connection waits for, with an error of its driver. Never waits itself.

        A frozen server keeps its connections alive: no timeout of its own, and none of TCP, ends that.
        """
        self.is_cut = True
        # Somebody at the lock is not waiting for a database.
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._connection is None or self._connection.closed:
                return
            driver = self._connection.connection.driver_connection
            if isinstance(driver, sqlite3.Connection):
                driver.interrupt()
            elif isinstance(driver, psycopg.Connection):
                with (
                    contextlib.suppress(OSError, psycopg.Error),
                    socket.socket(fileno=os.dup(driver.fileno())) as same,
                ):
                    same.shutdown(socket.SHUT_RDWR)
        finally:
            self._lock.release()
