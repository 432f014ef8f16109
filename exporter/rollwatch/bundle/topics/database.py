"""The database, as the service, its pool and postgres_exporter see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.promql import OWN, beyond, first_of
from rollwatch.bundle.rules import Alert, Dashboard, Judged, Recording, Topic
from rollwatch.bundle.topics._postgres import postgres_recordings
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_SERVICE = "service, environment"
_FEWEST_QUERIES = 20
"""Of so few in a window an average says nothing."""
_QUERY = "rollwatch_database_query_duration_seconds"


def topic(settings: Settings) -> Topic:
    """The rules of databases."""
    return Topic(
        name="database",
        title="Database",
        recordings=(
            *_queries(settings.window),
            *_connection(settings.window),
            *postgres_recordings(settings.window),
        ),
        judged=(Judged("database_query_average_seconds", "service:database_query:average_seconds"),),
        alerts=_alerts(settings),
    )


def _queries(window: str) -> tuple[Recording, ...]:
    def average(seconds: str, calls: str) -> str:
        return (
            f"sum by ({_SERVICE}) (increase({seconds}[{window}]))\n"
            f"  / (sum by ({_SERVICE}) (increase({calls}[{window}])) >= {_FEWEST_QUERIES})"
        )

    # Calls need no matchers: they are divided by only for a service and an environment that have seconds.
    statements = f"pg_stat_statements_seconds_total{{{OWN}}}", "pg_stat_statements_calls_total"
    return (
        Recording(
            "service:database_query:average_seconds",
            first_of(
                average(f"{_QUERY}_sum", f"{_QUERY}_count"),
                f"max by ({_SERVICE}) (rollwatch_database_reported_query_average_seconds)",
                average(*statements),
            ),
        ),
        Recording(
            "service:database_slow_queries:increase",
            first_of(
                f"sum by ({_SERVICE}) (increase(rollwatch_database_slow_queries_total[{window}]))",
                f"sum by ({_SERVICE}) (increase({_QUERY}_count[{window}]))\n"
                f'  - sum by ({_SERVICE}) (increase({_QUERY}_bucket{{le="1.0"}}[{window}]))',
            ),
        ),
    )


def _connection(window: str) -> tuple[Recording, ...]:
    def connections(state: str) -> str:
        return f'max by ({_SERVICE}) (rollwatch_database_pool_connections{{state="{state}"}})'

    return (
        # What the service says of its connection goes before what postgres_exporter says of its own. Of
        # several servers that postgres_exporter watches for a service, each must answer.
        Recording(
            "service:database_lost:bool",
            first_of(
                f"1 - max by ({_SERVICE}) (rollwatch_database_up)",
                f"1 - min by ({_SERVICE}) (pg_up{{{OWN}}})",
            ),
        ),
        Recording(
            "service:database_pool_used:ratio", f"{connections('in_use')}\n  / ({connections('max')} > 0)"
        ),
        Recording(
            "service:database_pool_exhausted:increase",
            f"sum by ({_SERVICE}) (increase(rollwatch_database_pool_exhausted_total[{window}]))",
        ),
    )


def _alerts(settings: Settings) -> tuple[Alert, ...]:
    return (
        Alert(
            name="DatabaseSlow",
            priority=Priority.P2,
            expr=beyond(
                "service:database_query:average_seconds", "database_query_average_seconds", Priority.P2
            ),
            metric="service:database_query:average_seconds",
            condition=(
                f"queries take longer than the threshold on average over {settings.window}, of at least "
                f"{_FEWEST_QUERIES} queries"
            ),
            threshold="database_query_average_seconds",
            summary="Database queries of [service] take [value] on average ([environment])",
            description=(
                f"Over the last {settings.window} a database query of [service] took [value] on average; "
                "the limit is "
                "[threshold]. Pages and requests that need the database are slower than they should be."
            ),
            dashboard=Dashboard.DATABASE,
        ),
        Alert(
            name="DatabaseSlowQueries",
            priority=Priority.P1,
            # Half a query: differences of extrapolated counts are not exact.
            expr="service:database_slow_queries:increase > 0.5",
            hold="10m",
            metric="service:database_slow_queries:increase",
            condition=f"there were queries of over 1 s within {settings.window}, again and again",
            limit=f"10 min on end with a query of over 1 s in every {settings.window}",
            shows=f'{{{{ printf "%.0f" $value }}}} queries of over 1 s in {settings.window}',
            summary="[service] keeps running database queries of over 1 s ([environment])",
            description=(
                f'In the last {settings.window} {{{{ printf "%.0f" $value }}}} database queries of '
                "[service] took over "
                "1 s, and it has been like that for [for]. Users wait for them, and they hold connections "
                "others need."
            ),
            dashboard=Dashboard.DATABASE,
        ),
        Alert(
            name="DatabaseLost",
            priority=Priority.P0,
            expr="service:database_lost:bool == 1",
            hold="30s",
            metric="service:database_lost:bool",
            condition="the service, or postgres_exporter, does not reach the database",
            limit="connected",
            shows="not connected",
            summary="[service] has lost its database ([environment])",
            description=(
                "[service] has not reached its database for [for]. Whatever needs data fails, and what users "
                "enter now is not stored."
            ),
            dashboard=Dashboard.DATABASE,
        ),
        Alert(
            name="DatabasePoolExhausted",
            priority=Priority.P0,
            # The hold is half of the minute; the range is a little longer than the other half, so that 2.x
            # and 3.x see the same evaluations in it.
            expr=(
                "(service:database_pool_used:ratio >= 1 and service:database_pool_exhausted:increase > 0.5)\n"
                "or\n"
                "min_over_time(service:database_pool_used:ratio[40s]) >= 1"
            ),
            hold="30s",
            metric="service:database_pool_used:ratio",
            condition=(
                "every connection of the pool is in use, and either somebody asked in vain for one within "
                f"{settings.window}, or it was already so 30 s before"
            ),
            limit="a connection is free now and then",
            shows="every connection in use",
            summary="[service] has no database connection left ([environment])",
            description=(
                "Every connection of [service]'s database pool has been in use for [for] and somebody asked "
                "in vain for one, or it has been for a minute. Requests that need the database wait until "
                "they time out."
            ),
            dashboard=Dashboard.DATABASE,
        ),
    )
