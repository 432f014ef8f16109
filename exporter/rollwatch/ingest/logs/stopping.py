"""The wish that a source should end, and waiting that ends with it."""

from __future__ import annotations

import asyncio

__all__ = ["Stop"]


class Stop:
    """Asked for at most once, at any time; belongs to one loop."""

    def __init__(self) -> None:
        self._is_requested = False
        self._future: asyncio.Future[None] | None = None

    @property
    def is_requested(self) -> bool:
        """Whether to end."""
        return self._is_requested

    def request(self) -> None:
        """Ask for the end, and wake who waits."""
        self._is_requested = True
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    def future(self) -> asyncio.Future[None]:
        """Done when the end is asked for."""
        if self._future is None:
            self._future = asyncio.get_running_loop().create_future()
            if self._is_requested:
                self._future.set_result(None)
        return self._future

    async def pause(self, seconds: float) -> None:
        """Wait, or until the end is asked for."""
        await asyncio.wait({self.future()}, timeout=seconds)
