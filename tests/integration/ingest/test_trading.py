"""P&L accuracy and data quality as the page about trading documents them: its own YAML, its own documents."""

from __future__ import annotations

import asyncio
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rollwatch.config.load import load_config
from rollwatch.config.secrets import SecretStore
from rollwatch.figures.board import Board
from rollwatch.figures.faults import Origin
from rollwatch.figures.reading import ReadingPlan
from rollwatch.metrics.store import Store
from rollwatch.model import Reason
from rollwatch.probers import discover
from support.faults import FAULTS
from support.json_probing import Teller
from support.manual_clock import ManualClock
from support.running import make_env, run_probe
from support.servers import serve

if TYPE_CHECKING:
    from support.running import Outcome

PAGE = (Path(__file__).parents[3] / "docs" / "trading.md").read_text()
[YAML] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SERVED, PUSHED = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
KINDS = discover()

WORKED = {
    "id": "T-1",
    "closed_at": "2025-03-03T15:00:00Z",
    "entry": 5.00,
    "exit": 5.50,
    "quantity": 10,
    "commission": 1.30,
    "slippage": 0.25,
}
QUOTE = {"symbol": "X", "delta": 0.5, "gamma": 0.02, "theta": -0.1, "vega": 0.2, "implied_volatility": 0.3}
PNL = "rollwatch_trading_pnl_net_percent"
GROSS = "rollwatch_trading_pnl_gross_percent"
BACKTEST = "rollwatch_trading_backtest_percent"
VARIANCE = "rollwatch_trading_backtest_variance_points"


class Coach:
    """The documented service at work: its figures, its probe, and what is pushed to it."""

    def __init__(self, folder: Path, url: str = "http://127.0.0.1:9/") -> None:
        (folder / "secrets").mkdir()
        for name in ("coach", "coach-push"):
            (folder / "secrets" / name).touch(0o600)
            (folder / "secrets" / name).write_text("s3cret-of-the-coach")
        file = folder / "rollwatch.yml"
        file.write_text(YAML.replace("https://coach.example.com/api/journal", url))
        specs = {name: kind.spec for name, kind in KINDS.items()}
        self.config = load_config(file, specs, secrets=SecretStore(folder, {}), location="here")
        self.store = Store()
        board = Board(self.store, ManualClock(), location="here")
        board.configure(self.config)
        figures = board.service("coach")
        assert figures is not None
        self.figures = figures
        [self.probe] = self.config.probes

    async def fetch(self) -> Outcome:
        """One run of the probe."""
        prober = KINDS["json"].build(self.probe.spec, make_env(figures=self.probe.figures))
        outcome = await run_probe(prober)
        await self.figures.take_run(self.probe.name, outcome.run.figures, outcome.run.records)
        return outcome

    def push(self, document: Any) -> None:
        """One pushed document."""
        push = self.config.services["coach"].signals.push
        assert push is not None
        assert push.document is not None
        found = ReadingPlan(push.document.figures, self.figures.definitions).read(document)
        assert self.figures.take(found, Origin.PUSH, source="push") == []
        for name, where in push.document.records.items():
            assert self.figures.take_records(name, where.search(document)) == []

    def trade(self, *trades: dict[str, Any]) -> None:
        """Trades that are pushed."""
        assert self.figures.take_records("trades", trades) == []

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        common = {"service", "environment", "location", "records"}
        return {
            tuple(value for label, value in sample.labels.items() if label not in common): sample.value
            for family in self.store.collect()
            for sample in family.samples
            if sample.name == name and (name != FAULTS or sample.value)
        }

    def value(self, name: str) -> float | None:
        return self.values(name).get(())

    @property
    def listed(self) -> list[dict[str, Any]]:
        """The last trades, the newest last."""
        return [dict(kept.record) for kept in self.figures.records["trades"].kept]


@pytest.fixture
def coach(tmp_path: Path) -> Coach:
    return Coach(tmp_path)


