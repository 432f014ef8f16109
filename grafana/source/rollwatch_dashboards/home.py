"""Is production well, what is wrong, since when, was there a release, is a rollback running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.board import Board, Row
from rollwatch_dashboards.colours import ANY_IS_BAD, GREEN, ORANGE, RED, UP_DOWN
from rollwatch_dashboards.links import to_dashboard, to_probe
from rollwatch_dashboards.panels import figure, lines, states
from rollwatch_dashboards.query import Query, where
from rollwatch_dashboards.recurring import alerts_firing, firing, probes_down, rollback_state, versions

if TYPE_CHECKING:
    from rollwatch_dashboards.board import Panel

__all__ = ["board"]

_SERVICES = f"count({where('rollwatch_service_info')}) * 0"
_PROBES = f"count({where('rollwatch_probe_info', located=True)}) * 0"


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
            "monitoring itself included, whatever is chosen.",
            Query(f"count({firing('P0|P1')}) or {_SERVICES}", instant=True),
            unit="short",
            empty="nothing is measured: is the exporter scraped?",
            steps=ANY_IS_BAD,
            words={0: ("well", GREEN)},
            links=[to_dashboard("Alerts", Dashboard.ALERTS, service="")],
        ),
        probes_down(),
        figure(
            "Probes undecided",
            "Probes that can't say: their runs end UNKNOWN, or none ran. That is the monitoring's "
            "trouble, not the target's.",
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
        rollback_state(),
    )


def _wrong() -> tuple[Panel, ...]:
    return (
        alerts_firing("Alerts that are firing"),
        versions(),
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
