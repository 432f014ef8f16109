"""SLOs: availability and latency objectives, error budgets over 30 days, and alerts on how fast they burn.

Availability: the share of decided runs of a service's P0 probes, at all locations, that found it UP. Always
from probes: they ask at a steady pace, so that a quiet night is judged as a busy day is.

Latency: the share of requests answered within 200 ms, from the histograms that requests are judged by (its
own, else pushed ones), else of its HTTP probes. A histogram without a bucket of 200 ms is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollwatch.bundle.promql import first_of
from rollwatch.bundle.rules import Alert, Dashboard, Recording, Topic
from rollwatch.bundle.topics._http import in_seconds
from rollwatch.config.thresholds import Priority, Unit

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_SERVICE = "service, environment"
_PROBE = "service, environment, probe, location"
_TARGET = "0.2"
"""Seconds; a bucket that every latency histogram of ours has."""

_STEPS = {"30m": "1m", "1h": "1m", "2h": "1m", "6h": "5m", "1d": "5m", "3d": "5m"}
"""By window, how far apart the 5-minute counts are that make it up."""
_OVERLAP = {"1m": " / 5", "5m": ""}
"""How often each run is counted at such a step."""


_BURNS = (("1h", "5m"), ("6h", "30m"), ("1d", "2h"), ("3d", "6h"))
"""A long window, which says that it is serious, and a short one, which says that it still goes on."""


class _Words(NamedTuple):
    """What is particular of an SLO."""

    slo: str
    goal: str
    """What its objective is a share of."""
    least: int
    """So many bad ones in the long window: fewer are chance."""


_AVAILABILITY = _Words("availability", "of probe runs UP", 3)
_LATENCY = _Words("latency", "of requests within 200 ms", 10)


def topic(settings: Settings) -> Topic:
    """The rules of SLOs."""
    return Topic(
        name="slo",
        title="SLOs",
        recordings=(*_counts(settings.window), *_ratios(), *_objectives(), *_burns()),
        alerts=_alerts(),
        file="slo.yml",
    )


def _counts(window: str) -> tuple[Recording, ...]:
    """Of the last 5 minutes: everything else is made of these, which are few."""

    def probed(counter: str, matchers: str, which: str) -> str:
        return (
            f"sum by ({_SERVICE}) (\n"
            f"  sum by ({_PROBE}) (increase({counter}{{{matchers}}}[5m]))\n"
            f"  and group by ({_PROBE}) (rollwatch_probe_info{{{which}}})\n)"
        )

    def runs(verdicts: str) -> str:
        return probed("rollwatch_probe_results_total", verdicts, 'priority="P0"')

    def told(bound: str) -> str:
        share = "" if window == "5m" else f" * 300 / {in_seconds(window)}"
        found = f'service:http_latency_seconds_bucket:increase{{le="{bound}"}}'
        return f"sum by ({_SERVICE}) ({found}){share}"

    def requests(bound: str) -> str:
        return probed("probe_all_duration_seconds_bucket", f'le="{bound}"', 'priority="P0",kind="http"')

    availability, latency = {"slo": "availability"}, {"slo": "latency"}
    return (
        Recording("service:slo_total:count_5m", runs('verdict=~"up|down"'), availability),
        Recording("service:slo_bad:count_5m", runs('verdict="down"'), availability),
        # Without the bucket the total says nothing: it must not stand beside another source's count.
        Recording(
            "service:slo_total:count_5m",
            first_of(f"({told('+Inf')}\nand {told(_TARGET)})", requests("+Inf")),
            latency,
        ),
        Recording(
            "service:slo_bad:count_5m",
            f'sum by ({_SERVICE}) (service:slo_total:count_5m{{slo="latency"}})\n'
            f"- (\n{first_of(told(_TARGET), requests(_TARGET))}\n)",
            latency,
        ),
    )


def _ratios() -> tuple[Recording, ...]:
    def count(what: str, window: str) -> str:
        step = _STEPS[window]
        return f"sum_over_time(service:slo_{what}:count_5m[{window}:{step}]){_OVERLAP[step]}"

    found = [
        Recording("service:slo_error:ratio_5m", "service:slo_bad:count_5m / (service:slo_total:count_5m > 0)")
    ]
    for window in _STEPS:
        bad, total = f"service:slo_bad:count_{window}", f"service:slo_total:count_{window}"
        found += [
            Recording(bad, count("bad", window)),
            Recording(total, count("total", window)),
            Recording(f"service:slo_error:ratio_{window}", f"{bad} / ({total} > 0)"),
        ]
    # Every hour is in it twice, above and below.
    month = "sum_over_time(service:slo_{}:count_1h[30d:30m])"
    found.append(
        Recording("service:slo_error:ratio_30d", f"{month.format('bad')}\n/ ({month.format('total')} > 0)")
    )
    return tuple(found)


def _objectives() -> tuple[Recording, ...]:
    """An objective of 0 is none: its budget is everything, and can't burn faster than that."""

    def objective(slo: str, default: str) -> Recording:
        override = f'rollwatch_slo_objective_ratio{{slo="{slo}"}}[1h]'
        judged = f'service:slo_total:count_1h{{slo="{slo}"}}'
        return Recording(
            "service:slo_objective:ratio",
            f"max by ({_SERVICE}) (last_over_time({override}))\n"
            f"or group by ({_SERVICE}) ({judged}) * 0 + {default}",
            {"slo": slo},
        )

    return (
        objective("availability", "0.999"),
        objective("latency", "0.95"),
        Recording(
            "service:slo_error_budget_left:ratio",
            "1 - service:slo_error:ratio_30d / (1 - (service:slo_objective:ratio > 0))",
        ),
    )


