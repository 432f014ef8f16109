"""How much of the error budget is left, how fast does it go, and what takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.board import Board, Row
from rollwatch_dashboards.colours import GREEN, ORANGE, RED, Steps
from rollwatch_dashboards.links import to_dashboard
from rollwatch_dashboards.panels import bars, figure, lines
from rollwatch_dashboards.query import Query, where
from rollwatch_dashboards.tables import Column, listing

if TYPE_CHECKING:
    from rollwatch_dashboards.board import Panel

__all__ = ["board"]

_NONE = "no SLO has been measured yet: it takes half an hour"
_LEFT = where("service:slo_error_budget_left:ratio")
_STEPS: Steps = ((None, RED), (0, ORANGE), (0.25, GREEN))
_NAME = "{{service}}: {{slo}}"
_AVAILABILITY, _LATENCY = 'slo="availability"', 'slo="latency"'
_FACTORS = {"1h": (14.4, "P1"), "6h": (6, "P1"), "1d": (3, "P2"), "3d": (1, "P2")}
"""From which speed on the budget's alerts fire, by window (SRE workbook, chapter 5)."""


def board() -> Board:
    """D9."""
    return Board(
        uid=Dashboard.SLO,
        title="rollwatch: SLOs",
        description="How much of the error budget is left, how fast does it go, and what takes it?",
        span="now-7d",
        refresh="1m",
        rows=(
            Row("Now", _answers()),
            Row("Error budget", _budget()),
            Row("How fast it goes", _speed()),
            Row("What takes it", _causes()),
        ),
    )


def _answers() -> tuple[Panel, ...]:
    def left(title: str, slo: str) -> Panel:
        return figure(
            title,
            "Of the service that has least of it left, over 30 days. Below 0 the objective is missed.",
            Query(f"min({where('service:slo_error_budget_left:ratio', slo)})", instant=True),
            unit="percentunit",
            empty=_NONE,
            steps=_STEPS,
            decimals=0,
        )

    def share(title: str, text: str, slo: str) -> Panel:
        return figure(
            title,
            text,
            Query(f"1 - max({where('service:slo_error:ratio_30d', slo)})", instant=True),
            unit="percentunit",
            empty=_NONE,
            decimals=3,
        )

    return (
        left("Availability budget left", _AVAILABILITY),
        share("Available, 30 days", "Share of probe runs that found the worst service UP.", _AVAILABILITY),
        left("Latency budget left", _LATENCY),
        share("Fast enough, 30 days", "Share of requests within 200 ms, of the slowest service.", _LATENCY),
        figure(
            "Goes fastest",
            "How many times too fast a budget goes over the last hour to last for 30 days. 14.4 is a P1.",
            Query(f"max({where('service:slo_burn:rate_1h')})", instant=True),
            unit="short",
            empty=_NONE,
            steps=((None, GREEN), (1, ORANGE), (14.4, RED)),
            decimals=1,
        ),
        figure(
            "Budgets spent",
            "Objectives that have been missed: nothing of the budget is left.",
            Query(f"count({_LEFT} < 0) or count({_LEFT}) * 0", instant=True),
            unit="short",
            empty=_NONE,
            steps=((None, GREEN), (1, RED)),
        ),
    )


def _budget() -> tuple[Panel, ...]:
    by_slo = "min by (service, slo) ({})".format
    return (
        listing(
            "Objectives",
            "Every objective, least left first.",
            Column(
                heading="Service",
                label="service",
                links=[
                    to_dashboard("Application", Dashboard.APPLICATION, service="${__data.fields.Service}")
                ],
            ),
            Column(heading="Objective", label="slo"),
            Column(
                heading="Wanted",
                expr=by_slo(where("service:slo_objective:ratio")),
                unit="percentunit",
                decimals=2,
            ),
            Column(
                heading="Reached, 30 days",
                expr=f"1 - max by (service, slo) ({where('service:slo_error:ratio_30d')})",
                unit="percentunit",
                decimals=3,
            ),
            Column(heading="Budget left", expr=by_slo(_LEFT), unit="percentunit", decimals=0, steps=_STEPS),
            empty=_NONE,
            sort="Budget left",
            ascending=True,
        ),
        bars(
            "Budget left",
            "Of each objective, over 30 days.",
            Query(by_slo(_LEFT), _NAME, instant=True),
            unit="percentunit",
            empty=_NONE,
            steps=_STEPS,
            most=1,
        ),
        lines(
            "Burn-down",
            "What was left of each budget. A step down is an incident; it comes back 30 days later.",
            Query(by_slo(_LEFT), _NAME),
            unit="percentunit",
            empty=_NONE,
            least=None,
            most=1,
            span=24,
            links=[to_dashboard("Application", Dashboard.APPLICATION)],
        ),
    )


def _speed() -> tuple[Panel, ...]:
    return tuple(
        lines(
            f"Over {window}",
            f"How many times too fast the budget goes; 1 lasts 30 days. From {factor:g} on: {priority}.",
            Query(where(f"service:slo_burn:rate_{window}"), _NAME),
            Query(
                f"{where(f'service:slo_burn:rate_{window}')} * 0 + {factor:g}",
                f"{{{{service}}}}: limit {priority}",
            ),
            unit="short",
            empty=_NONE,
            dashed=(priority,),
            links=[to_dashboard("Application", Dashboard.APPLICATION)],
        )
        for window, (factor, priority) in _FACTORS.items()
    )


def _causes() -> tuple[Panel, ...]:
    down = where("probe:not_up_runs:increase", 'verdict="down"')
    return (
        lines(
            "Failing, over 5 minutes",
            "Share of runs that were DOWN, and of requests that took over 200 ms.",
            Query(where("service:slo_error:ratio_5m"), _NAME),
            unit="percentunit",
            empty=_NONE,
            most=1,
        ),
        lines(
            "Runs that were DOWN",
            "Runs of the last minutes by reason: these take the availability budget.",
            Query(
                f"sum by (service, probe, reason) ({down})",
                "{{service}}/{{probe}}: {{reason}}",
            ),
            unit="short",
            empty="no run was DOWN",
            bars=True,
            stacked=True,
        ),
        lines(
            "How long requests take",
            "95th percentile: what lies above 200 ms takes the latency budget.",
            Query(where("service:http_latency_seconds:p95"), "{{service}}"),
            unit="s",
            empty="no service reports its requests: docs/signals.md",
            span=24,
            links=[to_dashboard("Application", Dashboard.APPLICATION)],
        ),
    )
