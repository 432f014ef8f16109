"""The metrics of `rollwatch rollback serve`, which Prometheus scrapes as a job of its own.

They carry no `location`. What speaks of releases is read from the journal: gauges are right after a restart,
and all of it is the same from every handler on one journal.
"""

from __future__ import annotations

from rollwatch.metrics.definition import MetricDef, MetricType, Scope

__all__ = [
    "DEPLOYMENTS_TOTAL",
    "DEPLOYMENT_LAST",
    "DORA_CHANGE_FAIL",
    "DORA_DEPLOYMENTS",
    "DORA_LEAD_TIME",
    "DORA_RECOVERY",
    "DORA_SUCCESS",
    "HANDLER_CONFIG_SUCCESSFUL",
    "HANDLER_EVENTS_FAILING",
    "HANDLER_EVENTS_TOTAL",
    "HANDLER_JOURNAL_ROWS",
    "HANDLER_JOURNAL_WRITABLE",
    "HANDLER_NOTIFICATIONS_TOTAL",
    "HANDLER_OLDEST_RECEIVED",
    "HANDLER_PEER_UP",
    "ROLLBACKS_TOTAL",
    "ROLLBACK_AWAITING",
    "ROLLBACK_DECISIONS_TOTAL",
    "ROLLBACK_DENIALS_TOTAL",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_LAST",
    "ROLLBACK_METRICS",
    "ROLLBACK_PAUSED",
    "ROLLBACK_PLATFORM_UP",
    "ROLLBACK_STEP_DURATION",
]

_ALWAYS = "Always, from 0 at the start of the process."
_SERVICES = "For every service that can be rolled back"
_SEEN = (
    "Counted from the journal, those that ended since the process began; the same from every handler on it."
)
_MONTH = "over the last 30 days"

