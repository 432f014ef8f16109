"""What people meet in their browsers: Web Vitals, errors, memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.board import Board, Row
from rollwatch_dashboards.panels import bars, figure, heat, lines, note
from rollwatch_dashboards.query import Query, where
from rollwatch_dashboards.tables import Column, listing

if TYPE_CHECKING:
    from rollwatch_dashboards.board import Panel

__all__ = ["board"]

_NONE = "no browser reports: docs/browser.md"
_NO_LAB = "no lab run is pushed: docs/signals.md"
_ROUTE = "{{service}} {{route}} {{device}}"
_RATE = "[$__rate_interval]"


def board() -> Board:
    """D8."""
    return Board(
        uid=Dashboard.BROWSER,
        title="rollwatch: browser",
        description="What do people meet in their browsers: Web Vitals, errors, memory?",
        rows=(
            Row("Now", _answers()),
            Row("Core Web Vitals", _vitals()),
            Row("How they are spread", _spread()),
            Row("JavaScript errors", _errors()),
            Row("Visits", _visits()),
            Row("Memory, loading, lab runs", _details(), collapsed=True),
        ),
    )


def _answers() -> tuple[Panel, ...]:
    def worst(title: str, text: str, sli: str, unit: str, decimals: int | None = None) -> Panel:
        return figure(
            title, text, Query(f"max({where(sli)})"), unit=unit, empty=_NONE, decimals=decimals, trend=True
        )

    return (
        worst(
            "Largest paint (LCP)",
            "75th percentile over all pages, of the kind of device that is worse off. Good is up to 2.5 s.",
            "service:lcp_seconds:p75",
            "s",
            1,
        ),
        worst(
            "Answers a click (INP)",
            "75th percentile. Good is up to 200 ms.",
            "service:inp_seconds:p75",
            "s",
        ),
        worst(
            "Layout shift (CLS)",
            "75th percentile. Good is up to 0.1.",
            "service:cls_score:p75",
            "short",
            3,
        ),
        worst(
            "Views with an error",
            "Share of page views in which a script failed, of the last minutes. The target is 0.1 %.",
            "service:javascript_errors:ratio",
            "percentunit",
            2,
        ),
        worst(
            "Errors a minute",
            "JavaScript errors, of the last minutes. More than 5 are a P1.",
            "service:javascript_errors:per_minute",
            "short",
            1,
        ),
        figure(
            "Sessions",
            "Tabs that are open now and report, all services together.",
            Query(f"sum({where('rollwatch_browser_active_sessions')})"),
            unit="short",
            empty=_NONE,
            trend=True,
        ),
    )


def _vitals() -> tuple[Panel, ...]:
    def vital(title: str, text: str, sli: str, unit: str, row: str) -> Panel:
        query = Query(f"max by (service, route, device) ({where(sli)})", _ROUTE)
        return lines(title, text, query, unit=unit, empty=_NONE, limit=row)

    return (
        vital(
            "Largest Contentful Paint",
            "When the largest element of a page was shown, 75th percentile of the last hour by page.",
            "route:lcp_seconds:p75_1h",
            "s",
            "lcp_p75_seconds",
        ),
        vital(
            "Interaction to Next Paint",
            "How late a page answered its slowest click, tap or key, 75th percentile of the last hour.",
            "route:inp_seconds:p75_1h",
            "s",
            "inp_p75_seconds",
        ),
        vital(
            "Cumulative Layout Shift",
            "How much of a page jumped while people looked at it, 75th percentile of the last hour.",
            "route:cls_score:p75_1h",
            "short",
            "cls_p75_score",
        ),
        vital(
            "First Contentful Paint",
            "When anything of a page was shown, 75th percentile of the last hour.",
            "route:fcp_seconds:p75_1h",
            "s",
            "fcp_p75_seconds",
        ),
    )


def _spread() -> tuple[Panel, ...]:
    def spread(title: str, metric: str, unit: str) -> Panel:
        return heat(
            title,
            "Page views by value; colour says how many.",
            f"sum by (le) (increase({where(metric)}{_RATE}))",
            unit=unit,
            empty=_NONE,
            span=8,
        )

    return (
        spread("Largest Contentful Paint", "rollwatch_browser_lcp_seconds_bucket", "s"),
        spread("Interaction to Next Paint", "rollwatch_browser_inp_seconds_bucket", "s"),
        spread("Cumulative Layout Shift", "rollwatch_browser_cls_score_bucket", "short"),
        _rating("Largest paints", "rollwatch_browser_lcp_seconds", "2.5", "4.0"),
        _rating("Answers to clicks", "rollwatch_browser_inp_seconds", "0.2", "0.5"),
        _rating("Layout shifts", "rollwatch_browser_cls_score", "0.1", "0.25"),
    )


def _rating(title: str, metric: str, good: str, poor: str) -> Panel:
    def up_to(bound: str) -> str:
        bucket = where(f"{metric}_bucket", f'le="{bound}"')
        return f"sum(increase({bucket}[$__range]))"

    every = f"(sum(increase({where(f'{metric}_count')}[$__range])) > 0)"
    return bars(
        f"{title}: good or poor",
        f"Share of the page views in the time shown: good is up to {good}, poor is over {poor}.",
        Query(f"{up_to(good)} / {every}", "good", instant=True),
        Query(f"({up_to(poor)} - {up_to(good)}) / {every}", "to be improved", instant=True),
        Query(f"1 - {up_to(poor)} / {every}", "poor", instant=True),
        unit="percentunit",
        empty=_NONE,
        span=8,
        most=1,
        colours={"good": "green", "to be improved": "orange", "poor": "red"},
    )


def _errors() -> tuple[Panel, ...]:
    errors = where("rollwatch_browser_errors_total")
    return (
        lines(
            "Errors a minute",
            "JavaScript errors that are not ignored, and the limit.",
            Query(where("service:javascript_errors:per_minute"), "{{service}}"),
            unit="short",
            empty=_NONE,
            limit="javascript_errors_per_minute",
        ),
        lines(
            "Views with an error",
            "Share of page views in which a script failed, and the limit.",
            Query(where("service:javascript_errors:ratio"), "{{service}}"),
            unit="percentunit",
            empty=_NONE,
            limit="javascript_error_ratio",
        ),
        listing(
            "Groups of errors, last hour",
            "Errors that are one and the same; their stacks are at the exporter's /api/monitoring/errors.",
            Column(heading="Service", label="service"),
            Column(heading="Group", label="group"),
            Column(heading="Kind", label="kind"),
            Column(
                heading="Errors",
                expr=f"topk(20, sum by (service, group, kind) (increase({errors}[1h])) > 0)",
                decimals=0,
            ),
            empty="no script has failed in the last hour",
            sort="Errors",
        ),
        lines(
            "Errors by kind",
            "A minute, those that are ignored included.",
            Query(
                f"sum by (service, kind) (rate({where('rollwatch_browser_all_errors_total')}{_RATE})) * 60",
                "{{service}}: {{kind}}",
            ),
            Query(
                f"sum by (service) (rate({where('rollwatch_browser_errors_ignored_total')}{_RATE})) * 60",
                "{{service}}: ignored",
            ),
            unit="short",
            empty=_NONE,
        ),
    )


def _visits() -> tuple[Panel, ...]:
    durations = where("rollwatch_browser_session_duration_seconds_bucket")
    return (
        lines(
            "Page views",
            "A minute, by page. Of a sample of sessions, if one is configured.",
            Query(
                f"sum by (service, route) (rate({where('rollwatch_browser_page_views_total')}{_RATE})) * 60",
                "{{service}} {{route}}",
            ),
            unit="short",
            empty=_NONE,
            stacked=True,
        ),
        lines(
            "Goals reached",
            "A minute, by goal.",
            Query(
                f"sum by (service, goal) (rate({where('rollwatch_browser_goals_total')}{_RATE})) * 60",
                "{{service}}: {{goal}}",
            ),
            unit="short",
            empty="no goals are declared: docs/browser.md",
        ),
        lines(
            "Sessions",
            "Tabs that are open now and report, and tabs opened a minute.",
            Query(f"sum by (service) ({where('rollwatch_browser_active_sessions')})", "{{service}}: open"),
            Query(
                "sum by (service, device) "
                f"(rate({where('rollwatch_browser_sessions_started_total')}{_RATE})) * 60",
                "{{service}}: opened a minute, {{device}}",
            ),
            unit="short",
            empty=_NONE,
        ),
        bars(
            "How long sessions last",
            "Half of the sessions that ended in the time shown were shorter; nine of ten were. A session "
            "ends when it was not heard of for 30 minutes.",
            *(
                Query(
                    f"histogram_quantile({share}, sum by (service, le) (increase({durations}[$__range])))",
                    f"{{{{service}}}} {word}",
                    instant=True,
                )
                for share, word in ((0.5, "half"), (0.9, "nine of ten"))
            ),
            unit="s",
            empty="no session has ended yet",
        ),
    )


def _details() -> tuple[Panel, ...]:
    by_route = "max by (service, route) ({})".format
    first_bytes = where("rollwatch_browser_ttfb_seconds_bucket")
    return (
        lines(
            "Heap of old sessions",
            "Memory of tabs that are open for over 5 minutes, 75th percentile, and the limits: growing is "
            "a leak.",
            Query(where("service:browser_heap_bytes:p75"), "{{service}}"),
            Query(
                f"max by (service, route, age) ({where('route:browser_heap_bytes:p75_1h')})",
                "{{service}} {{route}}, {{age}}",
            ),
            unit="bytes",
            empty="no browser tells its heap: only those made of Chromium do",
            limit="browser_heap_bytes",
        ),
        lines(
            "Page load",
            "95th percentile of the last hour until the end of the load event, and the limit.",
            Query(where("route:page_load_seconds:p95_1h"), _ROUTE),
            unit="s",
            empty=_NONE,
            limit="page_load_p95_seconds",
        ),
        lines(
            "Time to First Byte",
            "75th percentile: when the answer to a navigation began. Good is up to 0.8 s.",
            Query(
                f"histogram_quantile(0.75, sum by (service, device, le) (rate({first_bytes}{_RATE})))",
                "{{service}} {{device}}",
            ),
            unit="s",
            empty=_NONE,
        ),
        lines(
            "Time to Interactive, in the lab",
            "As the last lab run reported it, and the limit.",
            Query(by_route(where("route:lab_tti_seconds")), "{{service}} {{route}}"),
            unit="s",
            empty=_NO_LAB,
            limit="lab_tti_seconds",
        ),
        lines(
            "Lighthouse score",
            "By category, 0 to 100, and the limit of the performance score.",
            Query(
                f"max by (service, route, category) ({where('rollwatch_lab_lighthouse_score')})",
                "{{service}} {{route}}: {{category}}",
            ),
            unit="short",
            empty=_NO_LAB,
            limit="lab_lighthouse_score",
            most=100,
        ),
        lines(
            "Beacons",
            "A minute, by what became of them. Refused ones count nowhere: docs/browser.md says why each is.",
            Query(
                f"sum by (service, outcome) (rate({where('rollwatch_browser_beacons_total')}{_RATE})) * 60",
                "{{service}}: {{outcome}}",
            ),
            unit="short",
            empty=_NONE,
        ),
        note(
            "Stacks",
            "Errors with their stacks, resolved by your source maps, are no metrics: "
            "[${exporter_url}/api/monitoring/errors](${exporter_url}/api/monitoring/errors).",
            span=12,
            height=8,
        ),
    )
