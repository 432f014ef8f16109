"""Browsers: script errors, Core Web Vitals, page load, heap, and what lab runs say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollwatch.bundle.percentiles import Span, percentile
from rollwatch.bundle.promql import beyond
from rollwatch.bundle.rules import Alert, Dashboard, Judged, Recording, Topic
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_SERVICE = "service, environment"
_SERIES = "service, environment, location, job, instance"
"""What is one series even where two exporters say that they are at the same location."""
_DEVICE = "service, environment, device"
_GROUP = "service, environment, group"
_LEAST_SAMPLES = 20
_LEAST_VIEWS = 100
_MORE_THAN_TWO = 2.5
"""`increase` extrapolates: of two views it makes a little more than 2. One visitor with a broken extension,
or one tab in a loop, is no trouble of the service."""
_LEAST_ERRORS = 3


class _Vital(NamedTuple):
    """A Core Web Vital and what people are told of it."""

    name: str
    sli: str
    row: str
    title: str
    meaning: str
    poor: str = ""


_VITALS = (
    _Vital(
        "Lcp",
        "lcp_seconds",
        "lcp_p75_seconds",
        "Largest Contentful Paint",
        "One view in four waits that long, or longer, for the main part of the page.",
        "Visitors leave before the page is there.",
    ),
    _Vital(
        "Inp",
        "inp_seconds",
        "inp_p75_seconds",
        "Interaction to Next Paint",
        "In one view in four the page answers a click, tap or key that late, or later.",
        "Visitors click again, or believe that the page hangs.",
    ),
    _Vital(
        "Cls",
        "cls_score",
        "cls_p75_score",
        "Cumulative Layout Shift",
        "In one view in four the page moves that much, or more, under the visitor's eyes.",
        "Visitors hit the wrong button.",
    ),
    _Vital(
        "Fcp",
        "fcp_seconds",
        "fcp_p75_seconds",
        "First Contentful Paint",
        "One view in four shows nothing for that long, or longer.",
    ),
)


def topic(settings: Settings) -> Topic:
    """The rules of what visitors' browsers report."""
    return Topic(
        name="browser",
        title="Browser",
        recordings=(*_errors(settings), *_vitals(settings), *_lab()),
        judged=(
            Judged("javascript_error_ratio", "service:javascript_errors:ratio"),
            Judged("javascript_errors_per_minute", "service:javascript_errors:per_minute"),
            *(Judged(vital.row, f"service:{vital.sli}:p75") for vital in _VITALS),
            Judged("page_load_p95_seconds", "service:page_load_seconds:p95"),
            Judged("lab_tti_seconds", "route:lab_tti_seconds"),
            Judged("lab_lighthouse_score", "route:lab_lighthouse_score"),
            Judged("browser_heap_bytes", "service:browser_heap_bytes:p75"),
        ),
        alerts=(*_error_alerts(), *_vital_alerts(), *_load_alerts(), *_heap_alerts()),
    )


def _errors(settings: Settings) -> tuple[Recording, ...]:
    window = settings.window

    def views(name: str, span: str) -> str:
        return f"sum by ({_SERVICE}) (increase(rollwatch_browser_{name}_total[{span}]))"

    def ratio(span: str) -> str:
        shown, failed = views("page_views", span), views("page_views_with_errors", span)
        return f"{failed}\n  / ({shown} >= {_LEAST_VIEWS})"

    first_seen = f"min by ({_GROUP}) (rollwatch_browser_error_group_first_seen_timestamp_seconds)"
    released = f"max by ({_SERVICE}) (rollwatch_release_changed_timestamp_seconds)"
    return (
        # Over an hour where the window has too few views to tell one in a thousand.
        Recording("service:javascript_errors:ratio", f"{ratio(window)}\nor {ratio('1h')}"),
        Recording("service:page_views_with_errors:increase_1h", views("page_views_with_errors", "1h")),
        # Scaled up to all sessions: only a sample of them may report.
        Recording(
            "service:javascript_errors:per_minute",
            f"sum by ({_SERVICE}) (\n"
            f"  sum by ({_SERIES}) (rate(rollwatch_browser_all_errors_total[{window}]))\n"
            f"  / on ({_SERIES}) (rollwatch_browser_sample_ratio > 0)\n"
            ") * 60",
        ),
        # Groups of errors that came with a release: first seen from 2 min before it was noticed (browsers may
        # have it before a health probe sees it) to 30 min after, and within the last hour.
        Recording(
            "service:javascript_new_errors:count",
            f"count by ({_SERVICE}) (\n"
            f"  ({first_seen}\n    - on ({_SERVICE}) group_left () {released}) >= -120 <= 1800\n"
            f"  and time() - {first_seen} < 3600\n"
            f"  and sum by ({_GROUP}) (rollwatch_browser_errors_total) >= {_LEAST_ERRORS}\n"
            ")",
        ),
    )


