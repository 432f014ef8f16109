"""Virtual time: a loop that never waits. Its clock leaps to the next timer when nothing is left to do."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

WALL_AT_START = 1_700_000_000.0


class _LeapingSelector(selectors.DefaultSelector):
    """Where the loop would wait for `timeout` seconds, time moves on by as much instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("the test waits for something that never happens")
        if timeout > 0:
            self.now += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time."""

    def __init__(self) -> None:
        self.leaping = _LeapingSelector()
        super().__init__(self.leaping)

    def time(self) -> float:
        return self.leaping.now


class VirtualClock:
    """Both clocks of a `VirtualLoop`; the wall clock may be set to jump."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.wall_offset = WALL_AT_START - 1000.0

    def monotonic(self) -> float:
        return self._loop.time()

    def wall(self) -> float:
        return self._loop.time() + self.wall_offset

    def stall(self, seconds: float) -> None:
        """Let time pass while the loop does nothing else: what a blocking call does."""
        self._loop.leaping.now += seconds


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def virtual_clock() -> VirtualClock:
    """The clock of the running virtual loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return VirtualClock(loop)
