"""The worked example of P&L accuracy, from the file to what Prometheus reads, to the cent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.arriving import Arriving

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = """\
trading:
  records:
    trades:
      id: id
      defaults: {backtest_percent: 8.5}
      compute:
        notional: "multiply(entry, quantity)"
        gross: "multiply(subtract(exit, entry), quantity)"
        net: "subtract(subtract(gross, commission), slippage)"
        gross_percent: "multiply(divide(gross, notional), `100`)"
        net_percent: "multiply(divide(net, notional), `100`)"
        variance_points: "abs(subtract(net_percent, backtest_percent))"
      rules:
        - {field: entry, required: true, min: 0, not: 0}
        - {field: exit, required: true, min: 0}
        - {field: quantity, required: true, not: 0}
      figures:
        rollwatch_trading_executions_total: {}
        rollwatch_trading_pnl_gross_percent: gross_percent
        rollwatch_trading_pnl_net_percent: net_percent
        rollwatch_trading_backtest_percent: backtest_percent
        rollwatch_trading_backtest_variance_points: variance_points
        rollwatch_trading_position_size: quantity
        rollwatch_trading_cost:
          - {value: commission, labels: {item: "'commission'", basis: "'actual'"}}
          - {value: slippage, labels: {item: "'slippage'", basis: "'actual'"}}
          - {value: expected_commission, when: "expected_commission != null",
             labels: {item: "'commission'", basis: "'expected'"}}
        rollwatch_trading_fill_seconds: {value: fill_ms, scale: 0.001, when: "fill_ms != null"}
      totals:
        average_net_percent: "avg([].net_percent)"
        traded: "sum([].notional)"
  figures:
    average_net_percent: {type: gauge, help: Average net P&L of the last trades in percent.}
    traded: {type: gauge, help: Notional of the last trades.}
"""
TRADE = {"id": "t-1", "entry": 5.00, "exit": 5.50, "quantity": 10, "commission": 1.30, "slippage": 0.25}
LABELS = 'service="trading",environment="test",location="here"'


@pytest.fixture
def arriving(tmp_path: Path) -> Arriving:
    return Arriving(tmp_path, SERVICES)


def test_the_worked_example_is_right_to_the_cent(arriving: Arriving) -> None:
    assert arriving.service("trading").take_records("trades", [TRADE]) == []

    lines = arriving.scraped().splitlines()
    for name, value in {
        "rollwatch_trading_executions_total": "1.0",
        "rollwatch_trading_pnl_gross_percent": "10.0",
        "rollwatch_trading_pnl_net_percent": "6.9",
        "rollwatch_trading_backtest_percent": "8.5",
        "rollwatch_trading_backtest_variance_points": "1.6",
        "rollwatch_trading_position_size": "10.0",
        "average_net_percent": "6.9",
        "traded": "50.0",
    }.items():
        assert f"{name}{{{LABELS}}} {value}" in lines
    [kept] = arriving.service("trading").records["trades"].kept
    assert (kept.record["gross"], kept.record["net"], kept.record["notional"]) == (5.0, 3.45, 50.0)


def test_a_record_may_bring_the_backtest_it_is_measured_against(arriving: Arriving) -> None:
    arriving.service("trading").take_records("trades", [{**TRADE, "backtest_percent": 12}])

    assert arriving.shown("rollwatch_trading_backtest_percent") == {(): 12.0}
    assert arriving.shown("rollwatch_trading_backtest_variance_points") == {(): 5.1}


def test_costs_are_told_apart_and_what_is_optional_is_not_missed(arriving: Arriving) -> None:
    arriving.service("trading").take_records("trades", [TRADE])
    refused = arriving.service("trading").take_records(
        "trades", [{**TRADE, "id": "t-2", "expected_commission": 1.0, "fill_ms": 250}]
    )

    assert refused == []
    assert arriving.shown("rollwatch_trading_cost") == {
        ("commission", "actual"): 1.3,
        ("commission", "expected"): 1.0,
        ("slippage", "actual"): 0.25,
    }
    assert arriving.shown("rollwatch_trading_fill_seconds_sum") == {(): 0.25}


def test_the_last_ten_trades_are_kept(arriving: Arriving) -> None:
    trading = arriving.service("trading")

    trading.take_records("trades", [{**TRADE, "id": f"t-{number}"} for number in range(25)])

    kept = trading.records["trades"].kept
    assert [one.record["id"] for one in kept] == [f"t-{number}" for number in range(15, 25)]
    assert {one.received_at for one in kept} == {arriving.clock.wall()}
    assert {one.record["net_percent"] for one in kept} == {6.9}
    assert arriving.shown("rollwatch_trading_executions_total") == {(): 25.0}
    assert arriving.shown("traded") == {(): 500.0}


def test_a_trade_that_came_before_does_not_count_again(arriving: Arriving) -> None:
    trading = arriving.service("trading")

    for _ in range(3):
        trading.take_records("trades", [TRADE, {**TRADE, "id": "t-2"}])

    assert arriving.shown("rollwatch_trading_executions_total") == {(): 2.0}
    assert arriving.shown("rollwatch_records_duplicates_total") == {("trades",): 4.0}


def test_an_invalid_trade_is_counted_and_feeds_nothing(arriving: Arriving) -> None:
    arriving.service("trading").take_records("trades", [TRADE, {"id": "t-2", "entry": 0, "exit": 5.5}])

    assert arriving.shown("rollwatch_trading_executions_total") == {(): 1.0}
    assert arriving.shown("rollwatch_records_last_valid_ratio") == {("trades",): 0.5}
    invalid = arriving.shown("rollwatch_records_invalid_total")
    assert {check for (check, _), count in invalid.items() if count} == {
        "trades/entry_required_not_min",
        "trades/quantity_required_not",
    }
