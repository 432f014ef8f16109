"""A push on its way into the figures: in steps, and safe from what happens between two of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rollwatch.figures.items import Found, Item, Operation
from rollwatch.ingest.push.delivery import Delivery, Stamp
from rollwatch.ingest.push.taking import Taking
from support.manual_clock import ManualClock
from support.pushing import Pushing, config_from, made

CONFIG = """
environment: test
services:
  api:
    push: {token: "${env:TOKEN}"}
    figures:
      app_streams: {type: gauge, help: Streams., labels: {room: any}}
      app_claims_total: {type: counter, help: Claims.}
      app_trades_total: {type: counter, help: Trades.}
      app_fee: {type: gauge, help: Fee of the last trade.}
    records:
      trades: {rules: [{field: price, min: 0}], figures: {app_trades_total: {}}}
      orders: {figures: {app_fee: fee}}
"""


@pytest.fixture
def parts(tmp_path: Path) -> Pushing:
    return made(config_from(tmp_path, CONFIG, env={"TOKEN": "x"}), ManualClock())


def begin(parts: Pushing, *, current: list[bool] | None = None) -> Taking:
    figures = parts.board.service("api")
    assert figures is not None
    return Taking(figures, lambda: current is None or current[0])


def claims(count: int, operation: Operation = Operation.ADD) -> list[Item]:
    return [Item("app_claims_total", (), operation, 1.0) for _ in range(count)]


def rooms(*names: str) -> list[Item]:
    return [Item("app_streams", (name,), Operation.SET, 1.0) for name in names]


async def test_a_long_push_is_taken_in_steps_and_whole(parts: Pushing) -> None:
    taking = begin(parts)
    records: dict[str, list[Any]] = {"trades": [{"price": 1}] * 700 + [{"price": -1}] * 50}
    steps = list(taking.steps(Delivery(Stamp(), Found(claims(1000)), records), is_browser=False))
    assert len(steps) >= 750 + 1000 / 200
    assert (taking.accepted, taking.refused_total) == (1750, 0)
    assert await parts.figures() == {
        'app_claims_total{service="api"}': 1000,
        'app_trades_total{service="api"}': 700,
    }


async def test_a_whole_list_replaces_the_one_before_however_long_the_push_is(parts: Pushing) -> None:
    for names in (["a", "b"], ["b", "c"]):
        found = Found([*rooms(*names), *claims(1000)], whole={"app_streams"})
        list(begin(parts).steps(Delivery(Stamp(), found), is_browser=False))
    gauges = {name for name in await parts.figures() if "streams" in name}
    assert gauges == {'app_streams{service="api",room="b"}', 'app_streams{service="api",room="c"}'}


async def test_a_reload_between_two_steps_refuses_the_rest(parts: Pushing) -> None:
    current = [True]
    taking = begin(parts, current=current)
    records: dict[str, list[Any]] = {"trades": [{"price": 1}]}
    steps = taking.steps(Delivery(Stamp(), Found(claims(1000)), records), is_browser=False)
    next(steps)
    current[0] = False
    list(steps)
    assert taking.accepted == 200
    assert len(taking.refused) == 800
    assert [name for name, _ in taking.refused_records] == ["trades"]
    assert all("exchanged" in why.message for _, why in (*taking.refused, *taking.refused_records))
    assert await parts.figures() == {
        'app_claims_total{service="api"}': 200,
        'app_trades_total{service="api"}': 0,
    }


async def test_a_push_that_is_given_up_midway_has_counted_the_records_it_took(parts: Pushing) -> None:
    records: dict[str, list[Any]] = {"trades": [{"price": 1}] * 10}
    steps = begin(parts).steps(Delivery(Stamp(), records=records), is_browser=False)
    for _ in range(4):
        next(steps)
    steps.close()  # type: ignore[attr-defined]  # a generator, though its callers need not know
    exposed = await parts.exposed()
    assert exposed['rollwatch_records_examined_total{service="api",records="trades"}'] == 3


async def test_a_running_total_from_a_browser_is_refused(parts: Pushing) -> None:
    taking = begin(parts)
    items = [*claims(1), *claims(1, Operation.TOTAL)]
    list(taking.steps(Delivery(Stamp(), Found(items)), is_browser=True))
    assert taking.accepted == 1
    [refused] = taking.refused
    assert (refused.figure, refused.why.fault) == ("app_claims_total", "wrong_operation")


async def test_records_nobody_declared_are_refused_by_name_and_counted(parts: Pushing) -> None:
    taking = begin(parts)
    records: dict[str, list[Any]] = {"quotes": [{}], "trades": [{"price": 1}, 5, "x"]}
    list(taking.steps(Delivery(Stamp(), records=records), is_browser=False))
    faults = [(name, why.fault) for name, why in taking.refused_records]
    assert faults == [("quotes", "undeclared"), ("trades", "not_an_object"), ("trades", "not_an_object")]
    assert taking.accepted == 1
    exposed = await parts.exposed()
    assert exposed['rollwatch_figure_faults_total{service="api",source="push",fault="undeclared"}'] == 1


async def test_a_figure_that_a_record_does_not_feed_is_refused_by_its_own_name(parts: Pushing) -> None:
    taking = begin(parts)
    list(taking.steps(Delivery(Stamp(), records={"orders": [{"fee": 1.5}, {"id": 2}]}), is_browser=False))
    assert taking.accepted == 2
    [refused] = taking.refused
    assert (refused.figure, refused.why.fault) == ("app_fee", "not_found")
    exposed = await parts.exposed()
    assert exposed['rollwatch_figure_faults_total{service="api",source="records",fault="not_found"}'] == 1
