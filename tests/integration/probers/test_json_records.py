"""Records that a json probe reads: the same list again in every run, and whatever else it may be."""

from __future__ import annotations

from typing import Any

import pytest

from rollwatch.model import Reason
from support.json_probing import JsonService, Teller, says
from support.servers import serve

TRADES = {
    "trades": {
        "id": "id",
        "rules": [{"field": "pnl", "required": True}],
        "figures": {"rollwatch_trading_executions_total": {}, "rollwatch_trading_pnl_net_percent": "pnl"},
        "keep": 3,
    }
}


def trades(*ids: int) -> list[dict[str, Any]]:
    return [{"id": f"T{number}", "pnl": number / 10} for number in ids]


async def test_records_that_are_read_again_in_every_run_count_once() -> None:
    teller = Teller({"trades": trades(1, 2, 3)})
    async with serve(teller) as server:
        service = JsonService(server, kept=TRADES, records={"trades": "trades"})
        first = await service.run()
        await service.run()
        teller.document = {"trades": [*trades(3, 4), {"id": "T5"}, "no object"]}
        await service.run()
    assert ("records", "trades: 3 came") in (first.run.notes or [])
    assert service.values("rollwatch_trading_executions_total") == {(): 4}
    assert service.values("rollwatch_trading_pnl_net_percent") == {(): 0.4}
    assert service.values("rollwatch_records_duplicates_total") == {("trades",): 4}
    assert service.values("rollwatch_records_invalid_total") == {("trades/pnl_required", "false"): 1}
    assert service.values("rollwatch_figure_faults_total") == {("records", "not_an_object"): 1}
    assert [kept.record["id"] for kept in service.figures.records["trades"].kept] == ["T2", "T3", "T4"]


async def test_of_a_long_list_the_last_thousand_records_are_read() -> None:
    said = "trades has 1500 records; the last 1000 are read (too_many)"
    async with serve(says({"trades": trades(*range(1500))})) as server:
        service = JsonService(server, kept=TRADES, records={"trades": "trades"})
        outcome = await service.run()
    assert outcome.reason is Reason.OK
    assert ("refused", said) in (outcome.run.notes or [])
    assert service.values("rollwatch_trading_executions_total") == {(): 1000}
    assert service.figures.records["trades"].kept[-1].record["id"] == "T1499"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        pytest.param([], Reason.OK, id="none: a quiet day"),
        pytest.param({"id": "T1", "pnl": 1}, Reason.OK, id="one object is one record"),
        pytest.param(None, Reason.JSON_MISMATCH, id="null"),
        pytest.param("T1", Reason.JSON_MISMATCH, id="text"),
    ],
)
async def test_a_list_of_records_may_be_empty_but_must_be_there(told: Any, reason: Reason) -> None:
    async with serve(says({"trades": told})) as server:
        service = JsonService(server, kept=TRADES, records={"trades": "trades"})
        outcome = await service.run()
    assert outcome.reason is reason
    assert ("has no list of records at trades" in outcome.detail) is (reason is not Reason.OK)
