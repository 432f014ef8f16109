"""The follower on a loop: prompt whatever the disk does, exact while files are rotated and handed over."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from rollwatch.clock import SystemClock
from rollwatch.ingest.logs.follow import FileFollower
from rollwatch.ingest.logs.limits import ReadLimits
from rollwatch.ingest.logs.state import Obstacle, Rotation
from support.log_following import QUICK, Taken, Writer, numbers_in, open_files, running, until
from support.loops import LOOPS, on_loop

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.ingest.logs.place import Position


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


class DeadDisk:
    """Opens files, but not while it hangs."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.asked = 0

    def open(self, path: str, flags: int) -> int:
        self.asked += 1
        self.answers.wait(30)
        return os.open(path, flags)


@pytest.mark.parametrize("loop", LOOPS)
def test_lines_arrive_and_the_state_tells_of_them(log: Path, loop: str) -> None:
    log.write_text("before\n")

    async def main() -> None:
        follower, taken = FileFollower(log, SystemClock(), limits=QUICK), Taken()
        assert follower.state.obstacle is Obstacle.NOT_STARTED
        assert follower.position is None
        async with running(follower, taken):
            await until(lambda: follower.state.is_open)
            append(log, "1\n2\n")
            await until(lambda: taken.lines == [b"1", b"2"])
            log.rename(log.with_name("app.log.1"))
            log.write_text("3\nhalf")
            await until(lambda: follower.state.bytes_read == 10)
            state = follower.state
            assert (state.is_open, state.obstacle, state.detail) == (True, None, "")
            assert (state.lines_read, state.too_long_lines, state.backlog_bytes) == (3, 0, 0)
            assert state.rotations == {Rotation.REPLACED: 1, Rotation.TRUNCATED: 0}
            assert state.retired_open == 1
            assert state.last_line_at == pytest.approx(SystemClock().wall(), abs=60)
        state = follower.state
        assert (state.is_open, state.retired_open) == (False, 0)
        await until(lambda: not any(str(log) in target for target in open_files()))

    on_loop(loop, main())


async def test_a_disk_that_hangs_is_said_once_and_stops_nobody(log: Path) -> None:
    log.write_text("")
    disk = DeadDisk()
    follower, taken = FileFollower(log, SystemClock(), limits=QUICK, opener=disk.open), Taken()
    try:
        with capture_logs() as logs:
            async with running(follower, taken):
                await until(lambda: follower.state.obstacle is Obstacle.NOT_ANSWERING)
                # Several times the time after which it is said.
                await asyncio.sleep(0.5)
                append(log, "1\n")
                assert disk.asked == 1, "what has not come back is not called again"
                disk.answers.set()
                await until(lambda: taken.lines == [b"1"])
                assert follower.state.obstacle is None
    finally:
        disk.answers.set()
    assert [(entry["event"], entry.get("why")) for entry in logs] == [
        ("log_not_readable", "not_answering"),
        ("log_readable_again", None),
    ]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("how", ["stopped", "cancelled"])
def test_a_disk_that_hangs_holds_no_end_up_and_leaks_nothing(log: Path, loop: str, how: str) -> None:
    log.write_text("")
    disk = DeadDisk()

    async def main() -> None:
        follower = FileFollower(log, SystemClock(), limits=QUICK, opener=disk.open)
        task = asyncio.create_task(follower.run(Taken().take), name="follower")
        await until(lambda: follower.state.obstacle is Obstacle.NOT_ANSWERING)
        if how == "stopped":
            follower.stop()
            await task
        else:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert not disk.answers.is_set(), "the end came while the call was still out"
        disk.answers.set()
        await until(lambda: not any(str(log) in target for target in open_files()))

    try:
        on_loop(loop, main())
    finally:
        disk.answers.set()