@pytest.mark.parametrize("way", ["served", "pushed"])
@pytest.mark.parametrize(
    ("own", "backtest", "variance"), [({}, 8.5, 1.6), ({"backtest_percent": 12}, 12, 5.1)], ids=["8.5", "12"]
)
async def test_the_worked_example_comes_out_to_the_cent(
    way: str, own: dict[str, float], backtest: float, variance: float, tmp_path: Path
) -> None:
    trade = WORKED | own
    async with serve(Teller({"trades": [trade], "chain": {"options": []}})) as server:
        coach = await asyncio.to_thread(Coach, tmp_path, server.url())
        if way == "served":
            assert (await coach.fetch()).reason is Reason.OK
        else:
            coach.trade(trade)
    [listed] = coach.listed
    assert {name: listed[name] for name in ("notional", "gross", "net", "gross_percent", "net_percent")} == {
        "notional": 50,
        "gross": 5.0,
        "net": 3.45,
        "gross_percent": 10.0,
        "net_percent": 6.9,
    }
    assert listed["variance_points"] == variance
    assert coach.value(GROSS) == 10.0
    assert coach.value(PNL) == 6.9
    assert coach.value(BACKTEST) == backtest
    assert coach.value(VARIANCE) == variance
    assert coach.value("rollwatch_trading_executions_total") == 1
    assert coach.value("rollwatch_trading_position_size") == 10
    assert coach.values("rollwatch_trading_cost") == {
        ("commission", "actual"): 1.3,
        ("slippage", "actual"): 0.25,
    }
    assert coach.values(FAULTS) == {}


async def test_the_documents_of_the_page_are_read_whole(tmp_path: Path) -> None:
    async with serve(Teller(SERVED)) as server:
        coach = await asyncio.to_thread(Coach, tmp_path, server.url())
        outcome = await coach.fetch()
    assert outcome.reason is Reason.OK, outcome.detail
    assert coach.value("rollwatch_trading_fill_seconds_sum") == 0.42
    assert coach.value("rollwatch_trading_fill_deviation_ratio") == pytest.approx(0.02 / 4.98)
    assert coach.values("rollwatch_trading_cost")["slippage", "expected"] == 0.1
    assert coach.values("rollwatch_records_last_valid_ratio") == {(): 0.5}

    coach.push(PUSHED)  # brings the same trade once more, and another one
    assert [trade["id"] for trade in coach.listed] == ["T-1042", "T-1043"]
    assert coach.value("rollwatch_trading_executions_total") == 2
    assert coach.value(BACKTEST) == 12
    # Both trades together: (3.45 - 1.20) of 60.00.
    assert coach.value(PNL) == 3.75
    assert coach.value(VARIANCE) == 8.25
    assert coach.values("rollwatch_provider_in_use") == {("massive",): 1, ("tradier",): 0}
    assert coach.value("coach_greeks_valid_ratio") == 0.99
    assert coach.values("rollwatch_system_errors_total") == {("broker_timeout",): 0, ("stale_quote",): 0}
    assert coach.values(FAULTS) == {}

    errors = {"errors": {"broker_timeout": 5, "stale_quote": 0}}
    coach.push(PUSHED | {"reportId": "8", "systemHealth": errors})
    assert coach.values("rollwatch_system_errors_total") == {("broker_timeout",): 2, ("stale_quote",): 0}


async def test_the_last_ten_trades_are_listed_and_the_percentages_are_theirs(tmp_path: Path) -> None:
    cents = [(1999 + 7 * n, 2010 - 13 * n, 3 + n, 65 + n, 7 * n) for n in range(12)]
    trades = [
        {
            "id": f"T-{n}",
            "closed_at": f"2025-03-03T15:{n:02}:00Z",
            "entry": entry / 100,
            "exit": exit_ / 100,
            "quantity": quantity,
            "commission": commission / 100,
            "slippage": slippage / 100,
        }
        for n, (entry, exit_, quantity, commission, slippage) in enumerate(cents)
    ]
    async with serve(Teller({"trades": trades[::-1], "chain": {"options": []}})) as server:
        coach = await asyncio.to_thread(Coach, tmp_path, server.url())
        await coach.fetch()
        await coach.fetch()
    assert [trade["id"] for trade in coach.listed] == [f"T-{n}" for n in range(2, 12)]
    net = [
        Decimal((exit_ - entry) * quantity - fee - slip) / 100 for entry, exit_, quantity, fee, slip in cents
    ]
    assert [trade["net"] for trade in coach.listed] == [float(one) for one in net[2:]]
    notional = [Decimal(entry * quantity) / 100 for entry, _, quantity, _, _ in cents]
    percent = 100 * sum(net[2:]) / sum(notional[2:])
    assert coach.value(PNL) == float(round(percent, 4))
    assert coach.value(VARIANCE) == float(round(abs(percent - Decimal("8.5")), 4))
    assert coach.value("rollwatch_trading_executions_total") == 12


