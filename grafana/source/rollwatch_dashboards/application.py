"""Does the application answer, how fast, and which endpoint or feature does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.board import Board, Row
from rollwatch_dashboards.colours import UP_DOWN
from rollwatch_dashboards.links import to_dashboard, to_probe
from rollwatch_dashboards.panels import figure, heat, lines, states
from rollwatch_dashboards.query import Query, where
from rollwatch_dashboards.recurring import probes_down
from rollwatch_dashboards.tables import Column, listing

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import DashboardLink

    from rollwatch_dashboards.board import Panel

__all__ = ["board"]

_NO_REQUESTS = "no service reports its requests: docs/signals.md"
_TODAY = where("rollwatch_active_users", 'window="day"')
_NOT_UP = where("probe:not_up_runs:increase", located=True)
_DETAIL = [to_dashboard("Only this service", Dashboard.APPLICATION)]


def board() -> Board:
    """D1."""
    return Board(
        uid=Dashboard.APPLICATION,
        title="rollwatch: application",
        description="Does the application answer, how fast, and which endpoint or feature does not?",
        located=True,
        rows=(
            Row("Now", _answers()),
            Row("Requests", _requests()),
            Row("Health", _health()),
            Row("By endpoint and feature", _parts()),
            Row("Errors the application counts itself", _errors(), collapsed=True),
        ),
    )


def _answers() -> tuple[Panel, ...]:
    return (
        figure(
            "Requests",
            "Requests a second that the chosen services answer, all together.",
            Query(f"sum({where('service:http_requests:rate')})"),
            unit="reqps",
            empty=_NO_REQUESTS,
            trend=True,
        ),
        figure(
            "Failed requests",
            "Share answered with 5xx, of the service that is worst off.",
            Query(f"max({where('service:http_errors:ratio')})"),
            unit="percentunit",
            empty=_NO_REQUESTS,
            decimals=2,
            trend=True,
        ),
        figure(
            "95th percentile",
            "19 of 20 requests were faster; of the slowest service.",
            Query(f"max({where('service:http_latency_seconds:p95')})"),
            unit="s",
            empty=_NO_REQUESTS,
            trend=True,
        ),
        probes_down(),
        figure(
            "Active users",
            "People active today, as the service reports it; of several, the one with most.",
            Query(f"max({_TODAY})"),
            unit="short",
            empty="no service reports active users",
            trend=True,
        ),
        figure(
            "System errors, last hour",
            "Errors that the applications count as their own, all together.",
            Query(f"sum({where('service:system_errors:increase_1h')})"),
            unit="short",
            empty="no service reports its errors",
            decimals=0,
            trend=True,
        ),
    )


def _requests() -> tuple[Panel, ...]:
    return (
        lines(
            "Request rate",
            "Requests a second that each service answered. Three times, or a third, of a week ago is "
            "alerted.",
            Query(where("service:http_requests:rate"), "{{service}}"),
            unit="reqps",
            empty=_NO_REQUESTS,
            links=_DETAIL,
        ),
        lines(
            "Failed requests",
            "Share of each service's own requests answered with 5xx. Health probes are no part of it.",
            Query(where("service:http_errors:ratio"), "{{service}}"),
            unit="percentunit",
            empty=_NO_REQUESTS,
            limit="http_5xx_ratio",
            links=_DETAIL,
        ),
        lines(
            "How long requests take",
            "50th, 95th and 99th percentile. The dashed lines are the limits of the 95th and the 99th.",
            Query(where("service:http_latency_seconds:p50"), "{{service}} p50"),
            Query(where("service:http_latency_seconds:p95"), "{{service}} p95"),
            Query(where("service:http_latency_seconds:p99"), "{{service}} p99"),
            unit="s",
            empty=_NO_REQUESTS,
            limit=("http_p95_seconds", "http_p99_seconds"),
            links=_DETAIL,
        ),
        heat(
            "How long requests take, all of them",
            "Requests by duration. A second band above the first is a part of users that is worse off "
            "than percentiles say.",
            f"sum by (le) ({where('service:http_latency_seconds_bucket:increase')})",
            unit="s",
            empty="no service reports how its requests' durations are distributed",
        ),
        lines(
            "Answers by class",
            "How many requests of the last minutes were answered with 2xx, 3xx, 4xx and 5xx.",
            Query(
                f"sum by (class) ({where('service:http_responses:increase')})",
                "{{class}}",
            ),
            unit="short",
            empty=_NO_REQUESTS,
            stacked=True,
            colours={"2xx": "green", "3xx": "blue", "4xx": "orange", "5xx": "red"},
        ),
        lines(
            "Refused requests",
            "Share answered with 4xx: people who ask for what is not there, or whom we no longer understand.",
            Query(where("service:http_client_errors:ratio"), "{{service}}"),
            unit="percentunit",
            empty=_NO_REQUESTS,
            links=_DETAIL,
        ),
    )


def _health() -> tuple[Panel, ...]:
    return (
        states(
            "Probes",
            "What each probe found. A gap is a time in which it could not decide.",
            Query(
                f"min by (service, probe, location) ({where('probe_success', located=True)})",
                "{{service}}/{{probe}} {{location}}",
            ),
            words=UP_DOWN,
            empty="no probe has decided anything yet",
            span=12,
            height=10,
            links=[to_probe()],
        ),
        states(
            "Components",
            "What health bodies say of the parts of a service; a critical one that is down is a P0.",
            Query(
                f"min by (service, component) ({where('rollwatch_component_up', located=True)})",
                "{{service}}: {{component}}",
            ),
            words=UP_DOWN,
            empty="no health body names components: docs/probers/http.md",
            span=12,
            height=10,
        ),
        lines(
            "How long probes take",
            "Last run of each probe that could decide.",
            Query(
                f"max by (service, probe) ({where('probe_duration_seconds', located=True)})",
                "{{service}}/{{probe}}",
            ),
            unit="s",
            empty="no probe has decided anything yet",
            links=[to_probe()],
        ),
        lines(
            "Why runs were not UP",
            "Runs of the last minutes that ended DOWN or UNKNOWN, by reason. UNKNOWN is the monitoring's "
            "own trouble.",
            Query(
                f"sum by (service, verdict, reason) ({_NOT_UP})",
                "{{service}}: {{verdict}}, {{reason}}",
            ),
            unit="short",
            empty="every run was UP",
            bars=True,
            stacked=True,
        ),
        lines(
            "Certificates",
            "Time until the first certificate of a chain expires, and the limits: P0 is when it has.",
            Query(where("probe:certificate:remaining_seconds"), "{{service}}/{{probe}}"),
            unit="s",
            empty="no probe speaks TLS",
            limit="certificate_expiry_seconds",
            least=None,
            span=24,
            links=[to_probe()],
        ),
    )


def _parts() -> tuple[Panel, ...]:
    by_endpoint = "max by (service, endpoint) ({})".format
    by_feature = "max by (service, feature) ({})".format
    return (
        listing(
            "Endpoints",
            "Each endpoint as it stands now, busiest first.",
            Column(heading="Service", label="service", links=_in_table()),
            Column(heading="Endpoint", label="endpoint"),
            Column(heading="Rate", expr=by_endpoint(where("endpoint:http_requests:rate")), unit="reqps"),
            Column(heading="5xx", expr=by_endpoint(where("endpoint:http_errors:ratio")), unit="percentunit"),
            Column(heading="p95", expr=by_endpoint(where("endpoint:http_latency_seconds:p95")), unit="s"),
            empty=_NO_REQUESTS,
            sort="Rate",
        ),
        listing(
            "Features",
            "What users would call one thing, as rollwatch.yml groups endpoints. A core one that fails is "
            "a P1.",
            Column(heading="Service", label="service", links=_in_table()),
            Column(heading="Feature", label="feature"),
            Column(heading="Rate", expr=by_feature(where("feature:http_requests:rate")), unit="reqps"),
            Column(heading="5xx", expr=by_feature(where("feature:http_errors:ratio")), unit="percentunit"),
            Column(heading="p95", expr=by_feature(where("feature:http_latency_seconds:p95")), unit="s"),
            empty="no features are declared in rollwatch.yml",
            sort="5xx",
        ),
        lines(
            "Failed requests by endpoint",
            "Share answered with 5xx: which part of a service it is.",
            Query(by_endpoint(where("endpoint:http_errors:ratio")), "{{service}} {{endpoint}}"),
            unit="percentunit",
            empty=_NO_REQUESTS,
        ),
        lines(
            "95th percentile by endpoint",
            "Which part of a service is slow.",
            Query(by_endpoint(where("endpoint:http_latency_seconds:p95")), "{{service}} {{endpoint}}"),
            unit="s",
            empty=_NO_REQUESTS,
        ),
        lines(
            "Failed requests by feature",
            "Share answered with 5xx, and the limits for core features.",
            Query(by_feature(where("feature:http_errors:ratio")), "{{service}} {{feature}}"),
            unit="percentunit",
            empty="no features are declared in rollwatch.yml",
            limit="feature_5xx_ratio",
            span=24,
        ),
    )


def _errors() -> tuple[Panel, ...]:
    return (
        lines(
            "System errors an hour",
            "Errors that the application counts as its own, and the limits in force.",
            Query(where("service:system_errors:increase_1h"), "{{service}}"),
            unit="short",
            empty="no service reports its errors",
            limit="system_errors_per_hour",
        ),
        lines(
            "By type",
            "Errors of the last hour by type; one that was never seen before is alerted by itself.",
            Query(
                f"sum by (service, type) ({where('type:system_errors:increase_1h')})", "{{service}}: {{type}}"
            ),
            unit="short",
            empty="no service reports its errors",
            stacked=True,
        ),
    )


def _in_table() -> list[DashboardLink]:
    return [to_dashboard("Only this service", Dashboard.APPLICATION, service="${__data.fields.Service}")]
