"""Each test that asks for `journal` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from rollwatch.rollback.journal.journal import SqlJournal, open_journal
from rollwatch.rollback.journal.schema import METADATA
from support.rollback_postgres import PostgresServer, postgres
from support.rollback_rows import memory_directory

__all__ = ["postgres"]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty journal, to be copied: making one writes all its tables."""
    path = tmp_path_factory.mktemp("journal") / "template.db"

    async def make() -> None:
        await (await open_journal(str(path))).close()

    asyncio.run(make())
    return path


@pytest.fixture(scope="session")
def postgres_emptied(postgres: PostgresServer) -> str:
    """The URL of a database that tests share, each after emptying it."""
    return postgres.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where an empty journal is."""
    if request.param == "sqlite":
        with tempfile.TemporaryDirectory(prefix="rollwatch-journal-", dir=memory_directory()) as directory:
            path = Path(directory) / "rollback.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            yield str(path)
        return
    shared: str = request.getfixturevalue("postgres_emptied")
    with psycopg.connect(shared, autocommit=True) as connection:
        if connection.execute("SELECT to_regclass('rollwatch_rollbacks')").fetchone() != (None,):
            # TRUNCATE would make each file anew.
            tables = reversed(METADATA.sorted_tables)
            connection.execute("; ".join(f"DELETE FROM {table}" for table in tables).encode())
    yield shared


@pytest.fixture
async def journal(url: str) -> AsyncIterator[SqlJournal]:
    journal = await open_journal(url)
    yield journal
    await journal.close()


@pytest.fixture
async def other(url: str, journal: SqlJournal) -> AsyncIterator[SqlJournal]:
    """The same journal as another handler has it."""
    other = await open_journal(url)
    yield other
    await other.close()