async def test_nothing_is_read_while_the_consumer_is_busy(log: Path) -> None:
    log.write_text("")
    release = asyncio.Event()
    seen: list[list[bytes]] = []

    async def take(lines: list[bytes]) -> None:
        seen.append(lines)
        await release.wait()

    follower = FileFollower(log, SystemClock(), limits=QUICK)
    task = asyncio.create_task(follower.run(take), name="follower")
    await until(lambda: follower.state.is_open)
    append(log, "1\n")
    await until(lambda: seen)
    append(log, "2\n")
    # Many times the time between two looks.
    await asyncio.sleep(0.2)
    assert seen == [[b"1"]]
    assert follower.state.bytes_read == 2
    release.set()
    await until(lambda: seen == [[b"1"], [b"2"]])
    follower.stop()
    await task


async def test_a_stop_lets_the_lines_in_hand_be_taken(log: Path) -> None:
    log.write_text("1\n2\n")
    release = asyncio.Event()
    done: list[bytes] = []

    async def take(lines: list[bytes]) -> None:
        await release.wait()
        done.extend(lines)

    follower = FileFollower(log, SystemClock(), limits=QUICK, from_start=True)
    task = asyncio.create_task(follower.run(take), name="follower")
    await until(lambda: follower.state.lines_read)
    follower.stop()
    release.set()
    await task
    assert done == [b"1", b"2"]
    position = follower.position
    assert position is not None
    assert position.current is not None
    assert position.current.offset == 4


async def test_what_the_consumer_raises_ends_the_run_and_closes_everything(log: Path) -> None:
    log.write_text("1\n")

    async def take(lines: list[bytes]) -> None:
        raise RuntimeError("a bug of the consumer")

    follower = FileFollower(log, SystemClock(), limits=QUICK, from_start=True)
    with pytest.raises(RuntimeError, match="a bug of the consumer"):
        await follower.run(take)
    await until(lambda: not any(str(log) in target for target in open_files()))


async def test_stopped_before_it_ran_it_ends_at_once(log: Path) -> None:
    log.write_text("1\n")
    follower, taken = FileFollower(log, SystemClock(), from_start=True), Taken()
    follower.stop()
    await follower.run(taken.take)
    assert taken.lines == []
    assert follower.position is None


async def test_a_directory_is_said_once_however_often_it_is_looked_at(tmp_path: Path) -> None:
    follower, taken = FileFollower(tmp_path, SystemClock(), limits=ReadLimits(poll_s=0.001)), Taken()
    with capture_logs() as logs:
        async with running(follower, taken):
            await until(lambda: follower.state.obstacle is Obstacle.NOT_A_FILE)
            await asyncio.sleep(0.1)
            assert not follower.state.is_open
    assert [entry["why"] for entry in logs] == ["not_a_file"]


@pytest.mark.parametrize("loop", LOOPS)
def test_handing_over_again_and_again_while_lines_are_written_and_files_rotated(log: Path, loop: str) -> None:
    async def main() -> tuple[list[bytes], int]:
        taken = Taken()
        position: Position | None = None
        with Writer(log) as writer:
            await until(lambda: writer.written)
            for turn in range(12):
                follower = FileFollower(log, SystemClock(), limits=QUICK, resume=position, from_start=True)
                task = asyncio.create_task(follower.run(taken.take), name="follower")
                goal = len(taken.lines) + 500
                await until(lambda goal=goal: len(taken.lines) >= goal)
                if turn % 3 == 1:
                    log.rename(log.with_name(f"app.log.{turn}"))
                    writer.reopen_late()
                    if turn % 2:
                        await until(lambda: writer.has_reopened)
                follower.stop()
                await task
                position = follower.position
        follower = FileFollower(log, SystemClock(), limits=QUICK, resume=position)
        async with running(follower, taken):
            await until(lambda: len(taken.lines) >= writer.written)
        return taken.lines, writer.written

    lines, written = on_loop(loop, main())
    assert len(lines) == written
    assert numbers_in(lines) == dict.fromkeys(range(written), 1)
