"""The life of one program, followed in a thread of its own."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from rollwatch.rollback.strategies.family import Family
from rollwatch.rollback.strategies.heir import Heir
from rollwatch.rollback.strategies.output import KEPT_BYTES, Output
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import IO

    from rollwatch.clock import Clock

__all__ = ["KILL_AFTER_S", "Command", "Ended", "Ending", "Supervision"]

KILL_AFTER_S = 5.0
"""Between asking a program to end and ending it."""

_DRAIN_S = 1.0
"""How long output is awaited after the end, where a process that went into the background holds it open."""
_GONE_S = 5.0
"""How long the kernel may take to end what was killed."""
_POLL_S = 0.05
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Command:
    """What is run, and within which limits."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    timeout_s: float
    kill_after_s: float = KILL_AFTER_S
    kept_bytes: int = KEPT_BYTES
    is_stderr_apart: bool = False
    """Whether what it says about its work is kept apart from what it prints."""


class Ending(StrEnum):
    """Who ended a program."""

    ITSELF = "itself"
    DEADLINE = "deadline"
    STOPPED = "stopped"
    NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True)
class Ended:
    """How it went. `exit_code` is known where the program ended by itself."""

    ending: Ending
    exit_code: int | None
    output: Output
    errors: Output
    """Its stderr, where that is kept apart."""
    why: str = ""
    """Why it could not be started."""
    lasted_s: float = 0.0


class Supervision:
    """One run: `run` in a thread, once; `stop` from any other."""

    def __init__(self, command: Command, clock: Clock, started: Callable[[int], None] | None = None) -> None:
        """`started` is called with the process id, in the thread of `run`."""
        self._command = command
        self._clock = clock
        self._started = started
        self._output = Output(command.kept_bytes)
        self._errors = Output()
        self._lock = threading.Lock()
        self._is_over = False
        self._is_stopped = False
        self._woken, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def stop(self) -> None:
        """End it and all its descendants; does nothing when it is over."""
        with self._lock:
            if not (self._is_over or self._is_stopped):
                self._is_stopped = True
                os.write(self._wake, b"x")

    def run(self) -> Ended:
        """Start it and wait until it has ended, all of it unless it ended by itself."""
        try:
            return self._run()
        finally:
            with self._lock:
                self._is_over = True
                os.close(self._woken)
                os.close(self._wake)

    def _run(self) -> Ended:
        if self._is_stopped:
            return self._ended(Ending.STOPPED)
        began = self._clock.monotonic()
        with contextlib.ExitStack() as stack:
            try:
                process, outputs = self._start(stack)
            except (OSError, ValueError) as error:
                return self._ended(Ending.NOT_STARTED, why=_why_not(error))
            if self._started is not None:
                self._started(process.pid)
            with _Watch(process.pid, outputs, self._woken, self._clock) as watch:
                ending = watch.until(began + self._command.timeout_s)
                if ending is not Ending.ITSELF:
                    self._end(Family(process.pid), watch)
                watch.drain(_DRAIN_S)
                exit_code = _reap(process)
        return self._ended(
            ending,
            exit_code=exit_code if ending is Ending.ITSELF else None,
            lasted_s=self._clock.monotonic() - began,
        )

    def _start(
        self, stack: contextlib.ExitStack
    ) -> tuple[subprocess.Popen[bytes], list[tuple[IO[bytes] | None, Output]]]:
        """What is left on `stack` ends with the program. Raises OSError, ValueError."""
        command = self._command
        if command.is_stderr_apart:
            # A question: when nobody is left to hear the answer, it may end.
            process = self._popen(subprocess.PIPE, subprocess.PIPE)
            return process, [(process.stdout, self._output), (process.stderr, self._errors)]
        with contextlib.ExitStack() as ends:
            read, write = os.pipe2(os.O_CLOEXEC)
            ends.callback(os.close, read)
            ends.callback(os.close, write)
            stack.enter_context(Heir(read, command.env.get("PATH", os.defpath)))
            # Opened anew: that we never wait in reading must not make the heir's reading fail.
            ours = Path(f"/proc/self/fd/{read}").open("rb", buffering=0)  # noqa: SIM115  the watch closes it
            try:
                return self._popen(write, subprocess.STDOUT), [(ours, self._output)]
            except BaseException:
                ours.close()
                raise

    def _popen(self, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  an argv of the configuration; no shell
            list(self._command.argv),
            cwd=self._command.cwd,
            env=dict(self._command.env),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )

    def _ended(
        self, ending: Ending, *, exit_code: int | None = None, why: str = "", lasted_s: float = 0.0
    ) -> Ended:
        return Ended(ending, exit_code, self._output, self._errors, why, lasted_s)

    def _end(self, family: Family, watch: _Watch) -> None:
        family.signal(signal.SIGTERM)
        if not watch.drain_until_gone(family, self._command.kill_after_s):
            family.signal(signal.SIGKILL)
            watch.drain_until_gone(family, _GONE_S)


class _Watch:
    """Sees when a program writes, when it ends, and when it is to end."""

    def __init__(
        self, pid: int, outputs: Iterable[tuple[IO[bytes] | None, Output]], woken: int, clock: Clock
    ) -> None:
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._pid_fd = os.pidfd_open(pid)
        self._woken = woken
        self._open: dict[IO[bytes], Output] = {}
        for pipe, output in outputs:
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, selectors.EVENT_READ)
                self._open[pipe] = output
        self._selector.register(self._pid_fd, selectors.EVENT_READ, Ending.ITSELF)
        self._selector.register(woken, selectors.EVENT_READ, Ending.STOPPED)

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        os.close(self._pid_fd)
        for pipe in self._open:
            pipe.close()

    def until(self, deadline: float) -> Ending:
        """Take what is written until the program ends, is to be stopped, or `deadline` passes."""
        ending = Ending.DEADLINE
        while ending is Ending.DEADLINE and (left := deadline - self._clock.monotonic()) > 0:
            said = self._take_within(left)
            # Who ended by itself was not stopped, also where both are seen at once.
            ending = Ending.ITSELF if Ending.ITSELF in said else next(iter(said), ending)
        for watched in (self._pid_fd, self._woken):
            self._selector.unregister(watched)
        return ending

    def drain(self, within_s: float) -> None:
        """Take what is left, up to the end of the output, for at most so long."""
        deadline = self._clock.monotonic() + within_s
        while self._open and (left := deadline - self._clock.monotonic()) > 0:
            self._take_within(left)

    def drain_until_gone(self, family: Family, within_s: float) -> bool:
        """Take what is written until nobody of `family` lives; whether that came in time."""
        deadline = self._clock.monotonic() + within_s
        while family.alive():
            if self._clock.monotonic() > deadline:
                return False
            self._take_within(_POLL_S)
        return True

    def _take_within(self, seconds: float) -> set[Ending]:
        """Take what is written, once, within `seconds`; what else was seen."""
        ready = self._selector.select(seconds)
        for pipe in [pipe for pipe in self._open if any(key.fileobj is pipe for key, _ in ready)]:
            self._take(pipe)
        return {key.data for key, _ in ready if key.data is not None}

    def _take(self, pipe: IO[bytes]) -> None:
        try:
            data = os.read(pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return
        if data:
            self._open[pipe].take(data)
        else:
            self._selector.unregister(pipe)
            del self._open[pipe]
            pipe.close()


def _reap(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(_GONE_S)
    except subprocess.TimeoutExpired:
        return None


def _why_not(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        place = f": {clean(str(error.filename), 100)}" if error.filename is not None else ""
        return f"{error.strerror or 'it was refused'}{place}"
    return "its arguments or variables can't be passed to a program"
