"""Do people use it and pay: active users, payments, and the figures that a product declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.board import Board, Row
from rollwatch_dashboards.colours import ANY_IS_BAD
from rollwatch_dashboards.panels import bars, figure, lines
from rollwatch_dashboards.query import Query, where
from rollwatch_dashboards.tables import Column, listing
from rollwatch_dashboards.variables import each

if TYPE_CHECKING:
    from rollwatch_dashboards.board import Panel

__all__ = ["board"]

_NO_USERS = "no service reports active users: docs/signals.md"
_NO_PAYMENTS = "no service reports payments: docs/signals.md"
_NO_FIGURES = "no figures of your own are declared: docs/signals.md"
_USERS = where("rollwatch_active_users")
_DECLARED = 'figure!~"rollwatch_.+"'


def _named(name: str) -> str:
    # Where nothing can be chosen yet, something must still be asked for.
    return where("", f'__name__="{name}"', 'service!=""')


_COUNTER, _GAUGE = _named("$counter"), _named("$gauge")
_FUNNEL = _named("$funnel")
_STEPS = where("", 'step!=""')
_DAY, _MONTH = (
    where("rollwatch_active_users", 'window="day"'),
    where("rollwatch_active_users", 'window="month"'),
)


def board() -> Board:
    """D3."""
    return Board(
        uid=Dashboard.BUSINESS,
        title="rollwatch: business",
        description="Do people use it and pay? Active users, payments, and the figures that you declared.",
        variables=(
            each("counter", "Counters", _figures("counter")),
            each("gauge", "Gauges", _figures("gauge")),
            each("funnel", "Funnel", f"label_values({_STEPS}, __name__)", several=False),
        ),
        rows=(
            Row("Now", _answers()),
            Row("People and payments", _people()),
            Row("Your own counters", (_counters(),)),
            Row("Your own gauges", (_gauges(),)),
            Row("Declared limits", _limits(), collapsed=True),
        ),
    )


def _answers() -> tuple[Panel, ...]:
    return (
        figure(
            "Active today",
            "People active today, as the service reports it; of several, the one with most.",
            Query(f"max({_DAY})"),
            unit="short",
            empty=_NO_USERS,
            trend=True,
        ),
        figure(
            "Active this month",
            "People active in the last month.",
            Query(f"max({_MONTH})"),
            unit="short",
            empty=_NO_USERS,
            trend=True,
        ),
        figure(
            "Payments, 24 h",
            "Payments that were tried in the last 24 hours.",
            Query(f"sum(increase({where('rollwatch_payments_total')}[24h]))", instant=True),
            unit="short",
            empty=_NO_PAYMENTS,
            decimals=0,
        ),
        figure(
            "Failed payments",
            "Share of the last minutes' payments, of the service that is worst off. Over 2 % is a P1.",
            Query(f"max({where('service:payments_failed:ratio')})"),
            unit="percentunit",
            empty=_NO_PAYMENTS,
            decimals=2,
            trend=True,
        ),
        figure(
            "Failed webhooks",
            "Share of the payment provider's webhooks that failed in the last minutes: money that we do "
            "not see.",
            Query(f"max({where('service:payment_webhooks_failed:ratio')})"),
            unit="percentunit",
            empty="no service reports payment webhooks: docs/signals.md",
            decimals=2,
            trend=True,
        ),
        figure(
            "Figures beyond a limit",
            "Declared figures that are beyond a limit of theirs now.",
            Query(
                f"count(count by (service, figure) ({where('figure:beyond')})) "
                f"or count({where('rollwatch_figure_info')}) * 0",
                instant=True,
            ),
            unit="short",
            empty=_NO_FIGURES,
            steps=ANY_IS_BAD,
        ),
    )


def _people() -> tuple[Panel, ...]:
    return (
        lines(
            "Active users",
            "By window: now, day, week, month.",
            Query(f"max by (service, window) ({_USERS})", "{{service}}: {{window}}"),
            unit="short",
            empty=_NO_USERS,
        ),
        lines(
            "Payments",
            "A minute, by outcome.",
            Query(
                "sum by (service, outcome) "
                f"(rate({where('rollwatch_payments_total')}[$__rate_interval])) * 60",
                "{{service}}: {{outcome}}",
            ),
            unit="short",
            empty=_NO_PAYMENTS,
            stacked=True,
            colours={"/: failed$/": "red", "/: ok$/": "green"},
        ),
        lines(
            "Failed payments",
            "Share of payments that failed, and the limit.",
            Query(where("service:payments_failed:ratio"), "{{service}}"),
            unit="percentunit",
            empty=_NO_PAYMENTS,
            limit="failed_payment_ratio",
        ),
        lines(
            "Failed payment webhooks",
            "Share of webhooks that failed; several in a row are a P0.",
            Query(where("service:payment_webhooks_failed:ratio"), "{{service}}"),
            unit="percentunit",
            empty="no service reports payment webhooks: docs/signals.md",
        ),
        lines(
            "Cache",
            "Share of reads that hit, and the limit: below it the database does the work.",
            Query(where("service:cache_hits:ratio"), "{{service}}"),
            unit="percentunit",
            empty="no service reports its cache: docs/signals.md",
            limit="cache_hit_ratio",
            most=1,
        ),
        bars(
            "Funnel, 24 h",
            "How many came how far. A counter with a label `step` is a funnel; choose it at the top.",
            Query(f"sort_desc(sum by (step) (increase({_FUNNEL}[24h])))", "{{step}}", instant=True),
            unit="short",
            empty="no declared counter has a label `step`: docs/signals.md",
        ),
    )


def _counters() -> Panel:
    # Alone in its row: it is repeated over the whole width, and what stood beside it would be covered.
    panel = lines(
        "$counter",
        "A counter that you declared, an hour at this pace. Which ones are shown is chosen at the top.",
        Query(f"sum by (service) (rate({_COUNTER}[$__rate_interval])) * 3600", "{{service}}"),
        unit="short",
        empty=_NO_FIGURES,
        span=8,
    )
    return panel.repeat("counter").repeat_direction("h").max_per_row(3)


def _gauges() -> Panel:
    panel = lines(
        "$gauge",
        "A gauge that you declared. Which ones are shown is chosen at the top.",
        Query(f"max by (service) ({_GAUGE})", "{{service}}"),
        unit="short",
        empty=_NO_FIGURES,
        least=None,
        span=8,
    )
    return panel.repeat("gauge").repeat_direction("h").max_per_row(3)


def _limits() -> tuple[Panel, ...]:
    return (
        lines(
            "Figures with limits",
            "Gauges that have limits, as they stand.",
            Query(f"max by (service, figure) ({where('rollwatch_figure_value')})", "{{service}}: {{figure}}"),
            Query(
                f"max by (service, figure, priority) ({where('rollwatch_figure_limit_above')})",
                "{{service}}: {{figure}}, at most ({{priority}})",
            ),
            Query(
                f"max by (service, figure, priority) ({where('rollwatch_figure_limit_below')})",
                "{{service}}: {{figure}}, at least ({{priority}})",
            ),
            unit="short",
            empty="no declared figure has limits: docs/signals.md",
            least=None,
            colours={"/, at (most|least) /": "orange"},
        ),
        listing(
            "How old",
            "When something of each declared figure last came. What is too old is a FigureStale.",
            Column(heading="Service", label="service"),
            Column(heading="Figure", label="figure"),
            Column(
                heading="Last came",
                expr="max by (service, figure) "
                f"({where('rollwatch_figure_last_update_timestamp_seconds', _DECLARED)}) * 1000",
                unit="dateTimeFromNow",
            ),
            empty=_NO_FIGURES,
            sort="Last came",
            ascending=True,
        ),
    )


def _figures(kind: str) -> str:
    chosen = where("rollwatch_figure_info", f'type="{kind}"', _DECLARED)
    return f"label_values({chosen}, figure)"
