"""What postgres_exporter says of a PostgreSQL, for the dashboard of databases; nothing of it is judged.

Names are those of postgres_exporter 0.20; Debian's 0.11 has the same but for statements and tables, which
deploy/postgres/queries.yaml gives it.
"""

from __future__ import annotations

from rollwatch.bundle.promql import OWN
from rollwatch.bundle.rules import Recording

__all__ = ["postgres_recordings"]

_DATABASE = "service, environment, datname"
_TABLE = "service, environment, datname, schemaname, relname"
_STATEMENT = "service, environment, datname, queryid"
_SERVER = "service, environment, instance"


def postgres_recordings(window: str) -> tuple[Recording, ...]:
    """Per server, database, table and statement: of statements the 100 that the exporter shows."""

    def rate(labels: str, metric: str) -> str:
        return f"sum by ({labels}) (rate({metric}{{{OWN}}}[{window}]))"

    def increase(labels: str, metric: str) -> str:
        return f"sum by ({labels}) (increase({metric}[{window}]))"

    # Only what is divided needs matchers: the rest is looked at where that is.
    def share(labels: str, of: str, rest: str) -> str:
        whole = f"{increase(labels, of)}\n    + {increase(labels, rest)}"
        return f"{increase(labels, f'{of}{{{OWN}}}')}\n  / ({whole} > 0)"

    def newest(labels: str, metric: str, matchers: str = "") -> str:
        return f"max by ({labels}) ({metric}{matchers})"

    own = f"{{{OWN}}}"
    rows, dead = "pg_stat_user_tables_n_live_tup", "pg_stat_user_tables_n_dead_tup"
    return (
        # Of the server that has the fewest left, where a service has several.
        Recording(
            "service:database_connections_used:ratio",
            f"max by (service, environment) (\n  sum by ({_SERVER}) (pg_stat_activity_count{own})\n"
            f"    / (max by ({_SERVER}) (pg_settings_max_connections) > 0)\n)",
        ),
        Recording("database:commits:rate", rate(_DATABASE, "pg_stat_database_xact_commit")),
        Recording("database:rollbacks:rate", rate(_DATABASE, "pg_stat_database_xact_rollback")),
        Recording(
            "database:buffer_hits:ratio",
            share(_DATABASE, "pg_stat_database_blks_hit", "pg_stat_database_blks_read"),
        ),
        Recording("database:size:bytes", newest(_DATABASE, "pg_database_size_bytes", own)),
        # Both sizes come from one query of the exporter: where there is one, there is the other.
        Recording(
            "table:size:bytes",
            f"{newest(_TABLE, 'pg_stat_user_tables_table_size_bytes', own)}\n"
            f"  + {newest(_TABLE, 'pg_stat_user_tables_index_size_bytes')}",
        ),
        Recording(
            "table:dead_rows:ratio",
            f"{newest(_TABLE, dead, own)}\n  / ({newest(_TABLE, rows)} + {newest(_TABLE, dead)} > 0)",
        ),
        Recording(
            "table:index_scans:ratio",
            share(_TABLE, "pg_stat_user_tables_idx_scan", "pg_stat_user_tables_seq_scan"),
        ),
        Recording("statement:seconds:rate", rate(_STATEMENT, "pg_stat_statements_seconds_total")),
        Recording("statement:calls:rate", rate(_STATEMENT, "pg_stat_statements_calls_total")),
    )
