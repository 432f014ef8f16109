"""Runs a program: no shell, a session of its own, a deadline that ends all of it, bounded output."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from rollwatch.clock import Clock, SystemClock
from rollwatch.rollback.strategies.family import identity
from rollwatch.rollback.strategies.output import KEPT_BYTES
from rollwatch.rollback.strategies.redaction import Redaction
from rollwatch.rollback.strategies.supervision import KILL_AFTER_S, Command, Ended, Ending, Supervision
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "KILL_AFTER_S",
    "CommandAnswer",
    "CommandResult",
    "Started",
    "ask_command",
    "result_of",
    "run_command",
    "supervise",
]

T = TypeVar("T")

_ANSWER_BYTES = 8 * 2**20

Started = Callable[[str], Awaitable[None]]
"""Told the program's `family.identity` as soon as it runs."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a program ended."""

    exit_code: int | None
    """Negative: ended by that signal. None: not started, or ended by us."""
    timed_out: bool
    output: str
    """What it wrote to stdout and stderr: bounded, printable lines, without the secrets it was given."""
    not_started: str | None = None
    """Why it could not be started, in words for a person."""
    lasted_s: float = 0.0

    @property
    def is_success(self) -> bool:
        return self.exit_code == 0

    @property
    def ending(self) -> str:
        """For a person, to follow the program's name: `ended with exit status 3`."""
        if self.not_started is not None:
            return f"could not be started: {self.not_started}"
        if self.timed_out:
            return f"was ended, since it had not finished after {self.lasted_s:.0f} s"
        if self.exit_code is None:
            return "was ended"
        if self.exit_code < 0:
            return f"was ended by {_signal_name(-self.exit_code)}"
        return f"ended with exit status {self.exit_code}"

    @property
    def last_line(self) -> str:
        """The last line that says something, on one bounded line: often the reason."""
        lines = [line for line in self.output.splitlines() if line.strip()]
        return clean(lines[-1].strip()) if lines else ""


async def run_command(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    secrets: Iterable[str] = (),
    clock: Clock | None = None,
    kill_after_s: float = KILL_AFTER_S,
    kept_bytes: int = KEPT_BYTES,
    on_started: Started | None = None,
) -> CommandResult:
    """Run `argv` with exactly `env`, and wait for its end; raises nothing for what the program does.

    At the deadline, and when this is cancelled, the program and all its descendants get SIGTERM, and SIGKILL
    `kill_after_s` later; only then does this return. What the program left in the background when it ended by
    itself lives on. `secrets` are replaced by `***` in the output. What `on_started` raises ends the program
    and is raised.
    """
    command = Command(
        tuple(argv), cwd, dict(env), timeout_s, kill_after_s=kill_after_s, kept_bytes=kept_bytes
    )
    redaction = Redaction(secrets)
    ended, output = await supervise(
        command, clock or SystemClock(), lambda ended: ended.output.text(redaction), on_started
    )
    return result_of(ended, output, redaction)


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """What a program printed to stdout, whole; `result.output` is what it said on stderr."""

    printed: str
    result: CommandResult


async def ask_command(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    secrets: Iterable[str] = (),
    clock: Clock | None = None,
) -> CommandAnswer:
    """As `run_command`, for a program whose stdout is an answer: at most 8 MiB, else it is no answer."""
    command = Command(tuple(argv), cwd, dict(env), timeout_s, kept_bytes=_ANSWER_BYTES, is_stderr_apart=True)
    redaction = Redaction(secrets)
    ended, said = await supervise(command, clock or SystemClock(), lambda ended: ended.errors.text(redaction))
    printed = ended.output.whole()
    result = result_of(ended, said, redaction)
    if printed is None:
        too_much = f"it printed {ended.output.total} bytes, too many for an answer"
        return CommandAnswer("", replace(result, exit_code=None, output=too_much))
    return CommandAnswer(printed.decode("utf-8", "replace"), result)


def result_of(ended: Ended, said: str, redaction: Redaction) -> CommandResult:
    """`ended` for others, with what it `said`."""
    return CommandResult(
        ended.exit_code,
        timed_out=ended.ending is Ending.DEADLINE,
        output=said,
        not_started=redaction.redact(ended.why) if ended.ending is Ending.NOT_STARTED else None,
        lasted_s=ended.lasted_s,
    )


async def supervise(
    command: Command, clock: Clock, then: Callable[[Ended], T], on_started: Started | None = None
) -> tuple[Ended, T]:
    """As `run_command`, for whoever needs more of its end; `then` is called in the thread, for slow work."""
    loop = asyncio.get_running_loop()
    name: asyncio.Future[str | None] = loop.create_future()

    def named(found: str | None) -> None:
        if not name.done():
            name.set_result(found)

    def started(pid: int) -> None:
        # Here, where it can't be reaped yet: later its number may be another's.
        loop.call_soon_threadsafe(named, identity(pid, or_ended=True))

    def work() -> tuple[Ended, T]:
        try:
            ended = supervision.run()
            return ended, then(ended)
        finally:
            loop.call_soon_threadsafe(named, None)

    supervision = Supervision(command, clock, started)
    # A thread of its own: long commands must not use up the threads that everything else shares.
    thread = ThreadPoolExecutor(1, thread_name_prefix=f"command {clean(command.argv[0], 40)}")
    ended = loop.run_in_executor(thread, work)
    thread.shutdown(wait=False)
    try:
        found = await asyncio.shield(name)
        if found is not None and on_started is not None:
            await on_started(found)
        return await asyncio.shield(ended)
    except BaseException:
        supervision.stop()
        while not ended.done():
            # Cancelled once more: what was started is ended all the same.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([ended])
        ended.exception()
        raise


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
