"""Finds a program again that an earlier handler started, and waits for its end."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

from rollwatch.rollback.strategies.environment import ORDER_VARIABLE
from rollwatch.rollback.strategies.family import Family, identity, marked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rollwatch.clock import Clock

__all__ = ["end_strays", "follow"]

_POLL_S = 0.2
_KILL_AFTER_S = 5.0


async def follow(memo: Mapping[str, Any], order_id: str, clock: Clock, within_s: float) -> bool:
    """Wait for the end of the process of `memo`; after `within_s` it is ended, as its own handler would have.

    Returns whether it was still running at first. What it left in the background is let alone: that may be
    the service itself.
    """
    name = str(memo.get("process") or "")
    pid = int(name.partition(":")[0]) if name.partition(":")[0].isdecimal() else None
    if pid is None:
        # The handler died between the start and the note. Which of the order's processes does the work can't
        # be told from what it started for good: they are awaited, and none is ended.
        ran_on = bool(await asyncio.to_thread(marked, ORDER_VARIABLE, order_id))
        await _ends(lambda: bool(marked(ORDER_VARIABLE, order_id)), clock, within_s)
        return ran_on

    def is_running() -> bool:
        return identity(pid) == name

    if not await asyncio.to_thread(is_running):
        return False
    if await _ends(is_running, clock, within_s):
        return True
    family = Family(pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        await asyncio.to_thread(family.signal, number)
        if await _ends(lambda: bool(family.alive()), clock, _KILL_AFTER_S):
            break
    return True


async def end_strays(order_id: str, clock: Clock, within_s: float) -> None:
    """Let what still runs for an order end by itself within `within_s`, then end it.

    Only for what may always be ended: fetching, pushing, building.
    """
    if not await _ends(lambda: bool(marked(ORDER_VARIABLE, order_id)), clock, within_s):
        await asyncio.to_thread(_kill_marked, order_id)


async def _ends(is_running: Callable[[], bool], clock: Clock, within_s: float) -> bool:
    deadline = clock.monotonic() + within_s
    while await asyncio.to_thread(is_running):
        if clock.monotonic() >= deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True


def _kill_marked(order_id: str) -> None:
    for _ in range(20):
        pids = marked(ORDER_VARIABLE, order_id)
        if not pids:
            return
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
