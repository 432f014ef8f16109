"""Health: is a probe's target up, everywhere or here; components; credentials; certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.promql import beyond
from rollwatch.bundle.rules import Alert, Dashboard, Judged, Recording, Topic
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_PROBE = "service, environment, probe"
_HERE = f"{_PROBE}, location"
_SELDOM_S = 45
"""Seconds between two runs: beyond this, one run that is DOWN outlasts the duration of HealthDown."""
_SERIES = f"{_HERE}, job, instance"
"""What is one series even where two exporters say that they are at the same location."""
_COMPONENT = "service, environment, component, critical"
_SLOW_SECONDS = 300
"""A probe with a longer interval may have nothing to say for so long after the exporter's start."""


def topic(settings: Settings) -> Topic:
    """The rules of health probes."""
    return Topic(
        name="health",
        title="Health",
        recordings=(*_verdicts(), *_components(), *_trouble(), *_reasons(settings.window)),
        judged=(Judged("certificate_expiry_seconds", "probe:certificate:remaining_seconds"),),
        alerts=(*_down(), *_undecided(), *_component_alerts(), *_certificates()),
    )


def _verdicts() -> tuple[Recording, ...]:
    return (
        # 1 where a location says DOWN, 0 where it says UP; one that can't decide has no say.
        Recording(
            "probe:down",
            f"max by ({_HERE}, kind, priority) (\n"
            f"  (1 - probe_success) * on ({_SERIES}) group_left (priority)\n"
            f'  group by ({_SERIES}, priority) (rollwatch_probe_info{{priority!="none"}})\n'
            ")",
        ),
        Recording("probe:down:ratio", f"avg by ({_PROBE}, kind, priority) (probe:down)"),
        # A verdict of such a probe stands for longer than HealthDown asks for. One never UP has no count.
        Recording(
            "probe:down_once:runs",
            "probe:down_runs:since_up < 2\n"
            f"and on ({_PROBE}) max by ({_PROBE}) (rollwatch_probe_interval_seconds) > {_SELDOM_S}",
        ),
    )


def _components() -> tuple[Recording, ...]:
    return (
        # Over all that know the component. It is critical only where its probe may raise P0.
        Recording(
            "component:down:ratio",
            f"avg by ({_COMPONENT}) (\n"
            "  label_replace(\n"
            f"    (1 - rollwatch_component_up) * on ({_SERIES}) group_left (priority)\n"
            f"      group by ({_SERIES}, priority) (rollwatch_probe_info),\n"
            '    "critical", "false", "priority", "P1|P2|P3|none"\n'
            "  )\n"
            ")",
        ),
    )


def _trouble() -> tuple[Recording, ...]:
    rejected = 'rollwatch_probe_results_total{reason="credentials_rejected"}'
    other = 'rollwatch_probe_results_total{reason!="credentials_rejected"}'
    return (
        # Configured, and yet no verdict; only an exporter that lives says what is configured. One that runs
        # seldom is given time for its first run.
        Recording(
            "probe:undecided",
            f"group by ({_HERE}, kind) (rollwatch_probe_info)\n"
            f"  unless on ({_HERE}) probe_success\n"
            f"  unless on ({_HERE}) (\n"
            f"    rollwatch_probe_interval_seconds > {_SLOW_SECONDS}\n"
            f"      unless on ({_HERE}) rollwatch_probe_last_run_timestamp_seconds\n"
            "  )",
        ),
        # Rejected, and nothing else since: how often a probe runs makes no difference.
        Recording(
            "probe:credentials_rejected:increase_1h",
            f"sum by ({_HERE}, kind) (increase({rejected}[1h])) > 0\n"
            f"  unless on ({_HERE}) sum by ({_HERE}) (increase({other}[1m])) > 0\n"
            f"  unless on ({_HERE}) (\n"
            "    rollwatch_probe_last_success_timestamp_seconds\n"
            f"      >= on ({_SERIES}) rollwatch_probe_last_run_timestamp_seconds\n"
            "  )",
        ),
        # One missed run resolves nothing. A provider's certificate is the provider's to renew.
        Recording(
            "probe:certificate:remaining_seconds",
            f"min by ({_PROBE}) (\n"
            '  last_over_time(probe_ssl_earliest_cert_expiry{kind!~"json|provider"}[1h])\n'
            ") - time()",
        ),
    )


def _reasons(window: str) -> tuple[Recording, ...]:
    """For dashboards: nearly all of the counts stand still, and are too many to be looked at over hours."""
    runs = f'increase(rollwatch_probe_results_total{{verdict!="up"}}[{window}])'
    return (
        Recording(
            "probe:not_up_runs:increase",
            f"sum by ({_HERE}, kind, verdict, reason) ({runs}) > 0",
        ),
    )


