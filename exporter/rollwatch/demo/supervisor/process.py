"""One process of the demo: what it is, and its life as a child of the supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from rollwatch.demo.supervisor.lifeline import MARKER
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["Child", "ChildFailed", "Process", "last_lines"]

_LINES_SHOWN = 20
_BYTES_READ = 16_384
_SECONDS_BETWEEN_ASKING = 0.1
_SECONDS_TO_DIE = 5.0


def _nothing() -> None:
    """Nothing to prepare."""


@dataclass(frozen=True, slots=True)
class Process:
    """What to start. `ready_url` answers 200 once it is ready; it gives None while the address is unknown."""

    name: str
    argv: tuple[str, ...]
    log: Path
    ready_url: Callable[[], str | None]
    ports: Mapping[str, int] = field(default_factory=dict)
    """What it is going to listen on, for people: title -> port; 0 is not checked."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the supervisor's own environment."""
    stop_within_s: float = 5.0
    prepare: Callable[[], None] = _nothing
    """Called in a thread right before the start, when all that start earlier are ready."""


class ChildFailed(DemoError):  # noqa: N818  an event, told to a person
    """A process of the demo did not start or did not stay; the message holds its last lines."""


def last_lines(log: Path) -> str:
    """The end of a log, for a person: at most 20 lines, indented, control characters replaced."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _BYTES_READ))
            text = file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"    ({log} can't be read: {error.strerror})"
    lines = text.splitlines()[-_LINES_SHOWN:]
    if not lines:
        return "    (it wrote nothing)"
    return "\n".join(
        "    "
        + "".join(
            char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in line
        )
        for line in lines
    )


class Child:
    """A started process, leader of its own process group."""

    def __init__(self, process: Process, handle: asyncio.subprocess.Process) -> None:
        self.process = process
        self._handle = handle

    @classmethod
    async def start(cls, process: Process, environment: Mapping[str, str], marker: str) -> Child:
        """Start with a log of its own. Raises ChildFailed if the program can't be run, and what its
        preparation raises."""
        await asyncio.to_thread(process.prepare)
        log = await asyncio.to_thread(_fresh_log, process.log)
        try:
            handle = await asyncio.create_subprocess_exec(
                *process.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env={**environment, **process.env, MARKER: marker},
                # A Ctrl-C at the terminal is the supervisor's alone: it ends its children in order.
                start_new_session=True,
            )
        except OSError as error:
            raise ChildFailed(
                f"{process.name} can't be started: {process.argv[0]}: {error.strerror}"
            ) from error
        finally:
            os.close(log)
        return cls(process, handle)

    @property
    def pid(self) -> int:
        return self._handle.pid

    async def wait(self) -> int:
        """Wait for its end; the exit status, negative for a signal."""
        return await self._handle.wait()

    async def until_ready(self, session: aiohttp.ClientSession, within_s: float) -> None:
        """Wait until it is ready. Raises ChildFailed if it ends before, or takes longer."""
        ended = asyncio.create_task(self.wait(), name=f"{self.process.name} ended")
        try:
            async with asyncio.timeout(within_s):
                while not ended.done():
                    if await _answers(session, await asyncio.to_thread(self.process.ready_url)):
                        return
                    await asyncio.wait([ended], timeout=_SECONDS_BETWEEN_ASKING)
        except TimeoutError:
            raise ChildFailed(
                f"{self.process.name} was not ready after {within_s:g} s; the last lines of "
                f"{self.process.log}:\n{last_lines(self.process.log)}"
            ) from None
        finally:
            ended.cancel()
        raise self.failure(ended.result())

    def failure(self, status: int) -> ChildFailed:
        """Its unwanted end, in words."""
        how = f"status {status}" if status >= 0 else f"signal {_signal_name(-status)}"
        return ChildFailed(
            f"{self.process.name} ended with {how}; the last lines of "
            f"{self.process.log}:\n{last_lines(self.process.log)}"
        )

    async def stop(self, hurry: asyncio.Event) -> None:
        """TERM to its group, then KILL: when its time is up, or at once when `hurry` is set."""
        self._signal(signal.SIGTERM)
        waiter = asyncio.create_task(self.wait(), name=f"{self.process.name} stopping")
        hurried = asyncio.create_task(hurry.wait(), name="hurry")
        await asyncio.wait(
            [waiter, hurried], timeout=self.process.stop_within_s, return_when=asyncio.FIRST_COMPLETED
        )
        hurried.cancel()
        self._signal(signal.SIGKILL)
        await asyncio.wait([waiter], timeout=_SECONDS_TO_DIE)
        waiter.cancel()

    def _signal(self, number: signal.Signals) -> None:
        # Only while it is known to live: afterwards its id may belong to somebody else.
        if self._handle.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._handle.pid, number)


async def _answers(session: aiohttp.ClientSession, url: str | None) -> bool:
    if url is None:
        return False
    try:
        async with session.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


def _fresh_log(path: Path) -> int:
    """An empty log; the one of the run before is kept beside it."""
    with suppress(FileNotFoundError):
        path.replace(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
