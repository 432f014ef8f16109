"""How often do we deploy, how often does it go wrong, how long until it is mended; what was taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.board import Board, Row
from rollwatch_dashboards.colours import GREEN, ORANGE, RED
from rollwatch_dashboards.links import to_dashboard, to_rollbacks
from rollwatch_dashboards.panels import figure, lines, states
from rollwatch_dashboards.query import Query, where
from rollwatch_dashboards.recurring import rollback_state, versions
from rollwatch_dashboards.tables import Column, listing

if TYPE_CHECKING:
    from rollwatch_dashboards.board import Panel

__all__ = ["board"]

_NONE = "no deployments are known: docs/rollback.md"
_NO_HANDLER = "no rollback handler is scraped: docs/rollback.md"
_NO_VERSION = "no service tells its version in /health"
_CHANGED = where("rollwatch_release_changed_timestamp_seconds")


def board() -> Board:
    """D10."""
    return Board(
        uid=Dashboard.RELEASES,
        title="rollwatch: releases",
        description="How often do we deploy, how often does it go wrong, how long until it is mended? "
        "What was taken back, and why, or why not?",
        span="now-24h",
        rows=(
            Row("The last 30 days", _figures()),
            Row("Now", _now()),
            Row("The watch after a release", _watch()),
            Row("Deployments and rollbacks", _history()),
            Row("What the handler decides", _decisions()),
        ),
    )


def _figures() -> tuple[Panel, ...]:
    def measure(
        title: str, text: str, expr: str, unit: str, decimals: int | None = None, *, empty: str = _NONE
    ) -> Panel:
        return figure(title, text, Query(expr, instant=True), unit=unit, empty=empty, decimals=decimals)

    return (
        measure(
            "Deployments a day",
            "Finished deployments, all services together.",
            f"sum(max by (service, environment) ({where('rollwatch_deployment_frequency_per_day')}))",
            "short",
            2,
        ),
        measure(
            "Went wrong",
            "Share of finished deployments that were rolled back or marked bad, of the service that is "
            "worst off.",
            f"max({where('rollwatch_change_fail_ratio')})",
            "percentunit",
            1,
        ),
        measure(
            "Until it was mended",
            "Median time from the end of a bad deployment to the end of its rollback, of the slowest "
            "service.",
            f"max({where('rollwatch_failed_deployment_recovery_seconds')})",
            "s",
            empty="nothing had to be mended",
        ),
        measure(
            "From commit to production",
            "Median time from a commit to the end of the deployment that brought it, of the slowest service.",
            f"max({where('rollwatch_change_lead_time_seconds')})",
            "s",
        ),
        measure(
            "Deployments that worked",
            "Share of deployments that finished, of all that ended; of the service that is worst off.",
            f"min({where('rollwatch_deployment_success_ratio')})",
            "percentunit",
            1,
        ),
        rollback_state(),
    )


def _now() -> tuple[Panel, ...]:
    ready: dict[float, tuple[str, str]] = {1: ("yes", GREEN), 0: ("no", RED)}
    by_service = "max by (service, environment) ({})".format
    return (
        versions(),
        listing(
            "Can it be taken back",
            "Services that the rollback handler looks after. Nothing is rolled back while it is paused or "
            "the platform does not answer.",
            Column(heading="Service", label="service"),
            Column(heading="Environment", label="environment"),
            Column(
                heading="Platform answers",
                expr=by_service(where("rollwatch_rollback_platform_up")),
                words=ready,
            ),
            Column(
                heading="Paused",
                expr=by_service(where("rollwatch_rollback_paused")),
                words={0: ("no", GREEN), 1: ("yes", ORANGE)},
            ),
            Column(
                heading="Wait for approval",
                expr=by_service(where("rollwatch_rollback_awaiting_approval")),
                links=[to_rollbacks("Approve or refuse")],
            ),
            empty=_NO_HANDLER,
            sort="Service",
            ascending=True,
        ),
    )


def _watch() -> tuple[Panel, ...]:
    return (
        figure(
            "New for",
            "How long each service has had its version. The first half hour decides whether a release is "
            "healthy.",
            Query(f"time() - max by (service) ({_CHANGED})", "{{service}}", instant=True),
            unit="s",
            empty="no version has changed since the exporter started",
            steps=((None, ORANGE), (1800, GREEN)),
            named=True,
            span=6,
            height=8,
        ),
        lines(
            "Failed requests",
            "Share answered with 5xx, and the limits; purple is where the handler is called. A step at "
            "the line of a release is its doing.",
            Query(where("service:http_errors:ratio"), "{{service}}"),
            unit="percentunit",
            empty="no service reports its requests: docs/signals.md",
            limit="http_5xx_ratio",
            span=9,
            links=[to_dashboard("Application", Dashboard.APPLICATION)],
        ),
        lines(
            "How long requests take",
            "95th percentile, and the limits.",
            Query(where("service:http_latency_seconds:p95"), "{{service}}"),
            unit="s",
            empty="no service reports its requests: docs/signals.md",
            limit="http_p95_seconds",
            span=9,
            links=[to_dashboard("Application", Dashboard.APPLICATION)],
        ),
        lines(
            "Probes that are down",
            "Share of a service's probes that found it DOWN.",
            Query(f"1 - avg by (service) ({where('probe_success')})", "{{service}}"),
            unit="percentunit",
            empty="no probe has decided anything yet",
            most=1,
            links=[to_dashboard("Application", Dashboard.APPLICATION)],
        ),
        lines(
            "System errors",
            "Errors an hour that the application counts as its own, and the limits.",
            Query(where("service:system_errors:increase_1h"), "{{service}}"),
            unit="short",
            empty="no service reports its errors: docs/signals.md",
            limit="system_errors_per_hour",
            links=[to_dashboard("Application", Dashboard.APPLICATION)],
        ),
    )


def _history() -> tuple[Panel, ...]:
    last = "max by (service, environment, outcome) ({}) * 1000".format
    return (
        states(
            "Versions",
            "Which version each service had when, as health probes saw it.",
            Query(
                f"max by (service, version) ({where('rollwatch_release_info')})", "{{service}} {{version}}"
            ),
            words={1: ("in production", GREEN)},
            empty=_NO_VERSION,
        ),
        listing(
            "Last deployments",
            "When each service was last deployed with which outcome.",
            Column(heading="Service", label="service"),
            Column(heading="Environment", label="environment"),
            Column(heading="Outcome", label="outcome"),
            Column(
                heading="When",
                expr=last(where("rollwatch_deployment_last_timestamp_seconds")),
                unit="dateTimeAsIso",
            ),
            empty=_NONE,
            sort="When",
        ),
        listing(
            "Last rollbacks",
            "When each service was last rolled back with which outcome. Every step, guard and reason is "
            "on the handler's page.",
            Column(heading="Service", label="service", links=[to_rollbacks("What was done, and why")]),
            Column(heading="Environment", label="environment"),
            Column(heading="Outcome", label="outcome"),
            Column(
                heading="When",
                expr=last(where("rollwatch_rollback_last_timestamp_seconds")),
                unit="dateTimeAsIso",
            ),
            empty="nothing has been rolled back",
            sort="When",
        ),
        lines(
            "Deployments",
            "When they ended, by outcome.",
            Query(
                "sum by (service, outcome) (max by (service, environment, outcome) "
                f"(increase({where('rollwatch_deployments_total')}[$__rate_interval])))",
                "{{service}}: {{outcome}}",
            ),
            unit="short",
            empty=_NONE,
            bars=True,
            colours={"/: failed$/": "red"},
        ),
        lines(
            "Rollbacks",
            "All that were begun, by level and outcome.",
            Query(
                "sum by (level, outcome) (max by (service, environment, level, outcome) "
                f"({where('rollwatch_rollbacks_total')}))",
                "{{level}}: {{outcome}}",
            ),
            unit="short",
            empty="nothing has been rolled back",
            links=[to_rollbacks()],
        ),
    )


def _decisions() -> tuple[Panel, ...]:
    steps = "rollwatch_rollback_step_duration_seconds"
    return (
        lines(
            "Decisions",
            "When they were made, by verdict: denied, done for show only, asked of a person, carried out.",
            Query(
                "sum by (verdict) (max by (service, environment, verdict) "
                f"(increase({where('rollwatch_rollback_decisions_total')}[$__rate_interval])))",
                "{{verdict}}",
            ),
            unit="short",
            empty=_NO_HANDLER,
            bars=True,
            stacked=True,
            links=[to_rollbacks("Every guard's answer")],
        ),
        lines(
            "Why not",
            "Denials since the handler began, by the first guard that was not met; docs/rollback.md names "
            "the guards.",
            Query(
                f"max by (service, guard) ({where('rollwatch_rollback_denials_total')})",
                "{{service}}: {{guard}}",
            ),
            unit="short",
            empty="nothing was denied",
            links=[to_rollbacks("Every guard's answer")],
        ),
        lines(
            "How long steps take",
            "Average since the handler began, by kind of step.",
            Query(f"sum by (kind) ({steps}_sum) / (sum by (kind) ({steps}_count) > 0)", "{{kind}}"),
            unit="s",
            empty="no rollback has taken a step since the handler began",
            span=24,
        ),
    )
