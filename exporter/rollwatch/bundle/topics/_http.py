"""What the rules of requests read: every source of counts and latencies, under one name each.

For each service the first source counts that has anything.
"""

from __future__ import annotations

from rollwatch.bundle.durations import seconds
from rollwatch.bundle.percentiles import Span, percentile
from rollwatch.bundle.promql import OWN, first_of
from rollwatch.bundle.rules import Recording

__all__ = ["NOT_HEALTH", "counted", "in_seconds", "measured", "probed_average", "probed_percentile"]

_SERVICE = "service, environment"
_ENDPOINT = f"{_SERVICE}, endpoint"
_ENDPOINTS = ("endpoint", "http_route", "route", "handler", "path", "uri")
"""Labels that clients of Prometheus give an endpoint, the best first."""
_CODES = ("code", "status_code", "status", "http_response_status_code")
"""The same for the status code, whole (503) or its class (5xx)."""
_JOINT = "␟"
_HEALTH = (
    "(.*/)?(health|healthz|healthcheck|health-check|livez|readyz)(/(live|ready|liveness|readiness|startup))?"
    "|/metrics"
)
NOT_HEALTH = f'endpoint!~"{_HEALTH}"'
"""Who asks for these endpoints is a monitor, no user."""


def in_seconds(duration: str) -> str:
    """A duration of the settings as a number that stands in an expression."""
    return f"{seconds(duration) or 0:.12g}"


def counted(record: str, window: str) -> Recording:
    """Requests answered within `window` by endpoint and `class` of status code."""
    duration = "http_request_duration_seconds_count"
    without_code = ",".join(f'{name}=""' for name in _CODES)
    own = f"{{{OWN}}}"
    return Recording(
        record,
        first_of(
            # What says nothing of status codes counts no errors, and must not hide who does.
            _classes(
                f"(\n{_increase('http_requests_total', own, window)}\n)\n"
                f"unless http_requests_total{{{OWN},{without_code}}}"
            ),
            # A histogram that says nothing of status codes counts no errors.
            f"{_classes(_increase(duration, own, window))}\n"
            f"unless on ({_SERVICE}) {duration}{{{without_code}}}",
            _classes(_increase("http_server_request_duration_seconds_count", own, window)),
            _classes(_increase("rollwatch_http_requests_total", "", window)),
        ),
    )


def measured(record: str, part: str, window: str) -> Recording:
    """The increase of a `part` (bucket, sum, count) of the distribution of latencies within `window`."""
    le = ("le",) if part == "bucket" else ()

    def source(name: str, own: str) -> str:
        increase = f"increase({name}_{part}{own}[{window}])"
        return _endpoints(f"sum by ({', '.join((_SERVICE, *_ENDPOINTS, *le))}) ({increase})", *le)

    own = f"{{{OWN}}}"
    return Recording(
        record,
        first_of(
            source("http_request_duration_seconds", own),
            source("http_server_request_duration_seconds", own),
            source("rollwatch_http_request_duration_seconds", ""),
        ),
    )


def probed_percentile(share: float, *spans: Span) -> str:
    """Of a service that says nothing itself: how long its slowest http probe took."""
    by_probe = percentile(share, 'probe_all_duration_seconds{kind="http"}', f"{_SERVICE}, probe", *spans)
    return f"max by ({_SERVICE}) (\n{by_probe}\n)"


def probed_average(span: Span) -> str:
    """The same as an average."""
    name = "probe_all_duration_seconds"

    def total(part: str) -> str:
        return f'sum by ({_SERVICE}, probe) (increase({name}_{part}{{kind="http"}}[{span.duration}]))'

    return f"max by ({_SERVICE}) (\n  {total('sum')}\n    / ({total('count')} >= {span.least})\n)"


def _increase(name: str, matchers: str, window: str) -> str:
    """By how much a counter rose. One that is new began at 0 if its process was there before."""
    counter = f"{name}{matchers}"
    return (
        f"(\n  {counter}\n"
        f"    unless {name} offset {window}\n"
        f"    and on ({_SERVICE}, job, instance) {name} offset {window}\n"
        f")\nor increase({counter}[{window}])"
    )


def _classes(increase: str) -> str:
    labels = ", ".join((_SERVICE, *_ENDPOINTS, *_CODES))
    codes = ", ".join(f'"{code}"' for code in _CODES)
    return _endpoints(
        f'label_replace(\nlabel_join(\nsum by ({labels}) (\n{increase}\n), "class", "{_JOINT}", {codes}),\n'
        f'"class", "${{1}}xx", "class", "{_JOINT}*([1-5]).*")',
        "class",
    )


def _endpoints(vector: str, *beside: str) -> str:
    names = ", ".join(f'"{name}"' for name in _ENDPOINTS)
    return (
        f"sum by ({', '.join((_ENDPOINT, *beside))}) (\n"
        f'label_replace(\nlabel_join(\n{vector},\n"endpoint", "{_JOINT}", {names}),\n'
        f'"endpoint", "$1", "endpoint", "{_JOINT}*([^{_JOINT}]*).*")\n)'
    )
