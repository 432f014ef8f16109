"""Standard input, whatever it is: read to its end, once, without changing it for those who share it."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from rollwatch.clock import SystemClock
from rollwatch.ingest.logs import inherited
from rollwatch.ingest.logs.inherited import InheritedInput
from rollwatch.ingest.logs.limits import ReadLimits
from rollwatch.ingest.logs.state import Obstacle
from rollwatch.ingest.logs.stdin import StdinReader
from support.log_following import QUICK, Taken, fill, numbers_in, open_files, running, until
from support.loops import LOOPS, on_loop

NULL = Path("/dev/null")
COUNT = """
import asyncio, sys
import uvloop
from rollwatch.clock import SystemClock
from rollwatch.ingest.logs.stdin import StdinReader

async def main():
    seen = []
    async def take(lines):
        seen.extend(lines)
    reader = StdinReader(SystemClock())
    await reader.run(take)
    print(len(seen), sum(len(line) for line in seen), reader.state.obstacle, file=sys.stderr)

with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
"""


@pytest.mark.parametrize("loop", LOOPS)
def test_a_pipe_is_read_to_its_end_which_is_said_once(loop: str) -> None:
    async def main() -> None:
        read_fd, write_fd = os.pipe()
        pipe = str(Path(f"/proc/self/fd/{read_fd}").readlink())
        reader, taken = StdinReader(SystemClock(), fd=read_fd, limits=QUICK), Taken()
        with capture_logs() as logs:
            task = asyncio.create_task(reader.run(taken.take), name="reader")
            os.write(write_fd, b"1\n2\nla")
            await until(lambda: taken.lines == [b"1", b"2"])
            assert reader.state.is_open
            os.write(write_fd, b"st")
            os.close(write_fd)
            async with asyncio.timeout(20):
                await task
        assert taken.lines == [b"1", b"2", b"last"]
        assert [entry["event"] for entry in logs] == ["log_ended"]
        assert (reader.state.is_open, reader.state.obstacle) == (False, Obstacle.ENDED)
        await until(lambda: open_files().count(pipe) == 1)
        os.close(read_fd)

    on_loop(loop, main())


@pytest.mark.parametrize("is_opened_again", [True, False])
async def test_sharers_of_a_pipe_find_it_as_it_was(
    monkeypatch: pytest.MonkeyPatch, is_opened_again: bool
) -> None:
    if not is_opened_again:
        monkeypatch.setattr(inherited, "_FLAGS", os.O_RDONLY | os.O_DIRECTORY)
    read_fd, write_fd = os.pipe()
    reader, taken = StdinReader(SystemClock(), fd=read_fd), Taken()
    async with running(reader, taken):
        os.write(write_fd, b"1\n")
        await until(lambda: taken.lines)
        assert os.get_blocking(read_fd)
    os.write(write_fd, b"2\n")
    assert os.read(read_fd, 10) == b"2\n", "it is open and can be read by others"
    os.close(read_fd)
    os.close(write_fd)


async def test_a_busy_consumer_makes_the_writer_wait() -> None:
    read_fd, write_fd = os.pipe()
    os.set_blocking(write_fd, False)
    release = asyncio.Event()
    taken = Taken()

    async def take(lines: list[bytes]) -> None:
        await taken.take(lines)
        await release.wait()

    reader = StdinReader(SystemClock(), fd=read_fd)
    task = asyncio.create_task(reader.run(take), name="reader")
    os.write(write_fd, b"first\n")
    await until(lambda: taken.calls == 1)
    written = fill(write_fd, b"x" * 1023 + b"\n")
    await asyncio.sleep(0.1)
    with pytest.raises(BlockingIOError):
        os.write(write_fd, b"x" * 1024)
    os.close(write_fd)
    release.set()
    async with asyncio.timeout(20):
        await task
    assert len(taken.lines) == written + 1
    os.close(read_fd)


async def test_a_file_is_read_from_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"".join(b"%09d %s end\n" % (number, b"x" * 100) for number in range(30_000)))
    first = len(b"%09d %s end\n" % (0, b"x" * 100))
    taken = Taken()
    with path.open("rb", buffering=0) as file:
        file.seek(first)
        reader = StdinReader(SystemClock(), fd=file.fileno(), limits=ReadLimits(read_bytes=100_000))
        await reader.run(taken.take)
        assert reader.state.obstacle is Obstacle.ENDED
    assert numbers_in(taken.lines) == dict.fromkeys(range(1, 30_000), 1)


async def test_nothing_to_read_is_an_end() -> None:
    with NULL.open("rb") as nothing:
        reader, taken = StdinReader(SystemClock(), fd=nothing.fileno()), Taken()
        await reader.run(taken.take)
    assert taken.lines == []
    assert reader.state.obstacle is Obstacle.ENDED


async def test_a_closed_input_is_missing() -> None:
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    os.close(write_fd)
    reader = StdinReader(SystemClock(), fd=read_fd)
    with capture_logs() as logs:
        await reader.run(Taken().take)
    assert reader.state.obstacle is Obstacle.MISSING
    assert [entry["why"] for entry in logs] == ["missing"]


async def test_a_directory_has_no_lines(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    reader = StdinReader(SystemClock(), fd=fd)
    await reader.run(Taken().take)
    assert reader.state.obstacle is Obstacle.NOT_A_FILE
    os.close(fd)


async def test_what_can_not_be_read_is_at_its_end() -> None:
    # The only descriptor is for writing.
    read_fd, write_fd = os.pipe()
    with NULL.open("wb") as unreadable:
        reader = StdinReader(SystemClock(), fd=unreadable.fileno())
        await reader.run(Taken().take)
    assert reader.state.obstacle is Obstacle.ENDED
    assert reader.state.detail == "Bad file descriptor"
    os.close(read_fd)
    os.close(write_fd)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_terminal_is_read_line_by_line(loop: str) -> None:
    async def main() -> None:
        master, slave = pty.openpty()
        reader, taken = StdinReader(SystemClock(), fd=slave), Taken()
        task = asyncio.create_task(reader.run(taken.take), name="reader")
        os.write(master, b"typed\n")
        await until(lambda: taken.lines == [b"typed"])
        assert os.get_blocking(slave)
        os.write(master, b"\x04")  # Control-D
        async with asyncio.timeout(20):
            await task
        assert reader.state.obstacle is Obstacle.ENDED
        os.close(master)
        os.close(slave)

    on_loop(loop, main())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_socket_is_read_to_its_end(loop: str) -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair()
        reader, taken = StdinReader(SystemClock(), fd=ours.fileno()), Taken()
        with ours, theirs:
            task = asyncio.create_task(reader.run(taken.take), name="reader")
            theirs.sendall(b"1\n2\n")
            await until(lambda: taken.lines == [b"1", b"2"])
            assert ours.getblocking()
            theirs.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(20):
                await task
        assert reader.state.obstacle is Obstacle.ENDED

    on_loop(loop, main())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_pipe_that_can_not_be_opened_once_more_is_read_in_a_thread(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inherited, "_FLAGS", os.O_RDONLY | os.O_DIRECTORY)

    async def main() -> None:
        read_fd, write_fd = os.pipe()
        reader, taken = StdinReader(SystemClock(), fd=read_fd), Taken()
        task = asyncio.create_task(reader.run(taken.take), name="reader")
        for number in range(100):
            os.write(write_fd, b"%d\n" % number)
            await until(lambda number=number: len(taken.lines) == number + 1)
        os.close(write_fd)
        async with asyncio.timeout(20):
            await task
        assert reader.state.obstacle is Obstacle.ENDED
        os.close(read_fd)

    on_loop(loop, main())


def test_what_a_quicker_reader_took_is_nothing_and_no_end() -> None:
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    assert InheritedInput(read_fd).read(10) is None
    os.close(read_fd)
    os.close(write_fd)


@pytest.mark.parametrize("how", ["stopped", "cancelled"])
async def test_it_ends_at_once_while_nothing_comes(how: str) -> None:
    read_fd, write_fd = os.pipe()
    pipe = str(Path(f"/proc/self/fd/{read_fd}").readlink())
    reader = StdinReader(SystemClock(), fd=read_fd)
    task = asyncio.create_task(reader.run(Taken().take), name="reader")
    await until(lambda: reader.state.is_open)
    if how == "stopped":
        reader.stop()
    else:
        task.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(task, return_exceptions=True)
    await until(lambda: open_files().count(pipe) == 2)
    os.close(read_fd)
    os.close(write_fd)


@pytest.mark.parametrize("kind", ["file", "pipe", "nothing"])
def test_a_process_reads_its_own(tmp_path: Path, kind: str) -> None:
    data = b"".join(b"%09d %s end\n" % (number, b"x" * 100) for number in range(20_000))
    path = tmp_path / "app.log"
    path.write_bytes(data)
    argv = [sys.executable, "-c", COUNT]
    if kind == "pipe":
        done = subprocess.run(argv, input=data, capture_output=True, timeout=40, check=False)
    else:
        with (path if kind == "file" else NULL).open("rb") as file:
            done = subprocess.run(argv, stdin=file, capture_output=True, timeout=40, check=False)
    lines = 0 if kind == "nothing" else 20_000
    last = done.stderr.decode().splitlines()[-1]
    assert last == f"{lines} {len(data) - lines if lines else 0} ended", done.stderr
