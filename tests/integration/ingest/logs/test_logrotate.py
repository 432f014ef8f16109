"""Debian's logrotate, again and again, under a writer that never rests: the exact lines."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from rollwatch.clock import SystemClock
from rollwatch.ingest.logs.follow import FileFollower
from rollwatch.ingest.logs.limits import ReadLimits
from rollwatch.ingest.logs.state import Rotation
from support.log_following import QUICK, Taken, Writer, numbers_in, running, until
from support.loops import LOOPS, on_loop

if TYPE_CHECKING:
    from pathlib import Path

ROTATIONS = 6
SLOW = ReadLimits(poll_s=0.1)
"""Slow enough for much to be unread whenever the file is emptied."""
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


class Logrotate:
    """Rotates one log with the options given, whenever it is told to."""

    def __init__(self, log: Path, *options: str) -> None:
        self._config = log.parent.parent / "logrotate.conf"
        self._state = log.parent.parent / "logrotate.state"
        words = "\n    ".join((*options, f"rotate {ROTATIONS}", "missingok", "nocompress"))
        self._config.write_text(f"{log} {{\n    {words}\n}}\n")
        self._config.chmod(0o600)

    async def rotate(self) -> None:
        process = await asyncio.create_subprocess_exec(
            "logrotate",
            "--force",
            "--state",
            str(self._state),
            str(self._config),
            env={**os.environ, "PATH": PATH},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()


def newest(taken: Taken) -> int:
    """The number of the last line that was read whole; -1 before there is one."""
    return max(numbers_in(taken.lines[-10:]), default=-1)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    directory = tmp_path / "log"
    directory.mkdir(mode=0o755)
    path = directory / "app.log"
    path.write_text("before the start\n")
    return path


@pytest.mark.parametrize("loop", LOOPS)
def test_renaming_loses_and_doubles_nothing(log: Path, loop: str) -> None:
    async def main() -> tuple[list[bytes], int]:
        logrotate = Logrotate(log, "create")
        follower, taken = FileFollower(log, SystemClock(), limits=QUICK), Taken()
        async with running(follower, taken):
            await until(lambda: follower.state.is_open)
            with Writer(log, late=50) as writer:
                for rotation in range(1, ROTATIONS + 1):
                    goal = writer.written + 1000
                    await until(lambda goal=goal: writer.written > goal)
                    await logrotate.rotate()
                    writer.reopen_late()
                    await until(lambda: writer.has_reopened)
                    await until(
                        lambda rotation=rotation: follower.state.rotations[Rotation.REPLACED] == rotation
                    )
            await until(lambda: follower.state.lines_read >= writer.written)
        return taken.lines, writer.written

    lines, written = on_loop(loop, main())
    assert numbers_in(lines) == dict.fromkeys(range(written), 1)
    assert len(lines) == written


@pytest.mark.parametrize("loop", LOOPS)
def test_copying_and_emptying_doubles_nothing_and_loses_only_what_is_in_no_file(log: Path, loop: str) -> None:
    async def main() -> tuple[list[bytes], int]:
        logrotate = Logrotate(log, "copytruncate")
        follower, taken = FileFollower(log, SystemClock(), limits=SLOW), Taken()
        async with running(follower, taken):
            await until(lambda: follower.state.is_open)
            with Writer(log) as writer:
                for rotation in range(1, ROTATIONS + 1):
                    goal = writer.written + 1000
                    await until(lambda goal=goal: writer.written > goal)
                    await logrotate.rotate()
                    await until(
                        lambda rotation=rotation: follower.state.rotations[Rotation.TRUNCATED] == rotation
                    )
                    # Emptied again before anything of it was read, it would look as if it had not been.
                    seen = writer.written
                    await until(lambda seen=seen: newest(taken) > seen)
            await until(lambda: newest(taken) == writer.written - 1)
        return taken.lines, writer.written

    lines, written = on_loop(loop, main())
    counted = numbers_in(lines)
    kept: Counter[int] = Counter()
    for path in log.parent.iterdir():
        kept += numbers_in(path.read_bytes().splitlines())
    assert len(list(log.parent.iterdir())) == ROTATIONS + 1
    assert [number for number, times in counted.items() if times > 1] == []
    assert sorted(kept.keys() - counted.keys()) == []
    assert counted.keys() <= set(range(written))