def _vitals(settings: Settings) -> tuple[Recording, ...]:
    spans = Span(settings.window, _LEAST_SAMPLES), Span("1h", _LEAST_SAMPLES)
    hour = Span("1h", _LEAST_SAMPLES)
    vitals = tuple(vital.sli for vital in _VITALS)

    def recording(record: str, share: float, histogram: str, by: str, *spans: Span) -> Recording:
        return Recording(record, percentile(share, f"rollwatch_browser_{histogram}", by, *spans))

    return (
        *(recording(f"service:{sli}:p75", 0.75, sli, _DEVICE, *spans) for sli in vitals),
        recording("service:page_load_seconds:p95", 0.95, "page_load_seconds", _DEVICE, *spans),
        # In sessions of 5 min and more: what leaks has had time to.
        recording("service:browser_heap_bytes:p75", 0.75, 'heap_bytes{age="old"}', _SERVICE, *spans),
        # For dashboards: which page it is.
        *(recording(f"route:{sli}:p75_1h", 0.75, sli, f"{_DEVICE}, route", hour) for sli in vitals),
        recording("route:page_load_seconds:p95_1h", 0.95, "page_load_seconds", f"{_DEVICE}, route", hour),
        recording("route:browser_heap_bytes:p75_1h", 0.75, "heap_bytes", f"{_SERVICE}, route, age", hour),
    )


def _lab() -> tuple[Recording, ...]:
    return (
        Recording("route:lab_tti_seconds", f"max by ({_SERVICE}, route) (rollwatch_lab_tti_seconds)"),
        Recording(
            "route:lab_lighthouse_score",
            f"min by ({_SERVICE}, route, category) (rollwatch_lab_lighthouse_score)",
        ),
    )


def _error_alerts() -> tuple[Alert, ...]:
    several = f"and on ({_SERVICE}) service:page_views_with_errors:increase_1h > {_MORE_THAN_TWO}"
    ratio, per_minute = "service:javascript_errors:ratio", "service:javascript_errors:per_minute"
    return (
        Alert(
            name="JavascriptErrorRatioHigh",
            priority=Priority.P2,
            expr=f"{beyond(ratio, 'javascript_error_ratio', Priority.P2)}\n{several}",
            metric=ratio,
            condition=(
                "the share of page views with a script error, of at least 100 in the window or else in 1 h, "
                "at least 3 of them within 1 h"
            ),
            threshold="javascript_error_ratio",
            summary="Scripts fail in [value] of the page views of [service] ([environment])",
            description=(
                "[value] of the page views of [service] have a script error, the limit is [threshold]. "
                "Something on the page does not work for these visitors."
            ),
            dashboard=Dashboard.BROWSER,
        ),
        Alert(
            name="JavascriptErrorsHigh",
            priority=Priority.P1,
            expr=f"{beyond(per_minute, 'javascript_errors_per_minute', Priority.P1)}\n{several}",
            metric=per_minute,
            condition="script errors per minute, in at least 3 page views within 1 h",
            threshold="javascript_errors_per_minute",
            summary="Script errors on the pages of [service]: [value] ([environment])",
            description=(
                "Browsers report script errors of [service] at [value], the limit is [threshold]. Part of "
                "the page does not work for many visitors."
            ),
            dashboard=Dashboard.BROWSER,
        ),
        Alert(
            name="JavascriptNewErrors",
            priority=Priority.P2,
            expr="service:javascript_new_errors:count > 0",
            metric="service:javascript_new_errors:count",
            condition=(
                "a kind of script error with at least 3 errors was first seen from 2 min before to 30 min "
                "after a release, within the last hour"
            ),
            limit="a release brings no new kind of script error",
            shows='{{ printf "%.0f" $value }} kinds',
            summary="The release of [service] brought new script errors ([environment])",
            description=(
                '{{ printf "%.0f" $value }} kinds of script error were first seen around the last release of '
                "[service]. The release probably brought them."
            ),
            dashboard=Dashboard.BROWSER,
        ),
    )


