"""Long work on a shared loop, in slices short enough for everything else on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollwatch.clock import Clock

__all__ = ["at_once", "in_slices"]

_SLICE_S = 0.001


def at_once(steps: Iterable[None]) -> None:
    """Do all steps in one go."""
    for _ in steps:
        pass


async def in_slices(steps: Iterable[None], clock: Clock) -> None:
    """Do all steps, giving way to other tasks every millisecond."""
    began = clock.monotonic()
    for _ in steps:
        if clock.monotonic() - began >= _SLICE_S:
            await asyncio.sleep(0)
            began = clock.monotonic()
