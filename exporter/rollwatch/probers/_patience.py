"""Waiting for a peer until a moment, without blaming it when we ourselves slept through that moment."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from rollwatch.clock import Clock

__all__ = ["is_overslept", "wait_until"]

_LATE_S = 0.1
"""A timer that fires this late did so because the process stood still, or can't keep up."""
_CATCH_UP_S = 1.0


async def wait_until(first: Collection[asyncio.Future[Any]], until_s: float, clock: Clock) -> None:
    """Wait for the first of `first`, until `clock` reads `until_s` (infinity: without a bound of its own).

    If we stood still then (a stopped process, a frozen machine), up to one second longer: what the peer
    said in time is here, and only has to be read.
    """
    timeout_s = None if until_s == math.inf else max(0.0, until_s - clock.monotonic())
    await asyncio.wait(first, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    if is_overslept(until_s, clock):
        await asyncio.wait(first, timeout=_CATCH_UP_S, return_when=asyncio.FIRST_COMPLETED)


def is_overslept(until_s: float, clock: Clock) -> bool:
    """Whether a timer set to `until_s`, which fires only now, is late by our own fault."""
    return clock.monotonic() - until_s > _LATE_S
