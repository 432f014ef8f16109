"""The SLIs of requests: rates, shares of errors and latencies, by service, feature and endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.percentiles import Span
from rollwatch.bundle.promql import OWN, first_of
from rollwatch.bundle.rules import Recording
from rollwatch.bundle.topics._http import (
    NOT_HEALTH,
    counted,
    in_seconds,
    measured,
    probed_average,
    probed_percentile,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CERTAIN", "FEWEST", "FEWEST_SOON", "recordings"]

_SERVICE = "service, environment"
_ENDPOINT = f"{_SERVICE}, endpoint"
_FEATURE = f"{_SERVICE}, feature, core"
FEWEST = 20
"""Fewer requests than this in the window say nothing: of fewer, one alone would be more than 5 %."""
_FEWEST_P99 = 100
"""Of fewer, one alone would decide."""
CERTAIN = 5
"""So many that fail within the window are no chance."""
FEWEST_SOON = 10
"""The same where only the last minutes count."""
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_REPORTED = "rollwatch_http_reported"


def recordings(window: str) -> Iterator[Recording]:
    """All of them, over `window` where the name does not say otherwise; what others read stands first."""
    yield from _counts(window)
    yield from _ratios(window)
    yield from _rates(window)
    yield from _latencies(window)


def _counts(window: str) -> Iterator[Recording]:
    yield counted("endpoint:http_responses:increase", window)
    yield counted("endpoint:http_responses:increase_1m", "1m")
    for suffix in ("increase", "increase_1m"):
        yield Recording(
            f"service:http_responses:{suffix}",
            f"sum by ({_SERVICE}, class) (endpoint:http_responses:{suffix}{{{NOT_HEALTH}}})",
        )
    # What belongs to a feature. An exporter that is gone is remembered for an hour; of locations that differ,
    # one counts.
    info = "rollwatch_feature_endpoint_info"
    core = "rollwatch_feature_info"
    by = f"{_SERVICE}, feature, endpoint"
    endpoints = first_of(f"group by ({by}) ({info})", f"group by ({by}) (last_over_time({info}[1h]))")
    features = first_of(
        f"group by ({_FEATURE}) ({core})", f"group by ({_FEATURE}) (last_over_time({core}[1h]))"
    )
    yield Recording(
        "endpoint:feature:info",
        f"topk by ({_ENDPOINT}) (1,\n({endpoints})\n"
        f"* on ({_SERVICE}, feature) group_left (core)\n"
        f"topk by ({_SERVICE}, feature) (1,\n{features}))",
    )
    yield Recording(
        "feature:http_responses:increase",
        f"sum by ({_FEATURE}, class) (endpoint:http_responses:increase\n{_OF_FEATURES})",
    )


_OF_FEATURES = f"  * on ({_ENDPOINT}) group_left (feature, core) endpoint:feature:info"


def _ratios(window: str) -> Iterator[Recording]:
    known = f"and on ({_SERVICE}) service:http_responses:increase offset {window}"
    for name, status, certain in (("http_errors", "5xx", CERTAIN), ("http_client_errors", "4xx", None)):
        reported = f'{_REPORTED}_error_ratio{{endpoint="all",code="{status}"}}'
        by_endpoint = f'{_REPORTED}_error_ratio{{endpoint!="all",code="{status}"}}'
        yield Recording(
            f"service:{name}:ratio",
            first_of(
                f"{_share('service:http_responses:increase', _SERVICE, status, FEWEST, certain)}\n{known}",
                f"max by ({_SERVICE}) ({reported})\n{_unless_few(FEWEST, window)}",
            ),
        )
        yield Recording(
            f"feature:{name}:ratio",
            f"{_share('feature:http_responses:increase', _FEATURE, status, FEWEST)}\n{known}",
        )
        yield Recording(
            f"endpoint:{name}:ratio",
            first_of(
                _share("endpoint:http_responses:increase", _ENDPOINT, status, None),
                f"max by ({_ENDPOINT}) ({by_endpoint})",
            ),
        )
    one_minute = _share("service:http_responses:increase_1m", _SERVICE, "5xx", FEWEST_SOON)
    yield Recording(
        "service:http_errors:ratio_1m",
        first_of(
            f"{one_minute}\nand on ({_SERVICE}) service:http_responses:increase_1m offset 1m",
            f'max by ({_SERVICE}) ({_REPORTED}_error_ratio{{endpoint="all",code="5xx"}})\n'
            f'and max by ({_SERVICE}) ({_REPORTED}_requests_per_second{{endpoint="all"}}) * 60 >= '
            f"{FEWEST_SOON}",
        ),
    )
    yield Recording(
        "service:http_client_errors:increase_1w",
        "service:http_client_errors:ratio - service:http_client_errors:ratio offset 1w",
    )


def _unless_few(fewest: int, window: str) -> str:
    """Reported figures of a service that says it has had fewer requests than this are left out."""
    rate = f'max by ({_SERVICE}) ({_REPORTED}_requests_per_second{{endpoint="all"}})'
    return f"unless on ({_SERVICE}) {rate} * {in_seconds(window)} < {fewest}"


def _share(responses: str, by: str, status: str, fewest: int | None, certain: int | None = None) -> str:
    """The share of a class of status codes: 0 where it never came, nothing where requests are too few."""
    total = f"sum by ({by}) ({responses})"
    floor = "> 0" if fewest is None else f">= {fewest}"
    failed = f'sum by ({by}) ({responses}{{class="{status}"}})'
    enough = f"{total} {floor}"
    if certain is not None:
        # So many that fail are no chance, however few requests there are.
        enough += f"\n  or {total} and {failed} >= {certain}\n"
    return f"(\n  {failed} or {total} * 0\n) / ({enough})"


def _rates(window: str) -> Iterator[Recording]:
    per_second = f"{_REPORTED}_requests_per_second"
    yield Recording(
        "endpoint:http_requests:rate",
        first_of(
            f"sum by ({_ENDPOINT}) (endpoint:http_responses:increase) / {in_seconds(window)}",
            f'max by ({_ENDPOINT}) ({per_second}{{endpoint!="all"}})',
        ),
    )
    yield Recording(
        "feature:http_requests:rate",
        f"sum by ({_FEATURE}) (endpoint:http_requests:rate\n{_OF_FEATURES})",
    )
    yield Recording(
        "service:http_requests:rate",
        first_of(
            f"sum by ({_SERVICE}) (service:http_responses:increase) / {in_seconds(window)}",
            f'max by ({_SERVICE}) ({per_second}{{endpoint="all"}})',
            f"sum by ({_SERVICE}) (endpoint:http_requests:rate{{{NOT_HEALTH}}})",
            # Of a counter that says nothing of status codes.
            f"sum by ({_SERVICE}) (rate(http_requests_total{{{OWN}}}[{window}]))",
        ),
    )
    # Where requests are few, a multiple of them means nothing: at least one a second now, or a week ago.
    rate, then = "service:http_requests:rate", "service:http_requests:rate offset 1w"
    yield Recording("service:http_requests:rise_factor_1w", f"({rate} >= 1) / ({then} > 0)")
    yield Recording("service:http_requests:drop_factor_1w", f"{rate} / ({then} >= 1)")


def _latencies(window: str) -> Iterator[Recording]:
    for part in ("bucket", "sum", "count"):
        yield measured(f"endpoint:http_latency_seconds_{part}:increase", part, window)
    for part in ("sum", "count"):
        yield measured(f"endpoint:http_latency_seconds_{part}:increase_3m", part, "3m")
    for level, by, of in (
        ("service", _SERVICE, f"{{{NOT_HEALTH}}}"),
        ("feature", _FEATURE, f"\n{_OF_FEATURES}"),
        ("endpoint", _ENDPOINT, ""),
    ):
        if level != "endpoint":
            yield Recording(
                f"{level}:http_latency_seconds_bucket:increase",
                f"sum by ({by}, le) (endpoint:http_latency_seconds_bucket:increase{of})",
            )
        for name, share in _SHARES.items():
            fewest = _FEWEST_P99 if name == "p99" else FEWEST
            floor = f">= {fewest}" if level == "service" else "> 0"
            short, long = Span(window, max(2 * FEWEST, fewest)), Span("15m", fewest)
            yield _latency(
                level,
                name,
                f"histogram_quantile({share}, {level}:http_latency_seconds_bucket:increase)\n"
                f"  and on ({by}) {level}:http_latency_seconds_bucket:increase {floor}",
                probed_percentile(share, short, long),
                few=_unless_few(fewest, window),
            )
        yield _latency(
            level,
            "average",
            _average(by, of, "increase", f">= {FEWEST}" if level == "service" else "> 0"),
            probed_average(Span("15m", FEWEST)),
            few=_unless_few(FEWEST, window),
        )
    yield _latency(
        "service",
        "average_3m",
        _average(_SERVICE, f"{{{NOT_HEALTH}}}", "increase_3m", f">= {FEWEST_SOON}"),
        probed_average(Span("3m", FEWEST_SOON)),
        few=_unless_few(FEWEST_SOON, "3m"),
        statistic="average",
    )


def _average(by: str, of: str, suffix: str, floor: str) -> str:
    def total(part: str) -> str:
        return f"sum by ({by}) (endpoint:http_latency_seconds_{part}:{suffix}{of})"

    return f"{total('sum')}\n/ ({total('count')} {floor})"


def _latency(
    level: str, name: str, measured_: str, probed: str, *, few: str, statistic: str = ""
) -> Recording:
    """What a service measured, else what it says it measured, else what probes did.

    Probes speak for services that say nothing themselves: one that fell silent a moment ago, or has few
    requests, is not suddenly judged by another clock.
    """
    silent = (
        f"unless on ({_SERVICE})\n"
        'last_over_time(service:http_latency_seconds_bucket:increase{le="+Inf"}[1h])'
    )
    labels = f'statistic="{statistic or name}"'
    reported = {
        "service": (
            f'max by ({_SERVICE}) ({_REPORTED}_latency_seconds{{endpoint="all",{labels}}})\n{few}',
            f"(\n{probed}\n{silent}\n)",
        ),
        "feature": (),
        "endpoint": (f'max by ({_ENDPOINT}) ({_REPORTED}_latency_seconds{{endpoint!="all",{labels}}})',),
    }
    return Recording(f"{level}:http_latency_seconds:{name}", first_of(measured_, *reported[level]))
