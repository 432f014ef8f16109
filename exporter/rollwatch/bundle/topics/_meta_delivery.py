"""What carries alerts to people, and what else Prometheus scrapes: is it up, does it work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.topics._meta_alert import PROCESS, meta_alert
from rollwatch.config.thresholds import Priority, Unit

if TYPE_CHECKING:
    from rollwatch.bundle.rules import Alert

__all__ = ["delivery_alerts"]

_QUEUED_SECONDS = 600
_OTHER_ALERTS = "rollwatch-bridge|rollwatch-rollback|alertmanager"
"""Jobs whose absence has an alert of its own, beside the exporter's."""


def delivery_alerts(exporter_job: str) -> tuple[Alert, ...]:
    """Of Prometheus, Alertmanager, the bridge, the rollback handler and every other target."""
    return (*_prometheus(), *_alertmanager(), *_bridge(), *_targets(exporter_job))


def _prometheus() -> tuple[Alert, ...]:
    def growth(counter: str) -> str:
        return f"sum by ({PROCESS}) (increase({counter}[5m]))"

    return (
        meta_alert(
            "PrometheusConfigRefused",
            Priority.P1,
            "prometheus_config_last_reload_successful == 0",
            "1m",
            metric="prometheus_config_last_reload_successful",
            condition="Prometheus has refused its newest configuration",
            limit="taken",
            shows="refused",
            summary="Prometheus [instance] has refused its configuration",
            description=(
                "Prometheus [instance] goes on with older rules and targets. After its next restart it "
                "won't start "
                "at all."
            ),
        ),
        meta_alert(
            "PrometheusRulesFail",
            Priority.P1,
            f"sum by ({PROCESS}, rule_group) (increase(prometheus_rule_evaluation_failures_total[5m])) > 0",
            "0s",
            metric="prometheus_rule_evaluation_failures_total",
            condition="rules fail to evaluate",
            limit="none",
            shows='{{ printf "%.0f" $value }} failures in 5 min',
            summary="Rules fail on Prometheus [instance]",
            description=(
                "[value] in group [rule_group] on Prometheus [instance]. Alerts of that group can't fire."
            ),
        ),
        meta_alert(
            "PrometheusNotificationsFail",
            Priority.P1,
            f"{growth('prometheus_notifications_errors_total')} > 0\n"
            f"or {growth('prometheus_notifications_dropped_total')} > 0",
            "1m",
            metric="prometheus_notifications_errors_total",
            condition="alerts don't get from Prometheus to an Alertmanager",
            limit="none",
            shows='{{ printf "%.0f" $value }} alerts in 5 min',
            summary="Prometheus [instance] can't send alerts",
            description=(
                "[value] did not get from Prometheus [instance] to an Alertmanager. Nobody hears of them, "
                "unless "
                "another Alertmanager has taken them."
            ),
        ),
    )


def _alertmanager() -> tuple[Alert, ...]:
    return (
        _down(
            "AlertmanagerDown",
            "alertmanager",
            "Alertmanager",
            "Unless there is another one, nobody hears of any alert.",
        ),
        meta_alert(
            "AlertmanagerConfigRefused",
            Priority.P1,
            "alertmanager_config_last_reload_successful == 0",
            "1m",
            metric="alertmanager_config_last_reload_successful",
            condition="Alertmanager has refused its newest configuration",
            limit="taken",
            shows="refused",
            summary="Alertmanager [instance] has refused its configuration",
            description=(
                "Alertmanager [instance] goes on with older routes and receivers. After its next restart it "
                "won't "
                "start at all."
            ),
        ),
        meta_alert(
            "NotificationsFail",
            Priority.P1,
            "sum by (integration) (increase(alertmanager_notifications_failed_total[15m])) > 0",
            "0s",
            metric="alertmanager_notifications_failed_total",
            condition="Alertmanager could not deliver notifications through a channel",
            limit="none",
            shows='{{ printf "%.0f" $value }} lost in 15 min',
            summary="Notifications by [integration] fail",
            description=(
                "Alertmanager could not deliver by [integration]: [value]. Whoever hears of alerts only "
                "that way "
                "does not hear of them."
            ),
        ),
    )


def _bridge() -> tuple[Alert, ...]:
    oldest = "min by (channel) (rollwatch_bridge_oldest_queued_timestamp_seconds > 0)"
    return (
        _down(
            "BridgeDown",
            "rollwatch-bridge",
            "The bridge",
            "SMS, daily summary, webhooks and events don't leave; the outside watchdog is not told that all "
            "is well.",
        ),
        meta_alert(
            "BridgeDeliveriesFail",
            Priority.P1,
            "max by (channel) (rollwatch_bridge_channel_failing) == 1\n"
            "or sum by (channel) (\n"
            '  increase(rollwatch_bridge_deliveries_total{outcome="given_up"}[15m])\n'
            ") > 0",
            "1m",
            metric="rollwatch_bridge_channel_failing",
            condition="the bridge can't deliver through a channel",
            limit="delivered",
            shows="failing",
            summary="The bridge can't deliver by [channel]",
            description=(
                "Deliveries of the bridge by [channel] fail. It goes on trying; until it succeeds nobody "
                "hears "
                "anything that way."
            ),
        ),
        meta_alert(
            "BridgeQueueOld",
            Priority.P2,
            f"time() - {oldest} > {_QUEUED_SECONDS}",
            "0s",
            metric="rollwatch_bridge_oldest_queued_timestamp_seconds",
            condition="something has been waiting in the bridge for over 10 min",
            limit="10 min",
            shows=Unit.SECONDS,
            summary="The bridge is behind with [channel]",
            description=(
                "The oldest delivery by [channel] has been waiting for [value]. The channel fails, or takes "
                "less than what comes."
            ),
        ),
        meta_alert(
            "BridgeConfigRefused",
            Priority.P2,
            "rollwatch_bridge_config_last_reload_successful == 0",
            "1m",
            metric="rollwatch_bridge_config_last_reload_successful",
            condition="the bridge has refused its newest configuration",
            limit="taken",
            shows="refused",
            summary="The bridge has refused its configuration ([instance])",
            description=(
                "The bridge at [instance] goes on with its older rollwatch.yml. Whoever was added hears "
                "nothing, and whoever was taken out still does."
            ),
        ),
    )


def _targets(exporter_job: str) -> tuple[Alert, ...]:
    return (
        _down(
            "RollbackHandlerDown",
            "rollwatch-rollback",
            "The rollback handler",
            "No release is taken back by itself, and none through it by hand.",
        ),
        meta_alert(
            "ScrapeTargetDown",
            Priority.P2,
            f'up{{job!~"{exporter_job}|{_OTHER_ALERTS}"}} == 0',
            "5m",
            metric="up",
            condition="a target that is no part of rollwatch can't be scraped",
            limit="scraped",
            shows="not scraped",
            summary="Prometheus can't scrape [instance] (job [job])",
            description=(
                "Metrics of [instance], job [job], are missing. Alerts that judge by them can't fire, "
                "unless others "
                "give the same."
            ),
            watched=True,
        ),
    )


def _down(name: str, job: str, what: str, meaning: str) -> Alert:
    """Of a process of ours, where it is scraped."""
    return meta_alert(
        name,
        Priority.P1,
        f'up{{job="{job}"}} == 0',
        "1m",
        metric="up",
        condition=f"{what[0].lower() if what.startswith('The ') else what[0]}{what[1:]} can't be scraped",
        limit="scraped",
        shows="not scraped",
        summary=f"{what} is down ([instance])",
        description=f"Prometheus can't scrape [instance]. {meaning}",
    )
