"""Every metric that is not specific to one kind of probe; each constant is its metric's name in capitals.

Kinds of probe declare theirs in their own file, host figures in `rollwatch.host`; `catalogue` joins them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rollwatch.metrics.definition import MetricDef, MetricType, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "COMMON",
    "PROBE_ALL_DURATION_SECONDS",
    "PROBE_DNS_LOOKUP_TIME_SECONDS",
    "PROBE_DURATION_SECONDS",
    "PROBE_IP_PROTOCOL",
    "PROBE_SUCCESS",
    "ROLLWATCH_BUILD_INFO",
    "ROLLWATCH_COMPONENT_UP",
    "ROLLWATCH_CONFIG_LAST_RELOAD_SUCCESSFUL",
    "ROLLWATCH_CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP_SECONDS",
    "ROLLWATCH_FEATURE_ENDPOINT_INFO",
    "ROLLWATCH_FEATURE_INFO",
    "ROLLWATCH_LABEL_FOLDS_TOTAL",
    "ROLLWATCH_LOG_DROPPED_TOTAL",
    "ROLLWATCH_LOOP_LAG_SECONDS",
    "ROLLWATCH_OWN_NETWORK_UP",
    "ROLLWATCH_PROBE_INFO",
    "ROLLWATCH_PROBE_INTERVAL_SECONDS",
    "ROLLWATCH_PROBE_LAST_RUN_TIMESTAMP_SECONDS",
    "ROLLWATCH_PROBE_LAST_SUCCESS_TIMESTAMP_SECONDS",
    "ROLLWATCH_PROBE_RESULTS_TOTAL",
    "ROLLWATCH_PROBE_SKIPPED_RUNS_TOTAL",
    "ROLLWATCH_PROBE_START_LAG_SECONDS",
    "ROLLWATCH_PROBE_TIMEOUT_SECONDS",
    "ROLLWATCH_RELEASE_CHANGED_TIMESTAMP_SECONDS",
    "ROLLWATCH_RELEASE_INFO",
    "ROLLWATCH_SCRAPE_DURATION_SECONDS",
    "ROLLWATCH_SCRAPE_SERIES",
    "ROLLWATCH_SECRET_REFRESH_FAILURES_TOTAL",
    "ROLLWATCH_SERVICE_INFO",
    "ROLLWATCH_SERVICE_LINK_INFO",
    "ROLLWATCH_SLO_OBJECTIVE_RATIO",
    "ROLLWATCH_THRESHOLD_OVERRIDE",
    "ROLLWATCH_WEB_CONFIG_LAST_RELOAD_SUCCESSFUL",
    "ROLLWATCH_WEB_REQUESTS_TOTAL",
    "DefinesMetrics",
    "catalogue",
]

_ALWAYS = "Always."
_CONFIGURED = "For every configured probe that runs at this location, from the moment the config is loaded."
_HELD = (
    "From the first run that ended UP or DOWN. While runs end UNKNOWN the value is held for three intervals, "
    "then the series is absent until a run decides again."
)
_DELAYS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

# What a probe found.

PROBE_SUCCESS = MetricDef(
    "probe_success",
    MetricType.GAUGE,
    "1 if the target was UP, 0 if it was DOWN, at the last run that could decide.",
    meaning=_HELD,
)
PROBE_DURATION_SECONDS = MetricDef(
    "probe_duration_seconds",
    MetricType.GAUGE,
    "How long the last run that ended UP or DOWN took in seconds, from its start to its verdict.",
    meaning=_HELD,
)
PROBE_ALL_DURATION_SECONDS = MetricDef(
    "probe_all_duration_seconds",
    MetricType.HISTOGRAM,
    "How long runs took in seconds, all runs that ended UP or DOWN.",
    buckets=(0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0),
    meaning="For every configured probe, from 0. Buckets are those of the probe's config and the thresholds "
    "it is judged by.",
)
PROBE_DNS_LOOKUP_TIME_SECONDS = MetricDef(
    "probe_dns_lookup_time_seconds",
    MetricType.GAUGE,
    "How long resolving the target's host name took in seconds, at the last run that ended UP or DOWN.",
    meaning=_HELD + " Never for a target given as an address.",
)
PROBE_IP_PROTOCOL = MetricDef(
    "probe_ip_protocol",
    MetricType.GAUGE,
    "The IP version the last connection was made with: 4 or 6.",
    meaning=_HELD + " Absent if no address was reached for.",
)
ROLLWATCH_COMPONENT_UP = MetricDef(
    "rollwatch_component_up",
    MetricType.GAUGE,
    "1 if a component is up by the last health body that named it, 0 if it is down; "
    'critical="true" if the config says so.',
    labels=("component", "critical"),
    meaning="For each component the health body named at the last run that ended UP or DOWN, a 503's too; "
    "held as probe_success is. "
    "At most 50 names per service, the rest share the name other.",
)

# How probing itself goes.

ROLLWATCH_PROBE_RESULTS_TOTAL = MetricDef(
    "rollwatch_probe_results_total",
    MetricType.COUNTER,
    "Finished runs by verdict (up, down, unknown) and reason; unknown is this exporter's own trouble.",
    labels=("verdict", "reason"),
    meaning="For every configured probe and every reason its kind can give, from 0.",
)
ROLLWATCH_PROBE_INFO = MetricDef(
    "rollwatch_probe_info",
    MetricType.GAUGE,
    "Always 1, one series per configured probe: what should be probed, whether or not it can be. "
    "role is primary or fallback for a provider, else none; priority is the worst its being DOWN may raise: "
    "P0, P1, P2, or none.",
    labels=("role", "priority"),
    meaning=_CONFIGURED,
)
ROLLWATCH_PROBE_INTERVAL_SECONDS = MetricDef(
    "rollwatch_probe_interval_seconds",
    MetricType.GAUGE,
    "The configured time between the starts of two runs in seconds.",
    meaning=_CONFIGURED,
)
ROLLWATCH_PROBE_TIMEOUT_SECONDS = MetricDef(
    "rollwatch_probe_timeout_seconds",
    MetricType.GAUGE,
    "The configured time in seconds after which a run is ended and counts as DOWN.",
    meaning=_CONFIGURED,
)
ROLLWATCH_PROBE_LAST_RUN_TIMESTAMP_SECONDS = MetricDef(
    "rollwatch_probe_last_run_timestamp_seconds",
    MetricType.GAUGE,
    "When the last run started, whatever its verdict, in seconds since 1970.",
    meaning="From the first run.",
)
ROLLWATCH_PROBE_LAST_SUCCESS_TIMESTAMP_SECONDS = MetricDef(
    "rollwatch_probe_last_success_timestamp_seconds",
    MetricType.GAUGE,
    "When the last run that found the target UP started, in seconds since 1970.",
    meaning="From the first run that ended UP.",
)
ROLLWATCH_PROBE_SKIPPED_RUNS_TOTAL = MetricDef(
    "rollwatch_probe_skipped_runs_total",
    MetricType.COUNTER,
    "Runs that were due and did not start, because the run before had not ended or the exporter was late.",
    meaning="For every configured probe, from 0.",
)
ROLLWATCH_PROBE_START_LAG_SECONDS = MetricDef(
    "rollwatch_probe_start_lag_seconds",
    MetricType.HISTOGRAM,
    "How late runs of all probes started in seconds. Above 0.05 the exporter has too much to do: "
    "give it CPU, or fewer probes.",
    scope=Scope.EXPORTER,
    buckets=_DELAYS,
    meaning=_ALWAYS,
)

# What is configured, and what runs.

ROLLWATCH_SERVICE_INFO = MetricDef(
    "rollwatch_service_info",
    MetricType.GAUGE,
    "Always 1, one series per configured service, with its owner (empty if none is configured).",
    scope=Scope.SERVICE,
    labels=("owner",),
    meaning="For every configured service.",
)
ROLLWATCH_SERVICE_LINK_INFO = MetricDef(
    "rollwatch_service_link_info",
    MetricType.GAUGE,
    "Always 1, one series per link the config gives a service: link is logs, dashboard, runbook or "
    "status_page. Alerts and dashboards lead there.",
    scope=Scope.SERVICE,
    labels=("link", "url"),
    meaning="For every link under links of a configured service.",
)
ROLLWATCH_SLO_OBJECTIVE_RATIO = MetricDef(
    "rollwatch_slo_objective_ratio",
    MetricType.GAUGE,
    "The share of good requests that the config sets as a service's objective instead of the shipped one; "
    "0 means the SLO is off: no budget can burn.",
    scope=Scope.SERVICE,
    labels=("slo",),
    meaning="For each SLO (availability, latency) the config sets for a service.",
)
ROLLWATCH_FEATURE_INFO = MetricDef(
    "rollwatch_feature_info",
    MetricType.GAUGE,
    'Always 1, one series per declared feature; core="true" if production is broken for users without it.',
    scope=Scope.SERVICE,
    labels=("feature", "core"),
    meaning="For every declared feature.",
)
ROLLWATCH_FEATURE_ENDPOINT_INFO = MetricDef(
    "rollwatch_feature_endpoint_info",
    MetricType.GAUGE,
    "Always 1, one series per endpoint of a declared feature: joins the label endpoint with its feature. "
    "A route template is there as it is written and as figures have it (/users/{id}, /users/_id).",
    scope=Scope.SERVICE,
    labels=("feature", "endpoint"),
    meaning="For every endpoint of a declared feature; an endpoint is in one feature at most.",
)
ROLLWATCH_RELEASE_INFO = MetricDef(
    "rollwatch_release_info",
    MetricType.GAUGE,
    "Always 1; version is the one the service last reported in a health body.",
    scope=Scope.SERVICE,
    labels=("version",),
    meaning="One series per service, from the first version a probe saw; until another is seen.",
)
ROLLWATCH_RELEASE_CHANGED_TIMESTAMP_SECONDS = MetricDef(
    "rollwatch_release_changed_timestamp_seconds",
    MetricType.GAUGE,
    "When this exporter saw the service's version change, in seconds since 1970.",
    scope=Scope.SERVICE,
    meaning="From the first change; absent while only one version has been seen since the exporter started.",
)
ROLLWATCH_THRESHOLD_OVERRIDE = MetricDef(
    "rollwatch_threshold_override",
    MetricType.GAUGE,
    "The limit the config sets for a service instead of the shipped one, in the threshold's unit; "
    "an infinity means off.",
    scope=Scope.SERVICE,
    labels=("threshold", "priority"),
    meaning="For each threshold and priority the config overrides.",
)

# The exporter itself.

ROLLWATCH_BUILD_INFO = MetricDef(
    "rollwatch_build_info",
    MetricType.GAUGE,
    "Always 1; the version of rollwatch that runs, and of the Python it runs on.",
    scope=Scope.EXPORTER,
    labels=("version", "python"),
    meaning=_ALWAYS,
)
ROLLWATCH_CONFIG_LAST_RELOAD_SUCCESSFUL = MetricDef(
    "rollwatch_config_last_reload_successful",
    MetricType.GAUGE,
    "1 if the newest config was taken; 0 if it was refused and an older one is in force: see the log "
    "or run rollwatch check-config.",
    scope=Scope.EXPORTER,
    meaning=_ALWAYS,
)
ROLLWATCH_CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP_SECONDS = MetricDef(
    "rollwatch_config_last_reload_success_timestamp_seconds",
    MetricType.GAUGE,
    "When the config in force was loaded, in seconds since 1970.",
    scope=Scope.EXPORTER,
    meaning=_ALWAYS,
)
ROLLWATCH_LABEL_FOLDS_TOTAL = MetricDef(
    "rollwatch_label_folds_total",
    MetricType.COUNTER,
    "Values from outside that were counted under the label value other, because they are malformed or "
    "there are too many, by metric.",
    scope=Scope.EXPORTER,
    labels=("metric",),
    meaning="For each metric from its first folded value.",
)
ROLLWATCH_LOG_DROPPED_TOTAL = MetricDef(
    "rollwatch_log_dropped_total",
    MetricType.COUNTER,
    "Lines of the exporter's own log that were thrown away, because standard error takes no more: "
    "its reader is stuck or gone, or its disk is full.",
    scope=Scope.EXPORTER,
    meaning=_ALWAYS,
)
ROLLWATCH_LOOP_LAG_SECONDS = MetricDef(
    "rollwatch_loop_lag_seconds",
    MetricType.HISTOGRAM,
    "How late timers fired in seconds. Latencies measured meanwhile are off by as much.",
    scope=Scope.EXPORTER,
    buckets=_DELAYS,
    meaning=_ALWAYS,
)
ROLLWATCH_OWN_NETWORK_UP = MetricDef(
    "rollwatch_own_network_up",
    MetricType.GAUGE,
    "1 if the reference target answered, 0 if it did not: then failed runs are UNKNOWN, because the fault "
    "may be this host's own network.",
    scope=Scope.EXPORTER,
    meaning="If a reference check is configured, from its first run.",
)
ROLLWATCH_SCRAPE_DURATION_SECONDS = MetricDef(
    "rollwatch_scrape_duration_seconds",
    MetricType.GAUGE,
    "How long writing the previous answer to a scrape took in seconds, pauses for probes included.",
    scope=Scope.EXPORTER,
    meaning="From the second scrape.",
)
ROLLWATCH_SCRAPE_SERIES = MetricDef(
    "rollwatch_scrape_series",
    MetricType.GAUGE,
    "Series this exporter holds, those hidden for lack of evidence included.",
    scope=Scope.EXPORTER,
    meaning=_ALWAYS,
)
ROLLWATCH_SECRET_REFRESH_FAILURES_TOTAL = MetricDef(
    "rollwatch_secret_refresh_failures_total",
    MetricType.COUNTER,
    "Times a secret's file could not be read again; the log names the reference. "
    "Its probes end UNKNOWN with the reason secret_unavailable.",
    scope=Scope.EXPORTER,
    meaning=_ALWAYS,
)
ROLLWATCH_WEB_CONFIG_LAST_RELOAD_SUCCESSFUL = MetricDef(
    "rollwatch_web_config_last_reload_successful",
    MetricType.GAUGE,
    "1 if the newest web config (TLS, users, tokens) was taken; 0 if it was refused and an older one is "
    "in force: see /health and the log.",
    scope=Scope.EXPORTER,
    meaning="If --web.config.file or --web.ingest-config.file is given.",
)
ROLLWATCH_WEB_REQUESTS_TOTAL = MetricDef(
    "rollwatch_web_requests_total",
    MetricType.COUNTER,
    "HTTP requests this process itself answered, by route and status code; not the traffic of a service.",
    scope=Scope.EXPORTER,
    labels=("handler", "code"),
    meaning="For each route and code from its first answer.",
)

COMMON: tuple[MetricDef, ...] = tuple(value for value in globals().values() if isinstance(value, MetricDef))


class DefinesMetrics(Protocol):
    """What `catalogue` reads of a kind of probe (`probers.contract.ProberKind`)."""

    @property
    def metrics(self) -> tuple[MetricDef, ...]: ...

    @property
    def phase_metric(self) -> MetricDef | None: ...


def catalogue(kinds: Iterable[DefinesMetrics], extra: Iterable[MetricDef] = ()) -> tuple[MetricDef, ...]:
    """Every metric there can be, by name: the common ones, those of `kinds`, and `extra` (the host's).

    One definition may be shared. Raises ValueError when two different ones want the same name.
    """
    wanted = list(COMMON)
    for kind in kinds:
        wanted += kind.metrics
        if kind.phase_metric is not None:
            wanted.append(kind.phase_metric)
    wanted += extra
    taken: dict[str, MetricDef] = {}
    for metric in wanted:
        for name in metric.reserved_names:
            other = taken.setdefault(name, metric)
            if other is not metric:
                raise ValueError(f"two metrics want the name {name}: {metric.name} and {other.name}")
    return tuple(sorted(set(taken.values()), key=lambda metric: metric.name))
