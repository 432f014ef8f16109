"""Providers: third-party APIs, how fast and how often they answer, and whether their data is any good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.percentiles import Span, percentile
from rollwatch.bundle.promql import beyond, first_of
from rollwatch.bundle.rules import Alert, Dashboard, Judged, Recording, Topic
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_SERVICE = "service, environment"
_PROBE = "service, environment, probe"
_SEEN = "service, environment, probe, location"
_SERIES = f"{_SEEN}, job, instance"
"""What is one series even where two exporters say that they are at the same location."""
_SOURCE = "service, environment, source"

_LEAST_RUNS = 20
_LEAST_RUNS_SELDOM = 5
"""Of a provider with an interval of over `_SELDOM_SECONDS`."""
_SELDOM_SECONDS = 120
_MORE_THAN_ONE = 1.5
"""`increase` extrapolates: of what happened once it makes a little more than 1, but never so much."""
_LEAST_FETCHED = 4
"""Records of a probe, which come at a fixed pace: one object a minute is enough."""
_LEAST_RECORDS = 20
_REMEMBERED = "1h"
"""How long a provider counts as configured after the exporter that shows it was last seen."""


def topic(settings: Settings) -> Topic:
    """The rules of providers and of the data that comes from them."""
    return Topic(
        name="providers",
        title="Providers and their data",
        recordings=(*_state(), *_use(), *_uptime(), _response(settings), *_data(settings)),
        judged=(
            Judged("provider_p95_seconds", "provider:response_seconds:p95"),
            Judged("provider_uptime_ratio", "provider:uptime:ratio_1h"),
            Judged("data_valid_ratio", "service:data_valid:ratio"),
        ),
        alerts=(*_slow_alerts(), *_uptime_alerts(), *_down_alerts(), *_data_alerts()),
    )


def _state() -> tuple[Recording, ...]:
    info = 'rollwatch_probe_info{role=~"primary|fallback"}'
    return (
        # The denominator of "all". It outlives an exporter that is down: the fallback which only that one
        # probes must not be forgotten, or a primary that is down would be all there is.
        Recording(
            "provider:configured",
            f"group by ({_PROBE}, role) (last_over_time({info}[{_REMEMBERED}]))",
        ),
        # 1 if it is down at every location that can decide, 0 if it is up at one.
        Recording(
            "provider:down",
            f"min by ({_PROBE}, role) (\n"
            f"  (1 - probe_success) * on ({_SERIES}) group_left (role)\n"
            f"  group by ({_SERIES}, role) ({info})\n"
            ")",
        ),
        Recording(
            "service:providers_down:ratio",
            f"sum by ({_SERVICE}) (provider:down)\n"
            f"  / count by ({_SERVICE}) (group by ({_PROBE}) (provider:configured))",
        ),
        # 1 if another provider is up that can take its place: a fallback for a primary, and the reverse.
        Recording(
            "provider:stand_in:up",
            f"{_stand_in('primary', 'fallback')}\nor {_stand_in('fallback', 'primary')}",
        ),
    )


def _stand_in(role: str, other: str) -> str:
    return (
        f'provider:configured{{role="{role}"}} * on ({_SERVICE}) group_left ()\n'
        f'  (1 - min by ({_SERVICE}) (provider:down{{role="{other}"}}))'
    )


def _use() -> tuple[Recording, ...]:
    return (
        Recording(
            "provider:in_use:reported",
            f"max by ({_PROBE}) (\n"
            '  label_replace(rollwatch_provider_in_use, "probe", "$1", "provider", "(.+)")\n'
            ")",
        ),
        # For dashboards: as the application says; else a primary that is up, else a fallback that is up.
        Recording(
            "provider:in_use",
            first_of(
                "provider:in_use:reported",
                f"max by ({_PROBE}) (\n"
                '  (provider:down{role="primary"} == bool 0)\n'
                "  or ((provider:down == bool 0)\n"
                f'    unless on ({_SERVICE}) provider:down{{role="primary"}} == 0)\n'
                "  or provider:down * 0\n"
                ")",
            ),
        ),
    )


def _uptime() -> tuple[Recording, ...]:
    def runs(verdicts: str) -> str:
        counted = f'rollwatch_probe_results_total{{kind="provider",verdict=~"{verdicts}"}}'
        return f"sum by ({_SEEN}) (increase({counted}[1h]))"

    decided = runs("up|down")
    interval = "last_over_time(rollwatch_probe_interval_seconds[1h])"
    return (
        # Of the location that sees it best: where one alone has trouble, the trouble is on the way.
        Recording(
            "provider:uptime:ratio_1h",
            f"max by ({_PROBE}) (\n"
            f"  {runs('up')}\n"
            f"  / (\n    {decided} >= {_LEAST_RUNS}\n"
            f"    or {decided} >= {_LEAST_RUNS_SELDOM}\n"
            f"      and on ({_SEEN}) {interval} > {_SELDOM_SECONDS}\n"
            "  )\n"
            ")",
        ),
        Recording("provider:down_runs:increase_1h", f"min by ({_PROBE}) ({runs('down')})"),
    )


def _response(settings: Settings) -> Recording:
    """Of a provider that answers: runs that time out are an outage, and would make the percentile theirs."""

    def runs(verdicts: str) -> str:
        counted = f'rollwatch_probe_results_total{{kind="provider",verdict=~"{verdicts}"}}'
        return f"sum by ({_PROBE}) (increase({counted}[30m]))"

    spans = Span(settings.window, 20), Span("30m", 5)
    durations = 'probe_all_duration_seconds{kind="provider"}'
    return Recording(
        "provider:response_seconds:p95",
        f"({percentile(0.95, durations, _PROBE, *spans)})\n"
        f"unless on ({_PROBE})\n"
        f"  {runs('down')}\n  / {runs('up|down')} > 0.05",
    )


def _data(settings: Settings) -> tuple[Recording, ...]:
    window = settings.window

    def fetched(what: str) -> str:
        return f'label_replace({what}, "source", "$1", "probe", "(.+)")'

    def taken(what: str) -> str:
        return f'label_replace({what}, "source", "$1", "records", "(.+)")'

    failed = f'rollwatch_records_invalid_total{{critical="true"}}[{window}]'
    by_check = f"sum by ({_SERVICE}, check) (increase({failed}))"
    found = f'rollwatch_provider_invalid_records_total{{critical="true"}}[{window}]'
    last = f'rollwatch_provider_records_invalid{{critical="true"}}[{window}]'
    return (
        # `source` is the probe that asks a provider, or the kind of records that the application brings.
        Recording(
            "service:data_valid:ratio",
            f"max by ({_SOURCE}) (\n"
            f"  {fetched(f'avg_over_time(rollwatch_provider_records_valid_ratio[{window}])')}\n"
            ")\n"
            f"and sum by ({_SOURCE}) (\n"
            f"  {fetched(f'increase(rollwatch_provider_examined_records_total[{window}])')}\n"
            f") >= {_LEAST_FETCHED}\n"
            "or\n"
            f"sum by ({_SOURCE}) ({taken(f'increase(rollwatch_records_valid_total[{window}])')})\n"
            f"/ (sum by ({_SOURCE}) ({taken(f'increase(rollwatch_records_examined_total[{window}])')})\n"
            f"  >= {_LEAST_RECORDS})",
        ),
        # A probe's count begins with its first answer, which `increase` misses: the last answers say it too.
        Recording(
            "service:data_critical_failures:increase",
            f"sum by ({_SOURCE}, check) ({fetched(f'increase({found})')}) > 0\n"
            f"or max by ({_SOURCE}, check) ({fetched(f'max_over_time({last})')})\n"
            "or label_replace(\n"
            f'  label_replace({by_check}, "source", "$1", "check", "([^/]+)/.*"),\n'
            '  "check", "$1", "check", "[^/]+/(.*)"\n'
            ")",
        ),
    )


def _slow_alerts() -> tuple[Alert, ...]:
    sli = "provider:response_seconds:p95"
    return tuple(
        Alert(
            name=name,
            priority=priority,
            expr=beyond(sli, "provider_p95_seconds", priority),
            metric=sli,
            condition=(
                "the 95th percentile of a provider's response time, over 30 min where it was asked fewer "
                "than 20 times"
            ),
            threshold="provider_p95_seconds",
            summary=f"Provider [probe] of [service] is {how}: [value] ([environment])",
            description=(
                "The slowest 5 % of the answers of provider [probe] take [value] or longer, the limit is "
                f"[threshold]. {meaning}"
            ),
            dashboard=Dashboard.PROVIDERS,
        )
        for name, priority, how, meaning in (
            ("ProviderSlow", Priority.P2, "slow", "What [service] shows of it comes late."),
            (
                "ProviderVerySlow",
                Priority.P1,
                "very slow",
                "Users of [service] wait for it, and requests that wait pile up.",
            ),
        )
    )


def _uptime_alerts() -> tuple[Alert, ...]:
    sli, row = "provider:uptime:ratio_1h", "provider_uptime_ratio"
    several = f"and on ({_PROBE})\n  provider:down_runs:increase_1h > {_MORE_THAN_ONE}"
    enough = (
        f"the share of a provider's runs of 1 h that are UP, of at least {_LEAST_RUNS} ({_LEAST_RUNS_SELDOM} "
        f"where its interval is over {_SELDOM_SECONDS // 60} min), more than one DOWN"
    )
    return (
        Alert(
            name="ProviderUptimeLow",
            priority=Priority.P2,
            expr=f"{beyond(sli, row, Priority.P2)}\n{several}",
            metric=sli,
            condition=enough,
            threshold=row,
            summary="Provider [probe] of [service] was up for only [value] of the last hour ([environment])",
            description=(
                "[value] of the runs of provider [probe] within the last hour were UP, the limit is "
                "[threshold]. [service] has felt it whenever nothing stood in."
            ),
            dashboard=Dashboard.PROVIDERS,
        ),
        Alert(
            name="ProviderUptimeCritical",
            priority=Priority.P1,
            expr=(
                f"{beyond(sli, row, Priority.P1)}\n{several}\nunless on ({_PROBE}) provider:stand_in:up == 1"
            ),
            metric=sli,
            condition=f"{enough}, while no other provider that could take its place is up",
            threshold=row,
            summary="Provider [probe] of [service] keeps failing, and nothing stands in ([environment])",
            description=(
                "[value] of the runs of provider [probe] within the last hour were UP, the limit is "
                "[threshold], and nothing that could stand in is up. What [service] needs it for fails."
            ),
            dashboard=Dashboard.PROVIDERS,
        ),
    )


def _down_alerts() -> tuple[Alert, ...]:
    return (
        Alert(
            name="ProviderDownInUse",
            priority=Priority.P1,
            # The application needs a moment to switch over, and another to say so.
            expr=f"provider:down == 1\nand on ({_PROBE}) provider:in_use:reported == 1",
            hold="1m",
            metric="provider:down",
            condition="a provider is DOWN at every location that decides, and the application uses it",
            limit="an application leaves a provider that is down",
            shows="DOWN and in use",
            summary="[service] uses provider [probe], which is down ([environment])",
            description=(
                "Provider [probe] ([role]) is DOWN at every location that can decide, and [service] still "
                "reports that it takes its data from it. Users of [service] get old data or none."
            ),
            dashboard=Dashboard.PROVIDERS,
        ),
        Alert(
            name="ProvidersAllDown",
            priority=Priority.P0,
            # Above one run of the usual probes, so that one lost answer is no outage.
            expr="service:providers_down:ratio == 1",
            hold="45s",
            metric="service:providers_down:ratio",
            condition="every provider of a service is DOWN at every location that decides",
            limit="one provider that is up",
            shows="all providers are DOWN",
            summary="[service] has no provider left: all are down ([environment])",
            description=(
                "Every provider that is configured for [service], primary and fallback, is DOWN at every "
                "location that can decide. [service] has no data to work with."
            ),
            dashboard=Dashboard.PROVIDERS,
        ),
    )


def _data_alerts() -> tuple[Alert, ...]:
    sli, row = "service:data_valid:ratio", "data_valid_ratio"
    valid = tuple(
        Alert(
            name=name,
            priority=priority,
            expr=beyond(sli, row, priority),
            metric=sli,
            condition=(
                "the share of records that pass every rule, of at least 4 that a probe fetched or 20 that "
                "the application brought"
            ),
            threshold=row,
            summary="Only [value] of the records of [source] are valid ([service], [environment])",
            description=(
                "[value] of the records of [source], of [service], pass every rule; the limit is "
                f"[threshold]. {meaning}"
            ),
            dashboard=Dashboard.PROVIDERS,
        )
        for name, priority, meaning in (
            ("DataQualityLow", Priority.P2, "Some of what users see of it is missing or wrong."),
            ("DataQualityPoor", Priority.P1, "Much of what users see of it is missing or wrong."),
            (
                "DataQualityCritical",
                Priority.P0,
                "Most of what users see of it is wrong: nobody should decide anything by it.",
            ),
        )
    )
    return (
        *valid,
        Alert(
            name="DataCheckCritical",
            priority=Priority.P1,
            expr="service:data_critical_failures:increase > 0",
            metric="service:data_critical_failures:increase",
            condition="a record failed a rule that is marked `critical: true`",
            limit="no record fails a critical rule",
            shows='{{ printf "%.0f" $value }} records',
            summary="Records of [source] fail the critical check [check] ([service], [environment])",
            description=(
                '{{ printf "%.0f" $value }} records of [source], of [service], failed check [check], which '
                "is marked critical: one is too many. What is calculated from them is wrong."
            ),
            dashboard=Dashboard.PROVIDERS,
        ),
    )
