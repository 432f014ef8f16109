"""An options chain with greeks after Black and Scholes, and ways to spoil it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

__all__ = ["chain", "spoil"]

_SPOT = 189.4
_YEARS = 30 / 365
_RATE = 0.045
_STRIKES = range(145, 245, 10)
_GAMMA_ZERO = range(5)
_DELTA_TOO_LARGE = range(5, 9)
_VEGA_MISSING = range(9, 13)

Record = dict[str, str | float]


def chain(rng: random.Random) -> list[Record]:
    """Twenty contracts on one underlying: a call and a put per strike."""
    return [_contract(kind, float(strike), rng) for strike in _STRIKES for kind in ("call", "put")]


def spoil(records: list[Record]) -> None:
    """Make 13 of the 20 records wrong in the three ways real feeds are."""
    for index in _GAMMA_ZERO:
        records[index]["gamma"] = 0.0
    for index in _DELTA_TOO_LARGE:
        records[index]["delta"] = 1.7
    for index in _VEGA_MISSING:
        del records[index]["vega"]


def _contract(kind: str, strike: float, rng: random.Random) -> Record:
    spot = _SPOT * (1 + rng.gauss(0, 0.002))
    # The smile: further from the money, the more volatility is implied.
    volatility = 0.27 + 0.25 * math.log(strike / spot) ** 2 + rng.uniform(-0.005, 0.005)
    spread = volatility * math.sqrt(_YEARS)
    d1 = (math.log(spot / strike) + (_RATE + volatility**2 / 2) * _YEARS) / spread
    d2 = d1 - spread
    density = math.exp(-(d1**2) / 2) / math.sqrt(math.tau)
    sign = 1.0 if kind == "call" else -1.0
    carry = sign * _RATE * strike * math.exp(-_RATE * _YEARS) * _normal(sign * d2)
    return {
        "ticker": f"O:AAPL{kind[0].upper()}{strike * 1000:08.0f}",
        "contract_type": kind,
        "strike_price": strike,
        "delta": round(_normal(d1) - (kind == "put"), 6),
        "gamma": round(density / (spot * spread), 8),
        "theta": round((-spot * density * volatility / (2 * math.sqrt(_YEARS)) - carry) / 365, 6),
        "vega": round(spot * density * math.sqrt(_YEARS) / 100, 6),
        "implied_volatility": round(volatility, 4),
    }


def _normal(x: float) -> float:
    """The standard normal distribution function."""
    return (1 + math.erf(x / math.sqrt(2))) / 2
