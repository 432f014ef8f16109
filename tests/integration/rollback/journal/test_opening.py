"""Where a journal can be kept, who may open it, and what it says when it can't be."""

from __future__ import annotations

import sqlite3
import stat
import traceback
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from rollwatch.errors import CantStart
from rollwatch.rollback.journal.address import Address
from rollwatch.rollback.journal.engines import Waits
from rollwatch.rollback.journal.journal import open_journal
from rollwatch.rollback.journal.schema import METADATA, VERSION_TABLE
from rollwatch.rollback.ports import JournalFailed
from support.rollback_postgres import PASSWORD, PostgresServer
from support.rollback_rows import NOW, due, taken


async def test_the_file_is_for_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "var" / "rollback.db"
    journal = await open_journal(str(path))
    await taken(journal)

    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    await journal.close()

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert modes == {"rollback.db": 0o600, "rollback.db-wal": 0o600, "rollback.db-shm": 0o600}


async def test_a_commit_is_on_the_disk(tmp_path: Path) -> None:
    journal = await open_journal(f"sqlite:///{tmp_path}/rollback.db")
    try:

        def asked(pragma: str) -> object:
            with journal._database._engine.connect() as connection:
                return connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()

        assert asked("journal_mode") == "wal"
        assert asked("synchronous") == 2
        assert asked("foreign_keys") == 1
        assert asked("busy_timeout") == 5000
    finally:
        await journal.close()


async def test_what_was_written_is_there_when_it_is_opened_again(url: str) -> None:
    first = await open_journal(url)
    rollback_id = await taken(first)
    await first.close()
    await first.close()
    with pytest.raises(JournalFailed, match="closed"):
        await first.check()
    with pytest.raises(JournalFailed, match="closed"):
        await first.history()

    second = await open_journal(url)
    assert await due(second, NOW) == [rollback_id]
    await second.close()


async def test_the_migrations_make_the_tables_that_the_code_uses(url: str) -> None:
    await (await open_journal(url)).close()
    engine = create_engine(Address.parsed(url).url)
    try:
        with engine.connect() as connection:
            # Types are compared below: Alembic takes a collation for another type.
            opts = {"version_table": VERSION_TABLE, "compare_type": False}
            assert compare_metadata(MigrationContext.configure(connection, opts=opts), METADATA) == []
    finally:
        engine.dispose()


async def test_the_migrations_make_columns_as_the_code_has_them(postgres: PostgresServer) -> None:
    migrated, declared = postgres.new_database(), postgres.new_database()
    await (await open_journal(migrated)).close()
    engine = create_engine(Address.parsed(declared).url)
    METADATA.create_all(engine)
    engine.dispose()

    columns = (
        "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default "
        "FROM information_schema.columns WHERE table_schema = 'public' "
        f"AND table_name <> '{VERSION_TABLE}' ORDER BY 1, 2"
    )
    assert postgres.execute(migrated, columns) == postgres.execute(declared, columns)


async def test_a_journal_of_a_newer_rollwatch_is_left_alone(url: str) -> None:
    await (await open_journal(url)).close()
    _set_version(url, "0001", "9999")
    try:
        with pytest.raises(CantStart, match=r"newer rollwatch \(schema 9999; this one knows up to 0001\)"):
            await open_journal(url)
    finally:
        _set_version(url, "9999", "0001")


def _set_version(url: str, before: str, after: str) -> None:
    statement = f"UPDATE {VERSION_TABLE} SET version_num = '{after}' WHERE version_num = '{before}'"
    if url.startswith("postgresql"):
        with psycopg.connect(url) as server:
            assert server.execute(statement.encode()).rowcount == 1
        return
    file = sqlite3.connect(url)
    with file:
        assert file.execute(statement).rowcount == 1
    file.close()


async def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE orders (id INTEGER)")
    theirs.close()

    with pytest.raises(CantStart, match="another program"):
        await open_journal(str(path))


async def test_what_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("remember the milk\n" * 1000)

    with pytest.raises(CantStart, match="no SQLite database"):
        await open_journal(str(path))


async def test_a_place_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CantStart, match="can't be kept in"):
        await open_journal(str(tmp_path / "file" / "rollback.db"))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://root:s3cr3t@db/x", "SQLite .* and PostgreSQL"),
        ("postgresql+asyncpg://u:s3cr3t@db/x", "SQLite .* and PostgreSQL"),
        ("postgresql://u:s3cr3t@db:port/x", "can't be read"),
        ("postgresql://db/x?password=s3cr3t", "before the @"),
        ("", "name its path"),
        (":memory:", "name its path"),
        ("sqlite://", "name its path"),
    ],
)
async def test_what_can_not_be_a_journal(url: str, says: str) -> None:
    with pytest.raises(CantStart, match=says) as caught:
        await open_journal(url)

    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))


async def test_the_password_is_never_shown(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    journal = await open_journal(url)
    shown = [repr(journal), str(journal), repr(Address.parsed(url))]
    await journal.close()

    waits = Waits(connect=2.0)
    for wrong in (
        url.replace("/db", "/nodb"),
        url.replace("rollwatch:", "nobody:"),
        url + "&sslmode=nonsense",
        url + "&no_such_option=1",
        url.replace(str(postgres.directory), "/nowhere"),
    ):
        with pytest.raises(JournalFailed) as caught:
            await open_journal(wrong, waits=waits)
        shown += ["".join(traceback.format_exception(caught.value)), repr(caught.value)]

    quoted = url.split(":")[2].split("@")[0]
    for text in shown:
        assert PASSWORD not in text
        assert quoted not in text


async def test_tables_of_others_in_the_same_database_are_left_alone(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    postgres.execute(url, "CREATE TABLE alembic_version (version_num text)")
    postgres.execute(url, "INSERT INTO alembic_version VALUES ('theirs')")
    postgres.execute(url, "CREATE TABLE rollbacks (id text)")

    journal = await open_journal(url)
    await taken(journal)
    await journal.close()

    assert postgres.execute(url, "SELECT version_num FROM alembic_version") == [("theirs",)]
    assert postgres.execute(url, "SELECT count(*) FROM rollbacks") == [(0,)]
