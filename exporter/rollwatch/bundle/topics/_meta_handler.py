"""The rollback handler: can it act, does it get the alerts, can it tell people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.topics._meta_alert import PROCESS, meta_alert
from rollwatch.config.thresholds import Priority, Unit

if TYPE_CHECKING:
    from rollwatch.bundle.rules import Alert

__all__ = ["handler_alerts"]

_UNJUDGED_SECONDS = 120
_RELEASE = "service, environment"
_RESTART = "5m"
"""A handler that restarts is away for less: a `for` of hours must not begin anew for that."""


def handler_alerts() -> tuple[Alert, ...]:
    """Of `rollwatch rollback serve`, where it is scraped."""
    return (*_journal(), *_intake(), *_surroundings(), *_rollbacks())


def _journal() -> tuple[Alert, ...]:
    return (
        meta_alert(
            "RollbackJournalFails",
            Priority.P1,
            "rollwatch_rollback_journal_writable == 0",
            "1m",
            metric="rollwatch_rollback_journal_writable",
            condition="the rollback handler can't write its journal",
            limit="written",
            shows="not written",
            summary="The journal of the rollback handler fails ([instance])",
            description=(
                "The rollback handler at [instance] can't write its journal, so it takes no alerts and rolls "
                "nothing back."
            ),
        ),
        meta_alert(
            "RollbackAlertsUnjudged",
            Priority.P1,
            f"time() - min by ({PROCESS}) (rollwatch_rollback_oldest_received_timestamp_seconds) "
            f"> {_UNJUDGED_SECONDS}",
            "0s",
            metric="rollwatch_rollback_oldest_received_timestamp_seconds",
            condition="a rollback alert has been waiting to be judged for over 2 min",
            limit="2 min",
            shows=Unit.SECONDS,
            summary="The rollback handler does not judge its alerts ([instance])",
            description=(
                "The oldest alert at [instance] has been waiting to be judged for [value]. A bad release may "
                "still run."
            ),
        ),
    )


def _intake() -> tuple[Alert, ...]:
    refused = 'rollwatch_rollback_notifications_total{outcome=~"refused|unauthorized"}'
    return (
        meta_alert(
            "RollbackAlertsRefused",
            Priority.P2,
            f"sum by ({PROCESS}, outcome) (increase({refused}[15m])) > 0",
            "0s",
            metric="rollwatch_rollback_notifications_total",
            condition="the rollback handler refuses what Alertmanager sends",
            limit="none",
            shows='{{ printf "%.0f" $value }} in 15 min',
            summary="The rollback handler refuses notifications ([outcome], [instance])",
            description=(
                "The handler at [instance] refused [value] ([outcome]). Alertmanager sends them again while "
                "their alerts last; until one is taken, no alert in it is judged."
            ),
        ),
        meta_alert(
            "RollbackHandlerConfigRefused",
            Priority.P2,
            "rollwatch_rollback_config_last_reload_successful == 0",
            "1m",
            metric="rollwatch_rollback_config_last_reload_successful",
            condition="the rollback handler has refused its newest configuration",
            limit="taken",
            shows="refused",
            summary="The rollback handler has refused its configuration ([instance])",
            description=(
                "The rollback handler at [instance] goes on with its older rollwatch.yml: modes, triggers "
                "and freezes are as they were before."
            ),
        ),
    )


def _surroundings() -> tuple[Alert, ...]:
    return (
        meta_alert(
            "RollbackEventsFail",
            Priority.P1,
            "rollwatch_rollback_events_failing == 1",
            "2m",
            metric="rollwatch_rollback_events_failing",
            condition="the rollback handler can't tell Alertmanager what it does",
            limit="told",
            shows="failing",
            summary="The rollback handler can't tell what it does ([instance])",
            description=(
                "The rollback handler at [instance] does not get its news to Alertmanager. Whoever waits "
                "for a rollback hears nothing, but for the fallback webhook where there is one."
            ),
        ),
        meta_alert(
            "RollbackHandlerBlind",
            Priority.P1,
            f"min by ({PROCESS}, peer) (rollwatch_rollback_peer_up) == 0",
            "5m",
            metric="rollwatch_rollback_peer_up",
            condition="the rollback handler gets no answers from Prometheus, the exporter or Alertmanager",
            limit="answers",
            shows="silent",
            summary="The rollback handler gets no answers from [peer] ([instance])",
            description=(
                "[peer] does not answer the rollback handler at [instance]. What it can't learn it takes "
                "for no: nothing is rolled back automatically."
            ),
        ),
        meta_alert(
            "RollbackPlatformSilent",
            Priority.P2,
            f"max by ({_RELEASE}) (rollwatch_rollback_platform_up) == 0",
            "10m",
            metric="rollwatch_rollback_platform_up",
            condition="the platform that a service is deployed on does not answer the rollback handler",
            limit="answers",
            shows="silent",
            summary="The platform of [service] does not answer the rollback handler ([environment])",
            description=(
                "The rollback handler can't ask the platform what runs of [service], so it won't roll it "
                "back. A token may have run out."
            ),
            watched=True,
        ),
    )


def _rollbacks() -> tuple[Alert, ...]:
    return (
        meta_alert(
            "RollbackStuck",
            Priority.P1,
            f"max by ({_RELEASE}) (last_over_time(rollwatch_rollback_in_progress[{_RESTART}])) == 1",
            "1h",
            metric="rollwatch_rollback_in_progress",
            condition="a rollback has been running for an hour",
            limit="ends within an hour",
            shows="running for over an hour",
            summary="A rollback of [service] does not end ([environment])",
            description=(
                "A rollback of [service] has been running for an hour. While it lasts, no other can begin."
            ),
            watched=True,
        ),
        meta_alert(
            "RollbackPausedLong",
            Priority.P3,
            f"max by ({_RELEASE}) (last_over_time(rollwatch_rollback_paused[{_RESTART}])) == 1",
            "1d",
            metric="rollwatch_rollback_paused",
            condition="rollbacks have been paused for a day",
            limit="not paused",
            shows="paused for over a day",
            summary="Rollbacks of [service] are still paused ([environment])",
            description=(
                "Rollbacks of [service] have been paused for a day. Somebody may have forgotten to resume "
                "them."
            ),
            watched=True,
        ),
    )
