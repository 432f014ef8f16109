"""Where the figures and records go that a run has read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from rollwatch.probers.run import Run

if TYPE_CHECKING:
    from rollwatch.figures.board import Board

__all__ = ["Deliver", "delivery_to", "nothing_delivered"]

Deliver = Callable[[str, str, Run], Awaitable[None]]
"""`await deliver(service, probe, run)`: takes what a decided run of a probe has read."""


async def nothing_delivered(service: str, probe: str, run: Run) -> None:
    """For engines without figures."""


def delivery_to(board: Board) -> Deliver:
    """Everything goes to `board`."""

    async def deliver(service: str, probe: str, run: Run) -> None:
        figures = board.service(service)
        if figures is not None:
            await figures.take_run(probe, run.figures, run.records)

    return deliver
