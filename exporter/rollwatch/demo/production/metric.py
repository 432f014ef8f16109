"""One metric of a push, in the documented form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

__all__ = ["count_of", "metric"]


def metric(
    name: str,
    *,
    value: float | None = None,
    add: float | None = None,
    total: float | None = None,
    observe: list[float] | None = None,
    **labels: str,
) -> dict[str, Any]:
    """What is said of one series: a value, what is to be added, a running total, or observations."""
    said = {"value": value, "add": add, "total": total, "observe": observe}
    return {"name": name, "labels": labels} | {key: what for key, what in said.items() if what is not None}


def count_of(rng: Random, expected: float) -> int:
    """How often something happened that is expected so often."""
    return max(0, round(rng.gauss(expected, math.sqrt(expected) / 2)))
