"""Rollback alerts: for the rollback handler only, which judges whether the last release is to be taken back.

Each has a twin that people get for the same trouble. They judge by what the other topics record, and by the
column `rollback` of the table of thresholds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.promql import beyond
from rollwatch.bundle.rules import Alert, Dashboard, Recording, Topic
from rollwatch.bundle.topics._http import in_seconds
from rollwatch.bundle.topics._http_slis import FEWEST
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_PROBE = "service, environment, probe"
_HERE = f"{_PROBE}, location"
_RUNS = 5
_SECONDS = 100
_ROLLBACK = Priority.ROLLBACK


def topic(settings: Settings) -> Topic:
    """The rules that carry `rollback="auto"`."""
    return Topic(
        name="rollback",
        title="Rollback",
        recordings=_down_runs(),
        alerts=(_health(), _component(), *_beyond_limits(settings.window), _database()),
        file="alerts-rollback.yml",
    )


def _down_runs() -> tuple[Recording, ...]:
    """How sure DOWN is: the least of all locations that say so. One that never saw the target UP has no "
    "say."""
    count = f'sum by ({_HERE}) (rollwatch_probe_results_total{{verdict="down"}})'
    age = f"time() - max by ({_HERE}) (rollwatch_probe_last_success_timestamp_seconds)"
    return (
        # What the count of DOWN runs was while the target was UP: from there on they are in a row.
        Recording("probe:down_runs_when_up:total", f"{count}\nand on ({_HERE}) probe:down == 0"),
        Recording(
            "probe:down_runs:since_up",
            f"min by ({_PROBE}) (\n"
            f"  {count}\n"
            "  - last_over_time(probe:down_runs_when_up:total[1d])\n"
            f"  and on ({_HERE}) probe:down == 1\n"
            ")",
        ),
        # After a gap the past evaluations that ask for 100 s are missing; what the exporter saw last is not.
        Recording(
            "probe:up_age:seconds",
            f"min by ({_PROBE}) (\n  {age}\n  and on ({_HERE}) probe:down == 1\n)",
        ),
        Recording(
            "probe:up_age:intervals",
            f"min by ({_PROBE}) (\n"
            f"  ({age})\n"
            f"  / max by ({_HERE}) (rollwatch_probe_interval_seconds)\n"
            f"  and on ({_HERE}) probe:down == 1\n"
            ")",
        ),
    )


def _health() -> Alert:
    return Alert(
        name="RollbackHealthDown",
        priority=_ROLLBACK,
        # A range instead of `for`: the 100 s and the runs are counted at the same time, not in turn.
        expr=(
            f'min_over_time(probe:down:ratio{{priority="P0"}}[{_SECONDS}s]) == 1\n'
            f"and on ({_PROBE}) probe:down_runs:since_up >= {_RUNS}\n"
            f"and on ({_PROBE}) probe:up_age:intervals >= {_RUNS}\n"
            f"and on ({_PROBE}) probe:up_age:seconds >= {_SECONDS}"
        ),
        metric="probe_success",
        condition=(
            "a probe was UP, and has been DOWN at every location that decides for 100 s and for at least 5 "
            "runs"
        ),
        limit="UP at one location or more",
        shows="DOWN at every location that decides, for 100 s and at least 5 runs",
        summary="[service] is down: probe [probe] ([environment])",
        description=(
            "Probe [probe] of [service] was UP and is DOWN at every location that decides, for 100 s and at "
            "least "
            "5 runs. If a release has just gone out, it is probably to blame."
        ),
        dashboard=Dashboard.RELEASES,
        twin="HealthDown",
    )


def _component() -> Alert:
    return Alert(
        name="RollbackComponentDown",
        priority=_ROLLBACK,
        expr='component:down:ratio{critical="true"} == 1',
        hold="1m",
        metric="rollwatch_component_up",
        condition="a critical component is down by every health body that names it",
        limit="up",
        shows="down",
        summary="Critical component [component] of [service] is down ([environment])",
        description=(
            "[service] reports that its critical component [component] is down, everywhere and for [for]. "
            "If a release has just gone out, it is probably to blame."
        ),
        dashboard=Dashboard.RELEASES,
        twin="CriticalComponentDown",
    )


def _beyond_limits(window: str) -> tuple[Alert, ...]:
    def alert(  # noqa: PLR0917
        name: str,
        twin: str,
        row: str,
        sli: str,
        selected: str,
        condition: str,
        what: str,
        hold: str = "0s",
        also: str = "",
    ) -> Alert:
        found = beyond(sli + selected, row, _ROLLBACK)
        return Alert(
            name=name,
            priority=_ROLLBACK,
            expr=f"(\n{found}\n)\n{also}" if also else found,
            hold=hold,
            metric=sli,
            condition=condition,
            threshold=row,
            summary=f"[service]: {condition} ([environment])",
            description=(
                f"{what} Limit: [threshold]. If a release has just gone out, it is probably to blame."
            ),
            dashboard=Dashboard.RELEASES,
            twin=twin,
        )

    return (
        alert(
            "RollbackHttpErrorRatio",
            "HttpErrorsHigh",
            "http_5xx_ratio",
            "service:http_errors:ratio",
            "",
            "too many requests are answered with 5xx",
            "[service] answers [value] of its requests with 5xx.",
            # Whoever reports only a ratio may mean one request of two: no release is taken back for that.
            also="and on (service, environment) service:http_requests:rate "
            f"* {in_seconds(window)} >= {FEWEST}",
        ),
        alert(
            "RollbackLatency",
            "HttpP95High",
            "http_average_seconds",
            "service:http_latency_seconds:average_3m",
            "",
            "the average latency over 3 min is too long",
            "[service] takes [value] for a request, on average over 3 min.",
        ),
        alert(
            "RollbackWebsocketDropped",
            "WebsocketDisconnectsHigh",
            "websocket_dropped_ratio",
            "service:websocket_dropped:ratio",
            "",
            "too many WebSocket sessions were dropped",
            "[service] dropped [value] of the WebSocket sessions that were open 5 min ago.",
        ),
        alert(
            "RollbackMemoryHigh",
            "MemoryHigh",
            "memory_ratio",
            "service:memory:ratio",
            '{environment="production"}',
            "memory is nearly used up",
            "[service] uses [value] of the memory it may use. It will be killed soon.",
            "2m",
        ),
    )


def _database() -> Alert:
    return Alert(
        name="RollbackDatabaseLost",
        priority=_ROLLBACK,
        expr="service:database_lost:bool == 1",
        hold="1m",
        metric="service:database_lost:bool",
        condition="the service has lost its database",
        limit="connected",
        shows="lost",
        summary="[service] has lost its database ([environment])",
        description=(
            "[service] has not reached its database for [for]. "
            "If a release has just gone out, it is probably to blame."
        ),
        dashboard=Dashboard.RELEASES,
        twin="DatabaseLost",
    )
