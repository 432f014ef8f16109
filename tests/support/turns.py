"""Watches whether the loop lives while something long is done."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["turns_of_the_loop"]


@asynccontextmanager
async def turns_of_the_loop() -> AsyncIterator[list[int]]:
    """A list with a 0 for every turn so far, to which a test may add what happens in the latest."""
    turns = [0]

    async def turn() -> None:
        while True:
            turns.append(0)
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    try:
        yield turns
    finally:
        turning.cancel()
        with suppress(asyncio.CancelledError):
            await turning
