"""The monitoring itself: exporters, Prometheus, Alertmanager, bridge and rollback handler.

All alerts carry `service="rollwatch"`; `watched` is the service whose signals are in trouble, where there is
one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Alert, Dashboard, Recording, Topic
from rollwatch.bundle.topics._meta_alert import OURS, PROCESS, meta_alert
from rollwatch.bundle.topics._meta_delivery import delivery_alerts
from rollwatch.bundle.topics._meta_handler import handler_alerts
from rollwatch.config.thresholds import Priority, Unit

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_HERE = "service, environment, probe, location"

_GRACE_SECONDS = 30
_LATE_SECONDS = 0.05
"""As the metric's own description has it."""
_LEAST_UNDECIDED = 2
_LEAST_PUSHES = 5
_FINE = "duplicate|out_of_order"
"""Pushes that are rightly passed over."""


def topic(settings: Settings) -> Topic:
    """The rules of the monitoring itself."""
    return Topic(
        name="meta",
        title="The monitoring itself",
        recordings=_recordings(settings),
        alerts=(
            _watchdog(),
            *_exporters(settings.exporter_job),
            *_probes(),
            *_exporter_trouble(),
            *_intake(),
            *delivery_alerts(settings.exporter_job),
            *handler_alerts(),
        ),
        file="meta.yml",
    )


def _recordings(settings: Settings) -> tuple[Recording, ...]:
    where = f"{PROCESS}, location"
    pushes = "sum by (service, environment) (increase(rollwatch_push_requests_total{{outcome!~{}}}[15m]))"
    return (
        # When an exporter was last seen at a location, so that one that is gone can still be placed.
        Recording(
            "exporter:seen:timestamp_seconds",
            f"max by ({where}) (timestamp(rollwatch_build_info))",
        ),
        # Since its last run; of a probe that never ran, since the configuration was loaded.
        Recording(
            "probe:idle:seconds",
            "time() - (\n"
            "  rollwatch_probe_last_run_timestamp_seconds\n"
            "  or rollwatch_probe_interval_seconds * 0\n"
            f"    + on ({PROCESS}) group_left () rollwatch_config_last_reload_success_timestamp_seconds\n"
            ")",
        ),
        Recording(
            "location:probes_undecided:ratio",
            f"count by (location) (probe:undecided)\n"
            f"  / count by (location) (group by ({_HERE}) (rollwatch_probe_info))",
        ),
        Recording(
            "exporter:probe_start_lag_seconds:p90",
            "histogram_quantile(0.9,\n"
            f"  sum by ({where}, le) (rate(rollwatch_probe_start_lag_seconds_bucket[{settings.window}]))\n"
            ")",
        ),
        Recording(
            "service:pushes_refused:ratio_15m",
            pushes.format(f'"accepted|{_FINE}"') + "\n"
            "  / (" + pushes.format(f'"{_FINE}"') + f" >= {_LEAST_PUSHES})",
        ),
    )


def _watchdog() -> Alert:
    return Alert(
        name="Watchdog",
        priority=None,
        expr="vector(1)",
        metric="vector(1)",
        condition="always: that it arrives is the proof that alerts get out",
        limit="always firing",
        shows="{{ $value }}",
        summary="Alerts get from Prometheus through Alertmanager",
        description=(
            "This alert always fires. Whoever waits for it outside and hears no more of it knows that "
            "Prometheus, "
            "Alertmanager or the bridge is down."
        ),
        dashboard=Dashboard.ALERTS,
        labels=OURS | {"severity": "none"},
    )


def _exporters(job: str) -> tuple[Alert, ...]:
    up = f'up{{job="{job}"}}'
    return (
        meta_alert(
            "ExporterDown",
            Priority.P1,
            # The newest location within a day; without any, it is down all the same.
            f"({up} == 0)\n"
            f"  + on ({PROCESS}) group_left (location)\n"
            "(\n"
            f"  topk by ({PROCESS}) (1, last_over_time(exporter:seen:timestamp_seconds[1d])) * 0\n"
            f"  or on ({PROCESS}) group by ({PROCESS}) (up) * 0\n"
            ")",
            "1m",
            metric="up",
            condition="an exporter can't be scraped",
            limit="scraped",
            shows="not scraped",
            summary="rollwatch exporter [instance] is down{{ with $labels.location }} at {{ . }}{{ end }}",
            description=(
                "Prometheus can't scrape the exporter at [instance]{{ with $labels.location }}, location {{ "
                ". }}"
                "{{ end }}. Nobody watches from there: whatever breaks now is not seen."
            ),
        ),
        meta_alert(
            "ExporterAbsent",
            Priority.P1,
            f"absent({up})",
            "2m",
            metric="up",
            condition="Prometheus knows no exporter at all",
            limit="at least one",
            shows="none",
            summary="Prometheus scrapes no rollwatch exporter",
            description=(
                "Job [job] has no target. Nothing is watched, and no other alert will tell: add the "
                "exporters to "
                "targets/rollwatch.yml beside prometheus.yml."
            ),
        ),
    )


