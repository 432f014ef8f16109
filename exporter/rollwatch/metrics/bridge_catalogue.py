"""The metrics of `rollwatch bridge`, which Prometheus scrapes as a job of its own.

They carry no `location`: an alert on them must not be muted because the exporter of that location is dead.
"""

from __future__ import annotations

from rollwatch.metrics.definition import MetricDef, MetricType, Scope

__all__ = [
    "BRIDGE_CHANNEL_FAILING",
    "BRIDGE_CONFIG_SUCCESSFUL",
    "BRIDGE_DELIVERIES_TOTAL",
    "BRIDGE_LAST_SUCCESS",
    "BRIDGE_METRICS",
    "BRIDGE_NOTIFICATIONS_TOTAL",
    "BRIDGE_OLDEST_QUEUED",
    "BRIDGE_QUEUE_LENGTH",
    "BRIDGE_STORAGE_WRITABLE",
    "BRIDGE_WATCHDOG_LAST",
]

_CHANNELS = "For every channel of `bridge` in the file"

BRIDGE_DELIVERIES_TOTAL = MetricDef(
    "rollwatch_bridge_deliveries_total",
    MetricType.COUNTER,
    "What became of alerts by channel (sms, digest, webhook, sentry, datadog, watchdog): delivered, retried "
    "after a failed attempt, given_up, dropped_as_duplicate. For digest, mails; for watchdog, pings.",
    scope=Scope.BRIDGE,
    labels=("channel", "outcome"),
    meaning=f"{_CHANNELS} and every outcome, from 0 at the start of the process.",
)
BRIDGE_QUEUE_LENGTH = MetricDef(
    "rollwatch_bridge_queue_length",
    MetricType.GAUGE,
    "Deliveries that wait to be sent, those being sent included.",
    scope=Scope.BRIDGE,
    labels=("channel",),
    meaning=f"{_CHANNELS}.",
)
BRIDGE_OLDEST_QUEUED = MetricDef(
    "rollwatch_bridge_oldest_queued_timestamp_seconds",
    MetricType.GAUGE,
    "When the delivery was taken that waits longest, in seconds since 1970.",
    scope=Scope.BRIDGE,
    labels=("channel",),
    meaning=f"{_CHANNELS}, while something waits.",
)
BRIDGE_LAST_SUCCESS = MetricDef(
    "rollwatch_bridge_last_success_timestamp_seconds",
    MetricType.GAUGE,
    "When something was last delivered, in seconds since 1970; remembered over restarts, but for watchdog.",
    scope=Scope.BRIDGE,
    labels=("channel",),
    meaning=f"{_CHANNELS}, from the first delivery.",
)
BRIDGE_CHANNEL_FAILING = MetricDef(
    "rollwatch_bridge_channel_failing",
    MetricType.GAUGE,
    "1 while the last attempt at a target of the channel came to nothing, else 0; of watchdog also 1 when "
    "Alertmanager's Watchdog has not come for five minutes.",
    scope=Scope.BRIDGE,
    labels=("channel",),
    meaning=f"{_CHANNELS}.",
)
BRIDGE_NOTIFICATIONS_TOTAL = MetricDef(
    "rollwatch_bridge_notifications_total",
    MetricType.COUNTER,
    "Notifications that Alertmanager sent, by route (sms, events, watchdog) and outcome: taken, refused (not "
    "valid), unauthorized (another token), unwritable (not kept, so Alertmanager asks again).",
    scope=Scope.BRIDGE,
    labels=("route", "outcome"),
    meaning="Always, from 0 at the start of the process.",
)
BRIDGE_WATCHDOG_LAST = MetricDef(
    "rollwatch_bridge_watchdog_last_timestamp_seconds",
    MetricType.GAUGE,
    "When Alertmanager's Watchdog last came, in seconds since 1970.",
    scope=Scope.BRIDGE,
    meaning="From the first that came since the start of the process.",
)
BRIDGE_STORAGE_WRITABLE = MetricDef(
    "rollwatch_bridge_storage_writable",
    MetricType.GAUGE,
    "1 if the last write to the database reached the disk, else 0: then nothing new is taken.",
    scope=Scope.BRIDGE,
    meaning="Always.",
)
BRIDGE_CONFIG_SUCCESSFUL = MetricDef(
    "rollwatch_bridge_config_last_reload_successful",
    MetricType.GAUGE,
    "1 if the configuration file as it was last read is in force, 0 if it was refused.",
    scope=Scope.BRIDGE,
    meaning="Always.",
)

BRIDGE_METRICS: tuple[MetricDef, ...] = (
    BRIDGE_CHANNEL_FAILING,
    BRIDGE_CONFIG_SUCCESSFUL,
    BRIDGE_DELIVERIES_TOTAL,
    BRIDGE_LAST_SUCCESS,
    BRIDGE_NOTIFICATIONS_TOTAL,
    BRIDGE_OLDEST_QUEUED,
    BRIDGE_QUEUE_LENGTH,
    BRIDGE_STORAGE_WRITABLE,
    BRIDGE_WATCHDOG_LAST,
)
"""All of them, for the catalogue."""
