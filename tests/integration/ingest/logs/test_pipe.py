"""Named pipes: writers come and go, a busy consumer makes them wait, and nothing is lost."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from rollwatch.clock import SystemClock
from rollwatch.ingest.logs import pipe
from rollwatch.ingest.logs.fifo import Fifo
from rollwatch.ingest.logs.limits import ReadLimits
from rollwatch.ingest.logs.obstruction import Obstruction
from rollwatch.ingest.logs.pipe import PipeReader
from rollwatch.ingest.logs.readiness import readable
from rollwatch.ingest.logs.state import Obstacle, Rotation
from support.log_following import QUICK, Taken, fill, numbers_in, open_files, running, until
from support.loops import LOOPS, on_loop

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.ingest.logs.stopping import Stop


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "app.fifo"
    os.mkfifo(path)
    return path


def write(path: Path, data: bytes) -> None:
    """As a program does that opens the pipe, writes and goes; fails at once if nobody reads it."""
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.write(fd, data)
    os.close(fd)


@pytest.mark.parametrize("loop", LOOPS)
def test_writers_come_and_go(fifo: Path, loop: str) -> None:
    async def main() -> None:
        reader, taken = PipeReader(fifo, SystemClock(), limits=QUICK), Taken()
        assert reader.state.obstacle is Obstacle.NOT_STARTED
        async with running(reader, taken):
            await until(lambda: reader.state.is_open)
            assert reader.state.obstacle is None
            for number in range(20):
                write(fifo, b"%d\r\n" % number)
                await until(lambda number=number: len(taken.lines) == number + 1)
            write(fifo, b"begun by one, ")
            write(fifo, b"ended by another\n")
            await until(lambda: len(taken.lines) == 21)
            assert reader.state.lines_read == 21
        assert taken.lines == [*(b"%d" % number for number in range(20)), b"begun by one, ended by another"]
        assert not reader.state.is_open

    on_loop(loop, main())


@pytest.mark.parametrize("loop", LOOPS)
def test_many_writers_at_full_speed_lose_nothing(fifo: Path, loop: str) -> None:
    count, writers = 5000, 3

    def write_all(first: int) -> None:
        with fifo.open("wb", buffering=0) as writer:
            for number in range(first, first + count):
                writer.write(b"%09d %s end\n" % (number, b"x" * 100))

    async def main() -> list[bytes]:
        reader, taken = PipeReader(fifo, SystemClock(), limits=QUICK), Taken()
        async with running(reader, taken):
            await until(lambda: reader.state.is_open)
            threads = [
                threading.Thread(target=write_all, args=(index * count,), daemon=True)
                for index in range(writers)
            ]
            for thread in threads:
                thread.start()
            await until(lambda: len(taken.lines) == count * writers)
            for thread in threads:
                thread.join(5)
        return taken.lines

    assert numbers_in(on_loop(loop, main())) == dict.fromkeys(range(count * writers), 1)


async def test_a_busy_consumer_makes_the_writer_wait(fifo: Path) -> None:
    release = asyncio.Event()
    taken = Taken()

    async def take(lines: list[bytes]) -> None:
        await taken.take(lines)
        await release.wait()

    reader = PipeReader(fifo, SystemClock(), limits=QUICK)
    task = asyncio.create_task(reader.run(take), name="reader")
    await until(lambda: reader.state.is_open)
    write(fifo, b"first\n")
    await until(lambda: taken.calls == 1)
    line = b"x" * 1023 + b"\n"
    fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    written = fill(fd, line)
    # Nobody reads: the pipe stays full for as long as the consumer is busy.
    await asyncio.sleep(0.1)
    with pytest.raises(BlockingIOError):
        os.write(fd, line)
    assert taken.calls == 1
    os.close(fd)
    release.set()
    await until(lambda: len(taken.lines) == written + 1)
    reader.stop()
    await task


async def test_a_pipe_made_anew_is_opened_and_the_old_one_read_to_its_end(fifo: Path) -> None:
    release = asyncio.Event()
    release.set()
    taken = Taken()

    async def take(lines: list[bytes]) -> None:
        await taken.take(lines)
        await release.wait()

    reader = PipeReader(fifo, SystemClock(), limits=QUICK)
    task = asyncio.create_task(reader.run(take), name="reader")
    await until(lambda: reader.state.is_open)
    release.clear()
    write(fifo, b"1\n")
    await until(lambda: taken.calls == 1)
    write(fifo, b"2\n3\nhalf")
    fifo.unlink()
    os.mkfifo(fifo)
    release.set()
    await until(lambda: reader.state.rotations[Rotation.REPLACED] == 1)
    await until(lambda: can_write(fifo))
    write(fifo, b"4\n")
    await until(lambda: taken.lines == [b"1", b"2", b"3", b"half", b"4"])
    reader.stop()
    await task


def can_write(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


async def test_a_deleted_pipe_is_read_for_as_long_as_somebody_writes(fifo: Path) -> None:
    reader, taken = PipeReader(fifo, SystemClock(), limits=QUICK), Taken()
    async with running(reader, taken):
        await until(lambda: reader.state.is_open)
        fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        fifo.unlink()
        await until(lambda: reader.state.obstacle is Obstacle.MISSING)
        os.write(fd, b"still here\n")
        await until(lambda: taken.lines == [b"still here"])
        assert reader.state.is_open
        os.close(fd)


@pytest.mark.parametrize(
    ("make", "obstacle", "words"),
    [
        (None, Obstacle.MISSING, "No such file"),
        ("file", Obstacle.NOT_A_FIFO, "say file instead of fifo"),
        ("directory", Obstacle.NOT_A_FIFO, "a directory is there"),
    ],
)
async def test_what_is_no_pipe_is_said_once_and_a_pipe_found_when_it_is_there(
    tmp_path: Path, make: str | None, obstacle: Obstacle, words: str
) -> None:
    path = tmp_path / "app.fifo"
    if make == "file":
        path.write_text("not to be read\n")
    elif make == "directory":
        path.mkdir()
    reader, taken = PipeReader(path, SystemClock(), limits=ReadLimits(poll_s=0.005, retry_s=0.005)), Taken()
    with capture_logs() as logs:
        async with running(reader, taken):
            await until(lambda: reader.state.obstacle is obstacle)
            assert words in reader.state.detail
            await asyncio.sleep(0.05)
            assert not reader.state.is_open
            if make == "directory":
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
            os.mkfifo(path)
            await until(lambda: reader.state.is_open)
            write(path, b"1\n")
            await until(lambda: taken.lines == [b"1"])
    whys = [entry["why"] for entry in logs if entry["event"] == "log_not_readable"]
    assert whys in ([obstacle.value], [obstacle.value, "missing"])
    assert logs[-1]["event"] == "log_readable_again"


async def test_it_ends_at_once_and_leaves_nothing_open(fifo: Path) -> None:
    for how in ("stopped", "cancelled"):
        reader = PipeReader(fifo, SystemClock())
        task = asyncio.create_task(reader.run(Taken().take), name="reader")
        await until(lambda reader=reader: reader.state.is_open)
        if how == "stopped":
            reader.stop()
        else:
            task.cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(task, return_exceptions=True)
        await until(lambda: str(fifo) not in open_files())


async def test_another_reader_that_is_quicker_stops_nothing(
    fifo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stolen: list[bytes] = []

    async def readable_and_stolen(fd: int, stop: Stop, timeout_s: float) -> bool:
        is_readable = await readable(fd, stop, timeout_s)
        if is_readable and not stolen:
            stolen.append(os.read(fd, 100))
        return is_readable

    monkeypatch.setattr(pipe, "readable", readable_and_stolen)
    reader, taken = PipeReader(fifo, SystemClock(), limits=QUICK), Taken()
    async with running(reader, taken):
        await until(lambda: reader.state.is_open)
        write(fifo, b"stolen\n")
        await until(lambda: stolen)
        write(fifo, b"mine\n")
        await until(lambda: taken.lines == [b"mine"])


async def test_without_a_writer_it_sleeps(fifo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = 0

    async def counted(fd: int, stop: Stop, timeout_s: float) -> bool:
        nonlocal waits
        waits += 1
        return await readable(fd, stop, timeout_s)

    monkeypatch.setattr(pipe, "readable", counted)
    reader, taken = PipeReader(fifo, SystemClock(), limits=ReadLimits(retry_s=1000)), Taken()
    async with running(reader, taken):
        await until(lambda: reader.state.is_open)
        write(fifo, b"1\n")
        await until(lambda: taken.lines == [b"1"])
        await asyncio.sleep(0.1)
        assert waits <= 2, "one for the line, one for what may come"


async def test_lines_over_the_limit_are_counted(fifo: Path) -> None:
    reader, taken = PipeReader(fifo, SystemClock(), limits=ReadLimits(line_bytes=5)), Taken()
    async with running(reader, taken):
        await until(lambda: reader.state.is_open)
        write(fifo, b"1234567\n1\n")
        await until(lambda: taken.lines == [b"1"])
        assert reader.state.too_long_lines == 1


@pytest.mark.parametrize("how", ["answers", "stopped", "cancelled"])
async def test_a_disk_that_hangs_holds_nothing_up(
    fifo: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    answers = threading.Event()
    real = Fifo.look

    def look(self: Fifo) -> object:
        answers.wait(30)
        return real(self)

    monkeypatch.setattr(Fifo, "look", look)
    reader, taken = PipeReader(fifo, SystemClock(), limits=QUICK), Taken()
    task = asyncio.create_task(reader.run(taken.take), name="reader")
    try:
        await until(lambda: reader.state.obstacle is Obstacle.NOT_ANSWERING)
        if how == "answers":
            answers.set()
            await until(lambda: reader.state.is_open)
            assert reader.state.obstacle is None
            reader.stop()
        elif how == "stopped":
            reader.stop()
        else:
            task.cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(task, return_exceptions=True)
    finally:
        answers.set()
    await until(lambda: str(fifo) not in open_files())


def test_a_pipe_that_may_only_be_read_is_forbidden_and_the_reason_said(
    fifo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    found = Fifo(fifo).look()
    assert isinstance(found, Obstruction)
    assert found.obstacle is Obstacle.FORBIDDEN
    assert "must be writable" in found.detail


def test_a_file_that_takes_the_pipes_place_while_it_is_opened_is_not_read(
    fifo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def replace(path: Path, flags: int) -> int:
        fifo.unlink()
        fifo.write_text("not to be read\n")
        return real(path, flags)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", replace)
        found = Fifo(fifo).look()
    assert isinstance(found, Obstruction)
    assert found.obstacle is Obstacle.NOT_A_FIFO
    assert str(fifo) not in open_files()
