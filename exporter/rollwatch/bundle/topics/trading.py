"""Trading: does the live result stay near the backtest's; and names that an older dashboard reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.promql import beyond, first_of
from rollwatch.bundle.rules import Alert, Dashboard, Judged, Recording, Topic
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_SERVICE = "service, environment"
_SOURCE = "service, environment, source"
_GREEKS = ".*(delta|gamma|theta|vega).*"
"""Checks of an option's greeks, by the field they are about."""


def topic(_settings: Settings) -> Topic:
    """The rules of profit and loss."""
    return Topic(
        name="trading",
        title="Trading",
        recordings=(_variance(), *_older_names()),
        judged=(Judged("backtest_variance_points", "service:backtest_variance:points"),),
        alerts=_alerts(),
    )


def _variance() -> Recording:
    return Recording(
        "service:backtest_variance:points",
        first_of(
            f"max by ({_SERVICE}) (rollwatch_trading_backtest_variance_points)",
            "abs(\n"
            f"  max by ({_SERVICE}) (rollwatch_trading_pnl_net_percent)\n"
            f"  - max by ({_SERVICE}) (rollwatch_trading_backtest_percent)\n"
            ")",
        ),
    )


def _older_names() -> tuple[Recording, ...]:
    """What panels read that were there before. Uptime and the valid rate are 0 to 1, percent is 0 to 100.

    A service that has nothing to do with trading shows none of its errors here.
    """
    trades = f'group by ({_SERVICE}) (rollwatch_figure_info{{figure=~"rollwatch_trading_.+"}})'
    return (
        Recording(
            "trading_provider_uptime",
            'label_replace(provider:uptime:ratio_1h, "provider", "$1", "probe", "(.+)")',
        ),
        # Of the last answer or delivery: a panel shows it although nothing came within the window.
        Recording(
            "trading_greeks_valid_rate",
            f"max by ({_SOURCE}) (\n"
            '  label_replace(rollwatch_provider_records_valid_ratio, "source", "$1", "probe", "(.+)")\n'
            '  or label_replace(rollwatch_records_last_valid_ratio, "source", "$1", "records", "(.+)")\n'
            ")\n"
            f"and on ({_SOURCE}) (\n"
            "  label_replace(\n"
            f'    rollwatch_provider_invalid_records_total{{check=~"{_GREEKS}"}},\n'
            '    "source", "$1", "probe", "(.+)"\n'
            "  )\n"
            "  or label_replace(\n"
            f'    rollwatch_records_invalid_total{{check=~"[^/]+/{_GREEKS}"}},\n'
            '    "source", "$1", "check", "([^/]+)/.*"\n'
            "  )\n"
            ")",
        ),
        Recording("trading_pnl_net_percent", f"max by ({_SERVICE}) (rollwatch_trading_pnl_net_percent)"),
        # By location, so that a restart of one exporter shows as the reset it is.
        Recording(
            "trading_system_errors_total",
            f"sum by ({_SERVICE}, location, type) (rollwatch_system_errors_total)\n"
            f"and on ({_SERVICE}) {trades}",
        ),
    )


def _alerts() -> tuple[Alert, ...]:
    sli, row = "service:backtest_variance:points", "backtest_variance_points"
    return tuple(
        Alert(
            name=name,
            priority=priority,
            expr=beyond(sli, row, priority),
            metric=sli,
            condition="live net profit and loss differs from the backtest's, in percentage points",
            threshold=row,
            summary=f"The results of [service] are {how} the backtest's: [value] ([environment])",
            description=(
                "Live net profit and loss of [service] differs by [value] from what the backtest expects, "
                f"the limit is [threshold]. {meaning}"
            ),
            dashboard=Dashboard.TRADING,
        )
        for name, priority, how, meaning in (
            (
                "BacktestVarianceElevated",
                Priority.P2,
                "drifting from",
                "The strategy may no longer fit the market.",
            ),
            (
                "BacktestVarianceHigh",
                Priority.P1,
                "far from",
                "The strategy no longer does what it was tested for, or trades cost more than assumed.",
            ),
            (
                "BacktestVarianceCritical",
                Priority.P0,
                "nowhere near",
                "Every further trade may lose money: stop trading until somebody knows why.",
            ),
        )
    )
