"""The two loops everything must work on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import uvloop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["LOOPS", "on_loop"]

T = TypeVar("T")

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "stock": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def on_loop(name: str, main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on the loop named."""
    with asyncio.Runner(loop_factory=LOOPS[name]) as runner:
        return runner.run(main)
