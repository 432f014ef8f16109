"""Is profit and loss what the backtest promised, and what does trading cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.board import Board, Row
from rollwatch_dashboards.panels import figure, heat, lines, note
from rollwatch_dashboards.query import Query, where

if TYPE_CHECKING:
    from rollwatch_dashboards.board import Panel

__all__ = ["board"]

_NONE = "no service reports trades: docs/trading.md"
_BY = "max by (service, environment) ({})".format
_GROSS, _NET = where("rollwatch_trading_pnl_gross_percent"), where("rollwatch_trading_pnl_net_percent")
_EXPECTED = where("rollwatch_trading_backtest_percent")
_FILLS = where("rollwatch_trading_fill_seconds_bucket")


def board() -> Board:
    """D6."""
    return Board(
        uid=Dashboard.TRADING,
        title="rollwatch: trading",
        description="Is profit and loss what the backtest promised, and what does trading cost?",
        rows=(
            Row("Now", _answers()),
            Row("Profit and loss", _results()),
            Row("What trading costs", _costs()),
            Row("Orders and fills", _fills()),
        ),
    )


def _answers() -> tuple[Panel, ...]:
    return (
        figure(
            "Net profit and loss",
            "Of the last trades together, after commission and slippage, in percent of what was paid.",
            Query(f"max({_NET})"),
            unit="percent",
            empty=_NONE,
            decimals=2,
            trend=True,
        ),
        figure(
            "The backtest expects",
            "What the backtest promised for the same.",
            Query(f"max({_EXPECTED})"),
            unit="percent",
            empty=_NONE,
            decimals=2,
        ),
        figure(
            "Apart",
            "Percentage points between the two, of the service that is furthest off.",
            Query(f"max({where('service:backtest_variance:points')})"),
            unit="short",
            empty=_NONE,
            decimals=1,
            trend=True,
        ),
        figure(
            "Trades, 24 h",
            "Trades executed in the last 24 hours.",
            Query(f"sum(increase({where('rollwatch_trading_executions_total')}[24h]))", instant=True),
            unit="short",
            empty=_NONE,
            decimals=0,
        ),
        figure(
            "Cost of the last trade",
            "Commission and slippage together, in the account's currency.",
            Query(f"""sum({where("rollwatch_trading_cost", 'basis="actual"')})"""),
            unit="short",
            empty=_NONE,
            decimals=2,
            trend=True,
        ),
        figure(
            "Valid trades",
            "Share of the trade records of the last push that satisfy every rule.",
            Query(f"min({where('rollwatch_records_last_valid_ratio')})"),
            unit="percentunit",
            empty="no records are declared: docs/trading.md",
            decimals=1,
        ),
    )


def _results() -> tuple[Panel, ...]:
    return (
        lines(
            "Profit and loss",
            "Gross, net and as the backtest expects it, in percent of what was paid.",
            Query(_BY(_GROSS), "{{service}}: gross"),
            Query(_BY(_NET), "{{service}}: net"),
            Query(_BY(_EXPECTED), "{{service}}: backtest"),
            unit="percent",
            empty=_NONE,
            least=None,
            colours={"/: backtest$/": "purple"},
        ),
        lines(
            "Away from the backtest",
            "Percentage points between net and backtest, and the limits; 10 points are marked, because "
            "from there on most strategies no longer pay.",
            Query(where("service:backtest_variance:points"), "{{service}}"),
            Query(f"{where('service:backtest_variance:points')} * 0 + 10", "{{service}}: 10 points"),
            unit="short",
            empty=_NONE,
            limit="backtest_variance_points",
            colours={"/: 10 points$/": "text"},
        ),
    )


def _costs() -> tuple[Panel, ...]:
    cost = "max by (service, item, basis) ({})".format
    return (
        lines(
            "Commission",
            "Of the last trade: what was expected beside what was paid.",
            Query(
                cost(where("rollwatch_trading_cost", 'item="commission"')), "{{service}} {{item}}: {{basis}}"
            ),
            unit="short",
            empty=_NONE,
        ),
        lines(
            "Slippage",
            "Of the last trade: what was expected beside what was lost.",
            Query(
                cost(where("rollwatch_trading_cost", 'item="slippage"')), "{{service}} {{item}}: {{basis}}"
            ),
            unit="short",
            empty=_NONE,
        ),
        lines(
            "Position size",
            "Of the last trade, in units.",
            Query(_BY(where("rollwatch_trading_position_size")), "{{service}}"),
            unit="short",
            empty=_NONE,
        ),
        lines(
            "Fill price against the market",
            "Of the last trade, as a share of the market's price; above 0 is worse for us.",
            Query(_BY(where("rollwatch_trading_fill_deviation_ratio")), "{{service}}"),
            unit="percentunit",
            empty=_NONE,
            least=None,
        ),
    )


def _fills() -> tuple[Panel, ...]:
    return (
        lines(
            "From order to fill",
            "50th and 95th percentile.",
            *(
                Query(
                    f"histogram_quantile({quantile}, "
                    f"sum by (service, le) (rate({_FILLS}[$__rate_interval])))",
                    f"{{{{service}}}} p{quantile * 100:g}",
                )
                for quantile in (0.5, 0.95)
            ),
            unit="s",
            empty=_NONE,
        ),
        heat(
            "From order to fill, all of them",
            "Fills by how long they took.",
            f"sum by (le) (increase({_FILLS}[$__rate_interval]))",
            unit="s",
            empty=_NONE,
        ),
        lines(
            "Trades a minute",
            "Trades executed.",
            Query(
                "sum by (service) "
                f"(rate({where('rollwatch_trading_executions_total')}[$__rate_interval])) * 60",
                "{{service}}",
            ),
            unit="short",
            empty=_NONE,
        ),
        note(
            "The last ten trades",
            "Single trades are no metrics. The exporter keeps the last ones, with everything computed of "
            "each: "
            "[${exporter_url}/api/metrics](${exporter_url}/api/metrics), `records`.",
            span=12,
            height=8,
        ),
    )
