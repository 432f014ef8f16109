"""A PostgreSQL server of the tests' own: on a socket in a directory of its own, ended with the tests.

    from support.rollback_postgres import postgres  # in a conftest.py: one server for its tests, in 0.8 s

    async def test_it(postgres: PostgresServer) -> None:
        journal = await open_journal(postgres.new_database())

Tests that stop, kill or freeze it take `running_postgres()` for themselves. Durability is off: nothing here
needs to survive a power cut, and a commit costs no fsync; for measuring it is on (`is_durable`). As root the
server runs as `postgres` or `nobody`; it dies with the process that started it. PG_BIN names the binaries of
another version than Debian's newest.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

import psutil
import psycopg
import pytest

from support.processes import DEADLINE_S, wait_for

__all__ = ["PASSWORD", "PostgresServer", "postgres", "running_postgres"]

PASSWORD = "s3cr3t@/:%"
"""Of the user `rollwatch`, who owns everything. Must never be shown."""
_QUOTED = "s3cr3t%40%2F%3A%25"


class PostgresServer:
    """A data directory, and the server on it while it runs."""

    def __init__(
        self,
        directory: Path,
        *,
        is_durable: bool = False,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self._port = port
        self._settings = dict(settings or {})
        self._is_durable = is_durable
        self._data = directory / "data"
        self._numbers = count(1)
        self._popen: subprocess.Popen[bytes] | None = None
        self._as_user = _as_unprivileged(directory)

    def create(self) -> None:
        password = self.directory / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        subprocess.run(
            [
                *self._as_user,
                _binary("initdb"),
                f"--pgdata={self._data}",
                "--no-sync",
                "--auth=scram-sha-256",
                "--username=rollwatch",
                f"--pwfile={password}",
                "--locale=C.UTF-8",
                "--encoding=UTF8",
            ],
            check=True,
            capture_output=True,
            timeout=DEADLINE_S,
        )

    def start(self) -> None:
        """Returns when it answers."""
        settings = {
            "listen_addresses": "127.0.0.1" if self._port else "",
            "port": str(self._port or 5432),
            "unix_socket_directories": str(self.directory),
            "fsync": "on" if self._is_durable else "off",
            "full_page_writes": "on" if self._is_durable else "off",
            "max_connections": "100",
            "shared_buffers": "16MB",
            "autovacuum": "off",
            **self._settings,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.directory / "log").open("ab") as log:
            self._popen = subprocess.Popen(
                [*self._as_user, _binary("postgres"), "-D", str(self._data), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for(self._answers, f"PostgreSQL to answer; see {self.directory / 'log'}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends every session and shuts down, SIGQUIT does so without writing anything."""
        if self._popen is None:
            return
        self.thaw()
        self._popen.send_signal(how)
        self._popen.wait(DEADLINE_S)
        self._popen = None

    def freeze(self) -> None:
        """Nothing answers any more; connections stay."""
        for process in self._processes():
            process.suspend()

    def thaw(self) -> None:
        for process in self._processes():
            process.resume()

    def new_database(self, *, like: str | None = None) -> str:
        """The URL of an empty database, or of a copy of the one at the URL `like`."""
        name = f"db{next(self._numbers)}_{os.getpid()}"
        template = "template1" if like is None else like.split("@/")[1].split("?")[0]
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return f"postgresql://rollwatch:{_QUOTED}@/{name}?host={self.directory}"

    def execute(self, url: str, statement: str) -> list[tuple[object, ...]]:
        """What a statement gives in the database at `url`."""
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def binary(self, name: str) -> str:
        """The path of another program of this PostgreSQL."""
        return _binary(name)

    def _conninfo(self, database: str) -> str:
        return psycopg.conninfo.make_conninfo(
            host=str(self.directory),
            port=self._port or 5432,
            user="rollwatch",
            password=PASSWORD,
            dbname=database,
            connect_timeout=5,
        )

    def _answers(self) -> bool:
        assert self._popen is not None
        if self._popen.poll() is not None:
            raise AssertionError(f"PostgreSQL ended:\n{(self.directory / 'log').read_text()}")
        try:
            psycopg.connect(self._conninfo("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _processes(self) -> list[psutil.Process]:
        if self._popen is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(self._popen.pid)
            return [server, *server.children(recursive=True)]
        return []


@contextlib.contextmanager
def running_postgres(
    *, is_durable: bool = False, port: int | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[PostgresServer]:
    """A server for as long as the context lasts; with a `port` it listens on loopback too."""
    # Not below pytest's directory: only its owner may enter that.
    directory = Path(tempfile.mkdtemp(prefix="rollwatch-pg-"))
    try:
        server = PostgresServer(directory, is_durable=is_durable, port=port, settings=settings)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


def _as_unprivileged(directory: Path) -> list[str]:
    dies_with_us = ["setpriv", "--pdeathsig", "QUIT"]
    if os.geteuid() != 0:
        return [*dies_with_us, "--"]
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            os.chown(directory, user.pw_uid, user.pw_gid)
            return [
                *dies_with_us,
                f"--reuid={user.pw_uid}",
                f"--regid={user.pw_gid}",
                "--clear-groups",
                "--",
            ]
    raise AssertionError("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`")


def _binary(name: str) -> str:
    named = os.environ.get("PG_BIN")
    if named:
        return str(Path(named) / name)
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    if newest:
        return str(newest[-1])
    found = shutil.which(name)
    if found is None:
        raise AssertionError("PostgreSQL's binaries are missing: apt-get install postgresql, or name PG_BIN")
    return found