def _down() -> tuple[Alert, ...]:
    everywhere = "DOWN at every location that decides"
    return (
        Alert(
            name="HealthDown",
            priority=Priority.P0,
            # Of a probe that runs seldom, one run is no confirmation, however long it stands.
            expr=f'probe:down:ratio{{priority="P0"}} == 1\nunless on ({_PROBE}) probe:down_once:runs',
            hold="45s",
            metric="probe_success",
            condition=(
                "a probe is DOWN at every location that can decide, twice in a row if its interval is over "
                f"{_SELDOM_S} s"
            ),
            limit="UP at one location or more",
            shows=everywhere,
            summary="[service] is down: probe [probe] ([environment])",
            description=(
                "Probe [probe] of [service] is DOWN at every location that can decide. Users can't reach it."
            ),
            dashboard=Dashboard.APPLICATION,
        ),
        Alert(
            name="HealthDownHere",
            priority=Priority.P1,
            expr='max without (priority) (probe:down{priority=~"P0|P1"}) == 1',
            hold="1m",
            metric="probe_success",
            condition="a probe is DOWN at one location",
            limit="UP",
            shows="DOWN at [location]",
            summary="[service] is down as seen from [location]: probe [probe] ([environment])",
            description=(
                "Probe [probe] of [service] is DOWN at [location]. If other locations see it UP, users on "
                "the way "
                "from [location] can't reach it; if all see it DOWN, nobody can."
            ),
            dashboard=Dashboard.APPLICATION,
        ),
        Alert(
            name="HealthDownMinor",
            priority=Priority.P2,
            expr='probe:down:ratio{priority="P2"} > 0',
            hold="5m",
            metric="probe_success",
            condition="a probe of priority P2 is DOWN at a location or more",
            limit="UP at every location",
            shows="DOWN at {{ $value | humanizePercentage }} of the locations that decide",
            summary="Minor probe [probe] of [service] is DOWN ([environment])",
            description=(
                "Probe [probe] of [service] is [value]. Its priority in rollwatch.yml is P2: users may do "
                "without "
                "what it checks for a while."
            ),
            dashboard=Dashboard.APPLICATION,
        ),
    )


def _undecided() -> tuple[Alert, ...]:
    return (
        Alert(
            name="HealthUndecided",
            priority=Priority.P2,
            expr="probe:undecided",
            hold="10m",
            metric="rollwatch_probe_info without probe_success",
            condition="a probe can't decide whether its target is up",
            limit="a verdict from every run",
            shows="no verdict",
            summary="Probe [probe] of [service] can't decide at [location] ([environment])",
            description=(
                "Probe [probe] of [service] runs at [location] and can't decide. That is trouble of the "
                "probe, not of "
                "[service]; but if [service] goes down, this probe won't tell."
            ),
            dashboard=Dashboard.ALERTS,
        ),
        Alert(
            name="CredentialsRejected",
            priority=Priority.P1,
            expr="probe:credentials_rejected:increase_1h",
            hold="2m",
            metric='rollwatch_probe_results_total{reason="credentials_rejected"}',
            condition="a probe's credentials are rejected, and nothing else came since",
            limit="accepted",
            shows='rejected {{ printf "%.0f" $value }} times within an hour',
            summary="[service] rejects the credentials of probe [probe] at [location] ([environment])",
            description=(
                "The target of probe [probe] of [service] answers 401 or 403 at [location]: [value]. The "
                "probe can't "
                "see any more whether its target is up. If [service] uses the same credentials, its users "
                "are hit too."
            ),
            dashboard=Dashboard.ALERTS,
        ),
    )


def _component_alerts() -> tuple[Alert, ...]:
    return (
        Alert(
            name="CriticalComponentDown",
            priority=Priority.P0,
            expr='component:down:ratio{critical="true"} == 1',
            hold="45s",
            metric="rollwatch_component_up",
            condition="a critical component is down by every health body that names it",
            limit="up",
            shows="down",
            summary="Critical component [component] of [service] is down ([environment])",
            description=(
                "[service] reports that its component [component] is down, at every location that knows it. "
                "rollwatch.yml lists it as critical: production can't do without."
            ),
            dashboard=Dashboard.APPLICATION,
        ),
        Alert(
            name="ComponentDown",
            priority=Priority.P2,
            expr='component:down:ratio{critical!="true"} == 1',
            hold="2m",
            metric="rollwatch_component_up",
            condition="a component that is not critical is down by every health body that names it",
            limit="up",
            shows="down",
            summary="Component [component] of [service] is down ([environment])",
            description=(
                "[service] reports that its component [component] is down, at every location that knows it. "
                "It is not listed as critical: [service] works on, without what needs [component]."
            ),
            dashboard=Dashboard.APPLICATION,
        ),
    )


def _certificates() -> tuple[Alert, ...]:
    sli, row = "probe:certificate:remaining_seconds", "certificate_expiry_seconds"

    def alert(name: str, priority: Priority, condition: str, summary: str, description: str) -> Alert:
        return Alert(
            name=name,
            priority=priority,
            expr=beyond(sli, row, priority),
            metric="probe_ssl_earliest_cert_expiry",
            condition=condition,
            threshold=row,
            summary=summary,
            description=description,
            dashboard=Dashboard.APPLICATION,
        )

    return (
        alert(
            "CertificateExpiresSoon",
            Priority.P2,
            "a certificate expires soon",
            "A certificate of [service] expires in [value]: probe [probe] ([environment])",
            "The first certificate to expire of those that probe [probe] of [service] sees has [value] "
            "left, less than [threshold]. Nothing is broken yet; renew it in working hours.",
        ),
        alert(
            "CertificateExpiresVerySoon",
            Priority.P1,
            "a certificate expires very soon",
            "A certificate of [service] expires in [value]: probe [probe] ([environment])",
            "The first certificate to expire of those that probe [probe] of [service] sees has [value] "
            "left, less than [threshold]. Its renewal has probably failed. From then on browsers and clients "
            "refuse [service].",
        ),
        alert(
            "CertificateExpired",
            Priority.P0,
            "a certificate has expired",
            "A certificate of [service] has expired: probe [probe] ([environment])",
            "The first certificate to expire of those that probe [probe] of [service] sees has [value] "
            "left; the limit is [threshold]. Browsers and clients refuse [service] now.",
        ),
    )
