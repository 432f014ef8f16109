"""What fires, what fired most, and does the monitoring itself work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.board import Board, Row
from rollwatch_dashboards.colours import GREEN, ORANGE, RED
from rollwatch_dashboards.links import to_dashboard, to_probe, to_runbook
from rollwatch_dashboards.panels import bars, figure, lines, states
from rollwatch_dashboards.query import Query, where
from rollwatch_dashboards.recurring import EVERY_PRIORITY, alerts_firing, firing
from rollwatch_dashboards.tables import Column, listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch_dashboards.board import Panel

__all__ = ["board"]

_FIRING = firing(EVERY_PRIORITY)
_SERVICES = f"count({where('rollwatch_service_info')}) * 0"
_COLOURS = {"P0": "red", "P1": "orange", "P2": "yellow", "P3": "blue"}
_NO_PROMETHEUS = "Prometheus does not scrape itself: docs/existing-stacks.md"
_NO_ALERTMANAGER = "Alertmanager is not scraped: docs/existing-stacks.md"
_NO_BRIDGE = "no bridge is scraped: docs/bridge.md"
_NO_HANDLER = "no rollback handler is scraped: docs/rollback.md"
_NO_EXPORTER = "no exporter is scraped: docs/prometheus.md"
_RATE = "[$__rate_interval]"
_HERE = '{location=~"$location"}'
_WORKS: Mapping[float, tuple[str, str]] = {1: ("works", GREEN), 0: ("fails", RED)}


def board() -> Board:
    """D11."""
    return Board(
        uid=Dashboard.ALERTS,
        title="rollwatch: alerts",
        description="What fires, what fired most, and does the monitoring itself work?",
        located=True,
        rows=(
            Row("Now", _answers()),
            Row("Alerts", _alerts()),
            Row("Is it watched", _watched()),
            Row("Exporter", _exporter()),
            Row("Prometheus and Alertmanager", _judged()),
            Row("Bridge and rollback handler", _others()),
        ),
    )


def _answers() -> tuple[Panel, ...]:
    def of(priority: str, text: str, colour: str) -> Panel:
        return figure(
            priority,
            text,
            Query(f"count({firing(priority)}) or {_SERVICES}", instant=True),
            unit="short",
            empty=_NO_EXPORTER,
            steps=((None, GREEN), (1, colour)),
        )

    return (
        of("P0", "Production is down: everybody on call hears of it at once.", RED),
        of("P1", "Something that matters is broken: told at once, paged after an hour.", ORANGE),
        of("P2", "Worse than it should be.", "yellow"),
        of("P3", "Worth knowing.", "blue"),
        figure(
            "The watchdog",
            "An alert that fires always. While it does not, no alert can be trusted to come.",
            Query('count(ALERTS{alertname="Watchdog",alertstate="firing"}) > bool 0', instant=True),
            unit="short",
            empty="the rules are not evaluated: no alert can come",
            words={1: ("fires, as it should", GREEN), 0: ("silent", RED)},
            links=[to_runbook(alert="Watchdog")],
        ),
        figure(
            "Scrapes that fail",
            "Targets that Prometheus can't scrape now.",
            Query("count(up == 0) or count(up) * 0", instant=True),
            unit="short",
            empty="nothing is scraped",
            steps=((None, GREEN), (1, RED)),
        ),
    )


def _alerts() -> tuple[Panel, ...]:
    return (
        alerts_firing("Firing"),
        listing(
            "What fired most, 24 h",
            "How long each alert fired within the last day. What fires often and is never acted upon "
            "should be changed.",
            Column(heading="Alert", label="alertname", links=[to_runbook(alert="${__data.fields.Alert}")]),
            Column(heading="Service", label="service"),
            Column(heading="Priority", label="priority", width=90),
            Column(
                heading="Fired for",
                expr="topk(30, sum by (alertname, service, priority) "
                f"(sum_over_time({_FIRING}[24h:1m])) * 60)",
                unit="s",
            ),
            empty="no alert has fired",
            sort="Fired for",
        ),
        lines(
            "Firing, by priority",
            "Alerts that fired at the same time.",
            Query(f"count by (priority) ({_FIRING})", "{{priority}}"),
            unit="short",
            empty="no alert has fired",
            stacked=True,
            colours=_COLOURS,
            span=24,
        ),
        states(
            "Which, and when",
            "Every alert that fired, as a bar.",
            Query(
                f"max by (alertname, service, priority) ({_FIRING})",
                "{{priority}} {{alertname}}: {{service}}",
            ),
            words={1: ("firing", RED)},
            empty="no alert has fired",
            height=12,
            links=[to_runbook(), to_dashboard("Application", Dashboard.APPLICATION)],
        ),
    )


def _watched() -> tuple[Panel, ...]:
    return (
        lines(
            "Probes that can't decide",
            "Probes whose runs end UNKNOWN, or that do not run, by location. They never page as down.",
            Query(
                f"count by (location) ({where('rollwatch_probe_info', located=True)} "
                "unless on (service, environment, probe, location) "
                f"{where('probe_success', located=True)}) "
                f"or count by (location) ({where('rollwatch_probe_info', located=True)}) * 0",
                "{{location}}",
            ),
            unit="short",
            empty=_NO_EXPORTER,
        ),
        lines(
            "Runs that did not start",
            "Runs that were due and were skipped, because the one before had not ended or the exporter "
            "was late.",
            Query(
                "sum by (service, probe) "
                f"(increase({where('rollwatch_probe_skipped_runs_total', located=True)}[$__rate_interval]))",
                "{{service}}/{{probe}}",
            ),
            unit="short",
            empty=_NO_EXPORTER,
            links=[to_probe()],
        ),
        lines(
            "Pushes by outcome",
            "A minute. Whatever is not accepted counts nowhere.",
            Query(
                "sum by (service, outcome) "
                f"(rate({where('rollwatch_push_requests_total', located=True)}{_RATE})) * 60 > 0",
                "{{service}}: {{outcome}}",
            ),
            unit="short",
            empty="no service pushes",
        ),
        bars(
            "Values that were refused",
            "Figures in the time shown that could not be taken, the ten most frequent faults: "
            "docs/signals.md has all.",
            Query(
                "topk(10, sum by (service, fault) "
                f"(increase({where('rollwatch_figure_faults_total', located=True)}[$__range])))",
                "{{service}}: {{fault}}",
                instant=True,
            ),
            unit="short",
            empty="no figures are declared",
        ),
    )


def _exporter() -> tuple[Panel, ...]:
    lag, loop = (
        f"rollwatch_probe_start_lag_seconds_bucket{_HERE}",
        f"rollwatch_loop_lag_seconds_bucket{_HERE}",
    )
    by_location = "max by (location) ({})".format
    return (
        states(
            "State",
            "Whether the configuration is in force as last read, and the exporter's own network works.",
            Query(
                by_location(f"rollwatch_config_last_reload_successful{_HERE}"), "{{location}}: configuration"
            ),
            Query(by_location(f"rollwatch_own_network_up{_HERE}"), "{{location}}: own network"),
            words=_WORKS,
            empty=_NO_EXPORTER,
            span=12,
        ),
        lines(
            "How late runs start",
            "90th percentile of the time between a run's due moment and its start, and of the loop's own "
            "lag.",
            Query(
                f"histogram_quantile(0.9, sum by (location, le) (rate({lag}{_RATE})))", "{{location}}: runs"
            ),
            Query(
                f"histogram_quantile(0.9, sum by (location, le) (rate({loop}{_RATE})))", "{{location}}: loop"
            ),
            unit="s",
            empty=_NO_EXPORTER,
        ),
        lines(
            "A scrape",
            "How long the exporter took to write its metrics.",
            Query(by_location(f"rollwatch_scrape_duration_seconds{_HERE}"), "{{location}}"),
            unit="s",
            empty=_NO_EXPORTER,
            span=8,
        ),
        lines(
            "Series",
            "How many series the exporter shows. A number that only grows is a label without bounds.",
            Query(by_location(f"rollwatch_scrape_series{_HERE}"), "{{location}}"),
            unit="short",
            empty=_NO_EXPORTER,
            span=8,
        ),
        lines(
            "Trouble",
            "Each minute: secrets that could not be read, log lines that were dropped.",
            Query(
                "sum by (location) "
                f"(increase(rollwatch_secret_refresh_failures_total{_HERE}[$__rate_interval]))",
                "{{location}}: secrets",
            ),
            Query(
                f"sum by (location) (increase(rollwatch_log_dropped_total{_HERE}[$__rate_interval]))",
                "{{location}}: log lines",
            ),
            unit="short",
            empty=_NO_EXPORTER,
            span=8,
        ),
    )


def _judged() -> tuple[Panel, ...]:
    return (
        states(
            "Scrapes",
            "Whether Prometheus could scrape each target.",
            Query("min by (job, instance) (up)", "{{job}} {{instance}}"),
            words={1: ("up", GREEN), 0: ("down", RED)},
            empty="nothing is scraped",
            span=12,
        ),
        lines(
            "Prometheus",
            "Each minute: rules that could not be evaluated, notifications that did not reach Alertmanager.",
            Query(
                "sum(increase(prometheus_rule_evaluation_failures_total[$__rate_interval]))", "rules failed"
            ),
            Query(
                "sum(increase(prometheus_notifications_dropped_total[$__rate_interval]))",
                "notifications dropped",
            ),
            Query(
                "sum(increase(prometheus_notifications_errors_total[$__rate_interval]))",
                "notifications failed",
            ),
            unit="short",
            empty=_NO_PROMETHEUS,
        ),
        lines(
            "Notifications sent",
            "Each minute, by channel.",
            Query(
                "sum by (integration) (increase(alertmanager_notifications_total[$__rate_interval]))",
                "{{integration}}",
            ),
            unit="short",
            empty=_NO_ALERTMANAGER,
        ),
        lines(
            "Notifications that failed",
            "Each minute, by channel. Others tell of it: NotificationsFail.",
            Query(
                "sum by (integration) (increase(alertmanager_notifications_failed_total[$__rate_interval]))",
                "{{integration}}",
            ),
            unit="short",
            empty=_NO_ALERTMANAGER,
        ),
    )


def _others() -> tuple[Panel, ...]:
    return (
        states(
            "Bridge",
            "Whether each channel gets through, and the bridge can write down what it takes.",
            Query("1 - max by (channel) (rollwatch_bridge_channel_failing)", "{{channel}}"),
            Query("min(rollwatch_bridge_storage_writable)", "storage"),
            Query("min(rollwatch_bridge_config_last_reload_successful)", "configuration"),
            words=_WORKS,
            empty=_NO_BRIDGE,
            span=12,
        ),
        lines(
            "Deliveries of the bridge",
            "Each minute, by channel and outcome.",
            Query(
                "sum by (channel, outcome) "
                "(increase(rollwatch_bridge_deliveries_total[$__rate_interval])) > 0",
                "{{channel}}: {{outcome}}",
            ),
            Query("max by (channel) (rollwatch_bridge_queue_length)", "{{channel}}: waits"),
            unit="short",
            empty="the bridge has delivered nothing",
        ),
        states(
            "Rollback handler",
            "Whether it can act: its journal, those it asks, those it tells. Without Prometheus it does "
            "nothing.",
            Query("min(rollwatch_rollback_journal_writable)", "journal"),
            Query("min by (peer) (rollwatch_rollback_peer_up)", "{{peer}}"),
            Query("1 - max(rollwatch_rollback_events_failing)", "telling people"),
            Query("min(rollwatch_rollback_config_last_reload_successful)", "configuration"),
            words=_WORKS,
            empty=_NO_HANDLER,
            span=12,
        ),
        lines(
            "What the handler took and told",
            "Each minute: notifications by outcome, and what it told people by the way it went.",
            Query(
                "sum by (outcome) (increase(rollwatch_rollback_notifications_total[$__rate_interval]))",
                "notifications {{outcome}}",
            ),
            Query(
                "sum by (way) (increase(rollwatch_rollback_events_total[$__rate_interval]))",
                "told by {{way}}",
            ),
            unit="short",
            empty=_NO_HANDLER,
        ),
    )
