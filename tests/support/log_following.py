"""Following logs in tests: steps by hand, runs in a task, and programs that write and rotate."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rollwatch.ingest.logs.limits import ReadLimits
from rollwatch.ingest.logs.trail import Trail
from support.manual_clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from rollwatch.ingest.logs.look import Opener
    from rollwatch.ingest.logs.place import Position
    from rollwatch.ingest.logs.reading import Reading
    from rollwatch.ingest.logs.source import LogSource
    from rollwatch.ingest.logs.state import Rotation

__all__ = [
    "QUICK",
    "Followed",
    "Taken",
    "Writer",
    "fill",
    "numbers_in",
    "open_files",
    "running",
    "until",
]

QUICK = ReadLimits(poll_s=0.01, retry_s=0.05, silence_s=0.1)
_DEADLINE_S = 40.0


class Followed:
    """A trail that is stepped by hand, on a clock that is moved by hand; one grace time is 10 s."""

    def __init__(
        self,
        path: Path,
        *,
        from_start: bool = False,
        resume: Position | None = None,
        limits: ReadLimits | None = None,
        opener: Opener = os.open,
    ) -> None:
        self.clock = ManualClock()
        self.rotations: list[Rotation] = []
        self.too_long = 0
        self.steps = 0
        self._trail = Trail(
            path, self.clock, limits or ReadLimits(), opener, from_start=from_start, resume=resume
        )
        self.last: Reading

    def step(self) -> list[bytes]:
        """What one step gives."""
        self.steps += 1
        self.last = self._trail.advance()
        self.rotations += self.last.rotations
        self.too_long += self.last.too_long
        return self.last.lines

    def lines(self) -> list[bytes]:
        """Everything there is now."""
        lines = list(self.step())
        while self.last.has_more:
            lines += self.step()
        return lines

    def close(self) -> Position:
        """End it, and say where it stopped."""
        self._trail.close()
        return self.last.position


class Taken:
    """A consumer that keeps all lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.calls = 0

    async def take(self, lines: list[bytes]) -> None:
        self.calls += 1
        self.lines += lines


@contextlib.asynccontextmanager
async def running(source: LogSource, taken: Taken) -> AsyncIterator[asyncio.Task[None]]:
    """The source in a task, stopped at the end."""
    task = asyncio.create_task(source.run(taken.take), name="log source")
    try:
        yield task
    finally:
        source.stop()
        async with asyncio.timeout(_DEADLINE_S):
            await task


async def until(condition: Callable[[], object]) -> None:
    """Wait for it, with a deadline."""
    async with asyncio.timeout(_DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.005)


class Writer:
    """Appends numbered lines to a file from a thread, as fast as `pause_s` between bursts allows.

    `reopen_late` makes it open the path anew, after it has written `late` more lines to the old file.
    """

    def __init__(self, path: Path, *, burst: int = 20, pause_s: float = 0.0005, late: int = 50) -> None:
        self._path = path
        self._burst = burst
        self._pause_s = pause_s
        self._late = late
        self._reopen = threading.Event()
        self._reopened = threading.Event()
        self._end = threading.Event()
        self.written = 0
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(_DEADLINE_S)

    def reopen_late(self) -> None:
        """Ask for it; returns at once."""
        self._reopened.clear()
        self._reopen.set()

    @property
    def has_reopened(self) -> bool:
        return self._reopened.is_set()

    def _write(self) -> None:
        fd = self._open()
        left: int | None = None
        while not self._end.wait(self._pause_s):
            if self._reopen.is_set():
                self._reopen.clear()
                left = self._late
            if left == 0:
                os.close(fd)
                fd = self._open()
                left = None
                self._reopened.set()
            count = self._burst if left is None else min(self._burst, left)
            for number in range(self.written, self.written + count):
                os.write(fd, b"%09d %s end\n" % (number, b"x" * (80 + number % 60)))
            self.written += count
            if left is not None:
                left -= count
        os.close(fd)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def fill(fd: int, line: bytes) -> int:
    """Write until a pipe that is open without blocking is full; how many lines it took."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while count < 10_000:
            os.write(fd, line)
            count += 1
    return count


def numbers_in(lines: Iterable[bytes]) -> Counter[int]:
    """The numbers of the writer's lines that are whole."""
    return Counter(int(line[:9]) for line in lines if line.endswith(b" end") and line[9:10] == b" ")


def open_files() -> list[str]:
    """What each descriptor of this process is of; a pipe is `pipe:[inode]`."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return found
