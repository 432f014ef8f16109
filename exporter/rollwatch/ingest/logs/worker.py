"""A thread of one source's own, for calls that a dead file system may hold for ever."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.ingest.logs.stopping import Stop

__all__ = ["Worker"]

T = TypeVar("T")


class Worker:
    """Makes calls one after another in its thread.

    Not the loop's default threads: a few hung disks would use up all of them. And as the thread makes one
    call at a time, what closes the descriptors is queued behind a call that hangs: none is closed under it.
    """

    def __init__(self, name: str, silence_s: float) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._silence_s = silence_s

    async def call(self, function: Callable[[], T], stop: Stop, on_silence: Callable[[], None]) -> T | None:
        """What `function` returns or raises; None if `stop` came first, and then the call goes on unheard.

        `on_silence` is called after every `silence_s` seconds without an answer. Cancellation ends the wait.
        """
        call = asyncio.get_running_loop().run_in_executor(self._threads, function)
        waited_for: set[asyncio.Future[Any]] = {call, stop.future()}
        while not call.done():
            done, _ = await asyncio.wait(
                waited_for, timeout=self._silence_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                on_silence()
            elif call not in done:
                return None
        return call.result()

    def end(self, last: Callable[[], None]) -> None:
        """Make one last call behind the one that may be out, and no other; waits for neither."""
        self._threads.submit(last)
        self._threads.shutdown(wait=False)