def _probes() -> tuple[Alert, ...]:
    return (
        meta_alert(
            "ProbesStale",
            Priority.P1,
            "count by (job, instance, location) (\n"
            f"  probe:idle:seconds > 3 * rollwatch_probe_interval_seconds + {_GRACE_SECONDS}\n"
            ")",
            "1m",
            metric="rollwatch_probe_last_run_timestamp_seconds",
            condition="probes have not run for three intervals and 30 s, though their exporter is up",
            limit="every probe runs at its interval",
            shows="{{ $value }} without a run",
            summary="Probes have stopped at [location] ([instance])",
            description=(
                "The exporter at [instance], location [location], answers, but of its probes [value] for "
                "over three "
                "intervals. Their verdicts are old: an outage would not be seen."
            ),
        ),
        meta_alert(
            "ProbesUndecided",
            Priority.P1,
            "location:probes_undecided:ratio > 0.5\n"
            f"and count by (location) (probe:undecided) >= {_LEAST_UNDECIDED}",
            "5m",
            metric="rollwatch_probe_info without probe_success",
            condition="more than half of a location's probes, and at least two, can't decide",
            limit="half of the probes",
            shows=Unit.RATIO,
            summary="Most probes at [location] can't decide",
            description=(
                "[value] of the probes at [location] end without a verdict. The trouble is the exporter's "
                "own, most "
                "likely its network, or a resolver. An outage would not be seen from [location]."
            ),
        ),
    )


def _exporter_trouble() -> tuple[Alert, ...]:
    relabelled = "\n  or ".join(
        f'rollwatch_service_info{{exported_{label}!=""}}' for label in ("service", "environment", "location")
    )
    return (
        meta_alert(
            "ExporterRelabelled",
            Priority.P2,
            f"count by ({PROCESS}) (\n  {relabelled}\n)",
            "1m",
            metric="rollwatch_service_info",
            condition="Prometheus has renamed labels of the exporter's series",
            limit="honor_labels: true",
            shows="{{ $value }} services",
            summary="Prometheus renames labels of the exporter at [instance]",
            description=(
                "Series of [value] have exported_service, exported_environment or exported_location, "
                "because job "
                "[job] does not say honor_labels: true. Rules don't find them: most alerts can't fire."
            ),
        ),
        meta_alert(
            "ExporterConfigRefused",
            Priority.P2,
            "rollwatch_config_last_reload_successful == 0\nor\nrollwatch_web_config_last_reload_successful "
            "== 0",
            "1m",
            metric="rollwatch_config_last_reload_successful",
            condition="an exporter has refused its newest configuration",
            limit="taken",
            shows="refused",
            summary="The exporter at [location] has refused its configuration ([instance])",
            description=(
                "The exporter at [instance] goes on with its older rollwatch.yml or web configuration. What "
                "was "
                "changed is not in force."
            ),
        ),
        meta_alert(
            "ExporterOverloaded",
            Priority.P2,
            f"exporter:probe_start_lag_seconds:p90 > {_LATE_SECONDS}",
            "10m",
            metric="rollwatch_probe_start_lag_seconds",
            condition="one probe run in ten or more starts over 50 ms late",
            limit="50ms",
            shows=Unit.SECONDS,
            summary="The exporter at [location] has too much to do ([instance])",
            description=(
                "One run in ten starts at least [value] late at [instance]. Latencies measured there are too "
                "long by as much. It needs more CPU, or fewer probes."
            ),
        ),
    )


def _intake() -> tuple[Alert, ...]:
    return (
        meta_alert(
            "LogUnreadable",
            Priority.P2,
            "max by (service, environment, location, log) (rollwatch_log_source_open) == 0",
            "5m",
            metric="rollwatch_log_source_open",
            condition="a log that is to be followed can't be read",
            limit="open",
            shows="not open",
            summary="Log [log] of [service] can't be read at [location] ([environment])",
            description=(
                "The exporter at [location] can't read log [log] of [service]. What the log says is counted "
                "nowhere "
                "until it can. rollwatch_log_source_obstacle names what is in the way."
            ),
            watched=True,
        ),
        meta_alert(
            "PushesRefused",
            Priority.P2,
            "service:pushes_refused:ratio_15m > 0.1",
            "5m",
            metric="rollwatch_push_requests_total",
            condition=f"of {_LEAST_PUSHES} pushes or more within 15 min, over 10 % are refused",
            limit="10%",
            shows=Unit.RATIO,
            summary="Pushes of [service] are refused ([environment])",
            description=(
                "[value] of the pushes of [service] within 15 min were refused, wholly or in part. Its "
                "figures lack "
                "them. The answers to the sender say why; so does the label outcome."
            ),
            watched=True,
        ),
    )
