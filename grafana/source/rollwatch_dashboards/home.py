"""Is production well, what is wrong, since when, was there a release, is a rollback running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.board import Board, Row
from rollwatch_dashboards.colours import ANY_IS_BAD, GREEN, ORANGE, PLAIN, RED, UP_DOWN
from rollwatch_dashboards.links import to_dashboard, to_probe, to_rollbacks, to_runbook
from rollwatch_dashboards.panels import figure, lines, states
from rollwatch_dashboards.query import Query, where
from rollwatch_dashboards.tables import Column, listing

if TYPE_CHECKING:
    from rollwatch_dashboards.board import Panel

__all__ = ["board"]

_SERVICES = f"count({where('rollwatch_service_info')}) * 0"
_PROBES = f"count({where('rollwatch_probe_info', located=True)}) * 0"
_SERIOUS = where("ALERTS", 'alertstate="firing"', 'priority=~"P0|P1"')
_OURS = 'ALERTS{alertname!="",service="rollwatch",alertstate="firing",priority=~"P0|P1"}'
"""A part that watches and is dead must not look like a production that is well."""
_FIRING = where("ALERTS", 'alertstate="firing"', 'priority=~"P0|P1|P2|P3"')
_RUNNING = where("rollwatch_rollback_in_progress")
_WAITING = where("rollwatch_rollback_awaiting_approval")


def board() -> Board:
    """The dashboard that Grafana opens with."""
    return Board(
        uid=Dashboard.HOME,
        title="rollwatch: home",
        description="Is production well? If not: what is wrong, since when, and what changed before it.",
        located=True,
        span="now-3h",
        refresh="10s",
        rows=(
            Row("Is production well?", _answers()),
            Row("What is wrong, since when", _wrong()),
            Row("What users meet", _graphs()),
        ),
    )


def _answers() -> tuple[Panel, ...]:
    return (
        figure(
            "Production",
            "Alerts that are firing and that somebody is told of at once (P0, P1), those of the "
            "monitoring itself "
            "included, whatever is chosen.",
            Query(f"count({_SERIOUS} or {_OURS}) or {_SERVICES}", instant=True),
            unit="short",
            empty="nothing is measured: is the exporter scraped?",
            steps=ANY_IS_BAD,
            words={0: ("well", GREEN)},
            links=[to_dashboard("Alerts", Dashboard.ALERTS, service="")],
        ),
        figure(
            "Probes down",
            "Probes that found their target DOWN at their last run that could decide.",
            Query(f"count({where('probe_success', located=True)} == 0) or {_PROBES}", instant=True),
            unit="short",
            empty="no probes are configured, or none are scraped",
            steps=ANY_IS_BAD,
        ),
        figure(
            "Probes undecided",
            "Probes that can't say: their runs end UNKNOWN, or none ran. That is the monitoring's trouble, "
            "not the target's.",
            Query(
                f"count({where('rollwatch_probe_info', located=True)} "
                "unless on (service, environment, probe, location) "
                f"{where('probe_success', located=True)}) or {_PROBES}",
                instant=True,
            ),
            unit="short",
            empty="no probes are configured, or none are scraped",
            steps=((None, GREEN), (1, ORANGE)),
        ),
        figure(
            "Error budget left",
            "Of the service that has least of it left, over 30 days.",
            Query(f"min({where('service:slo_error_budget_left:ratio')})", instant=True),
            unit="percentunit",
            empty="no SLO has been measured yet",
            steps=((None, RED), (0, ORANGE), (0.25, GREEN)),
            decimals=0,
            links=[to_dashboard("SLOs", Dashboard.SLO, service="")],
        ),
        figure(
            "Last new version",
            "When a service was last seen with another version.",
            Query(f"max({where('rollwatch_release_changed_timestamp_seconds')}) * 1000", instant=True),
            unit="dateTimeFromNow",
            empty="no version has changed since the exporter started",
            links=[to_dashboard("Releases", Dashboard.RELEASES, service="")],
        ),
        figure(
            "Rollback",
            "Whether a rollback runs now, or waits for somebody to approve it.",
            Query(f"max({_RUNNING}) + 2 * max({_WAITING} > bool 0)", instant=True),
            unit="short",
            empty="no rollback handler is scraped",
            words={
                0: ("none", PLAIN),
                1: ("running", ORANGE),
                2: ("waits for approval", RED),
                3: ("running, another waits", RED),
            },
            links=[to_rollbacks(), to_dashboard("Releases", Dashboard.RELEASES, service="")],
        ),
    )


def _wrong() -> tuple[Panel, ...]:
    since = where("ALERTS_FOR_STATE", 'priority=~"P0|P1|P2|P3"')
    return (
        listing(
            "Alerts that are firing",
            "What is wrong by the rules, worst first, and since when its condition holds. The "
            "alert's name leads to "
            "its runbook.",
            Column(heading="Priority", label="priority", width=90),
            Column(
                heading="Alert",
                label="alertname",
                links=[to_runbook(alert="${__data.fields.Alert}")],
            ),
            Column(
                heading="Service",
                label="service",
                links=[
                    to_dashboard("Application", Dashboard.APPLICATION, service="${__data.fields.Service}")
                ],
            ),
            Column(heading="Environment", label="environment"),
            Column(
                heading="Since",
                expr=f"min by (priority, alertname, service, environment) ({since} "
                f"and ignoring (alertstate) {_FIRING}) * 1000",
                unit="dateTimeFromNow",
            ),
            empty="no alert is firing",
            sort="Priority",
            ascending=True,
        ),
        listing(
            "What runs",
            "Versions as health probes see them, and since when.",
            Column(
                heading="Service",
                label="service",
                links=[to_dashboard("Releases", Dashboard.RELEASES, service="${__data.fields.Service}")],
            ),
            Column(heading="Environment", label="environment"),
            Column(heading="Version", label="version"),
            Column(
                heading="Since",
                expr="max by (service, environment, version) "
                f"({where('version:release_changed:timestamp_seconds')}) * 1000",
                unit="dateTimeFromNow",
            ),
            empty="no service tells its version in /health",
            sort="Since",
        ),
        states(
            "Probes",
            "What each probe found. A gap is a time in which it could not decide.",
            Query(
                f"min by (service, probe, location) ({where('probe_success', located=True)})",
                "{{service}}/{{probe}} {{location}}",
            ),
            words=UP_DOWN,
            empty="no probe has decided anything yet",
            height=10,
            links=[to_probe(), to_dashboard("Application", Dashboard.APPLICATION)],
        ),
    )


def _graphs() -> tuple[Panel, ...]:
    links = [to_dashboard("Application", Dashboard.APPLICATION)]
    return (
        lines(
            "Requests that failed",
            "Share of each service's own requests answered with 5xx, and the limits in force.",
            Query(where("service:http_errors:ratio"), "{{service}}"),
            unit="percentunit",
            empty="no service reports its requests",
            limit="http_5xx_ratio",
            links=links,
        ),
        lines(
            "How long requests took",
            "95th percentile, and the limits in force.",
            Query(where("service:http_latency_seconds:p95"), "{{service}}"),
            unit="s",
            empty="no service reports how long its requests take",
            limit="http_p95_seconds",
            links=links,
        ),
    )
