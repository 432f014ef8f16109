"""Brings the tables up to date, in one transaction that other handlers wait for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from rollwatch.errors import CantStart
from rollwatch.rollback.journal.engines import APPLICATION_ID
from rollwatch.rollback.journal.schema import VERSION_TABLE

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["migrate"]

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(connection: Connection, shown: str) -> None:
    """`connection` is in a writing transaction. Raises CantStart when a newer rollwatch was here."""
    config = Config(attributes={"connection": connection})
    # A percent sign is the beginning of a reference there.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    current = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    ).get_current_revision()
    if current is not None and current not in known:
        raise CantStart(
            f"the journal {shown} was written by a newer rollwatch (schema {current}; this one knows up to "
            f"{scripts.get_current_head()}). Start that version, or restore the copy from before the upgrade"
        )
    if current == scripts.get_current_head():
        return
    command.upgrade(config, "head")
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
