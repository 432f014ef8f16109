"""What the demo makes up is what it is said to be."""

from __future__ import annotations

import random
from itertools import pairwise
from statistics import fmean

import pytest

from rollwatch.demo.production.payments import FailingShare
from rollwatch.demo.production.trading import trade


def net_percent(record: dict[str, float]) -> float:
    gross = (record["exit"] - record["entry"]) * record["quantity"]
    net = gross - record["commission"] - record["slippage"]
    return net / (record["entry"] * record["quantity"]) * 100


@pytest.mark.parametrize(("is_drifting", "least", "most"), [(False, 7.0, 9.0), (True, -23.5, -20.5)])
def test_trades_earn_what_the_backtest_expects_unless_they_drift(
    *, is_drifting: bool, least: float, most: float
) -> None:
    rng = random.Random(1)
    records = [trade(rng, str(n), 1_800_000_000.0, is_drifting=is_drifting) for n in range(300)]
    # The exporter judges the last ten together.
    tens = [fmean(net_percent(record) for record in records[at : at + 10]) for at in range(0, 300, 10)]

    assert all(least < mean < most for mean in tens)
    for record in records:
        assert record["order_at"] < record["filled_at"] == 1_800_000_000.0
        assert record["exit"] > 0
        assert record["market"] <= record["entry"]


def test_the_share_that_fails_is_spread_evenly() -> None:
    failing = FailingShare()
    failed = [failing.of(10, 0.004) for _ in range(1000)]

    assert sum(failed) in (39, 40)
    assert max(failed) == 1
    gaps = [index for index, count in enumerate(failed) if count]
    assert all(24 <= later - earlier <= 26 for earlier, later in pairwise(gaps))


def test_no_more_fail_than_there_are() -> None:
    failing = FailingShare()

    assert [failing.of(1, 1.0) for _ in range(3)] == [1, 1, 1]
    assert failing.of(0, 1.0) == 0
