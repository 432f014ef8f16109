"""Run by Alembic, on the connection and in the transaction that it is handed."""

from __future__ import annotations

from alembic import context

from rollwatch.rollback.journal.schema import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
