"""What fails is said in one sentence, nothing is taken then, and all goes on when the fault is gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import exc

from rollwatch.rollback.journal.engines import Waits
from rollwatch.rollback.journal.failures import explained
from rollwatch.rollback.journal.journal import SqlJournal, open_journal
from rollwatch.rollback.model.record import Rollback
from rollwatch.rollback.model.words import State
from rollwatch.rollback.ports import JournalFailed
from support.processes import DEADLINE_S
from support.rollback_postgres import PostgresServer, running_postgres
from support.rollback_rows import NOW, alert_of, brought_to, taken

TESTS = Path(__file__).parents[3]


def _writer(*argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "support.rollback_writer", *argv],
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _said(output: str) -> list[Any]:
    return [json.loads(line) for line in output.splitlines() if line]


def test_a_full_disk_takes_nothing_and_says_so(tmp_path: Path) -> None:
    output, _ = _writer("fills_the_disk", str(tmp_path / "rollback.db")).communicate(timeout=DEADLINE_S)

    failed = ["failed", "the disk fails to read or write; look at the system's log"]
    assert _said(output) == [failed, failed, ["unwell"], ["rows", "1"], ["new", "1"]]


async def test_a_locked_file_fails_in_bounded_time(tmp_path: Path) -> None:
    path = tmp_path / "rollback.db"
    journal = await open_journal(str(path), waits=Waits(statement=0.1))
    backup = sqlite3.connect(path, isolation_level=None)
    backup.execute("BEGIN IMMEDIATE")

    with pytest.raises(JournalFailed, match="another process keeps it locked"):
        await journal.take([(alert_of(), "api")], NOW)
    assert await journal.history() == []

    backup.execute("ROLLBACK")
    backup.close()
    await taken(journal)
    await journal.close()


async def test_a_disk_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    """What nobody waits for any more is not done later: they were told that it failed."""
    path = tmp_path / "rollback.db"
    journal = await open_journal(str(path), waits=Waits(statement=30, answer=0.2))
    backup = sqlite3.connect(path, isolation_level=None)
    backup.execute("BEGIN IMMEDIATE")

    answers = await asyncio.gather(
        *(journal.take([(alert_of(number), "api")], NOW) for number in range(3)), return_exceptions=True
    )
    with pytest.raises(JournalFailed, match=r"did not answer within 0\.2 s"):
        await journal.take([(alert_of(9), "api")], NOW)
    backup.execute("ROLLBACK")
    backup.close()

    assert all(isinstance(answer, JournalFailed) for answer in answers)
    async with asyncio.timeout(DEADLINE_S):
        while not (rows := await _answer(journal, 10)):
            pass
    assert f"{9:016x}" not in {row.alert.fingerprint for row in rows if row.alert is not None}
    await journal.close()


def _sqlite_error(error_of: str, tmp_path: Path) -> sqlite3.Error:
    path = tmp_path / "x.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t (x)")
    try:
        if error_of == "full":
            db.execute("PRAGMA max_page_count = 3")
            db.execute("INSERT INTO t VALUES (zeroblob(100000))")
        elif error_of == "read-only":
            db.execute("PRAGMA query_only = ON")
            sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("INSERT INTO t VALUES (1)")
        elif error_of == "gone":
            sqlite3.connect(f"file:{path}-not?mode=ro", uri=True)
        elif error_of == "damaged":
            path.write_bytes(path.read_bytes()[:100] + b"\xff" * 5000)
            sqlite3.connect(path).execute("SELECT * FROM t")
    except sqlite3.Error as error:
        return error
    finally:
        db.close()
    raise AssertionError(f"SQLite did not say {error_of!r}")


@pytest.mark.parametrize(
    ("error_of", "says"),
    [
        ("full", "the disk is full; make room"),
        ("read-only", "read-only; give this user the right"),
        ("gone", "can't be opened"),
        ("damaged", "damaged; stop the handler"),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_sqlite_says(error_of: str, says: str, tmp_path: Path) -> None:
    failure = explained(exc.OperationalError("SELECT secret", None, _sqlite_error(error_of, tmp_path)))

    assert says in failure.why
    assert "SELECT" not in failure.why


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """To be stopped."""
    with running_postgres() as server:
        yield server


async def _fails(journal: SqlJournal, says: str) -> None:
    for call in (journal.take([(alert_of(2), "api")], NOW), journal.history(), journal.check()):
        with pytest.raises(JournalFailed, match=says):
            await call


async def test_a_server_that_goes_and_comes_back(server: PostgresServer) -> None:
    journal = await open_journal(server.new_database())
    rollback_id = await taken(journal, 1)

    server.stop(signal.SIGQUIT)
    await _fails(journal, "PostgreSQL server can't be reached")
    server.start()

    assert [row.id for row in await journal.history()] == [rollback_id]
    await taken(journal, 2)
    await journal.close()


async def test_a_server_that_was_restarted_meanwhile_is_not_noticed(server: PostgresServer) -> None:
    journal = await open_journal(server.new_database())
    await asyncio.gather(journal.check(), journal.history(), journal.figures())

    server.stop()
    server.start()

    await asyncio.gather(taken(journal, 1), journal.history(), journal.figures())
    await journal.close()


async def test_a_connection_that_falls_silent_is_given_up(postgres: PostgresServer) -> None:
    """A frozen server, or a network that swallows everything: nothing ends such a connection by itself."""
    url = postgres.new_database()
    directory = Path(tempfile.mkdtemp(prefix="rollwatch-silent-"))
    async with _Relay(postgres.directory, directory) as relay:
        through = url.replace(str(postgres.directory), str(directory))
        journal = await open_journal(through, waits=Waits(answer=0.3))
        await asyncio.gather(taken(journal, 1), journal.history(), journal.figures())

        relay.falls_silent()
        failures = await asyncio.gather(
            journal.take([(alert_of(2), "api")], NOW), journal.history(), return_exceptions=True
        )

        assert {str(failure) for failure in failures} == {
            "the journal can't be used: the database did not answer within 0.3 s"
        }
        async with asyncio.timeout(DEADLINE_S):
            while not (rows := await _answer(journal)):
                pass
        assert len(rows) == 2
        await journal.close()
    shutil.rmtree(directory)


async def _answer(journal: SqlJournal, number: int = 2) -> Sequence[Rollback]:
    """All rows, after one more was taken; nothing while that is not possible."""
    try:
        await journal.take([(alert_of(number), "api")], NOW)
        return await journal.history()
    except JournalFailed:
        return ()


class _Relay:
    """Before a PostgreSQL: what is connected can be made to fall silent, while new connections go on."""

    def __init__(self, server: Path, directory: Path) -> None:
        self._server = server / ".s.PGSQL.5432"
        self._own = directory / ".s.PGSQL.5432"
        self._tasks: list[asyncio.Task[None]] = []
        self._flows: list[asyncio.Event] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> _Relay:
        self._listener = await asyncio.start_unix_server(self._connected, self._own)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._listener.close()
        for writer in self._writers:
            writer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=5)

    def falls_silent(self) -> None:
        for flow in self._flows:
            flow.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._server)
        self._writers += [writer, back]
        flow = asyncio.Event()
        flow.set()
        self._flows.append(flow)
        for source, sink in ((reader, back), (there, writer)):
            self._tasks.append(asyncio.create_task(self._carry(source, sink, flow), name="relay"))

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, flow: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                await flow.wait()
                sink.write(data)
                await sink.drain()
        sink.close()


async def test_a_session_that_keeps_the_lock_is_bounded(postgres: PostgresServer) -> None:
    """Another handler may be stopped in the middle of a transaction."""
    url = postgres.new_database()
    journal = await open_journal(url, waits=Waits(statement=0.2))
    with psycopg.connect(url) as stopped:
        stopped.execute("SELECT pg_advisory_xact_lock(%s)", (0x726C_776A_0001,))
        with pytest.raises(JournalFailed, match="took too long"):
            await journal.take([(alert_of(), "api")], NOW)
        assert await journal.history() == []
    await taken(journal)
    await journal.close()


async def test_a_killed_process_loses_nothing_that_it_answered(url: str) -> None:
    writer = _writer("takes", url)
    assert writer.stdout is not None
    said = "".join(writer.stdout.readline() for _ in range(40))
    writer.send_signal(signal.SIGKILL)
    # What follows the last end of line was never said in full.
    said += writer.stdout.read().rpartition("\n")[0]
    writer.communicate(timeout=DEADLINE_S)
    answered = {words[1] for words in _said(said)}

    journal = await open_journal(url)
    kept = {row.id for row in await journal.history(limit=1000)}
    while len(kept) % 1000 == 0:
        kept |= {row.id for row in await journal.history(limit=1000, before=min(kept))}
    assert answered <= kept
    assert len(answered) >= 40
    assert (await journal.figures())["open"] == len(kept)
    await journal.close()


async def test_two_processes_never_begin_the_same(postgres: PostgresServer, tmp_path: Path) -> None:
    """Rows of four services, two each, whose leases have ended: of each service one flies."""
    urls = [str(tmp_path / "rollback.db"), postgres.new_database()]
    journals = [await open_journal(url) for url in urls]
    for journal in journals:
        for number in range(8):
            await brought_to(journal, State.SETTLING, number=number, service=f"s{number % 4}", owner="dead")

    began = _at_once([_writer("begins", name, *urls) for name in ("one", "two")])

    services = ["s0", "s1", "s2", "s3"]
    assert sorted(service for _, service in began) == sorted(services * 2)
    for journal in journals:
        past = await journal.past("production", services, since=0)
        assert set(past.flights.items()) <= {(service, rollback_id) for rollback_id, service in began}
        assert (len(past.flights), len(past.claims)) == (4, 4)
        await journal.close()


async def test_processes_that_open_it_at_once_make_it_once(postgres: PostgresServer, tmp_path: Path) -> None:
    urls = [str(tmp_path / "new" / "rollback.db"), postgres.new_database()]

    assert _at_once([_writer("opens", *urls) for _ in range(2)]) == [["opened"]] * 4


def _at_once(writers: Sequence[subprocess.Popen[str]]) -> list[Any]:
    """What they say after they were let go together."""
    for writer in writers:
        assert writer.stdout is not None
        assert json.loads(writer.stdout.readline()) == ["ready"]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    return [words for writer in writers for words in _said(writer.communicate(timeout=DEADLINE_S)[0])]
