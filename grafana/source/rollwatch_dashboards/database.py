"""Is it the database: queries, connections, statements, tables, indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.board import Board, Row
from rollwatch_dashboards.colours import GREEN, ORANGE, RED
from rollwatch_dashboards.panels import bars, figure, heat, lines
from rollwatch_dashboards.query import Query, where
from rollwatch_dashboards.tables import Column, listing

if TYPE_CHECKING:
    from rollwatch_dashboards.board import Panel

__all__ = ["board"]

_NO_QUERIES = "no service reports its queries, and no postgres_exporter its statements: docs/database.md"
_NO_POSTGRES = "no postgres_exporter is scraped with labels of a service: docs/database.md"
_NO_POOL = "no service reports its pool: docs/signals.md"
_DURATIONS = where("rollwatch_database_query_duration_seconds_bucket")
_POOL = where("rollwatch_database_pool_connections")
_TABLE = "{{service}}: {{datname}}.{{relname}}"
_DATABASE = "{{service}}: {{datname}}"


def board() -> Board:
    """D2, S9."""
    return Board(
        uid=Dashboard.DATABASE,
        title="rollwatch: database",
        description="Is it the database: queries, connections, statements, tables, indexes?",
        rows=(
            Row("Now", _answers()),
            Row("Queries", _queries()),
            Row("Connections", _connections()),
            Row("Statements of PostgreSQL", _statements()),
            Row("Tables and indexes of PostgreSQL", _tables()),
        ),
    )


def _answers() -> tuple[Panel, ...]:
    return (
        figure(
            "Connected",
            "Whether each service reaches its database, as it says itself, else whether postgres_exporter "
            "does.",
            Query(f"max by (service) ({where('service:database_lost:bool')})", "{{service}}", instant=True),
            unit="short",
            empty="no service and no postgres_exporter speaks of a database",
            words={0: ("connected", GREEN), 1: ("lost", RED)},
            named=True,
        ),
        figure(
            "Query time",
            "Average of the last minutes, of the slowest service. The target is 50 ms.",
            Query(f"max({where('service:database_query:average_seconds')})"),
            unit="s",
            empty=_NO_QUERIES,
            trend=True,
        ),
        figure(
            "Slow queries",
            "Queries of over 1 s in the last minutes, all services together.",
            Query(f"sum({where('service:database_slow_queries:increase')})"),
            unit="short",
            empty="no service reports its queries: docs/signals.md",
            decimals=0,
            trend=True,
        ),
        figure(
            "Pool in use",
            "Share of a service's own connections that are in use, of the fullest pool. At 100 % requests "
            "wait.",
            Query(f"max({where('service:database_pool_used:ratio')})", instant=True),
            unit="percentunit",
            empty=_NO_POOL,
            steps=((None, GREEN), (0.8, ORANGE), (1, RED)),
            decimals=0,
        ),
        figure(
            "Connections in use",
            "Share of all that the server allows, of the fullest server.",
            Query(f"max({where('service:database_connections_used:ratio')})", instant=True),
            unit="percentunit",
            empty=_NO_POSTGRES,
            steps=((None, GREEN), (0.8, ORANGE), (0.95, RED)),
            decimals=0,
        ),
        figure(
            "Found in memory",
            "Share of blocks that PostgreSQL did not have to read from disk, of the database with fewest. "
            "Below 99 % for long, memory is short.",
            Query(f"min({where('database:buffer_hits:ratio')})"),
            unit="percentunit",
            empty=_NO_POSTGRES,
            decimals=2,
            trend=True,
        ),
    )


def _queries() -> tuple[Panel, ...]:
    return (
        lines(
            "Average query time",
            "As the service measures it, else as it reports it, else as pg_stat_statements has it; and "
            "the limit.",
            Query(where("service:database_query:average_seconds"), "{{service}}"),
            unit="s",
            empty=_NO_QUERIES,
            limit="database_query_average_seconds",
        ),
        heat(
            "Query time, all of them",
            "Queries by duration, as services measure them.",
            f"sum by (le) (increase({_DURATIONS}[$__rate_interval]))",
            unit="s",
            empty="no service reports how its queries' durations are distributed",
        ),
        lines(
            "By operation",
            "95th percentile of each operation.",
            Query(
                "histogram_quantile(0.95, sum by (service, operation, le) "
                f"(rate({_DURATIONS}[$__rate_interval])))",
                "{{service}}: {{operation}}",
            ),
            unit="s",
            empty="no service reports how its queries' durations are distributed",
        ),
        lines(
            "Slow queries",
            "Queries of over 1 s in the last minutes; ten minutes on end with one is a P1.",
            Query(where("service:database_slow_queries:increase"), "{{service}}"),
            unit="short",
            empty="no service reports its queries: docs/signals.md",
            bars=True,
        ),
        lines(
            "Transactions",
            "Committed a second; rolled back is drawn below.",
            Query(f"sum by (service, datname) ({where('database:commits:rate')})", _DATABASE),
            Query(
                f"-sum by (service, datname) ({where('database:rollbacks:rate')})",
                _DATABASE + ", rolled back",
            ),
            unit="ops",
            empty=_NO_POSTGRES,
            least=None,
        ),
        lines(
            "Found in memory",
            "Share of blocks that PostgreSQL did not have to read from disk.",
            Query(f"min by (service, datname) ({where('database:buffer_hits:ratio')})", _DATABASE),
            unit="percentunit",
            empty=_NO_POSTGRES,
            least=None,
            most=1,
        ),
    )


def _connections() -> tuple[Panel, ...]:
    return (
        lines(
            "Pool",
            "Connections of each service's own pool, by state; `max` is how many there may be.",
            Query(f"max by (service, state) ({_POOL})", "{{service}}: {{state}}"),
            unit="short",
            empty=_NO_POOL,
        ),
        lines(
            "Pool exhausted",
            "Times in the last minutes that somebody asked for a connection in vain.",
            Query(where("service:database_pool_exhausted:increase"), "{{service}}"),
            unit="short",
            empty=_NO_POOL,
            bars=True,
        ),
        lines(
            "Connections of the server",
            "By state. Many that are idle in transaction hold locks and hinder vacuum.",
            Query(f"sum by (service, state) ({where('pg_stat_activity_count')})", "{{service}}: {{state}}"),
            Query(f"max by (service) ({where('pg_settings_max_connections')})", "{{service}}: allowed"),
            unit="short",
            empty=_NO_POSTGRES,
        ),
        lines(
            "Deadlocks",
            "Transactions that PostgreSQL ended because they waited for each other.",
            Query(
                "sum by (service, datname) "
                f"(increase({where('pg_stat_database_deadlocks')}[$__rate_interval]))",
                _DATABASE,
            ),
            unit="short",
            empty=_NO_POSTGRES,
            bars=True,
        ),
    )


def _statements() -> tuple[Panel, ...]:
    seconds, calls = where("statement:seconds:rate"), where("statement:calls:rate")
    by_statement = "sum by (service, datname, queryid) ({})".format
    top = f"topk(10, {by_statement(seconds)})"
    return (
        listing(
            "Statements by time",
            "The ten that take most of the server's time now. Which they are: SELECT query FROM "
            "pg_stat_statements WHERE queryid = …",
            Column(heading="Service", label="service"),
            Column(heading="Database", label="datname"),
            Column(heading="Statement", label="queryid"),
            Column(heading="Time per second", expr=top, unit="s"),
            Column(heading="Calls per second", expr=f"{by_statement(calls)} and {top}", unit="ops"),
            Column(heading="Time per call", expr=f"{top} / ({by_statement(calls)} > 0)", unit="s"),
            empty="pg_stat_statements is not read: docs/database.md",
            span=24,
            sort="Time per second",
        ),
        lines(
            "Time by statement",
            "Seconds a second that each of the dearest statements takes; one is a whole core.",
            Query(f"topk(10, {by_statement(seconds)})", "{{datname}} {{queryid}}"),
            unit="s",
            empty="pg_stat_statements is not read: docs/database.md",
            stacked=True,
        ),
        lines(
            "Calls by statement",
            "Calls a second of the statements that are called most.",
            Query(f"topk(10, {by_statement(calls)})", "{{datname}} {{queryid}}"),
            unit="ops",
            empty="pg_stat_statements is not read: docs/database.md",
        ),
    )


def _tables() -> tuple[Panel, ...]:
    by_table = "max by (service, datname, relname) ({})".format
    return (
        bars(
            "Largest tables",
            "With their indexes.",
            Query(f"topk(10, {by_table(where('table:size:bytes'))})", _TABLE, instant=True),
            unit="bytes",
            empty=_NO_POSTGRES,
        ),
        lines(
            "Size of databases",
            "Growth of over 10 % a week is told as a P3.",
            Query(f"max by (service, datname) ({where('database:size:bytes')})", _DATABASE),
            Query(
                f"max by (service, table) ({where('rollwatch_database_size_bytes')})",
                "{{service}}: {{table}}, as the service says",
            ),
            unit="bytes",
            empty="neither postgres_exporter nor a service says how large a database is",
        ),
        lines(
            "Rows found by an index",
            "Share of scans of a table that used an index. A large table that is read whole lacks one.",
            Query(f"bottomk(10, {by_table(where('table:index_scans:ratio'))})", _TABLE),
            unit="percentunit",
            empty=_NO_POSTGRES,
            most=1,
        ),
        lines(
            "Dead rows",
            "Share of a table's rows that are dead and not yet removed; above 20 % for long, autovacuum "
            "can't keep up.",
            Query(f"topk(10, {by_table(where('table:dead_rows:ratio'))})", _TABLE),
            unit="percentunit",
            empty=_NO_POSTGRES,
            most=1,
        ),
    )