@pytest.mark.parametrize(
    ("trade", "net", "net_percent"),
    [
        pytest.param({"exit": 4.9}, -2.55, -5.1, id="a loss"),
        pytest.param({"side": "short"}, -6.55, -13.1, id="short, and it rose"),
        pytest.param({"side": "short", "exit": 4.9}, -0.55, -1.1, id="short, and costs ate the gain"),
        pytest.param(
            {"entry": 0.1, "exit": 0.3, "quantity": 1}, -1.35, -1350, id="costs many times the trade"
        ),
        pytest.param(
            {"entry": 1.005, "exit": 1.015, "quantity": 3}, -1.52, -50.4146, id="fractions of cents"
        ),
        pytest.param({"entry": 5, "exit": 5.5, "quantity": 1e6}, 499998.45, 10.0, id="a large one"),
        pytest.param({"commission": 0, "slippage": 0}, 5, 10, id="without costs"),
    ],
)
def test_profit_and_loss_are_exact_and_signed(
    trade: dict[str, Any], net: float, net_percent: float, coach: Coach
) -> None:
    coach.trade(WORKED | trade)
    assert coach.listed[0]["net"] == net
    assert coach.listed[0]["net_percent"] == net_percent
    assert coach.value(PNL) == net_percent


@pytest.mark.parametrize(
    ("trade", "check"),
    [
        pytest.param({"commission": None}, "complete", id="no commission"),
        pytest.param({"slippage": "0.25"}, "complete", id="a cost as text"),
        pytest.param({"entry": 0}, "entry_required_not_min", id="bought for nothing"),
        pytest.param({"quantity": -1}, "quantity_required_not_min", id="a negative quantity"),
        pytest.param({"side": "both"}, "side_in", id="an unknown side"),
    ],
)
def test_a_trade_that_can_not_be_reckoned_is_counted_by_its_check_and_moves_nothing(
    trade: dict[str, Any], check: str, coach: Coach
) -> None:
    coach.trade(WORKED)
    coach.trade(WORKED | {"id": "T-2"} | trade)
    invalid = coach.values("rollwatch_records_invalid_total")
    assert invalid[f"trades/{check}", "false"] == 1
    assert len(coach.listed) == 1
    assert coach.value(PNL) == 6.9
    assert coach.value("rollwatch_trading_executions_total") == 1


@pytest.mark.parametrize(
    ("quote", "checks"),
    [
        pytest.param({}, set(), id="a good one"),
        pytest.param({"delta": -1, "gamma": 1e-9, "implied_volatility": 0}, set(), id="on the bounds"),
        pytest.param({"gamma": 0}, {("gamma-zero", "true")}, id="gamma = 0"),
        pytest.param({"gamma": 0.0}, {("gamma-zero", "true")}, id="gamma = 0.0"),
        pytest.param({"gamma": -0.01}, {("gamma", "false")}, id="gamma below 0"),
        pytest.param({"gamma": None}, {("gamma", "false")}, id="no gamma"),
        pytest.param({"delta": 1.0001}, {("delta-bounds", "true")}, id="delta above 1"),
        pytest.param({"delta": -1.0001}, {("delta-bounds", "true")}, id="delta below -1"),
        pytest.param({"delta": None}, {("delta", "false")}, id="no delta"),
        pytest.param(
            {"theta": None, "vega": None}, {("theta", "false"), ("vega", "false")}, id="no theta, no vega"
        ),
        pytest.param({"implied_volatility": None}, {("iv", "false")}, id="no implied volatility"),
        pytest.param({"implied_volatility": -0.1}, {("iv", "false")}, id="a negative one"),
    ],
)
def test_quotes_are_judged_by_what_options_data_must_be(
    quote: dict[str, Any], checks: set[tuple[str, str]], coach: Coach
) -> None:
    assert coach.figures.take_records("quotes", [QUOTE, QUOTE | quote, QUOTE, QUOTE]) == []
    invalid = coach.values("rollwatch_records_invalid_total")
    assert {key for key, count in invalid.items() if count} == {
        (f"quotes/{name}", mark) for name, mark in checks
    }
    assert set(invalid.values()) <= {0, 1}
    assert coach.values("rollwatch_records_last_valid_ratio") == {(): 0.75 if checks else 1.0}


def test_an_implied_volatility_far_from_its_own_history_is_counted_apart(coach: Coach) -> None:
    for turn in range(20):
        told = [
            QUOTE | {"implied_volatility": 0.3 + turn % 2 / 100},
            QUOTE | {"symbol": "Y", "implied_volatility": 2},
        ]
        coach.figures.take_records("quotes", told)
    coach.figures.take_records("quotes", [QUOTE | {"implied_volatility": 2}])
    invalid = {key: count for key, count in coach.values("rollwatch_records_invalid_total").items() if count}
    assert invalid == {("quotes/iv-anomaly", "false"): 1}
