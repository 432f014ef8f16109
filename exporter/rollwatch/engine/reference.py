"""Is our own network there? Asked before a target is blamed for being unreachable."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.clock import Clock

__all__ = ["ReferenceCheck"]

_FRESH_S = 2.0


class ReferenceCheck:
    """Opens a TCP connection to an address that is up whenever our network is."""

    def __init__(
        self, host: str, port: int, timeout_s: float, clock: Clock, report: Callable[[bool], None]
    ) -> None:
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._clock = clock
        self._report = report
        self._is_up = True
        self._asked_s: float | None = None
        self._lock = asyncio.Lock()

    async def is_up(self) -> bool:
        """The answer, at most 2 s old; one check serves all who ask meanwhile. Bounded by its timeout."""
        async with self._lock:
            now = self._clock.monotonic()
            if self._asked_s is None or now - self._asked_s > _FRESH_S:
                self._is_up = await self._ask()
                self._asked_s = self._clock.monotonic()
                self._report(self._is_up)
            return self._is_up

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(self._timeout_s):
                _, writer = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError):
            return False
        writer.transport.abort()
        return True

    async def live(self, interval_s: float) -> None:
        """Ask every `interval_s` until cancelled, so that the metric is there when nothing is wrong."""
        while True:
            await self.is_up()
            await asyncio.sleep(interval_s)
