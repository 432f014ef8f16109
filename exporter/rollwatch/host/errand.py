"""A blocking call that may never come back, sent off in a thread of its own.

The default executor is not for these: it joins its threads at exit, so that one hung network mount would keep
the process from ending. Here the thread is a daemon, and a call that has not come back is never made again.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Errand"]

T = TypeVar("T")


class Errand(Generic[T]):
    """Runs `function` in a daemon thread, at most once at a time."""

    def __init__(self, name: str, function: Callable[[], T]) -> None:
        self._name = name
        self._function = function
        self._is_out = False

    @property
    def is_out(self) -> bool:
        """Whether a call has not come back yet."""
        return self._is_out

    async def run(self, within_s: float) -> T:
        """What the function gives or raises; TimeoutError if it, or the call before it, takes too long."""
        if self.is_out:
            raise TimeoutError(f"{self._name} has not come back since an earlier reading")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def post(result: T | None, error: Exception | None) -> None:
            # Cancelled means nobody waits any more.
            if not done.done():
                if error is None:
                    done.set_result(result)  # type: ignore[arg-type]  # result is T where there is no error
                else:
                    done.set_exception(error)

        def work() -> None:
            result: T | None = None
            failure: Exception | None = None
            try:
                result = self._function()
            except Exception as error:  # noqa: BLE001  raised again where the result is awaited
                failure = error
            self._is_out = False
            with suppress(RuntimeError):  # the loop is closed: the process is ending
                loop.call_soon_threadsafe(post, result, failure)

        self._is_out = True
        threading.Thread(target=work, name=self._name, daemon=True).start()
        try:
            async with asyncio.timeout(within_s):
                return await done
        except TimeoutError:
            raise TimeoutError(f"{self._name} did not come back within {within_s:g} s") from None
