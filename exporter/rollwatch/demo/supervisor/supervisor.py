"""Starts processes in order, watches them, and ends them in the opposite order."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp

from rollwatch.demo.supervisor.lifeline import sweep
from rollwatch.demo.supervisor.portcheck import taken_ports
from rollwatch.demo.supervisor.process import Child, ChildFailed, Process
from rollwatch.demo.supervisor.runlock import held
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["supervise"]

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ASK_TIMEOUT = aiohttp.ClientTimeout(total=2)


async def supervise(
    processes: Sequence[Process],
    *,
    lock: Path,
    environment: Mapping[str, str],
    ready_within_s: float,
    announce: Callable[[], None],
    say: Callable[[str], None],
    elsewhere: str,
) -> None:
    """Run all of them until SIGINT, SIGTERM or SIGHUP; a second signal kills at once.

    `announce` is called when all are ready; `elsewhere` is what to type for other ports.
    Raises DemoError if a port is taken or another supervisor holds `lock`, ChildFailed if a process
    fails; none is left running in any case.
    """
    marker = secrets.token_hex(16)
    with held(lock, marker) as killed:
        if killed is not None:
            # Its lifeline ends them too, but may not have got there yet.
            await asyncio.to_thread(sweep, killed.marker)
        _refuse_taken_ports(processes, elsewhere)
        run = _SupervisedRun(environment, marker, say)
        await run.go(processes, ready_within_s, announce)


def _refuse_taken_ports(processes: Sequence[Process], elsewhere: str) -> None:
    problems = [problem for process in processes for problem in taken_ports(process.ports)]
    if problems:
        listing = "\n".join(f"  {problem}" for problem in problems)
        raise DemoError(
            f"the demo can't start:\n{listing}\nStop what holds them, or choose other ports: {elsewhere}"
        )


class _SupervisedRun:
    """The children of one run, from the first start to the last end."""

    def __init__(self, environment: Mapping[str, str], marker: str, say: Callable[[str], None]) -> None:
        self._environment = environment
        self._marker = marker
        self._say = say
        self._children: list[Child] = []
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()

    async def go(
        self, processes: Sequence[Process], ready_within_s: float, announce: Callable[[], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        # A signal that our own starter had us ignore (nohup) stays ignored.
        obeyed = [number for number in _STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        for number in obeyed:
            loop.add_signal_handler(number, self._asked_to_stop)
        lifeline = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "rollwatch.demo.supervisor.lifeline",
            self._marker,
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        stopping = asyncio.create_task(self._stop.wait(), name="asked to stop")
        running = asyncio.create_task(self._run(processes, ready_within_s, announce), name="run")
        unguarded = asyncio.create_task(lifeline.wait(), name="lifeline ended")
        try:
            await asyncio.wait([stopping, running, unguarded], return_when=asyncio.FIRST_COMPLETED)
            if unguarded.done():
                raise ChildFailed("the process that guards against orphans has ended; it must not")
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
        finally:
            for task in (stopping, running, unguarded):
                task.cancel()
            await self._stop_all()
            if lifeline.stdin is not None:
                lifeline.stdin.close()
            await lifeline.wait()
            for number in obeyed:
                loop.remove_signal_handler(number)

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def _run(
        self, processes: Sequence[Process], ready_within_s: float, announce: Callable[[], None]
    ) -> None:
        """Ends only by cancellation or ChildFailed."""
        async with aiohttp.ClientSession(timeout=_ASK_TIMEOUT) as session:
            for process in processes:
                child = await Child.start(process, self._environment, self._marker)
                self._children.append(child)
                await child.until_ready(session, ready_within_s)
        announce()
        ends = {asyncio.create_task(child.wait(), name=child.process.name): child for child in self._children}
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        first = next(iter(done))
        raise ends[first].failure(first.result())

    async def _stop_all(self) -> None:
        for child in reversed(self._children):
            self._say(f"stopping {child.process.name}")
            await child.stop(self._hurry)
        # What a child left behind (its own children) goes too.
        await asyncio.to_thread(sweep, self._marker)
