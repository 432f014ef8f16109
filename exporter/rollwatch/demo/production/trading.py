"""The trading desk: options bought and sold again, pushed as records the exporter makes figures of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rollwatch.demo.faults import Fault
from rollwatch.demo.production.pusher import Pusher
from rollwatch.demo.production.sender import Sender, SenderEnv
from rollwatch.demo.production.site import SYMBOLS

if TYPE_CHECKING:
    from random import Random

__all__ = ["SENDER", "trade"]

_TRADES_PER_INTERVAL = 2.5
_USUAL_PERCENT = (8.0, 0.6)
_DRIFTED_PERCENT = (-22.0, 0.6)
_COMMISSION = 0.13
_SLIPPAGE = 0.025
"""Of one contract, in dollars; commission is what was expected, slippage about it."""


def trade(rng: Random, trade_id: str, filled_at: float, *, is_drifting: bool) -> dict[str, Any]:
    """One round trip whose net is about 8 % of what was paid; while it drifts, 22 % are lost.

    Prices in dollars per contract, commission and slippage in dollars for all of them, moments in Unix
    seconds. 5.00 to 5.50, 10 contracts, 1.30 and 0.25 are 5.00 gross and 3.45 net: 6.9 % of 50.00.
    """
    quantity = rng.randrange(10, 40, 5)
    entry = round(rng.uniform(4.0, 9.0), 2)
    commission = round(_COMMISSION * quantity, 2)
    slippage = round(_SLIPPAGE * quantity * rng.uniform(0.8, 1.2), 2)
    net = entry * quantity * rng.gauss(*(_DRIFTED_PERCENT if is_drifting else _USUAL_PERCENT)) / 100
    return {
        "id": trade_id,
        "symbol": rng.choice(tuple(SYMBOLS)),
        "entry": entry,
        "exit": round(entry + (net + commission + slippage) / quantity, 2),
        "quantity": quantity,
        "commission": commission,
        "slippage": slippage,
        "expected_slippage": round(_SLIPPAGE * quantity, 2),
        "market": round(entry * (1 - abs(rng.gauss(0, 0.002))), 4),
        "order_at": round(filled_at - min(3.0, 0.12 * rng.lognormvariate(0, 0.5)), 3),
        "filled_at": round(filled_at, 3),
    }


async def _work(env: SenderEnv) -> None:
    pusher = Pusher(env.postbox, env.tokens.push_trading, "desk-1", env.clock, env.new_id)
    while True:
        await asyncio.sleep(env.interval_s / _TRADES_PER_INTERVAL)
        record = trade(
            env.rng, env.new_id(), env.clock.wall(), is_drifting=env.board.is_on(Fault.DRIFTING_PNL)
        )
        await pusher.push(records={"trades": [record]})


SENDER = Sender(
    name="trading",
    sends="trades as records, pushed; the exporter makes profit, cost and variance of them",
    work=_work,
)