def _vital_alerts() -> tuple[Alert, ...]:
    def alert(vital: _Vital, priority: Priority, word: str, more: str) -> Alert:
        sli = f"service:{vital.sli}:p75"
        return Alert(
            name=f"{vital.name}{word}",
            priority=priority,
            expr=beyond(sli, vital.row, priority),
            metric=sli,
            condition=(
                f"{vital.title} at the 75th percentile, per kind of device, of at least {_LEAST_SAMPLES} "
                "views in the window or else in 1 h"
            ),
            threshold=vital.row,
            summary=f"{vital.title} of [service] is [value] on [device] ([environment])",
            description=(
                f"{vital.title} at the 75th percentile is [value] on [device] for [service], the limit is "
                f"[threshold]. {vital.meaning}{more}"
            ),
            dashboard=Dashboard.BROWSER,
        )

    return tuple(
        alert(vital, priority, word, f" {vital.poor}" if word == "Poor" else "")
        for vital in _VITALS
        for priority, word in ((Priority.P2, "Elevated"), (Priority.P1, "Poor"))
        if word == "Elevated" or vital.poor
    )


def _load_alerts() -> tuple[Alert, ...]:
    return (
        Alert(
            name="PageLoadSlow",
            priority=Priority.P1,
            expr=beyond("service:page_load_seconds:p95", "page_load_p95_seconds", Priority.P1),
            metric="service:page_load_seconds:p95",
            condition=(
                f"page load at the 95th percentile, per kind of device, of at least {_LEAST_SAMPLES} loads "
                "in the window or else in 1 h"
            ),
            threshold="page_load_p95_seconds",
            summary="Pages of [service] take [value] to load on [device] ([environment])",
            description=(
                "One page load in twenty of [service] takes [value] or longer on [device], the limit is "
                "[threshold]. Visitors leave before the page is complete."
            ),
            dashboard=Dashboard.BROWSER,
        ),
        Alert(
            name="TtiElevated",
            priority=Priority.P2,
            expr=beyond("route:lab_tti_seconds", "lab_tti_seconds", Priority.P2),
            metric="route:lab_tti_seconds",
            condition="Time to Interactive of a page, in its last lab run",
            threshold="lab_tti_seconds",
            summary="In the lab [route] of [service] takes [value] to be usable ([environment])",
            description=(
                "The last lab run measured a Time to Interactive of [value] for [route] of [service], the "
                "limit is [threshold]. Visitors see the page before they can use it."
            ),
            dashboard=Dashboard.BROWSER,
        ),
        Alert(
            name="LighthouseLow",
            priority=Priority.P2,
            expr=beyond("route:lab_lighthouse_score", "lab_lighthouse_score", Priority.P2),
            metric="route:lab_lighthouse_score",
            condition="the Lighthouse score of a page in one category, in its last lab run",
            threshold="lab_lighthouse_score",
            summary="Lighthouse gives [route] of [service] [value] for [category] ([environment])",
            description=(
                "The last lab run gave [route] of [service] a score of [value] for [category], the limit is "
                "[threshold]. The report of the run says what costs points."
            ),
            dashboard=Dashboard.BROWSER,
        ),
    )


def _heap_alerts() -> tuple[Alert, ...]:
    sli = "service:browser_heap_bytes:p75"
    return tuple(
        Alert(
            name=name,
            priority=priority,
            expr=beyond(sli, "browser_heap_bytes", priority),
            metric=sli,
            condition=(
                "JavaScript heap at the 75th percentile in sessions older than 5 min, of at least "
                f"{_LEAST_SAMPLES} reports in the window or else in 1 h"
            ),
            threshold="browser_heap_bytes",
            summary=f"The pages of [service] {how} in browsers: [value] ([environment])",
            description=(
                "In one report in four from sessions older than 5 min the scripts of [service] hold [value] "
                f"or more, the limit is [threshold]. {meaning}"
            ),
            dashboard=Dashboard.BROWSER,
        )
        for name, priority, how, meaning in (
            ("BrowserHeapElevated", Priority.P2, "take much memory", "They may leak."),
            (
                "BrowserHeapHigh",
                Priority.P1,
                "take too much memory",
                "Pages become sluggish, and on small devices the tab is closed.",
            ),
        )
    )