def _burns() -> tuple[Recording, ...]:
    """How many times too fast the budget is spent, over both windows; 0 where the bad ones are too few."""

    def burn(long: str, short: str) -> Recording:
        error, bad = "service:slo_error:ratio", f"service:slo_bad:count_{long}"
        return Recording(
            f"service:slo_burn:rate_{long}",
            f"({error}_{long} < {error}_{short} or {error}_{short})\n"
            "  / (1 - service:slo_objective:ratio)\n"
            f'  * ({bad}{{slo="availability"}} >= bool {_AVAILABILITY.least}\n'
            f"     or {bad} >= bool {_LATENCY.least})",
        )

    return tuple(burn(*windows) for windows in _BURNS)


def _alerts() -> tuple[Alert, ...]:
    """Of two pairs of windows the one that tells sooner has the `for`; the other has a range more."""
    return tuple(
        alert
        for words in (_AVAILABILITY, _LATENCY)
        for alert in (
            _alert("Fast", Priority.P1, words, hold="2m", soon=("1h", "14.4"), later=("6h", "6", "13m")),
            _alert("Slowly", Priority.P2, words, hold="1h", soon=("1d", "3"), later=("3d", "1", "2h")),
        )
    )


def _alert(
    how: str,
    priority: Priority,
    words: _Words,
    *,
    hold: str,
    soon: tuple[str, str],
    later: tuple[str, str, str],
) -> Alert:
    slo, (first, pace), (second, slower, span) = words.slo, soon, later
    over = f"over {_spoken(first)}", f"over {_spoken(second)}"
    return Alert(
        name=f"{slo.title()}BudgetBurns{how}",
        priority=priority,
        expr=(
            f'service:slo_burn:rate_{first}{{slo="{slo}"}} > {pace}\n'
            f'or min_over_time(service:slo_burn:rate_{second}{{slo="{slo}"}}[{span}]) > {slower}'
        ),
        hold=hold,
        metric=f"service:slo_burn:rate_{first}",
        condition=(
            f"the {slo} budget is spent too fast to last 30 days, {pace} times {over[0]} or {slower} times "
            f"{over[1]}"
        ),
        limit=f"{pace} times {over[0]}, {slower} times {over[1]}",
        shows=Unit.FACTOR,
        summary=f"[service] spends its {slo} budget too fast ([environment])",
        description=(
            f"[service] spends its {slo} budget [value] too fast to last 30 days. "
            f"Its objective is {_asked('service:slo_objective:ratio', slo)} {words.goal}. "
            f"{_asked('service:slo_error_budget_left:ratio', slo, ' of the budget is left.')}"
        ),
        dashboard=Dashboard.SLO,
    )


def _spoken(window: str) -> str:
    return f"{window[:-1]} {window[-1]}"


def _asked(series: str, slo: str, after: str = "") -> str:
    """A share that holds for the alert's service now, asked of Prometheus when the alert is written."""
    selector = f'{series}{{slo=\\"{slo}\\",service=%q,environment=%q}}'
    found = f'query (printf "{selector}" $labels.service $labels.environment)'
    return f"{{{{ with {found} }}}}{{{{ . | first | value | humanizePercentage }}}}{after}{{{{ end }}}}"