DEPLOYMENTS_TOTAL = MetricDef(
    "rollwatch_deployments_total",
    MetricType.COUNTER,
    f"Deployments by outcome: finished, failed. Rollbacks are not among them. {_SEEN}",
    scope=Scope.RELEASE,
    labels=("outcome",),
    meaning=f"{_SERVICES}, and every outcome.",
)
DEPLOYMENT_LAST = MetricDef(
    "rollwatch_deployment_last_timestamp_seconds",
    MetricType.GAUGE,
    "When the last deployment ended with this outcome, in seconds since 1970; for annotations.",
    scope=Scope.RELEASE,
    labels=("outcome",),
    meaning="From the first deployment that ended so.",
)
DORA_DEPLOYMENTS = MetricDef(
    "rollwatch_deployment_frequency_per_day",
    MetricType.GAUGE,
    f"Finished deployments a day {_MONTH}, or since the first that is known.",
    scope=Scope.RELEASE,
    meaning="From the first deployment.",
)
DORA_CHANGE_FAIL = MetricDef(
    "rollwatch_change_fail_ratio",
    MetricType.GAUGE,
    f"Finished deployments {_MONTH} that were rolled back or marked bad, of all that finished.",
    scope=Scope.RELEASE,
    meaning="While there is a finished deployment in that time.",
)
DORA_RECOVERY = MetricDef(
    "rollwatch_failed_deployment_recovery_seconds",
    MetricType.GAUGE,
    f"The median time {_MONTH} from the end of a deployment that was rolled back to the end of its rollback.",
    scope=Scope.RELEASE,
    meaning="While there is one in that time.",
)
DORA_SUCCESS = MetricDef(
    "rollwatch_deployment_success_ratio",
    MetricType.GAUGE,
    f"Deployments {_MONTH} that finished, of all that ended.",
    scope=Scope.RELEASE,
    meaning="While there is one in that time.",
)
DORA_LEAD_TIME = MetricDef(
    "rollwatch_change_lead_time_seconds",
    MetricType.GAUGE,
    f"The median time {_MONTH} from a commit to the end of the deployment that brought it.",
    scope=Scope.RELEASE,
    meaning="While there is a deployment in that time whose commit's time is known.",
)
ROLLBACKS_TOTAL = MetricDef(
    "rollwatch_rollbacks_total",
    MetricType.COUNTER,
    "Rollbacks that were begun, by level (automatic, manual, emergency) and outcome (succeeded, failed, "
    f"timed_out, cancelled, unknown). {_SEEN}",
    scope=Scope.RELEASE,
    labels=("level", "outcome"),
    meaning="From the first of its kind.",
)
ROLLBACK_LAST = MetricDef(
    "rollwatch_rollback_last_timestamp_seconds",
    MetricType.GAUGE,
    "When the last rollback with this outcome ended, in seconds since 1970; for annotations.",
    scope=Scope.RELEASE,
    labels=("outcome",),
    meaning="From the first rollback that ended so.",
)
ROLLBACK_DECISIONS_TOTAL = MetricDef(
    "rollwatch_rollback_decisions_total",
    MetricType.COUNTER,
    "Decisions by verdict: deny, dry_run, ask (a person must approve), proceed, superseded.",
    scope=Scope.RELEASE,
    labels=("verdict",),
    meaning=f"{_SERVICES}, from 0 at the start of the process.",
)
ROLLBACK_DENIALS_TOTAL = MetricDef(
    "rollwatch_rollback_denials_total",
    MetricType.COUNTER,
    "Denials by the first guard that was not met; docs/rollback.md names the guards.",
    scope=Scope.RELEASE,
    labels=("guard",),
    meaning="From the first of its kind since the start of the process.",
)
ROLLBACK_IN_PROGRESS = MetricDef(
    "rollwatch_rollback_in_progress",
    MetricType.GAUGE,
    "1 while a rollback of the service runs, else 0.",
    scope=Scope.RELEASE,
    meaning=f"{_SERVICES}.",
)
ROLLBACK_AWAITING = MetricDef(
    "rollwatch_rollback_awaiting_approval",
    MetricType.GAUGE,
    "Rollbacks of the service that wait for somebody to approve them.",
    scope=Scope.RELEASE,
    meaning=f"{_SERVICES}.",
)
ROLLBACK_PAUSED = MetricDef(
    "rollwatch_rollback_paused",
    MetricType.GAUGE,
    "1 while rollbacks of the service, or all of them, are paused, else 0.",
    scope=Scope.RELEASE,
    meaning=f"{_SERVICES}.",
)
ROLLBACK_PLATFORM_UP = MetricDef(
    "rollwatch_rollback_platform_up",
    MetricType.GAUGE,
    "1 if the platform answered when it was last asked what runs, else 0: then nothing is rolled back.",
    scope=Scope.RELEASE,
    meaning=f"{_SERVICES}, from the first question.",
)
ROLLBACK_STEP_DURATION = MetricDef(
    "rollwatch_rollback_step_duration_seconds",
    MetricType.HISTOGRAM,
    "How long steps of rollbacks took, by kind (hook_before, execute, verify, recovery, smoke, integrity, "
    "propose, hook_after) and how they ended.",
    scope=Scope.HANDLER,
    labels=("kind", "state"),
    buckets=(0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1200, 3600),
    meaning="From the first of its kind since the start of the process.",
)
HANDLER_NOTIFICATIONS_TOTAL = MetricDef(
    "rollwatch_rollback_notifications_total",
    MetricType.COUNTER,
    "Notifications that Alertmanager sent, by outcome: taken, refused (not valid), unauthorized (another "
    "token), unwritable (not kept, so Alertmanager asks again).",
    scope=Scope.HANDLER,
    labels=("outcome",),
    meaning=_ALWAYS,
)
HANDLER_EVENTS_TOTAL = MetricDef(
    "rollwatch_rollback_events_total",
    MetricType.COUNTER,
    "What the handler told people, by way: alertmanager, fallback (it did not answer), lost (nobody did; it "
    "is told again).",
    scope=Scope.HANDLER,
    labels=("way",),
    meaning=_ALWAYS,
)
HANDLER_EVENTS_FAILING = MetricDef(
    "rollwatch_rollback_events_failing",
    MetricType.GAUGE,
    "1 while the last attempt to tell Alertmanager something came to nothing, else 0.",
    scope=Scope.HANDLER,
    meaning="Always.",
)
HANDLER_PEER_UP = MetricDef(
    "rollwatch_rollback_peer_up",
    MetricType.GAUGE,
    "1 if prometheus, exporter or alertmanager answered when it was last asked, else 0; without Prometheus "
    "nothing is rolled back automatically.",
    scope=Scope.HANDLER,
    labels=("peer",),
    meaning="From the first question.",
)
HANDLER_JOURNAL_WRITABLE = MetricDef(
    "rollwatch_rollback_journal_writable",
    MetricType.GAUGE,
    "1 if the last write to the journal worked, else 0: then nothing is taken, and nothing is done.",
    scope=Scope.HANDLER,
    meaning="Always.",
)
HANDLER_JOURNAL_ROWS = MetricDef(
    "rollwatch_rollback_journal_rows",
    MetricType.GAUGE,
    "Rollbacks the journal holds, denied ones included.",
    scope=Scope.HANDLER,
    meaning="Always.",
)
HANDLER_OLDEST_RECEIVED = MetricDef(
    "rollwatch_rollback_oldest_received_timestamp_seconds",
    MetricType.GAUGE,
    "When the alert came that waits longest to be judged, in seconds since 1970.",
    scope=Scope.HANDLER,
    meaning="While one waits.",
)
HANDLER_CONFIG_SUCCESSFUL = MetricDef(
    "rollwatch_rollback_config_last_reload_successful",
    MetricType.GAUGE,
    "1 if the configuration file as it was last read is in force, 0 if it was refused.",
    scope=Scope.HANDLER,
    meaning="Always.",
)

ROLLBACK_METRICS: tuple[MetricDef, ...] = (
    DEPLOYMENTS_TOTAL,
    DEPLOYMENT_LAST,
    DORA_CHANGE_FAIL,
    DORA_DEPLOYMENTS,
    DORA_LEAD_TIME,
    DORA_RECOVERY,
    DORA_SUCCESS,
    HANDLER_CONFIG_SUCCESSFUL,
    HANDLER_EVENTS_FAILING,
    HANDLER_EVENTS_TOTAL,
    HANDLER_JOURNAL_ROWS,
    HANDLER_JOURNAL_WRITABLE,
    HANDLER_NOTIFICATIONS_TOTAL,
    HANDLER_OLDEST_RECEIVED,
    HANDLER_PEER_UP,
    ROLLBACKS_TOTAL,
    ROLLBACK_AWAITING,
    ROLLBACK_DECISIONS_TOTAL,
    ROLLBACK_DENIALS_TOTAL,
    ROLLBACK_IN_PROGRESS,
    ROLLBACK_LAST,
    ROLLBACK_PAUSED,
    ROLLBACK_PLATFORM_UP,
    ROLLBACK_STEP_DURATION,
)
"""All of them, for the catalogue."""
